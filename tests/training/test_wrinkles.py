import cv2
import numpy as np
import pytest

from dvaedit.face.points import landmarks_68
from dvaedit.training.morphs import skin_of
from dvaedit.training.pseudo_labels import SIZE
from dvaedit.training.wrinkles import DARKER, EVEN, GAIN, LIGHTER, learn_wrinkles, old
from tests.training.conftest import OLD, PLAIN, Drawn

ROW = {**PLAIN, **OLD, "sex": "m"}


@pytest.mark.parametrize(
    "other",
    [{"age": "middle"}, {"smile": "slight"}, {"mouth_open": "1"}, {"glasses": "eye"}, {"facial_hair": "beard"},
     {"headwear": "1"}, {"occluded": "1"}, {"bangs": "1"}, {"source": "ffhq"}],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_wrinkles_are_those_of_an_old_face_at_rest_that_nobody_has(other):
    assert old(ROW) and not old(ROW | other)


def lines(depth, top=True):
    """Paint for a face: dark lines across its forehead, or its chin."""

    def paint(image, points, rng):
        y = round(points[10 if top else 152][1]) + (14 if top else -16)
        for row in (y, y + 8):
            image[row : row + 2, 70:186] -= depth

    return paint


def lit_from_the_left(image, points, rng):
    lines(80)(image, points, rng)
    image += np.linspace(40, -40, SIZE)[None, :, None]


def learnt(mean_face, *paints, **row):
    drawn = Drawn(mean_face)
    for paint in paints:
        drawn.add(1, paint, **{**OLD, **row})
    library = drawn.library()
    inside = library.raster(library.canonical).inside.astype(np.uint8)
    return library, learn_wrinkles(library, skin_of(landmarks_68(library.canonical) / SIZE), inside)


def rows_of(mean_face):
    top, chin = round(mean_face[10, 1]) + 14, round(mean_face[152, 1]) - 16
    return np.s_[top : top + 2, 110:146], np.s_[top + 4 : top + 6, 110:146], np.s_[chin : chin + 2, 122:134]


def test_the_lines_of_the_most_wrinkled_face_are_learnt(mean_face):
    """None of the others', and the skin between them is a little lighter."""
    _, found = learnt(mean_face, lines(25), lines(80), lines(40, top=False))
    line, between, chin = (found[rows].mean() for rows in rows_of(mean_face))
    assert found.shape == (SIZE, SIZE) and found.dtype == np.float32
    assert -GAIN * DARKER <= line < -0.6 * GAIN * DARKER and 0 < between <= GAIN * LIGHTER and abs(chin) < 0.6


def test_deep_lines_have_a_bound(mean_face):
    found = [learnt(mean_face, lines(depth))[1] for depth in (20, 150)]
    least = [each[rows_of(mean_face)[0]].mean() for each in found]
    assert all(each.min() >= -GAIN * DARKER and each.max() <= GAIN * LIGHTER for each in found)
    assert least[0] == pytest.approx(-GAIN * DARKER * np.tanh(6 / DARKER), rel=0.4) and least[1] < -0.9 * GAIN * DARKER


def test_shade_is_no_line(mean_face):
    """Faces that are not lit evenly are left out; what varies slowly in others is no line."""

    def shade(image, points, rng):
        image += 15 * np.cos(np.linspace(0, 2 * np.pi, SIZE))[None, :, None]

    library, found = learnt(mean_face, shade, lit_from_the_left)
    assert library.unevenness(0) < EVEN < library.unevenness(1)
    assert np.abs(found[rows_of(mean_face)[0]]).max() < 0.25 * GAIN * DARKER


def test_lines_end_where_the_mesh_does_and_are_on_skin_alone(mean_face):
    def everywhere(image, points, rng):
        image[::6] -= 80

    library, found = learnt(mean_face, everywhere)
    inside, points = library.raster(library.canonical).inside, landmarks_68(library.canonical)
    assert not found[~inside].any() and np.abs(found[inside]).max() > 3
    for part in (slice(36, 42), slice(42, 48), slice(48, 60)):
        mask = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [np.rint(points[part]).astype(np.int32)], 1)
        assert np.abs(found[mask > 0]).max() < 0.35
