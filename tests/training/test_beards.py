import cv2
import numpy as np
import pytest

from dvaedit.face.points import landmarks_68, mirrored
from dvaedit.training import beards
from dvaedit.training.beards import HAIR, NONE, OUTWARDS, WHOLE, learn_beard, moustache
from dvaedit.training.pseudo_labels import SIZE
from tests.training.conftest import BEARDED, PLAIN, SHAVEN, Drawn, bearded

LIGHTS = 0.5, 0.55, 0.6  # of beards as full as those that are averaged
CHEEKS = (36, 31), (45, 35)  # points that lie beside their middles
TURN = np.linspace(0.7, 1.3, SIZE)[None, :, None]  # lighter on the right


@pytest.fixture(scope="module", autouse=True)
def three():
    """No more than three beards are averaged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beards, "FULL", 3)
        yield


@pytest.fixture(scope="module")
def reference(mean_face):
    points = landmarks_68(mean_face) / SIZE
    return (points + mirrored(points)) / 2


def in_the_dark(image, points, rng):
    bearded(LIGHTS[1])(image, points, rng)
    image *= 0.5


def faces(mean_face):
    """Three shaven men, and three with beards: one of them is in the dark, one's is fuller on one side."""
    drawn = Drawn(mean_face)
    drawn.add(3, **SHAVEN)
    for paint in (bearded(LIGHTS[0]), in_the_dark, bearded(LIGHTS[2] * TURN)):
        drawn.add(1, paint, **BEARDED)
    return drawn


@pytest.fixture(scope="module")
def beard(mean_face, reference):
    return learn_beard(faces(mean_face).library(), reference)


def at(image, place):
    """What a picture shows at a place, sides of it."""
    column, row = (np.asarray(place) * SIZE).astype(int)
    return image[row, column]


def around(image, place, by=3):
    column, row = (np.asarray(place) * SIZE).astype(int)
    return image[row - by : row + by + 1, column - by : column + by + 1]


def between(points, a, b, share=0.5):
    return share * points[a] + (1 - share) * points[b]


def test_beards_are_as_dense_as_they_darken_skin_that_is_shaven(beard, reference):
    """On the chin, along the jaw and between nose and mouth."""
    skin = np.float32([190, 150, 130]) / 255
    shades = np.stack([skin, *(light * skin for light in LIGHTS)])[None]
    light = cv2.cvtColor(shades, cv2.COLOR_RGB2LAB)[0, :, 0]
    darkness = np.mean((1 - light[1:] / light[0]) / (1 - HAIR))
    density = (darkness - NONE) / (WHOLE - NONE)
    assert 0.6 < density < 0.9
    for place in (between(reference, 8, 57), between(reference, 5, 48, 0.7), between(reference, 11, 54, 0.7)):
        assert around(beard, place) == pytest.approx(density, abs=0.08)
    assert at(beard, between(reference, 33, 51, 0.4)) == pytest.approx(density, abs=0.15)  # an edge is near


def test_none_grow_on_cheeks_nose_and_lips_and_above_the_ears(beard, reference):
    assert beard.shape == (SIZE, SIZE) and beard.min() >= 0 and beard.max() <= 1
    for pair in CHEEKS:
        assert around(beard, between(reference, *pair), 10).max() < 0.02
    assert around(beard, reference[30]).max() < 0.02 and around(beard, reference[29]).max() < 0.02
    lips = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(lips, [np.rint(reference[48:60] * SIZE).astype(np.int32)], 1)
    assert beard[cv2.erode(lips, np.ones((5, 5))) > 0].max() < 0.05
    assert beard[: int(reference[:17, 1].min() * SIZE)].max() < 0.02
    assert at(beard, between(reference, 2, 48, 0.95)) > 0.3 and at(beard, between(reference, 14, 54, 0.95)) > 0.3


@pytest.mark.parametrize("point", [4, 6, 8, 10, 12])
def test_they_go_on_beyond_the_outline_of_the_face_and_end(beard, reference, point):
    """Though pictures show none there."""
    away = reference[point] - reference[30]
    away /= np.hypot(*away) * SIZE  # a pixel
    inside, near, far = (at(beard, reference[point] + by * away) for by in (-8, 5, 22))
    assert inside > 0.6 and near == pytest.approx(inside, abs=0.1) and far < 0.02


def test_they_are_even(beard, reference):
    """One that is averaged is fuller on the left."""
    assert np.abs(beard - beard[:, ::-1]).mean() < 0.01
    for left, right in ((5, 11), (3, 13)):
        one, other = (around(beard, between(reference, *pair, 0.8)).mean() for pair in ((left, 48), (right, 54)))
        assert one == pytest.approx(other, abs=0.02) and one > 0.5


def goatee(image, points, rng):
    """A dark beard, but for the jaw."""
    bare, aside = image.copy(), np.abs(np.arange(SIZE) - SIZE / 2) > 46
    bearded(0.2)(image, points, rng)
    image[:, aside] = bare[:, aside]


def in_shade(image, points, rng):
    """All of a face below the eyes."""
    image[round(landmarks_68(points)[36, 1]) + 12 :] *= 0.3


@pytest.mark.parametrize(
    "paint", [bearded(0.8), goatee, bearded(0.3, top=50), in_shade], ids=["faint", "goatee", "dark cheeks", "in shade"]
)
def test_those_that_are_not_full_and_those_with_dark_cheeks_are_none_of_them(mean_face, reference, beard, paint):
    more = faces(mean_face)
    more.add(3, paint, **BEARDED)
    assert learn_beard(more.library(), reference) == pytest.approx(beard, abs=1e-6)


def test_the_fullest_are(mean_face, reference, beard):
    more = faces(mean_face)
    more.add(3, bearded(0.3), **BEARDED)
    denser = learn_beard(more.library(), reference)
    assert denser.max() > 0.99 and denser[beard > 0.6].mean() > 0.9


@pytest.mark.parametrize(
    "other",
    [{"sex": "f"}, {"age": "old"}, {"source": "ffhq"}, {"hair_colour": "blond"}, {"smile": "broad"},
     {"mouth_open": "1"}, {"glasses": "eye"}, {"headwear": "1"}, {"occluded": "1"}, {"large_pose": "1"},
     {"facial_hair": "stubble"}],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_dark_beards_of_men_with_nothing_before_the_face_are_looked_at(other):
    row = {**PLAIN, **BEARDED, "age": "young"}
    assert beards._bearded(row) and beards._bearded(row | {"age": "middle"}) and not beards._bearded(row | other)


def test_faces_that_are_turned_are_not(mean_face, reference, beard):
    more = faces(mean_face)
    more.add(3, bearded(0.3), **BEARDED)
    library = more.library()
    library.pose[-3:, 0] = 0.2
    assert learn_beard(library, reference) == pytest.approx(beard, abs=1e-6)


def test_shaven_is_who_may_be_looked_at_too(mean_face, reference, beard):
    more = faces(mean_face)
    more.add(4, bearded(0.3), **SHAVEN | {"mouth_open": "1"})
    assert learn_beard(more.library(), reference) == pytest.approx(beard, abs=1e-6)


def test_a_moustache_is_what_grows_between_nose_and_mouth(beard, reference):
    found = moustache(beard, reference)
    assert at(found, between(reference, 33, 51, 0.4)) == pytest.approx(
        at(beard, between(reference, 33, 51, 0.4)), abs=0.05
    )
    assert (found <= beard + 1e-6).all() and found[int(reference[57, 1] * SIZE) :].max() < 1e-3
    for place in (reference[30], reference[8], reference[5], reference[11]):
        assert around(found, place).max() < 0.02


def test_a_moustache_goes_a_little_beyond_the_corners_of_the_mouth(reference):
    found = moustache(np.ones((SIZE, SIZE), np.float32), reference)
    assert np.abs(found - found[:, ::-1]).mean() < 0.01 and at(found, between(reference, 33, 51)) > 0.95
    for corner, sign in ((48, -1), (54, 1)):
        assert at(found, reference[corner] + 0.5 * OUTWARDS * np.array([sign, 1])) > 0.2
        assert at(found, reference[corner] + 2.5 * OUTWARDS * np.array([sign, 1])) < 0.02
