from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.face.anchor import fetch, offsets, pixels
from dvaedit.face.beard import (
    COLOURS,
    DARKEST,
    GRAYING,
    LEAST,
    LIGHTEST,
    YELLOWER,
    Beard,
    draw_strands,
)
from dvaedit.face.dye import EXPOSED, GRAYISH, LIT, MEAN_SKIN
from dvaedit.face.lab import from_lab, saturation, to_lab
from tests.face.conftest import face_points, square

SIZE = 64
SKIN, DARK = np.array([190.0, 150, 130]), np.array([60.0, 45, 40])


@pytest.fixture(scope="module")
def reference():
    return face_points()


@pytest.fixture(scope="module")
def beard(reference):
    """Learnt from five frames in which a band below the mouth got darker."""
    crops = np.broadcast_to(SKIN, (5, SIZE, SIZE, 3)).copy()
    edited = crops.copy()
    edited[:, 52:58, 20:44] = DARK
    edited[:, 45:48, 28:36] = DARK  # on the lips
    weights = np.zeros((5, SIZE, SIZE))
    weights[:, 36:60, 12:52] = 1
    return Beard.learn(crops, edited, weights, np.repeat(reference[None], 5, 0), reference)


def test_places_stay_on_a_face_that_moves_turns_and_grows(reference):
    c, s = np.cos(0.2) * 1.1, np.sin(0.2) * 1.1
    moved = (reference - 0.5) @ np.array([[c, s], [-s, c]]) + [0.52, 0.47]
    back = pixels(SIZE) + offsets(moved, reference, SIZE)
    turned = np.linalg.inv(np.array([[c, s], [-s, c]]))
    assert np.abs(back - ((pixels(SIZE) - [0.52, 0.47]) @ turned + 0.5)).max() < 2e-3


def test_places_of_an_unmoved_face_are_its_own(reference):
    assert np.abs(offsets(reference, reference, SIZE)).max() < 1e-4


def test_density_is_where_the_edit_darkened_skin_and_not_on_the_lips(beard):
    assert beard.cover[54:56, 26:38].min() > 0.9
    assert beard.cover[46, 30:34].max() < 0.05
    assert beard.cover[:34].max() == 0
    light, skin = to_lab(DARK)[0], to_lab(SKIN)[0]
    assert beard.hair[0] == pytest.approx(max(light, DARKEST * skin), abs=1)
    assert beard.skin[0] == pytest.approx(skin, abs=1)


def test_a_beard_grows_up_to_the_lips(reference):
    """Though the network paints none close to them, and parsers take some skin there for lips."""
    size = 128
    lips = np.zeros((size, size), np.uint8)
    cv2.fillPoly(lips, [np.rint(reference[48:60] * size).astype(np.int32)], 1)
    far = cv2.distanceTransform(1 - lips, cv2.DIST_L2, 5)
    crops, weights = np.broadcast_to(SKIN, (3, size, size, 3)).copy(), np.repeat((far > 2)[None], 3, 0).astype(float)
    edited = crops.copy()
    edited[:, (far > 4) & (far < 20)] = DARK
    cover = Beard.learn(crops, edited, weights, np.repeat(reference[None], 3, 0), reference).cover
    assert cover[far > 6][far[far > 6] < 14].min() > 0.9
    assert cover[(far > 3) & (far < 5)].min() > 0.75
    assert cover[far == 0].max() < 0.3 and np.median(cover[far == 0]) < 0.02 and cover[far > 26].max() < 0.02


def test_a_faint_change_is_no_full_beard(reference):
    crops = np.broadcast_to(SKIN, (3, SIZE, SIZE, 3)).copy()
    edited = crops - 8
    weights = np.ones((3, SIZE, SIZE))
    faint = Beard.learn(crops, edited, weights, np.repeat(reference[None], 3, 0), reference)
    change = np.linalg.norm(to_lab(SKIN) - to_lab(SKIN - 8))
    assert faint.cover.max() == pytest.approx(change / LEAST, rel=0.02)


def test_no_skin_no_beard(reference):
    crops = np.zeros((2, SIZE, SIZE, 3))
    points = np.repeat(reference[None], 2, 0)
    assert Beard.learn(crops, crops, np.zeros((2, SIZE, SIZE)), points, reference) is None


def test_a_beard_has_the_hue_of_skin_and_more_of_it_beside_red_hair(reference, beard):
    crops = np.broadcast_to(SKIN, (2, SIZE, SIZE, 3)).copy()
    edited, weights, points = crops - 100, np.ones((2, SIZE, SIZE)), np.repeat(reference[None], 2, 0)
    red = Beard.learn(crops, edited, weights, points, reference, head=np.array([40.0, 30, 30]))
    skin = to_lab(SKIN)
    for found in (red, beard):
        turned = np.arctan2(found.hair[2], found.hair[1]) - np.arctan2(skin[2], skin[1])
        assert turned == pytest.approx(YELLOWER, abs=0.05)
    share = [np.hypot(*found.hair[1:]) / found.hair[0] for found in (red, beard)]
    assert share[0] > 1.5 * share[1]


@pytest.mark.parametrize(("head", "light"), [(None, None), (10.0, None), (75.0, 75.0)])
def test_a_beard_is_no_lighter_than_hair_or_a_share_of_the_skin(reference, head, light):
    crops = np.broadcast_to(SKIN, (2, SIZE, SIZE, 3)).copy()
    edited, weights, points = crops + 60, np.ones((2, SIZE, SIZE)), np.repeat(reference[None], 2, 0)
    hair = None if head is None else np.array([head, 0, 0])
    found = Beard.learn(crops, edited, weights, points, reference, head=hair)
    assert found.hair[0] == pytest.approx(light or LIGHTEST * to_lab(SKIN)[0], abs=0.1)


def hair_of(reference, head, light):
    """Lab of a beard beside hair of the colour ``head``, Lab, that the network paints of a gray of this lightness."""
    crops = np.broadcast_to(SKIN, (2, SIZE, SIZE, 3)).copy()
    edited = np.broadcast_to(from_lab(np.array([light, 0.0, 0.0])), crops.shape)
    weights, points = np.ones((2, SIZE, SIZE)), np.repeat(reference[None], 2, 0)
    return Beard.learn(crops, edited, weights, points, reference, head=np.array(head)).hair


@pytest.mark.parametrize(("saturated", "lit", "follows"), [(0.9, 1.1, True), (1.1, 1.1, False), (0.9, 0.9, False)],
                         ids=["gray", "blond", "dark"])  # fmt: skip
def test_beards_follow_gray_hair_towards_its_lightness(reference, saturated, lit, follows):
    skin, painted = to_lab(SKIN), 30.0
    head = lit * LIT * skin[0]
    chroma = saturated * GRAYISH * saturation(skin) * head
    found = hair_of(reference, [head, 0.0, chroma], painted)
    assert found[0] == pytest.approx(painted + follows * GRAYING * (head - painted), abs=0.5)


def test_white_hair_has_a_white_beard(reference):
    """Which is lighter than others may be, and has little colour."""
    skin = to_lab(SKIN)
    found = hair_of(reference, [90.0, 0.0, 2.0], 30.0)
    assert found[0] == pytest.approx(30 + GRAYING * 60, abs=0.5) and found[0] > 0.95 * LIGHTEST * skin[0]
    assert saturation(found) < 0.75 * saturation(skin)


@pytest.mark.parametrize("name", COLOURS)
def test_a_beard_is_of_the_colour_that_is_named(beard, name):
    """In the light on the skin; all else stays."""
    light, chroma, hue = COLOURS[name]
    for skin in (MEAN_SKIN[0], 30.0):
        found = replace(beard, skin=np.array([skin, 10.0, 15.0])).coloured(name)
        assert found.hair[0] == pytest.approx(light * (skin / MEAN_SKIN[0]) ** EXPOSED)
        assert saturation(found.hair) == pytest.approx(chroma, abs=1e-3)
        assert np.degrees(np.arctan2(found.hair[2], found.hair[1])) == pytest.approx(hue, abs=0.1)
        assert np.array_equal(found.cover, beard.cover) and found.skin[0] == skin


def test_strands_spread_evenly_over_heights(reference):
    height, light = np.moveaxis(draw_strands(reference), -1, 0)
    assert np.histogram(height, 4, (0, 1))[0] == pytest.approx([height.size / 4] * 4, rel=1e-3)
    below = np.s_[800:900, 400:600]  # the chin: strands run down, so lines across change more than lines along
    assert np.abs(np.diff(height[below], axis=1)).mean() > 1.3 * np.abs(np.diff(height[below], axis=0)).mean()
    assert light[below].std() > 0.1


def test_the_patch_darkens_skin_where_the_beard_is_and_nothing_else(beard):
    rgb = np.broadcast_to(SKIN.astype(np.uint8), (200, 200, 3)).copy()
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[36:60, 12:52] = 1
    (x0, y0, x1, y1), delta = beard.patch(rgb, mask, square(200), np.zeros((SIZE, SIZE, 2), np.float16))
    full = np.zeros((200, 200, 3), np.float32)
    full[y0:y1, x0:x1] = delta
    middle = full[165:175, 85:115].mean(axis=(0, 1))
    assert middle == pytest.approx(0.9 * (DARK - SKIN), abs=25)
    assert full[165:175, 85:115].std(axis=(0, 1)).min() > 1  # strands
    assert not full[:105].any() and not full[:, :30].any() and np.abs(full[144:148, 95:105]).max() < 4


def test_strands_move_with_the_face(beard):
    rgb = np.broadcast_to(SKIN.astype(np.uint8), (256, 256, 3)).copy()
    mask = np.ones((SIZE, SIZE), np.float32)
    still = np.zeros((SIZE, SIZE, 2), np.float32)
    shifted = still - np.float32([4 / SIZE, 0])  # the face has moved right by 4 pixels of the crop, 16 of the frame
    _, here = beard.patch(rgb, mask, square(256), still)
    _, there = beard.patch(rgb, mask, square(256), shifted)
    inner = np.s_[200:240, 80:180]
    assert np.abs(there[:, 16:][inner] - here[:, :-16][inner]).mean() < 0.05 * np.abs(here[inner]).mean()
    assert np.abs(there[inner] - here[inner]).mean() > 0.1 * np.abs(here[inner]).mean()


def test_small_faces_show_no_grain_but_the_same_beard(beard):
    flat = np.broadcast_to(SKIN.astype(np.uint8), (512, 512, 3))
    mask, still = np.ones((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE, 2), np.float32)
    _, large = beard.patch(flat, mask, square(512), still)
    _, small = beard.patch(flat[:64, :64], mask, square(64), still)
    reduced = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(small - reduced)[50:60, 20:44].mean() < 0.2 * np.abs(reduced[50:60, 20:44]).mean()


def test_a_mask_that_is_empty_adds_nothing(beard):
    box, delta = beard.patch(
        np.zeros((64, 64, 3), np.uint8), np.zeros((8, 8), np.float32), square(64), np.zeros((8, 8, 2))
    )
    assert box == (0, 0, 0, 0) and delta.size == 0


def test_no_cover_adds_nothing(beard):
    bare = replace(beard, cover=np.zeros_like(beard.cover))
    rgb = np.full((64, 64, 3), 150, np.uint8)
    assert not bare.patch(rgb, np.ones((8, 8), np.float32), square(64), np.zeros((8, 8, 2)))[1].any()


def test_fetch_reads_places_of_the_unit_square():
    ramp = np.tile(np.arange(8, dtype=np.float32), (8, 1))
    assert fetch(ramp, np.array([[[4.5 / 8, 0.5], [0.0, 0.0], [5 / 8, 0.3]]], np.float32)).tolist() == [[4.0, 0.0, 4.5]]
