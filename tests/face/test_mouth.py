from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.face.lab import to_lab
from dvaedit.face.mouth import (
    CLOSED,
    HIDDEN,
    ON_DARK,
    OPEN,
    OWN_TINT,
    PER_SKIN,
    ROOTS,
    SHADOW,
    SKIN_TINT,
    TALLEST,
    TEETH_LIGHT,
    TEETH_TINT,
    TOOTH,
    WIDER,
    WIDTH,
    Mouth,
    gap,
    inner_lips,
    open_mouth,
    smiling,
)
from dvaedit.face.teeth import ABOVE_SKIN
from tests.face.conftest import face_points, square

SIDE, EYES, LINE = 200, 0.34, 0.73  # of the frame; between the eyes' outer corners and height of the mouth, face_points
BOX = (0, 0, SIDE, SIDE)
SKIN, DARK = np.array([180.0, 140, 120]), np.array([60.0, 20, 20])
TEETH = np.broadcast_to(np.float32([TEETH_LIGHT, *TEETH_TINT]), (8, 24, 3)).copy()  # all alike


def speaking(opened: float = 0.0, width: float = 0.2) -> np.ndarray:
    """All 68 points of a face, sides of the crop, whose lips are so far apart and whose mouth is so wide."""
    points = face_points()
    points[17:22] = np.stack([np.linspace(0.3, 0.45, 5), [0.38, 0.36, 0.35, 0.355, 0.37]], 1)
    points[22:27] = (points[21:16:-1] - [0.5, 0]) * [-1, 1] + [0.5, 0]
    points[[37, 38, 40, 41]] = [(0.36, 0.435), (0.41, 0.435), (0.41, 0.47), (0.36, 0.47)]
    points[[43, 44, 46, 47]] = [(0.59, 0.435), (0.64, 0.435), (0.64, 0.47), (0.59, 0.47)]
    across = np.linspace(-0.45, 0.45, 5)
    points[60:65] = np.stack([0.5 + across * 0.2, LINE - opened / 2 * np.array([0, 1, 1, 1, 0])], 1)
    points[65:68] = np.stack([0.5 - across[1:4] * 0.2, np.full(3, LINE + opened / 2)], 1)
    points[55:60, 1] += opened / 2
    points[49:54, 1] -= opened / 2
    points[48:68, 0] = 0.5 + (points[48:68, 0] - 0.5) * width / 0.2
    return points


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Points turned about the middle of the crop."""
    c, s = np.cos(angle), np.sin(angle)
    return (points - 0.5) @ np.array([[c, s], [-s, c]]) + 0.5


def skin_with(line: np.ndarray, half: float) -> np.ndarray:
    """A frame of skin in which the mouth, ``half`` a height of pixels up and down, is of another colour."""
    picture = np.broadcast_to(SKIN, (SIDE, SIDE, 3)).astype(np.float32).copy()
    middle = round(LINE * SIDE)
    picture[round(middle - half) : round(middle + half) + 1, 82:119] = line
    return picture


def mouth_shown(picture: np.ndarray, mouth: Mouth, teeth: np.ndarray = TEETH, shown: float = 1.0) -> np.ndarray:
    """The picture, its lips parted where they lie; nothing hides them unless said."""
    return open_mouth(picture, picture, mouth, teeth, ABOVE_SKIN[0], np.full((SIDE, SIDE), shown, np.float32))


def parted(before: float, after: float, smiles: float = 0.0) -> Mouth:
    """Of a face whose lips go so far apart, and that smiled so much before."""
    width = WIDTH * EYES * (1 + smiles * WIDER)
    return Mouth.of(speaking(before, width), speaking(after), square(SIDE), BOX)


def test_the_gap_is_the_distance_of_the_lips_beside_that_of_the_eyes():
    assert gap(speaking(0.0)) == pytest.approx(0, abs=1e-9)
    assert gap(speaking(0.034)) == pytest.approx(0.1)
    assert gap(3 * turned(speaking(0.034), 0.7)) == pytest.approx(0.1)


def test_lips_are_smooth_lines_through_their_points():
    points = speaking(0.04)
    upper, lower = inner_lips(points)
    assert upper[::12] == pytest.approx(points[60:65]) and lower[::12] == pytest.approx(points[[60, 67, 66, 65, 64]])
    assert upper[:, 0] == pytest.approx(np.linspace(0.41, 0.59, 49)) and upper[:, 1].min() < LINE - 0.02


def test_what_lies_between_the_lips_is_inside():
    mouth = parted(0.0, 0.04)  # 8 pixels, from 142 to 150
    assert mouth.inside[144:149, 95:106].min() > 0.95
    assert not mouth.inside[:140].any() and not mouth.inside[153:].any() and not mouth.inside[:, :80].any()
    assert mouth.along[146, [82, 91, 100, 118]] == pytest.approx([0, 0.25, 0.5, 1], abs=1e-6)
    assert mouth.down[[142, 146, 150], 100] == pytest.approx([0, 4, 8], abs=1e-6)
    assert mouth.height[146, 100] == pytest.approx(8)
    assert mouth.below[[140, 146, 152], 100] == pytest.approx([0, 0.5, 1])
    assert mouth.tooth == pytest.approx(TOOTH * EYES * SIDE)


def test_lips_that_stay_closed_have_no_inside():
    assert parted(0.0, 0.0).inside.max() < 1e-6


def test_it_is_told_where_what_lies_between_the_lips_lay_before():
    assert parted(0.0, 0.04).before[[143, 146, 149], 100] == pytest.approx(np.array([[100, 146]] * 3), abs=1e-4)
    wider = parted(0.04, 0.08)  # from 8 pixels to 16
    assert wider.before[[138, 142, 146, 154], 100, 1] == pytest.approx([142, 144, 146, 150], abs=1e-4)


@pytest.mark.parametrize(("apart", "closed"), [(0.0, 1), (CLOSED, 1), ((CLOSED + OPEN) / 2, 0.5), (OPEN, 0), (0.3, 0)])
def test_how_far_lips_were_closed(apart, closed):
    assert parted(apart * EYES, 0.2).closed == pytest.approx(closed, abs=1e-6)


def test_a_turned_mouth_lies_along_its_own_axes():
    upright, angle = parted(0.0, 0.04), np.pi / 2
    points, goal = (turned(speaking(opened), angle) for opened in (0.0, 0.04))
    aside = Mouth.of(points, goal, square(SIDE), BOX)
    for name in ("inside", "down", "along"):  # a quarter turn clockwise: (x, y) goes to (200 - y, x)
        expected = np.rot90(getattr(upright, name)[1:, 1:], -1)
        assert getattr(aside, name)[1:, 1:][90:110, 40:70] == pytest.approx(expected[90:110, 40:70], abs=1e-3), name


def test_teeth_may_be_as_light_as_they_are_told_to():
    picture, mouth = np.broadcast_to(np.array([70.0, 50, 40]), (SIDE, SIDE, 3)).astype(np.float32), parted(0.0, 0.04)
    shown = np.full((SIDE, SIDE), 1, np.float32)
    light = to_lab(open_mouth(picture, picture, mouth, TEETH, 2.0, shown))[146, 100, 0]
    assert light == pytest.approx(2 * to_lab(picture[0, 0])[0], abs=0.6)


def test_lips_that_part_show_teeth_where_there_was_a_line():
    picture, mouth = skin_with(DARK, 1), parted(0.0, 0.04)
    lab = to_lab(mouth_shown(picture, mouth))
    skin = to_lab(SKIN)
    light = min(ON_DARK + PER_SKIN * skin[0], ABOVE_SKIN[0] * skin[0])
    expected = [light, *(OWN_TINT + SKIN_TINT * skin[1:])]
    assert lab[146, 100] == pytest.approx(expected, abs=0.6) and light > skin[0] + 10


def test_nothing_but_the_inside_changes():
    picture, mouth = skin_with(DARK, 1), parted(0.0, 0.04)
    changed = (mouth_shown(picture, mouth) != picture).any(axis=2)
    assert changed.any() and not changed[mouth.inside == 0].any()


def test_what_hides_the_mouth_stays():
    picture, mouth = skin_with(DARK, 1), parted(0.0, 0.04)
    assert np.array_equal(mouth_shown(picture, mouth, shown=0.0), picture)
    whole, half = (mouth_shown(picture, mouth, shown=share) - picture for share in (1.0, 0.5))
    assert np.allclose(half, whole / 2, atol=1e-3) and np.abs(whole).max() > 50


def test_below_the_teeth_it_is_dark():
    picture, mouth = skin_with(DARK, 1), parted(0.0, 0.1)  # 20 pixels high, from 136; teeth are 7
    light = to_lab(mouth_shown(picture, mouth))[..., 0]
    assert light[155, 100] == pytest.approx((1 - SHADOW) * light[141, 100], abs=0.6)


def test_teeth_begin_at_the_upper_lip_and_are_as_high_as_they_are():
    ramp = TEETH.copy()
    ramp[..., 0] = np.linspace(40, 80, 8)[:, None]
    picture = skin_with(DARK, 1)
    light = to_lab(mouth_shown(picture, parted(0.0, 0.1), ramp))[..., 0]  # the lip is at 136
    rows = np.array([1, 4, 6]) / (TALLEST * TOOTH * EYES * SIDE) * 8 - 0.5
    expected = 40 + rows * 40 / 7
    assert light[[137, 140, 142], 100] / light[142, 100] == pytest.approx(expected / expected[2], rel=0.02)


@pytest.mark.parametrize("wider", [-0.2, 0.0, WIDER / 2, WIDER, 2 * WIDER])
def test_the_width_of_the_mouth_tells_how_far_a_face_smiles(wider):
    points, share = speaking(width=WIDTH * EYES * (1 + wider)), np.clip(wider / WIDER, 0, 1)
    for own in (points, 3 * points, turned(points, 0.7)):
        assert smiling(own, WIDER) == Mouth.of(own, points, square(SIDE), BOX).smiles == pytest.approx(share)


@pytest.mark.parametrize("smiles", [0.0, 0.5, 1.0])
def test_the_row_of_a_smiles_teeth_is_as_high_as_they_are_and_drawn_up_where_a_face_smiles(smiles):
    mouth = replace(parted(0.04, 0.12), smiles=smiles)
    left, tall = max(1 - HIDDEN * smiles, 0), TALLEST * mouth.tooth
    assert mouth.drawn_up == pytest.approx(1 - left)
    for down, share in ((left - ROOTS, 1.0), (left, 0.5), (left + ROOTS, 0.0)):
        row = replace(mouth, down=np.full((1, 1), down * tall)).row()
        assert row == pytest.approx(share if left else 0.0, abs=1e-5)


@pytest.mark.parametrize(("closed", "hidden"), [(0.0, 0.7), (0.5, 0.35), (1.0, 0.0)])
def test_teeth_that_lips_hid_are_not_drawn_up_however_wide_the_mouth_was(closed, hidden):
    mouth = replace(parted(0.0, 0.04), closed=closed, smiles=0.5)
    assert mouth.drawn_up == pytest.approx(hidden)


def test_teeth_that_are_drawn_up_leave_what_is_below_as_it_was():
    """Its lip is at 135; of teeth that are 9 pixels high the upper 0.42 are hidden."""
    mouth = parted(0.04, 0.12)
    whole, part = (mouth_shown(skin_with(DARK, 4), replace(mouth, smiles=smiles)) for smiles in (0.0, 0.3))
    assert part[135:138, 100] == pytest.approx(whole[135:138, 100], abs=1)
    assert part[141:144, 100] == pytest.approx(np.broadcast_to(DARK, (3, 3)), abs=1) and whole[142, 100, 0] > 200


def test_an_open_mouth_that_smiles_keeps_what_it_shows():
    before, mouth = skin_with(DARK, 4), parted(0.04, 0.08, smiles=1.0)  # gap of 0.12: open
    shown = mouth_shown(before, mouth)
    assert shown[140:153, 95:106] == pytest.approx(np.broadcast_to(DARK, (13, 11, 3)), abs=1)


def test_an_open_mouth_that_begins_to_smile_shows_upper_teeth_and_keeps_what_is_below():
    """Its lip is at 136; teeth are 9 pixels high."""
    before, mouth = skin_with(DARK, 4), parted(0.04, 0.1)
    assert mouth.closed == mouth.smiles == 0 and TALLEST * mouth.tooth == pytest.approx(9.3, abs=0.1)
    shown, drawn = (mouth_shown(before, one) for one in (mouth, replace(mouth, closed=1.0)))
    assert shown[138:144, 95:106] == pytest.approx(drawn[138:144, 95:106], abs=0.01) and shown[140, 100, 0] > 200
    assert shown[148:154, 95:106] == pytest.approx(np.broadcast_to(DARK, (6, 11, 3)), abs=1)


def test_dark_skin_has_teeth_of_its_own_light():
    skin = np.broadcast_to(np.array([70.0, 50, 40]), (SIDE, SIDE, 3)).astype(np.float32)
    night = skin / 8
    day, dim = (to_lab(mouth_shown(p, parted(0.0, 0.04)))[146, 100, 0] for p in (skin, night))
    lights = [to_lab(p[0, 0])[0] for p in (skin, night)]
    assert day == pytest.approx(ABOVE_SKIN[0] * lights[0], abs=0.6) and dim == pytest.approx(
        ABOVE_SKIN[0] * lights[1], abs=0.6
    )


def test_what_is_beside_a_face_does_not_darken_its_teeth():
    skin = np.broadcast_to(np.array([190.0, 150, 130]), (SIDE, SIDE, 3)).astype(np.float32)
    hair = skin.copy()
    hair[:, :70] = hair[:, 130:] = 20
    assert mouth_shown(hair, parted(0.0, 0.04))[146, 100] == pytest.approx(
        mouth_shown(skin, parted(0.0, 0.04))[146, 100], abs=0.1
    )


def test_half_closed_lips_that_smile_show_half_of_both():
    before = skin_with(DARK, 4)
    mouth = parted(0.04, 0.08, smiles=1.0)
    own, drawn, both = (mouth_shown(before, replace(mouth, closed=c))[146, 100] for c in (0, 1, 0.5))
    assert both == pytest.approx((own + drawn) / 2, abs=1e-3) and drawn.min() > own.max()


def grinning() -> np.ndarray:
    """All 68 points of a face with full lips that are wide open."""
    points = speaking(opened=0.06)
    angle = np.pi + np.arange(12) * np.pi / 6
    points[48:60] = np.stack([0.5 + 0.11 * np.cos(angle), LINE + 0.075 * np.sin(angle)], 1)
    return points


def lips_on_skin(points: np.ndarray, between: np.ndarray) -> np.ndarray:
    """A frame of skin with red lips around what is ``between`` them."""
    picture = np.broadcast_to(SKIN, (SIDE, SIDE, 3)).astype(np.float32).copy()
    for part, colour in ((slice(48, 60), (170.0, 90, 95)), (slice(60, 68), between)):
        cv2.fillPoly(picture, [np.rint(points[part] * SIDE).astype(np.int32)], tuple(float(each) for each in colour))
    return picture
