import numpy as np
import pytest

from dvaedit.face.mask import border_window
from dvaedit.face.paste import merge
from dvaedit.face.surround import (
    DROP,
    REACH,
    HairColours,
    crop_window,
    fit_recolouring,
    hair_around,
    recolour,
    wide_map,
    wide_quads,
)  # fmt: skip

SIZE = 128


def test_wide_squares_are_larger_and_lower():
    quad = np.array([[[100.0, 50], [100, 150], [200, 150], [200, 50]]])
    wide = wide_quads(quad)[0]
    assert np.allclose(wide.mean(axis=0), [150, 100 + 100 * DROP])
    assert np.allclose(wide[3] - wide[0], [100 * REACH, 0])


def test_the_crops_window_is_where_the_crop_lies():
    seen = crop_window(SIZE)
    rows, columns = np.nonzero(seen > 0.5)
    side = SIZE / REACH
    centre = SIZE / 2 - DROP * side
    assert np.ptp(columns) == pytest.approx(side * (1 - 1 / 12), abs=3)
    assert rows.mean() + 0.5 == pytest.approx(centre, abs=1)
    assert columns.mean() + 0.5 == pytest.approx(SIZE / 2, abs=1)
    assert seen.max() == pytest.approx(1) and border_window(SIZE).max() == 1


def scene():
    """A wide square: brown hair from the middle of the crop down, more of it apart; the crop's map; a person mask."""
    wide = np.full((SIZE, SIZE, 3), 200, np.uint8)
    hair = np.zeros((SIZE, SIZE), bool)
    hair[40:118, 56:72] = True
    hair[40:110, 2:10] = True  # somebody else's
    wide[hair] = (90, 60, 40)
    side = SIZE / REACH
    low = np.rint([SIZE / 2 - DROP * side - side / 2, SIZE / 2 - side / 2]).astype(int)
    at = np.arange(64) * side / 64
    crop_hair = hair[np.ix_((low[0] + at).astype(int), (low[1] + at).astype(int))]
    return wide, np.where(crop_hair, 17, 1).astype(np.uint8)


def test_hair_outside_is_what_has_its_colour_and_hangs_together():
    wide, classes = scene()
    crop = np.where(classes[..., None] == 17, np.uint8([90, 60, 40]), np.uint8([200, 200, 200]))
    colours = HairColours.learn(crop[None], classes[None])
    assert colours(crop)[classes == 17].min() > 0.9 > 0.1 > np.median(colours(crop)[classes == 1])
    found = wide_map(wide, np.ones((SIZE, SIZE), np.float32), classes, colours)
    assert (found[100:116, 58:70] == 17).all()
    assert not found[:, :12].any()
    nobody = wide_map(wide, np.zeros((SIZE, SIZE), np.float32), classes, colours)
    assert not nobody[110:].any()
    mask = hair_around(found[None], wide[None], np.arange(1), slice(0, 1))[0]
    assert mask[105, 64] > 0.9
    assert mask[50, 64] < 0.02  # there the crop's own mask is at work
    assert mask[105, 90] < 0.05


def test_recolouring_is_the_affine_change_of_the_hair_alone():
    rng = np.random.default_rng(0)
    crops = rng.uniform(20, 90, (3, 16, 16, 3)).astype(np.float32)
    matrix = np.array([[30.0, 20, 5], [0.4, 0, 0], [0, 0.3, 0], [0, 0, 0.1]])
    change = np.concatenate([np.ones((3, 16, 16, 1)), crops], axis=-1) @ matrix
    weights = np.zeros((3, 16, 16))
    weights[:, :8] = 1
    change[:, 8:] = -99
    fitted = fit_recolouring(crops, change, weights)
    assert np.allclose(recolour(crops[0, :8], fitted), change[0, :8], atol=3)
    assert np.array_equal(fit_recolouring(crops, change, weights * 0), np.zeros((4, 3)))


def test_recoloured_values_stay_levels():
    bright = recolour(np.full((1, 1, 3), 250, np.uint8), np.array([[60.0] * 3, *[[0] * 3] * 3]))
    assert np.allclose(bright, 5)


def test_patches_add_up_over_both_boxes():
    ones = np.ones((2, 2, 3), np.float32)
    (x0, y0, x1, y1), total = merge(((0, 0, 2, 2), ones), ((1, 1, 3, 3), 2 * ones))
    assert (x0, y0, x1, y1) == (0, 0, 3, 3)
    assert total[..., 0].tolist() == [[1, 1, 0], [1, 3, 2], [0, 2, 2]]
    empty = ((0, 0, 0, 0), np.zeros((0, 0, 3), np.float32))
    assert merge(empty, ((1, 1, 3, 3), ones))[0] == (1, 1, 3, 3)
