from dataclasses import replace

import numpy as np
import pytest

from dvaedit.errors import WeightsError
from dvaedit.face.lipstick import BARE, PAINTS, RED
from dvaedit.models.morphs import DEEPEST, FOLD, WHISKERS, Morphs

SIZE = 4
TEETH = np.full((2, 6, 3), 77, np.float32)


def tensors() -> dict[str, np.ndarray]:
    """A file's arrays: the shape of each change is of one number, its texture of ten times that."""
    numbers = {"Smiling+": 1.0, "Male+": 2.0, "Male-": 3.0, "Young-": 5.0}
    shapes = {f"shape/{key}": np.full((68, 2), value, np.float32) for key, value in numbers.items()}
    textures = {f"texture/{key}": np.full((SIZE, SIZE, 3), 10 * value, np.float32) for key, value in numbers.items()}
    cover = {"cover/Male+": np.full((SIZE, SIZE), 0.4, np.float32)}
    reference = np.random.default_rng(0).random((68, 2), np.float32)
    return {"reference": reference, "teeth": TEETH, **shapes, **textures, **cover}


@pytest.fixture
def morphs():
    return Morphs.of(tensors())


def test_a_file_is_read_by_the_names_of_its_arrays(morphs):
    assert set(morphs.shapes) == set(morphs.textures) == {"Smiling+", "Smiling-", "Male+", "Male-", "Young-"}
    assert set(morphs.covers) == {"Male+"}
    assert np.array_equal(morphs.reference, tensors()["reference"])
    assert np.array_equal(morphs.teeth, TEETH) and morphs.textures["Male-"][0, 0].tolist() == [30, 30, 30]


@pytest.mark.parametrize("missing", ["reference", "teeth", "shape/Male+", "texture/Male+"])
def test_a_file_that_lacks_something_is_no_file_of_morphs(missing):
    found = tensors()
    del found[missing]
    with pytest.raises(WeightsError, match="these are no morphs"):
        Morphs.of(found)


@pytest.mark.parametrize("odd", ["reference", "shape/Young-"])
@pytest.mark.parametrize("shape", [(51, 2), (68, 3), (136,)])
def test_points_are_68(odd, shape):
    with pytest.raises(WeightsError) as error:
        Morphs.of({**tensors(), odd: np.zeros(shape, np.float32)})
    assert error.value.hint


@pytest.mark.parametrize(
    ("name", "shape"),
    [("texture/Smiling+", (4, 5, 3)), ("teeth", (4, 4)), ("cover/Male+", (3, 4)), ("smooth/Male+", (4,)),
     ("locks", (4, 4, 3)), ("locks", (4, 4))],
)  # fmt: skip
def test_arrays_have_their_shapes(name, shape):
    with pytest.raises(WeightsError, match="no morphs"):
        Morphs.of({**tensors(), name: np.zeros(shape, np.float32)})


def test_skin_is_smoothed_with_what_says_so():
    half = np.full((4, 4), 0.4, np.float32)
    morphs = Morphs.of({**tensors(), "smooth/Male+": half})
    assert morphs.combined({"Male": 1.5}).smooth == pytest.approx(1.5 * half)
    assert morphs.combined({"Male": 4.0}).smooth.max() == 1 and not morphs.combined({"Smiling": 1.0}).smooth.any()


def test_beards_are_not_smoothed():
    """A density of half a beard hides skin."""
    beard = np.zeros((4, 4), np.float32)
    beard[2], beard[3] = 0.25, 0.6
    morphs = Morphs.of({**tensors(), "smooth/Male+": np.full((4, 4), 0.8, np.float32), "cover/No_Beard-": beard})
    assert morphs.combined({"Male": 1.0}, bearded=True).smooth[:, 0] == pytest.approx([0.8, 0.8, 0.4, 0])
    assert (morphs.combined({"Male": 1.0}).smooth == np.float32(0.8)).all()
    assert not morphs.combined({"Smiling": 1.0}, bearded=True).smooth.any()


def test_known_are_changes_of_the_right_sign(morphs):
    asked = {"Smiling": 0.5, "Male": -2.0, "Young": 1.0, "Bald": 1.0, "": 1.0}
    assert morphs.known(asked) == {"Smiling": 0.5, "Male": -2.0}
    assert morphs.known({"Young": 1.0}) == morphs.known({}) == {}


def test_a_smile_is_taken_off_by_going_back(morphs):
    smile, back = (morphs.combined({"Smiling": strength}) for strength in (0.8, -0.8))
    assert back.shape == pytest.approx(-smile.shape) and back.closes == 0.8 and smile.closes == 0
    assert back.texture == pytest.approx(-smile.texture)
    assert back.teeth.size == 0 < smile.teeth.size


def test_a_change_is_as_strong_as_it_is_asked_for(morphs):
    morph = morphs.combined({"Smiling": 0.5})
    assert np.array_equal(morph.shape, np.full((68, 2), 0.5)) and morph.shape.dtype == np.float32
    assert np.array_equal(morph.texture, np.full((SIZE, SIZE, 3), 5)) and morph.texture.dtype == np.float32
    assert np.array_equal(morph.reference, morphs.reference)


def test_either_sign_has_a_change_of_its_own(morphs):
    more, less = morphs.combined({"Male": 1.5}), morphs.combined({"Male": -1.5})
    assert (more.shape[0, 0], less.shape[0, 0]) == (3, 4.5)
    assert (more.texture[0, 0, 0], less.texture[0, 0, 0]) == (30, 45)


def test_changes_add_up(morphs):
    morph = morphs.combined({"Smiling": 2.0, "Male": -1.0, "Young": -0.5})
    assert np.array_equal(morph.shape, np.full((68, 2), 2 * 1 + 3 + 0.5 * 5))
    assert np.array_equal(morph.texture, np.full((SIZE, SIZE, 3), 20 + 30 + 25))
    assert morphs.shapes["Smiling+"].max() == 1  # what is known stays as it is


def test_folds_get_deeper_more_slowly_than_they_would():
    """What gets lighter, colours, and shades up to there are as they are."""
    deep = np.full((SIZE, SIZE, 3), -10, np.float32)
    morphs = Morphs.of({**tensors(), "texture/Young-": deep})
    lights = [morphs.combined({"Young": -by}).texture[0, 0, 0] for by in (1.0, 1.5, 2.0, 9.0)]
    assert lights[:2] == [-10, -15] and FOLD == 15
    assert lights[2] == pytest.approx(-15 - DEEPEST * np.tanh(5 / DEEPEST))
    assert lights[3] == pytest.approx(-15 - DEEPEST, abs=1e-4)
    strong = morphs.combined({"Young": -9.0})
    assert (strong.texture[..., 1:] == -90).all() and (morphs.textures["Young-"] == -10).all()
    assert morphs.combined({"Young": -3.0, "Smiling": 2.0}).texture[0, 0].tolist() == [-10, -10, -10]  # of the sum


OPEN = {"shape/Mouth_Slightly_Open+": np.full((68, 2), 7, np.float32),
        "texture/Mouth_Slightly_Open+": np.zeros((SIZE, SIZE, 3), np.float32)}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "shown"),
    [({"Smiling": 1.0}, True), ({"Male": 1.0, "Smiling": 0.1}, True), ({"Mouth_Slightly_Open": 1.0}, True),
     ({"Male": 1.0, "Young": -1.0}, False)],
)  # fmt: skip
def test_teeth_come_with_a_smile_or_an_open_mouth_alone(asked, shown):
    teeth = Morphs.of({**tensors(), **OPEN}).combined(asked).teeth
    assert np.array_equal(teeth, TEETH) if shown else teeth.shape == (0, 0, 3)


def test_hair_grows_with_what_has_a_cover(morphs):
    assert morphs.cover({"Male": 1.5, "Smiling": 1.0}) == pytest.approx(np.full((SIZE, SIZE), 0.6))
    assert morphs.cover({"Male": 5.0}) == pytest.approx(np.ones((SIZE, SIZE)))  # no denser than it can be
    assert morphs.cover({"Male": -1.0, "Smiling": 1.0}) is None and morphs.cover({}) is None


def test_of_all_that_grows_the_densest_shows(morphs):
    """Each place has its own."""
    beard = np.full((SIZE, SIZE), 0.7, np.float32)
    beard[:, 2:] = 0.1
    bearded = replace(morphs, covers={**morphs.covers, "No_Beard-": beard})
    both = bearded.cover({"Male": 1.0, "No_Beard": -1.0, "Smiling": 1.0})
    assert both[:, :2] == pytest.approx(0.7) and both[:, 2:] == pytest.approx(0.4) and both.shape == beard.shape
    assert bearded.cover({"Male": 1.0, "No_Beard": -0.5})[0] == pytest.approx([0.4, 0.4, 0.4, 0.4])
    assert bearded.cover({"No_Beard": -2.0})[0] == pytest.approx([1, 1, 0.2, 0.2])
    assert bearded.cover({"No_Beard": 1.0}) is None and np.array_equal(bearded.cover({"No_Beard": -1.0}), beard)


def test_long_hair_comes_with_women_where_it_is_known(morphs):
    maps = np.full((SIZE, SIZE, 4), 0.5, np.float32)
    known = Morphs.of({**tensors(), "locks": maps})
    assert np.array_equal(known.locks, maps) and morphs.locks is None
    assert known.hangs({"Smiling": 1.0, "Male": -0.5}) and not morphs.hangs({"Male": -0.5})
    assert not known.hangs({"Male": 1.0}) and not known.hangs({"Smiling": 1.0}) and not known.hangs({})
    assert known.known({"Long_Hair": 1.0}) == {}  # it is no morph itself


def test_eyes_of_those_who_are_made_women_are_shaded_by_half(morphs):
    combined = (morphs.combined({"Male": -1.0}), morphs.combined({"Male": 1.0}), morphs.combined({"Smiling": 1.0}))
    assert [float(each.eyes) for each in combined] == [0.5, 0, 0]


def test_the_young_are_hardly_darkened_by_the_network():
    shapes = {key: np.zeros((68, 2), np.float32) for key in ("Young+", "Young-", "Child+")}
    textures = {key: np.zeros((SIZE, SIZE, 3), np.float32) for key in shapes}
    known = Morphs(np.zeros((68, 2)), shapes, textures, {}, {}, np.zeros((1, 1, 3), np.float32))
    asked = ({"Young": 1.0}, {"Child": 1.0}, {"Young": -1.0})
    assert [float(known.combined(each).darkens) for each in asked] == [0.35, 0.35, 1]


def test_lipstick_has_the_colour_that_is_asked_for(morphs):
    coat = np.full((SIZE, SIZE), 0.5, np.float32)
    known = Morphs.of({**tensors(), "coat": coat})
    assert known.known({"Wearing_Lipstick": -0.5}) == {"Wearing_Lipstick": -0.5}
    assert morphs.known({"Wearing_Lipstick": 1.0}) == {}
    red, pink, none = (
        known.combined({"Wearing_Lipstick": by}, lips) for by, lips in ((1.0, None), (2.0, "pink"), (-1.0, "pink"))
    )
    assert [tuple(each.paint) for each in (red, pink, none)] == [PAINTS[RED], PAINTS["pink"], BARE]
    assert red.coat == pytest.approx(coat) and pink.coat == pytest.approx(2 * coat)
    assert not red.shape.any() and not red.texture.any()
    assert not known.combined({"Smiling": 1.0}).coat.any()


MADE_UP = {"shape/Heavy_Makeup+": np.zeros((68, 2), np.float32),
           "texture/Heavy_Makeup+": np.full((SIZE, SIZE, 3), 3, np.float32)}  # fmt: skip


def test_who_is_made_up_wears_lipstick_of_the_colour_that_is_asked_for():
    coat = np.full((SIZE, SIZE), 0.5, np.float32)
    known = Morphs.of({**tensors(), **MADE_UP, "coat": coat})
    red, pink = (known.combined({"Heavy_Makeup": 1.5}, lips) for lips in (None, "pink"))
    both, not_lips = (known.combined({"Heavy_Makeup": 1.5, "Wearing_Lipstick": by}, "pink") for by in (1.0, -1.0))
    assert [tuple(each.paint) for each in (red, pink, both)] == [PAINTS[RED], PAINTS["pink"], PAINTS["pink"]]
    assert red.coat == pytest.approx(1.5 * coat) and both.coat == pytest.approx(coat)
    assert tuple(not_lips.paint) == PAINTS["pink"]
    assert red.texture == pytest.approx(np.full((SIZE, SIZE, 3), 4.5)) and not red.shape.any()
    plain = Morphs.of({**tensors(), **MADE_UP}).combined({"Heavy_Makeup": 1.0})
    assert not plain.coat.any()  # where it is not known where lipstick lies


def test_lips_are_bared_once():
    coat = np.full((SIZE, SIZE), 0.5, np.float32)
    known = Morphs.of({**tensors(), "coat": coat})
    bare = [known.combined({"Wearing_Lipstick": -by}) for by in (0.5, 1.0, 2.0)]
    assert [each.coat.max() for each in bare] == [0.25, 0.5, 0.5] and {tuple(each.paint) for each in bare} == {BARE}


def test_what_it_knows_of_what_is_put_on(morphs):
    assert not morphs.knows("whiskers") and not morphs.knows("locks")  # a man's stubble is no moustache
    whiskered = replace(morphs, covers=dict.fromkeys(WHISKERS, morphs.covers["Male+"]))
    hairy = Morphs.of({**tensors(), "locks": np.zeros((SIZE, SIZE, 4), np.float32)})
    assert whiskered.knows("whiskers") and hairy.knows("locks") and not hairy.knows("whiskers")


@pytest.mark.parametrize("missing", ["Mustache+", "5_o_Clock_Shadow+", "No_Beard-"])
def test_it_knows_all_the_hair_of_faces_or_none(morphs, missing):
    covers = dict.fromkeys({*WHISKERS, "Male+"} - {missing}, morphs.covers["Male+"])
    assert not replace(morphs, covers=covers).knows("whiskers")
    assert replace(morphs, covers={**covers, missing: morphs.covers["Male+"]}).knows("whiskers")
