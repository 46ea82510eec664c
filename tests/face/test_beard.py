from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.face.anchor import fetch, offsets, pixels
from dvaedit.face.beard import (
    BEARD,
    COLOURS,
    DARKEST,
    FAIR,
    GRAY,
    GRAYISH,
    GRIZZLED,
    HAIRS,
    LIGHT,
    MOUTH_GAP,
    NEUTRAL,
    OPAQUE,
    PER_HAIR,
    YELLOWER,
    Beard,
    draw_strands,
    off_the_lips,
)
from dvaedit.face.dye import EXPOSED, LIT, MEAN_SKIN
from dvaedit.face.lab import from_lab, saturation, to_lab
from dvaedit.face.mask import soft_mask
from dvaedit.face.regions import CLASS_ID
from tests.face.conftest import face_points, square

SIZE = 64
SKIN = np.array([190.0, 150, 130])
DARK = DARKEST * to_lab(SKIN)[0]


@pytest.fixture(scope="module")
def reference():
    return face_points()


@pytest.fixture(scope="module")
def cover():
    """Dense on the chin of a picture twice as fine as the crops."""
    cover = np.zeros((2 * SIZE, 2 * SIZE))
    cover[100:120, 40:88] = 0.4
    return cover


def grown(cover, head=None, shown=1.0, lit=1.0):
    """From three frames of skin, which is darker but on the chin."""
    crops = np.broadcast_to(0.5 * lit * SKIN, (3, SIZE, SIZE, 3)).copy()
    crops[:, 46:64] = lit * SKIN
    weights, points = np.full((3, SIZE, SIZE), shown), np.repeat(face_points()[None], 3, 0)
    return Beard.learn(cover, crops, weights, points, face_points(), None if head is None else np.array(head))


@pytest.fixture(scope="module")
def beard():
    """A full one, in a band below the mouth."""
    cover = np.zeros((SIZE, SIZE))
    cover[52:58, 20:44] = 1
    return grown(cv2.GaussianBlur(cover, (0, 0), 0.6))


def test_places_stay_on_a_face_that_moves_turns_and_grows(reference):
    c, s = np.cos(0.2) * 1.1, np.sin(0.2) * 1.1
    moved = (reference - 0.5) @ np.array([[c, s], [-s, c]]) + [0.52, 0.47]
    back = pixels(SIZE) + offsets(moved, reference, SIZE)
    turned = np.linalg.inv(np.array([[c, s], [-s, c]]))
    assert np.abs(back - ((pixels(SIZE) - [0.52, 0.47]) @ turned + 0.5)).max() < 2e-3


def test_places_of_an_unmoved_face_are_its_own(reference):
    assert np.abs(offsets(reference, reference, SIZE)).max() < 1e-4


def test_a_beard_is_as_dense_as_it_is_told(cover, reference):
    beard = grown(cover)
    assert np.array_equal(beard.cover, cover.astype(np.float32)) and beard.cover.dtype == np.float32
    assert np.array_equal(beard.reference, reference)


def test_it_is_dark_beside_the_skin_it_grows_on_and_of_its_hue(cover):
    beard, skin = grown(cover), to_lab(SKIN)
    assert beard.skin == pytest.approx(skin, abs=0.5)
    assert beard.hair[0] == pytest.approx(DARK, abs=0.3)
    assert saturation(beard.hair) == pytest.approx((BEARD + PER_HAIR * NEUTRAL) * saturation(skin), rel=0.02)
    hues = [np.arctan2(colour[2], colour[1]) for colour in (beard.hair, skin)]
    assert hues[0] - hues[1] == pytest.approx(YELLOWER, abs=0.02)


def test_its_colour_goes_by_the_skin_as_the_face_moves(cover, reference):
    """That of the chin where it lies in a frame, not where it would lie."""
    crops = np.broadcast_to(0.5 * SKIN, (3, SIZE, SIZE, 3)).copy()
    crops[:, 36:54] = SKIN
    points = np.repeat((reference - [0, 10 / SIZE])[None], 3, 0)
    found = Beard.learn(cover, crops, np.ones((3, SIZE, SIZE)), points, reference)
    assert found.skin == pytest.approx(to_lab(SKIN), abs=0.5)


def test_fair_hair_makes_it_fairer_and_dark_hair_no_darker(cover):
    fair, black = (grown(cover, head=[light, 8.0, 24.0]).hair for light in (DARK + 40, DARK - 10))
    assert fair[0] == pytest.approx(DARK + FAIR * 40, abs=0.3) and black[0] == pytest.approx(DARK, abs=0.3)


@pytest.mark.parametrize(
    ("saturated", "light", "lit", "grizzled"),
    [(0.9, 1.1, 1.0, True), (1.1, 1.1, 1.0, False), (0.9, 0.9, 1.0, False), (0.9, 1.1, 0.5, True),
     (0.9, 0.9, 0.5, False)],
    ids=["gray", "blond", "dark", "gray beside dark skin", "black beside dark skin"],
)  # fmt: skip
def test_beards_beside_gray_hair_are_grizzled(cover, saturated, light, lit, grizzled):
    skin = to_lab(lit * SKIN)
    head = light * max(LIT * skin[0], LIGHT)
    assert (lit < 1) == (LIT * skin[0] < 0.9 * LIGHT)
    dark = DARKEST * skin[0]
    found = grown(cover, [head, 0.0, saturated * GRAYISH * saturation(skin) * head], lit=lit).hair
    assert found[0] == pytest.approx(GRIZZLED * skin[0] if grizzled else dark + FAIR * (head - dark), abs=0.3)


def test_a_beard_beside_white_hair_is_seen_on_the_skin(cover):
    """It is darker and has less colour."""
    skin = to_lab(SKIN)
    found = grown(cover, head=[90.0, 0.0, 2.0]).hair
    assert found[0] == pytest.approx(GRIZZLED * skin[0], abs=0.3) and GRIZZLED < 0.7
    assert saturation(found) == pytest.approx(GRAY * saturation(skin), rel=0.02)


def test_vivid_hair_makes_it_vivid_within_bounds(cover):
    black, red, neon = (
        saturation(grown(cover, head=head).hair) for head in ([9.0, 0, 0], [50.0, 0, 30], [50.0, 0, 90])
    )
    skin = saturation(to_lab(SKIN))
    assert black == pytest.approx((BEARD + PER_HAIR * HAIRS[0]) * skin, rel=0.02)
    assert red == pytest.approx((BEARD + PER_HAIR * 0.6 / skin) * skin, rel=0.02)
    assert neon == pytest.approx((BEARD + PER_HAIR * HAIRS[1]) * skin, rel=0.02)


def test_where_no_skin_shows_none_grows(cover):
    assert grown(cover, shown=0.0) is None and grown(0 * cover) is None


def test_nothing_grows_on_the_lips_and_close_to_them(reference):
    size, gap = 256, 4
    lips = np.zeros((size, size), np.uint8)
    cv2.fillPoly(lips, [np.rint(reference[48:60] * size - 0.5).astype(np.int32)], 1)
    far = cv2.distanceTransform(1 - lips, cv2.DIST_L2, 5)
    bare, wide = off_the_lips(reference, size), off_the_lips(reference, size, gap / size)
    assert bare[far == 0].mean() < 0.02 and bare[far > 6].min() > 0.999
    assert wide[far < gap - 2].max() < 0.1 and wide[far > gap + 5].min() > 0.999
    assert round(size * MOUTH_GAP) == 1


def test_beards_are_seen_on_skin_up_to_the_temples():
    """And on lips, off which they are kept otherwise; not on a nose."""
    classes = np.full((1, SIZE, SIZE), CLASS_ID["skin"], np.uint8)
    classes[0, 40:50, 20:44], classes[0, 20:32, 26:38] = CLASS_ID["u_lip"], CLASS_ID["nose"]
    (mask,) = soft_mask(classes, Beard.region)
    assert mask[14, 14] > 0.99 and mask[45, 32] > 0.99 and mask[26, 32] < 0.01


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
    mask[36:60, 12:40] = 1
    (x0, y0, x1, y1), delta = beard.patch(rgb, mask, square(200), np.zeros((SIZE, SIZE, 2), np.float16))
    full = np.zeros((200, 200, 3), np.float32)
    full[y0:y1, x0:x1] = delta
    middle = full[165:175, 75:105].mean(axis=(0, 1))
    assert middle == pytest.approx(OPAQUE * (from_lab(beard.hair) - SKIN), abs=4)
    assert full[165:175, 75:105].std(axis=(0, 1)).min() > 1  # strands
    assert not full[:105].any() and np.abs(full[:156]).max() < 0.5 and np.abs(full[188:]).max() < 0.5
    assert not full[:, :30].any() and not full[:, 130:].any()  # the mask ends amid the beard


def test_thin_beards_show_skin_between_strands(beard):
    cover = np.ones((SIZE, SIZE), np.float32)
    cover[:, : SIZE // 2] = 0.3
    rgb, still = np.broadcast_to(SKIN.astype(np.uint8), (200, 200, 3)), np.zeros((SIZE, SIZE, 2), np.float32)
    _, delta = replace(beard, cover=cover).patch(rgb, np.ones_like(cover), square(200), still)
    thin, full = (delta[150:180, columns, 0] for columns in (slice(50, 90), slice(110, 150)))
    assert thin.mean() == pytest.approx(0.3 * full.mean(), rel=0.2)
    assert thin.std() / thin.mean() < 3 * full.std() / full.mean() < 0  # darker than skin, and more uneven


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
