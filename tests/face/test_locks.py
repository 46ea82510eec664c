from dataclasses import replace

import numpy as np
import pytest

from dvaedit.face.align import crop_to_frame, transform
from dvaedit.face.anchor import SIDE, fetch, pixels
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.locks import (
    BELOW,
    CLOSE,
    CONTRAST,
    CROWN,
    END,
    MORE,
    THIN,
    Locks,
    allowed,
    in_room,
    into_room,
    is_long,
    room,
    textures,
)
from tests.face.conftest import square

SIZE, CROP = 128, 64  # pixels a side of what is told over the wide square, and of crops
INNER, OUTER = 0.2, 0.4  # from the middle of the face, in sides of the crop: where hair hangs
HAIR, SKIN = np.array([40.0, 10, 18]), np.array([190.0, 150, 130])
HERE = pixels(SIZE)  # places in the wide square of those who lie as the mean face does
NONE = np.zeros((SIZE, SIZE), np.float32)
ALL = NONE + 1


def in_crop(size):
    """Columns, from the middle, and rows of the pixels of a wide square of ``size``, in sides of the crop."""
    corner = -1.6 * in_room(np.zeros(2))
    x, y = np.moveaxis(1.6 * pixels(size) + corner, -1, 0)
    return np.abs(x - 0.5), y


def bands():
    """Straight hair that hangs beside the face, from above the crop to below it."""
    aside, rows = in_crop(SIZE)
    maps = np.zeros((SIZE, SIZE, 4), np.float32)
    maps[..., 0] = (aside > INNER) & (aside < OUTER) & (rows > -0.2) & (rows < 1.2)
    maps[..., 1] = -1
    return maps


UNDYED = np.zeros((2, 3))


@pytest.fixture(scope="module")
def locks():
    light = to_lab(SKIN)[0]
    return Locks(bands(), HAIR, np.asarray(3.0), np.asarray(light), UNDYED)


def steepness(picture):
    """Mean squared slopes, along x and along y."""
    return [float((np.diff(picture, axis=axis) ** 2).mean()) for axis in (1, 0)]


@pytest.mark.parametrize(("cos", "along"), [(-1, 1), (1, 0)], ids=["vertical", "horizontal"])
def test_strands_run_along_the_directions(cos, along):
    directions = np.zeros((SIZE, SIZE, 2), np.float32)
    directions[..., 0] = cos
    found = textures(directions)
    assert found.shape == (3, SIDE, SIDE) and np.array_equal(found, textures(directions))
    assert found.mean(axis=(1, 2)) == pytest.approx(0, abs=0.02)
    assert found.std(axis=(1, 2)) == pytest.approx(1, abs=0.05)
    for strands in found:
        slopes = steepness(strands)
        assert slopes[along] < 0.25 * slopes[1 - along]


def test_it_is_drawn_beside_the_face_down_to_below_the_jaw(locks):
    shown, light, shadow = np.moveaxis(locks.drawing.copies[0], -1, 0)
    aside, rows = in_crop(SIDE)
    middle, beside = aside < INNER - 0.08, np.abs(aside - (INNER + OUTER) / 2) < 0.03
    assert shown[beside & (rows > 0.3) & (rows < 0.8)].mean() > 0.95
    assert not shown[middle].any() and shown[rows < CROWN[0] - 0.15].max() < 1e-6
    assert shown[beside & (rows > 1.05)].max() < 1e-6 and shown.max() <= 1 and shown.min() >= 0
    ends = [np.flatnonzero(shown[:, column] > 0.5)[-1] for column in np.flatnonzero(beside[SIDE // 2])]
    low = rows[ends, 0]
    assert low.mean() == pytest.approx(END, abs=0.05) and low.std() > 0.002  # uneven
    assert light.min() >= 0.2 * HAIR[0] and shadow[middle & (rows > 0.6)].max() > shadow[rows < 0.3].max()


def test_own_hair_stays_above_the_temples_and_gives_way_below(locks):
    _, rows = in_crop(SIZE)
    bare = allowed(locks.maps, HERE, NONE, NONE, NONE, NONE)
    hairy = allowed(locks.maps, HERE, ALL, NONE, NONE, NONE)
    assert bare[(locks.maps[..., 0] > 0) & (rows > BELOW[1])].mean() > 0.97 and bare.max() <= 1
    assert not hairy[rows < 0.34].any() and np.array_equal(hairy[rows > BELOW[1]], bare[rows > BELOW[1]])


def test_the_fringe_of_own_hair_is_hidden(locks):
    """Nine pixels of its edge are not kept."""
    aside, rows = in_crop(SIZE)
    thin, wide = ((aside > INNER) & (aside < INNER + width) & (rows < 0.3) for width in (0.06, 0.2))
    thin, wide = (allowed(locks.maps, HERE, one.astype(np.float32), NONE, NONE, NONE) for one in (thin, wide))
    bare = allowed(locks.maps, HERE, NONE, NONE, NONE, NONE)
    edge, inside = ((np.abs(aside - INNER - away) < 0.01) & (rows > 0.2) & (rows < 0.24) for away in (0.045, 0.1))
    assert thin[edge].min() > 0.75 and not wide[inside].any()
    assert np.array_equal(thin[rows > BELOW[1]], bare[rows > BELOW[1]])


@pytest.mark.parametrize("of", ["hair", "skin"])
def test_it_comes_to_stand_off_the_head_from_the_crown_down(locks, of):
    """Wherever hair hangs on average; below the ears it may be anywhere."""
    aside, rows = in_crop(SIZE)
    head = (aside < INNER).astype(np.float32)
    found = allowed(locks.maps, HERE, head if of == "hair" else NONE, NONE, NONE, head if of == "skin" else NONE)
    near, far = (np.abs(aside - INNER - apart) < 0.01 for apart in (0.5 * CLOSE, 2.5 * CLOSE))
    crown, ears, below = (rows > 0) & (rows < CROWN[0]), np.abs(rows - BELOW[0]) < 0.02, (rows > 0.52) & (rows < 1.1)
    assert found[crown & near].max() < 0.1 and found[ears & near].min() > 0.75 and found[below & near].min() > 0.9
    assert found[(rows < BELOW[0] + 0.02) & far].max() < 0.05 and found[below & far].min() > 0.9


def test_skin_of_the_forehead_stays_and_hats_stay_everywhere(locks):
    _, rows = in_crop(SIZE)
    bare, skin = (allowed(locks.maps, HERE, NONE, shown, NONE, NONE) for shown in (NONE, ALL))
    assert not skin[rows < 0.46].any() and np.array_equal(skin[rows > 0.52], bare[rows > 0.52])
    assert not allowed(locks.maps, HERE, NONE, NONE, ALL, NONE).any()


def test_behind_jaw_and_neck_it_hangs_where_no_skin_is_bare(locks):
    aside, rows = in_crop(SIZE)
    behind = (aside > INNER - 0.035) & (aside < INNER - 0.02) & (rows > 0.55) & (rows < 0.7)
    before = (aside > INNER + 0.04) & (aside < OUTER - 0.04) & (rows > 0.55) & (rows < 0.7)
    empty, bare = (allowed(locks.maps, HERE, NONE, NONE, NONE, shown) for shown in (NONE, ALL))
    assert empty[behind].min() > 0.9 and not bare[behind].any()
    assert empty[before] == pytest.approx(bare[before], abs=0.03) and bare[before].min() > 0.9
    assert not empty[aside < INNER - 0.08].any()


def test_places_say_where_it_is_allowed(locks):
    moved = allowed(locks.maps, HERE + np.float32([10 / SIZE, 0]), NONE, NONE, NONE, NONE)
    still = allowed(locks.maps, HERE, NONE, NONE, NONE, NONE)
    assert np.allclose(moved[:, :-10], still[:, 10:], atol=1e-5)


def test_hair_beside_the_jaw_is_long():
    aside, rows = in_crop(SIZE)
    beside = (aside > INNER) & (aside < OUTER)
    hanging, short, one_side = (
        (beside & (rows < low) & side).astype(np.float32)
        for low, side in ((1.2, True), (0.55, True), (1.2, HERE[..., 0] < 0.2))
    )
    assert is_long(bands(), hanging) and not is_long(bands(), short)
    assert not is_long(bands(), one_side) and not is_long(bands(), NONE)
    assert is_long(bands(), hanging[::2, ::2])  # of another size than the maps


def crops_of(hair=HAIR, wave=0.0, skin=SKIN):
    """Three crops whose upper third is hair, lighter and darker by turns; and where that is."""
    lab = np.broadcast_to(to_lab(skin), (3, CROP, CROP, 3)).copy()
    inside = np.zeros((3, CROP, CROP), bool)
    inside[:, : CROP // 3] = True
    lab[inside] = hair
    lab[:, :, :, 0] += inside * wave * np.where(np.arange(CROP) % 4 < 2, 1, -1)
    return from_lab(lab), inside


def test_colour_and_contrast_are_those_of_the_heads_hair():
    crops, inside = crops_of(wave=3.0)
    found = Locks.learn(bands(), crops, inside, UNDYED)
    assert found.hair == pytest.approx(HAIR - [3, 0, 0], abs=0.6)  # its darker strands
    assert 1.6 < float(found.contrast) / MORE < 3.2
    assert float(found.light) == pytest.approx(to_lab(SKIN)[0], abs=0.2)


def test_dyed_hair_has_its_new_colour(locks):
    blond = np.array([75.0, 5, 40])
    rgb, added = drawn(replace(locks, dye=np.stack([HAIR, blond])))
    lab = to_lab(rgb + added)[solid()]
    assert lab.mean(axis=0) == pytest.approx(blond, abs=6) and lab[:, 0].std() > 1


@pytest.mark.parametrize(("wave", "bound"), [(0.0, CONTRAST[0]), (25.0, CONTRAST[1])])
def test_contrast_has_bounds(wave, bound):
    crops, inside = crops_of(wave=wave)
    found = Locks.learn(bands(), crops, inside, UNDYED)
    assert float(found.contrast) == pytest.approx(bound * found.hair[0], rel=1e-3)


def test_a_little_hair_is_enough_to_learn_from():
    crops, inside = crops_of()
    inside[:, 2:] = False  # too thin for anything to lie well inside
    found = Locks.learn(bands(), crops, inside, UNDYED).hair
    assert found == pytest.approx(HAIR * [1, THIN, THIN], abs=0.6)  # skin shows through


FRAME = 320
CROP_QUAD = np.array([[60, 70], [60, 260], [250, 260], [250, 70]], float)
STILL = np.zeros((SIZE, SIZE, 2), np.float32)


def drawn(locks, mask=ALL, shade=1.0, quad=CROP_QUAD):
    """A frame of skin, and what is added to all of it."""
    rgb = np.broadcast_to((shade * SKIN).astype(np.uint8), (FRAME, FRAME, 3)).copy()
    (x0, y0, x1, y1), delta = locks.patch(rgb, mask, room(quad[None])[0], STILL)
    whole = np.zeros((FRAME, FRAME, 3))
    whole[y0:y1, x0:x1] = delta
    return rgb, whole


def places():
    """Where in the crop the frame's pixels lie, as :func:`in_crop`."""
    x, y = np.meshgrid(*[np.arange(FRAME)] * 2)
    return np.abs((x - 60) / 190 - 0.5), (y - 70) / 190


def solid():
    """The frame's pixels that are all hair."""
    aside, rows = places()
    return (np.abs(aside - 0.34) < 0.03) & (rows > 0.3) & (rows < 0.8)


def test_where_it_is_solid_it_has_the_colour_of_the_hair(locks):
    rgb, added = drawn(locks)
    lab = to_lab(rgb + added)[solid()]
    assert lab.mean(axis=0) == pytest.approx(HAIR, abs=4) and 1 < lab[:, 0].std() < 7
    aside, rows = places()
    assert np.abs(added[(aside < 0.05) & (rows < 0.9)]).max() < 0.5  # its shadow ends before
    assert not added[rows < 0].any() and np.abs(added[rows > 1.1]).max() < 0.5


def test_it_is_lit_as_the_face_is(locks):
    """Beside a face that is half as bright, hair is darker in proportion, and no less saturated."""
    bright, dark = (to_lab(np.add(*drawn(locks, shade=shade)))[solid()].mean(axis=0) for shade in (1.0, 0.5))
    share = to_lab(0.5 * SKIN)[0] / to_lab(SKIN)[0]
    assert 0.45 < share < 0.6 and dark == pytest.approx(share * bright, abs=1.0)


def test_what_is_in_the_light_has_a_bound(locks):
    night = replace(locks, light=np.asarray(200.0))
    black, dim = (to_lab(np.add(*drawn(night, shade=shade)))[solid()].mean(axis=0) for shade in (0.02, 0.1))
    assert black == pytest.approx(dim, abs=0.5) and dim[0] > 0.15 * HAIR[0]


def test_nothing_is_added_where_the_mask_is_empty(locks):
    left = ALL.copy()
    left[:, SIZE // 2 :] = 0
    _, whole = drawn(locks)
    _, half = drawn(locks, left)
    middle = 155  # columns of the frame
    assert not half[:, middle + 3 :].any() and np.allclose(half[:, : middle - 3], whole[:, : middle - 3], atol=1e-3)
    box, empty = locks.patch(np.zeros((8, 8, 3), np.uint8), NONE, room(square(8)[None])[0], STILL)
    assert box == (0, 0, 0, 0) and empty.size == 0


def test_outside_the_frame_nothing_is_drawn(locks):
    rgb = np.zeros((64, 64, 3), np.uint8)
    box, delta = locks.patch(rgb, ALL, room(CROP_QUAD[None] + 500)[0], STILL)
    assert box == (0, 0, 0, 0) and delta.shape == (0, 0, 3)


@pytest.mark.parametrize("shift", [(190, 0), (0, 160), (-250, 0), (0, -240), (250, 0),
                                   (0, 240)])  # fmt: skip
def test_hair_whose_face_has_left_the_frame_is_still_drawn(locks, shift):
    _, added = drawn(locks, quad=CROP_QUAD + shift)
    assert added.shape == (FRAME, FRAME, 3) and np.isfinite(added).all()


def test_the_wide_square_and_its_places_agree():
    quad = np.array([[30, 10], [20, 90], [100, 100], [110, 20]], float)
    points = np.random.default_rng(0).random((20, 2))
    here = transform(points, crop_to_frame(quad, 1))
    assert transform(in_room(points), crop_to_frame(room(quad[None])[0], 1)) == pytest.approx(here)
    assert in_room(np.array([0.5, 0.0]))[0] == 0.5  # the crop is in its middle


def test_pictures_of_the_crop_come_to_lie_in_the_wide_square():
    picture = pixels(SIZE)
    wide, points = into_room(picture), np.random.default_rng(0).uniform(0.1, 0.9, (5, 5, 2))
    assert wide.shape == picture.shape
    assert fetch(wide, in_room(points)) == pytest.approx(points, abs=2e-3)
    assert wide[0, 0] == pytest.approx(picture[0, 0]) and wide[-1, -1] == pytest.approx(picture[-1, -1])  # repeated
