import numpy as np
import pytest

from dvaedit.face.matte import matte, ramps
from dvaedit.face.surround import FACE, HAIR

SIDE = 128
QUAD = np.array([[0, 0], [0, SIDE], [SIDE, SIDE], [SIDE, 0]], np.float64) - 0.5
DARK, LIGHT = np.float32([40, 30, 20]), np.float32([220, 210, 200])


def upper_half(class_below=0):
    maps = np.full((1, SIDE, SIDE), class_below, np.uint8)
    maps[:, : SIDE // 2] = HAIR
    ramp = ramps(maps, np.arange(1), slice(0, 1))
    return ramp["hair"][0], ramp["face"][0]


def whole(strips):
    alpha = np.zeros((SIDE, SIDE), np.float32)
    for found in strips:
        x0, y0, x1, y1 = found.box
        inside = np.zeros((y1 - y0) * (x1 - x0), np.float32)
        inside[found.places] = found.alpha
        alpha[y0:y1, x0:x1] = inside.reshape(y1 - y0, x1 - x0)
    return alpha


def test_strands_beyond_the_outline_are_hair_by_their_colour():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    frame[64:66, 40] = DARK  # a strand that hangs out
    frame[64:66, 80] = (DARK + LIGHT) / 2
    alpha = whole(matte(frame.astype(np.uint8), *upper_half(), QUAD))
    assert alpha[30, 64] == 1 and alpha[65, 40] > 0.95
    assert alpha[65, 80] == pytest.approx(0.5, abs=0.08)
    assert alpha[65, 60] == 0 and not alpha[80:].any()


def test_where_colours_are_alike_the_outline_decides():
    frame = np.tile(DARK, (SIDE, SIDE, 1)).astype(np.uint8)
    alpha = whole(matte(frame, *upper_half(), QUAD))
    assert alpha[59, 64] == 1 and alpha[69, 64] == 0
    assert 0.3 < alpha[63:65, 64].mean() < 0.7


def test_well_inside_the_face_nothing_is_hair():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    frame[68:80] = DARK  # eyes
    face = whole(matte(frame.astype(np.uint8), *upper_half(FACE), QUAD))
    assert face[30, 64] == 1 and not face[68:].any()


def test_no_hair_is_no_matte():
    nothing = np.zeros((SIDE, SIDE), np.float32)
    assert list(matte(np.zeros((SIDE, SIDE, 3), np.uint8), nothing, nothing, QUAD)) == []


def test_strips_change_nothing(monkeypatch):
    frame = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    at_once = whole(matte(frame, *upper_half(), QUAD))
    monkeypatch.setattr("dvaedit.face.matte.STRIP", 700)
    assert len(list(matte(frame, *upper_half(), QUAD))) > 10
    np.testing.assert_allclose(whole(matte(frame, *upper_half(), QUAD)), at_once, atol=1e-5)
