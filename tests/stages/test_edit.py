"""The edit stage with texts: what a text is read as, and where the search may change the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.face.beard import COLOURS
from dvaedit.face.dye import EXPOSED, MEAN_SKIN
from dvaedit.models import wording
from dvaedit.pipeline.run import Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.edit import Edit
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.video.probe import file_digest
from tests.stages.test_additions import hairy_morphs, renamed


class MeanColour:
    """An image-text model whose image features are the mean colour; texts point at fixed random directions."""

    large, digest = False, "d" * 64

    def encode_text(self, texts):
        generator = torch.Generator().manual_seed(sum(map(len, texts)))
        return F.normalize(torch.randn(len(texts), 3, generator=generator), dim=1)

    def encode_image(self, x):
        return F.normalize(x.mean(dim=(2, 3)) + 2, dim=1)

    def known_words(self, text):
        return wording.known_words(text)


class Large(MeanColour):
    """One that was trained on much more than the phrases of a table."""

    large, digest = True, "f" * 64


def run(clip, model, cache, *texts, seen_by=MeanColour):
    settings = Settings(texts=tuple(TextEdit(text) for text in texts), steps=3)
    return Pipeline(edit_nodes(clip, model, seen_by(), settings), Cache(cache), file_digest(clip))


def test_a_text_is_read_as_attributes_and_refined(clip, model, cache):
    done = run(clip, model, cache, "blonde hair").artifact("edit")
    assert done.meta["mix"] == {"blonde hair": {"Blond_Hair": 1}}
    assert done.meta["region"] == "hair"
    start = model.attributes.directions[0].norm().item()
    assert done.meta["length"] == pytest.approx(start, rel=0.2)
    assert done.meta["length"] != pytest.approx(start, rel=1e-6)


def test_two_texts_add_up_and_hair_is_dyed_beside(clip, model, cache):
    done = run(clip, model, cache, "blonde hair", "wearing glasses").artifact("edit")
    assert done.meta["mix"] == {"blonde hair": {"Blond_Hair": 1}, "wearing glasses": {"Eyeglasses": 1}}
    assert done.meta["region"] == "eye_area" and done.meta["dyed"]


@pytest.mark.parametrize(("text", "turns"), [("pink hair", {"pink": 1}), ("colorful hair", {"dyed": 1})])
def test_a_colour_that_is_known_is_what_hair_turns_to(clip, model, cache, text, turns):
    """As strong as it is: no strength is looked for."""
    dyed = renamed(model, "Dyed_Hair", "Eyeglasses", "Male")
    settings = Settings(texts=(TextEdit(text),), steps=3, adapt=text == "pink hair")
    pipeline = Pipeline(edit_nodes(clip, dyed, MeanColour(), settings), Cache(cache), file_digest(clip))
    meta = pipeline.artifact("edit").meta
    assert meta["turns"] == turns and meta["dyed"] and meta["strength"] == 1


def test_words_that_say_nothing_change_nothing(clip, model, cache):
    done = run(clip, model, cache, "xyzzy plugh").artifact("edit")
    assert done.meta["mix"] == {"xyzzy plugh": {}}
    assert done.meta["length"] == 0
    assert done.meta["cosine"] == pytest.approx(1)


@pytest.mark.parametrize("seen_by", [MeanColour, Large])
def test_known_words_that_are_no_attribute_of_the_model_are_left_to_large_models_alone(clip, model, cache, seen_by):
    """Which see attributes in them; to the compact one what its own table does not read says nothing."""
    done = run(clip, model, cache, "smiling", seen_by=seen_by).artifact("edit")
    mix, large = done.meta["mix"]["smiling"], seen_by is Large
    assert set(mix) <= set(model.attributes.names) and bool(mix) == large
    assert (done.meta["length"] > 0) == large
    source = model.tensor(run(clip, model, cache, "smiling").artifact("encode").read("z_id_rep"))
    assert np.allclose(done.read("z_id"), source, atol=1e-6) != large


def test_what_a_text_reads_as_is_refined_by_a_large_model_too(clip, model, cache):
    assert run(clip, model, cache, "blonde hair", seen_by=Large).artifact("edit").meta["mix"] == {
        "blonde hair": {"Blond_Hair": 1}
    }


def test_colours_of_beards_and_lips_are_told(clip, model, cache):
    bearded = renamed(model, "No_Beard", "Smiling", "Wearing_Lipstick")
    meta = run(clip, bearded, cache, "red lipstick and a gray beard").artifact("edit").meta
    assert (meta["lips"], meta["beard"]) == ("red", "gray")
    plain = run(clip, bearded, cache, "a beard").artifact("edit").meta
    assert (plain["lips"], plain["beard"], plain["grown"]) == (None, None, {})


@pytest.mark.parametrize(("text", "colour"), [("a white beard", "white"), ("a beard", None)])
def test_beards_that_are_known_are_drawn_in_the_colour_that_is_told(clip, model, cache, text, colour):
    named = renamed(model, "No_Beard", "Smiling", "Wearing_Lipstick")
    bearded = replace(named, morphs=hairy_morphs(), digests={**named.digests, "morphs": "6" * 64})
    done = run(clip, bearded, cache, text)
    meta, paste = done.artifact("edit").meta, done.artifact("paste")
    assert (meta["beard"], meta["grown"], meta["rest"]) == (colour, {"No_Beard": -1}, False)
    skin, hair = paste.read("whiskers.skin"), paste.read("whiskers.hair")
    white = COLOURS["white"][0] * (skin[0] / MEAN_SKIN[0]) ** EXPOSED
    assert hair[0] == pytest.approx(white) if colour else hair[0] < 0.7 * white


@pytest.mark.parametrize(
    ("edit", "metrics", "said"),
    [
        (("Male", 1.0), {"Male": {"strength": None, "strength_removing": 1.5}}, True),
        (("Male", -1.0), {"Male": {"strength": None, "strength_removing": 1.5}}, False),
        (("Male", -1.0), {"Male": {"strength": 1.0, "strength_removing": None}}, True),
        (("Male", 1.0), {"Eyeglasses": {"strength": None}}, True),  # nobody looked for one
        (("Male", 1.0), {"Male": {"auc": 0.9}}, False),
        (("Male", 1.0), {}, False),
        (("Eyeglasses", 1.0), {"Eyeglasses": {"strength": None}}, False),  # it is drawn
        (("Eyeglasses", -1.0), {"Eyeglasses": {"strength_removing": None}}, True),
    ],
)
def test_changes_that_no_strength_was_found_to_show_are_warned_of(clip, model, tmp_path, caplog, edit, metrics, said):
    measured = replace(model, metrics=metrics)
    settings = Settings(attributes=(AttributeEdit(*edit),), steps=3)
    Pipeline(edit_nodes(clip, measured, None, settings), Cache(tmp_path), file_digest(clip)).artifact("edit")
    assert (f"look at the result: {edit[0]}" in caplog.text) == said


@pytest.mark.parametrize(("text", "said"), [("dyed hair", True), ("pink hair", False)])
def test_dyed_hair_of_no_colour_is_warned_of(clip, model, cache, caplog, text, said):
    dyed = replace(renamed(model, "Dyed_Hair", "Smiling", "Male"), metrics={"Eyeglasses": {"strength": 1.0}})
    run(clip, dyed, cache, text).artifact("edit")
    assert ("look at the result: Dyed_Hair" in caplog.text) == said


def test_change_is_unwanted_outside_the_region_alone(clip, model, cache):
    pipeline = run(clip, model, cache, "blonde hair")
    inputs = {name: pipeline.artifact(name) for name in ("align", "encode", "parse")}
    z_id_rep = model.tensor(inputs["encode"].read("z_id_rep"))
    mask = Edit(model=model)._pairs(inputs, [4], z_id_rep, "hair").mask
    assert mask.shape[1:] == (1, 32, 32)
    assert mask[0, 0, 8, 16] < 0.05  # the tiny parser calls the upper half hair
    assert np.allclose(mask[0, 0, 24:], 1)
