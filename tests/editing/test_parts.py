from dataclasses import fields, replace

import numpy as np
import pytest

from dvaedit.editing.parts import Parts
from dvaedit.models.morphs import WHISKERS, Morphs

KEYS = ("Smiling+", "Male+", "Male-", "Young+", "Young-", "Wearing_Lipstick+")
MORPHS = Morphs(
    np.zeros((68, 2), np.float32),
    {key: np.zeros((68, 2), np.float32) for key in KEYS},
    {key: np.zeros((2, 2, 3), np.float32) for key in KEYS},
    {},
    {},
    np.zeros((1, 1, 3), np.float32),
)


def test_what_may_not_be_drawn_is_all_sampled():
    found = Parts.sampled({"Young": -1, "Eyeglasses": 1, "Blond_Hair": 1})
    assert (found.morphed, found.adding, found.rest) == ({}, {}, ["Young", "Eyeglasses"])
    assert found.dyed and found.region == "head" and not found.few and not found.split


def parts(**strengths):
    return Parts.of(strengths, MORPHS)


def told(found: Parts) -> tuple:
    """All that is told, in the order of the fields; and what follows from it."""
    return (*(getattr(found, field.name) for field in fields(Parts)), found.few, found.split, found.unsampled)


@pytest.mark.parametrize(
    ("strengths", "morphed", "adding", "rest", "dyed", "region", "few", "split", "unsampled"),
    [
        ({"Smiling": 1}, {"Smiling": 1}, {}, [], False, "face", True, False, ["Smiling"]),
        ({"Male": -1}, {"Male": -1}, {}, [], False, "head", True, False, ["Male"]),
        ({"Young": -1}, {"Young": -1}, {}, [], True, "head", True, False, []),
        ({"Wearing_Lipstick": 2}, {"Wearing_Lipstick": 2}, {}, [], False, "mouth", True, False, ["Wearing_Lipstick"]),
        ({"Blond_Hair": 1}, {}, {}, [], True, "hair", True, False, []),
        ({"Eyeglasses": 1}, {}, {"Eyeglasses": 1}, [], False, "eye_area", True, False, ["Eyeglasses"]),
        ({"Smiling": -1}, {}, {}, ["Smiling"], False, "face", False, False, []),
        ({"Eyeglasses": -1}, {}, {}, ["Eyeglasses"], False, "eye_area", False, False, []),
    ],
    ids=["smile", "woman", "old", "lipstick", "blond", "glasses", "no smile", "no glasses"],
)
def test_how_a_change_alone_is_made(strengths, morphed, adding, rest, dyed, region, few, split, unsampled):
    assert told(parts(**strengths)) == (morphed, adding, rest, dyed, region, few, split, unsampled)


@pytest.mark.parametrize(
    ("strengths", "morphed", "adding", "rest", "dyed", "region", "few", "split", "unsampled"),
    [
        ({"Male": 1, "Eyeglasses": 1}, {"Male": 1}, {"Eyeglasses": 1}, [], False, "head", True, True,
         ["Eyeglasses", "Male"]),
        ({"Young": -1, "Eyeglasses": 1}, {"Young": -1}, {"Eyeglasses": 1}, [], True, "head", True, True,
         ["Eyeglasses"]),
        ({"Young": -1, "Eyeglasses": 1, "No_Beard": -1}, {}, {"Eyeglasses": 1}, ["Young", "No_Beard"], True, "head",
         False, True, ["Eyeglasses"]),
        ({"Smiling": 1, "Male": -1}, {"Smiling": 1, "Male": -1}, {}, [], False, "head", True, False,
         ["Smiling", "Male"]),
        ({"Smiling": 1, "Blond_Hair": 1}, {"Smiling": 1}, {}, [], True, "face", True, False, ["Smiling"]),
        ({"Bald": 1, "Smiling": 1}, {"Smiling": 1}, {}, ["Bald"], False, "head", False, True, ["Smiling"]),
        ({"Bald": 1, "Young": 1}, {}, {}, ["Bald", "Young"], True, "head", False, False, []),
        ({"Bald": 1, "Young": 1, "Smiling": 1}, {"Smiling": 1}, {}, ["Bald", "Young"], True, "head", False, True,
         ["Smiling"]),
        ({"Wavy_Hair": 1, "Smiling": 1}, {"Smiling": 1}, {}, ["Wavy_Hair"], False, "hair", False, True, ["Smiling"]),
        ({"Bald": 1, "Eyeglasses": 1}, {}, {"Eyeglasses": 1}, ["Bald"], False, "head", False, True, ["Eyeglasses"]),
        ({"": 1, "Smiling": 1}, {"Smiling": 1}, {}, [""], False, "head", False, True, ["Smiling"]),
    ],
    ids=["man, glasses", "old, glasses", "old, glasses, unknown beard", "smile, woman", "smile, blond", "bald, smile",
         "bald, young", "bald, young, smile", "waves, smile", "bald, glasses", "words, smile"],
)  # fmt: skip
def test_how_several_changes_are_made(strengths, morphed, adding, rest, dyed, region, few, split, unsampled):
    assert told(Parts.of(strengths, MORPHS)) == (morphed, adding, rest, dyed, region, few, split, unsampled)


LOCKS = replace(MORPHS, locks=np.zeros((2, 2, 4), np.float32))


@pytest.mark.parametrize(
    ("strengths", "morphed", "adding", "rest", "dyed", "region", "few", "split", "unsampled"),
    [
        ({"Long_Hair": 1}, {}, {"Long_Hair": 1}, [], False, "head", True, False, ["Long_Hair"]),
        ({"Long_Hair": 1, "Blond_Hair": 1}, {}, {"Long_Hair": 1}, [], True, "head", True, False, ["Long_Hair"]),
        ({"Long_Hair": 1, "Male": -1}, {"Male": -1}, {"Long_Hair": 1}, [], False, "head", True, True,
         ["Long_Hair", "Male"]),
        ({"Long_Hair": 1, "Bangs": 1}, {}, {"Long_Hair": 1}, ["Bangs"], False, "head", False, True, ["Long_Hair"]),
        ({"Long_Hair": -1}, {}, {}, ["Long_Hair"], False, "head", False, False, []),
    ],
    ids=["long", "long, blond", "long, woman", "long, bangs", "short"],
)  # fmt: skip
def test_long_hair_is_drawn_where_it_is_known(strengths, morphed, adding, rest, dyed, region, few, split, unsampled):
    assert told(Parts.of(strengths, LOCKS)) == (morphed, adding, rest, dyed, region, few, split, unsampled)


@pytest.mark.parametrize("morphs", [MORPHS, None], ids=["no locks", "no morphs"])
def test_long_hair_that_is_not_known_is_sampled(morphs):
    found = Parts.of({"Long_Hair": 1, "Eyeglasses": 1}, morphs)
    assert (found.adding, found.rest, found.region) == ({"Eyeglasses": 1}, ["Long_Hair"], "head")
    assert found.split and not found.few and not Parts.of({"Long_Hair": 1}, morphs).split


WHISKERED = replace(MORPHS, covers=dict.fromkeys(WHISKERS, np.zeros((2, 2), np.float32)))


@pytest.mark.parametrize(
    ("strengths", "morphed", "adding", "rest", "region", "few", "split", "unsampled"),
    [
        ({"Mustache": 1}, {}, {"Mustache": 1}, [], "lower_face", True, False, ["Mustache"]),
        ({"5_o_Clock_Shadow": 2}, {}, {"5_o_Clock_Shadow": 2}, [], "lower_face", True, False, ["5_o_Clock_Shadow"]),
        ({"No_Beard": -1}, {}, {"No_Beard": -1}, [], "lower_face", True, False, ["No_Beard"]),
        ({"No_Beard": -1, "Mustache": 1}, {}, {"No_Beard": -1, "Mustache": 1}, [], "lower_face", True, False,
         ["No_Beard", "Mustache"]),
        ({"Mustache": 1, "Male": 1}, {"Male": 1}, {"Mustache": 1}, [], "head", True, True, ["Mustache", "Male"]),
        ({"No_Beard": -1, "Eyeglasses": 1, "Male": 1}, {"Male": 1}, {"No_Beard": -1, "Eyeglasses": 1}, [], "head", True,
         True, ["No_Beard", "Eyeglasses", "Male"]),
        ({"Mustache": 1, "Bald": 1}, {}, {"Mustache": 1}, ["Bald"], "head", False, True, ["Mustache"]),
        ({"Mustache": -1}, {}, {}, ["Mustache"], "lower_face", False, False, []),
        ({"No_Beard": 1}, {}, {}, ["No_Beard"], "lower_face", False, False, []),
    ],
    ids=["moustache", "stubble", "beard", "beard, moustache", "moustache, man", "beard, glasses, man",
         "moustache, bald", "no moustache", "no beard"],
)  # fmt: skip
def test_whiskers_are_drawn_where_they_are_known(strengths, morphed, adding, rest, region, few, split, unsampled):
    assert told(Parts.of(strengths, WHISKERED)) == (morphed, adding, rest, False, region, few, split, unsampled)


NO_BEARDS = replace(WHISKERED, covers={key: cover for key, cover in WHISKERED.covers.items() if key != "No_Beard-"})


@pytest.mark.parametrize(
    "morphs", [MORPHS, LOCKS, NO_BEARDS, None], ids=["no covers", "locks", "no beards", "no morphs"]
)
def test_whiskers_that_are_not_known_are_sampled(morphs):
    found = Parts.of({"Mustache": 1, "No_Beard": -1, "Eyeglasses": 1}, morphs)
    assert (found.adding, found.rest, found.region) == ({"Eyeglasses": 1}, ["Mustache", "No_Beard"], "lower_face")
    assert found.split and not found.few


def test_sunglasses_are_put_on_and_not_taken_off():
    assert Parts.of({"Sunglasses": 1}, None).adding == {"Sunglasses": 1} and Parts.of({"Sunglasses": 1}, None).few
    assert Parts.of({"Sunglasses": -1}, None).rest == ["Sunglasses"]


def test_smiles_sex_and_age_turn_a_face_and_lips_and_smiles_taken_off_do_not():
    shapes = dict.fromkeys((*KEYS, "Smiling-", "Child+"), MORPHS.shapes["Male+"])
    textures = dict.fromkeys(shapes, MORPHS.textures["Male+"])
    morphs = replace(MORPHS, shapes=shapes, textures=textures)
    asked = {"Smiling": 1, "Male": -0.5, "Young": 1, "Child": 1, "Wearing_Lipstick": 1, "Eyeglasses": 1}
    assert Parts.of(asked, morphs).turned == {"Smiling": 1, "Male": -0.5, "Young": 1, "Child": 1}
    assert Parts.of({"Smiling": -1, "Male": 1}, morphs).turned == {"Male": 1}
    assert Parts.of({"Smiling": 1}, None).turned == {}


def test_what_is_put_on_and_what_gives_hair_a_colour_is_not_sampled():
    found = Parts.of({"Sunglasses": 1, "Smiling": 1, "Black_Hair": 1, "Eyeglasses": -1}, None)
    assert (found.adding, found.rest) == ({"Sunglasses": 1}, ["Smiling", "Eyeglasses"])
    assert Parts.of({"Sunglasses": 1, "": 1}, None).rest == [""]
    assert Parts.of({"Blond_Hair": 1, "Sunglasses": 1}, None).rest == []


@pytest.mark.parametrize(
    ("strengths", "adding", "rest", "region", "few", "split"),
    [
        ({"Smiling": 1}, {}, ["Smiling"], "face", False, False),
        ({"Young": -1}, {}, ["Young"], "head", False, False),
        ({"Male": 1, "Eyeglasses": 1}, {"Eyeglasses": 1}, ["Male"], "head", False, True),
        ({"Eyeglasses": 1}, {"Eyeglasses": 1}, [], "eye_area", True, False),
        ({"Blond_Hair": 1}, {}, [], "hair", True, False),
    ],
)
def test_without_morphs_all_is_sampled_that_is_not_drawn(strengths, adding, rest, region, few, split):
    found = Parts.of(strengths, None)
    assert (found.morphed, found.adding, found.rest, found.region) == ({}, adding, rest, region)
    assert (found.few, found.split, found.unsampled) == (few, split, list(adding))


def test_no_change_has_no_parts():
    assert told(parts()) == ({}, {}, [], False, "head", False, False, [])
