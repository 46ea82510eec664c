import cv2
import numpy as np
import pytest

from dvaedit.face.lab import from_lab
from dvaedit.face.teeth import ABOVE_SKIN, above_skin, inside_shown, lips_alone
from tests.face.conftest import square
from tests.face.test_mouth import BOX, DARK, LINE, SIDE, SKIN, grinning, lips_on_skin, speaking

WHITE = np.float32([205, 195, 180])


@pytest.mark.parametrize(
    ("skin", "white", "expected"), [(60, 75, 1.3 * 75 / 60), (60, 55, ABOVE_SKIN[0]), (10, 60, ABOVE_SKIN[1])]
)
def test_the_whites_of_the_eyes_tell_how_light_teeth_may_be(skin, white, expected):
    points = speaking()
    gray = lambda light: from_lab(np.array([light, 0.0, 0.0]))  # noqa: E731
    crop = np.broadcast_to(np.rint(gray(skin)), (128, 128, 3)).astype(np.uint8).copy()
    for lid in (slice(36, 42), slice(42, 48)):
        cv2.fillPoly(crop, [np.rint(points[lid] * 128).astype(np.int32)], np.rint(gray(white)).tolist())
    shut = np.broadcast_to(crop[0, 0], crop.shape)
    crops = np.stack([crop, shut, crop])
    assert above_skin(crops, np.stack([points] * 3)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("seen", "expected"), [(12, 1.2), (1, 1.5)])
def test_teeth_that_are_seen_tell_better_than_eyes(seen, expected):
    """Of twelve frames, in all of which the eyes, as light as skin, tell nothing."""
    points, size = grinning(), 128
    light = lambda lab: tuple(float(each) for each in np.rint(from_lab(np.array(lab, float))))  # noqa: E731
    shut = np.broadcast_to(np.rint(light([50, 12, 14])), (size, size, 3)).astype(np.uint8).copy()
    cv2.fillPoly(shut, [np.rint(points[48:60] * size).astype(np.int32)], light([50, 30, 14]))
    open_ = cv2.fillPoly(shut.copy(), [np.rint(points[60:68] * size).astype(np.int32)], light([60, 4, 10]))
    crops = np.stack([open_] * seen + [shut] * (12 - seen))
    assert above_skin(crops, np.stack([points] * 12)) == pytest.approx(expected, rel=0.03)


def test_teeth_between_open_lips_are_found_and_the_dark_behind_them_but_neither_lips_nor_skin():
    points = grinning()
    quad, middle = square(SIDE), round(LINE * SIDE)
    lip = round((points[57, 1] + points[66, 1]) / 2 * SIDE)
    white, dark = (lips_on_skin(points, np.array(colour)) for colour in ((205.0, 195, 180), DARK))
    (teeth, inside), (none, behind) = (inside_shown(picture, points, quad, BOX) for picture in (white, dark))
    for shown in (teeth, inside, behind):
        assert shown[middle - 2 : middle + 3, 92:108].min() > 0.95
        assert shown[lip, 95:105].max() < 0.05 and not shown[: middle - 30].any() and not shown[middle + 30 :].any()
    assert none.max() < 0.05
    assert not inside_shown(lips_on_skin(points, SKIN), speaking(), quad, BOX).any()


def test_a_mouth_beyond_the_frame_shows_no_teeth():
    points = grinning()
    below = lips_on_skin(points, np.array([205.0, 195, 180]))[:120]
    assert not inside_shown(below, points, square(SIDE), (0, 0, SIDE, 120)).any()


def with_teeth_on_lip():
    """A frame whose teeth reach down on the lower lip in one place, one whose teeth do not, the points, the place."""
    points = grinning()
    picture = lips_on_skin(points, WHITE)
    lip = round((points[57, 1] + points[66, 1]) / 2 * SIDE)
    spoilt, spot = picture.copy(), np.s_[lip - 1 : lip + 2, 99:102]
    spoilt[spot] = WHITE
    return spoilt, picture, points, spot


def white(picture):
    return (np.abs(picture - WHITE).max(axis=2) < 1).astype(np.float32)


def test_teeth_on_the_lower_lip_take_its_colour():
    """Where its inner edge is off; what is between the lips stays, and all where no teeth show."""
    spoilt, picture, points, spot = with_teeth_on_lip()
    alone, expected = (lips_alone(each, white(each), points, square(SIDE), BOX) for each in (spoilt, picture))
    assert alone == pytest.approx(expected, abs=0.5) and alone.dtype == np.float32
    between = np.s_[: round(points[66, 1] * SIDE) - 1, 92:108]
    assert alone[spot] == pytest.approx(picture[spot], abs=0.5) and np.array_equal(alone[between], spoilt[between])
    half = lips_alone(spoilt, white(spoilt) / 2, points, square(SIDE), BOX)
    assert half[spot] == pytest.approx((spoilt[spot] + picture[spot]) / 2, abs=0.5)
    assert lips_alone(spoilt, 0 * white(spoilt), points, square(SIDE), BOX) is spoilt


def test_lips_that_the_box_cuts_off_lose_their_teeth_too():
    (spoilt, _, points, _), low = with_teeth_on_lip(), 98
    whole, cut = (
        lips_alone(spoilt[:, x:], white(spoilt[:, x:]), points, square(SIDE), (x, 0, SIDE, SIDE)) for x in (0, low)
    )
    assert cut == pytest.approx(whole[:, low:], abs=2) and np.abs(cut - spoilt[:, low:]).max() > 50
