import cv2
import numpy as np
import pytest

from dvaedit.face.matte import matte, ramps
from dvaedit.face.surround import FACE, FEATURE, HAIR

SIDE = 128
QUAD = np.array([[0, 0], [0, SIDE], [SIDE, SIDE], [SIDE, 0]], np.float64) - 0.5
DARK, LIGHT = np.float32([40, 30, 20]), np.float32([220, 210, 200])


def upper_half(class_below=0):
    maps = np.full((1, SIDE, SIDE), class_below, np.uint8)
    maps[:, : SIDE // 2] = HAIR
    ramp = ramps(maps, np.zeros((1, SIDE, SIDE, 3), np.uint8), np.arange(1), slice(0, 1))
    return ramp["hair"][0], ramp["face"][0]


def whole(strips, told=lambda found: found.alpha):
    """A picture of what is told of each pixel of hair; 0 elsewhere."""
    picture = np.zeros((SIDE, SIDE), np.float32)
    for found in strips:
        x0, y0, x1, y1 = found.box
        inside = np.zeros((y1 - y0) * (x1 - x0), np.float32)
        inside[found.places] = told(found)
        picture[y0:y1, x0:x1] = inside.reshape(y1 - y0, x1 - x0)
    return picture


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


def test_where_what_lies_behind_varies_more_than_it_differs_the_outline_decides():
    rng = np.random.default_rng(0)
    frame = np.tile(DARK, (SIDE, SIDE, 1))
    blotches = rng.choice([20, 200], (SIDE // 8, SIDE // 4, 1)).astype(np.float32)
    frame[SIDE // 2 :] = blotches.repeat(4, 0).repeat(4, 1)  # half of it is as dark as hair
    alpha = whole(matte(frame.astype(np.uint8), *upper_half(), QUAD))
    assert (alpha[20:60, 20:-20] > 0.99).all() and alpha[68:].max() < 0.1


def test_thin_hair_keeps_its_outline():
    maps = np.zeros((1, SIDE, SIDE), np.uint8)
    maps[:, :, 60:66] = HAIR
    hair = ramps(maps, np.zeros((1, SIDE, SIDE, 3), np.uint8), np.arange(1), slice(0, 1))["hair"][0]
    assert hair[64, 62] > 0.7 and hair[64, 59] < 0.5 < hair[64, 60] and hair[64, 65] > 0.5 > hair[64, 66]


def test_outlines_that_tremble_are_calmed_along_the_motion():
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, 2 * SIDE, 3)).astype(np.float32), (0, 0), 3)
    ground = (128 + 6 * (ground - ground.mean())).clip(0, 255).astype(np.uint8)
    crops = np.stack([ground[:, SIDE - 2 * n : 2 * SIDE - 2 * n] for n in range(9)])  # moves to the right
    maps = np.zeros((9, SIDE, SIDE), np.uint8)
    for n, edge in enumerate(rng.integers(-2, 3, 9)):
        maps[n, :, 20 + 2 * n : 70 + 2 * n + edge] = HAIR
    hair = ramps(maps, crops, np.arange(9), slice(3, 6))["hair"]
    edges = [float(np.interp(0.5, row[100:40:-1], np.arange(100, 40, -1))) for row in hair[:, 64]]
    assert np.diff(edges) == pytest.approx([2, 2], abs=0.4)


def test_well_inside_the_face_nothing_is_hair():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    frame[68:80] = DARK  # eyes
    face = whole(matte(frame.astype(np.uint8), *upper_half(FACE), QUAD))
    assert face[30, 64] == 1 and not face[68:].any()


def test_locks_over_skin_are_hair_and_features_beside_it_are_not():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    frame[64:67, 40:44] = DARK
    frame[64:67, 90:110] = DARK  # an ear in its shadow
    alpha = whole(matte(frame.astype(np.uint8), *upper_half(FACE), QUAD))
    assert alpha[64:66, 41:43].min() > 0.9 and alpha[65, 60] == 0
    assert not alpha[66:, 41].all()
    maps = np.full((1, SIDE, SIDE), FACE, np.uint8)
    maps[:, : SIDE // 2] = HAIR
    maps[:, SIDE // 2 :, 86:114] = FEATURE
    ramp = ramps(maps, np.zeros((1, SIDE, SIDE, 3), np.uint8), np.arange(1), slice(0, 1))
    alpha = whole(matte(frame.astype(np.uint8), ramp["hair"][0], ramp["face"][0], QUAD))
    assert alpha[64:66, 41:43].min() > 0.9 and alpha[66:, 92:108].max() < 0.1


def test_skin_in_the_pixels_beside_it_makes_hair_no_lighter():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    soft = cv2.GaussianBlur(frame, (0, 0), 2).astype(np.uint8)
    lightness = whole(matte(soft, *upper_half(FACE), QUAD), lambda found: found.strand.mean(axis=1))
    assert lightness[40, 64] > 0 and lightness[40:, 64].max() < DARK.mean() + 12


def test_no_hair_is_no_matte():
    nothing = np.zeros((SIDE, SIDE), np.float32)
    assert list(matte(np.zeros((SIDE, SIDE, 3), np.uint8), nothing, nothing, QUAD)) == []


def test_strips_change_nothing(monkeypatch):
    frame = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    at_once = whole(matte(frame, *upper_half(), QUAD))
    monkeypatch.setattr("dvaedit.face.paste.STRIP", 700)
    assert len(list(matte(frame, *upper_half(), QUAD))) > 10
    np.testing.assert_allclose(whole(matte(frame, *upper_half(), QUAD)), at_once, atol=1e-5)
