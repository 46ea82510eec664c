import numpy as np
import pytest

from dvaedit.face.wrinkles import EVENED, GRAIN, RELIEF, evened

SIDE = 200  # pixels of the crop: wrinkles have a sigma of 4 at most, folds of 12
SKIN = np.array([60.0, 14, 16])


def lab(light):
    """Skin whose lightness goes so from left to right."""
    picture = np.broadcast_to(SKIN, (SIDE, SIDE, 3)).astype(np.float32).copy()
    picture[..., 0] += light
    return picture


def bump(sigma, depth):
    return depth * np.exp(-0.5 * ((np.arange(SIDE) - 100) / sigma) ** 2)


def left(picture, share=1.0):
    """How deep a line down the middle is afterwards, as a share of what it was."""
    skin = np.full((SIDE, SIDE), share, np.float32)
    after = picture + evened(picture, skin, SIDE)
    depth = lambda one: float(one[100, 40, 0] - one[100, 100, 0])  # noqa: E731
    return depth(after) / depth(picture)


def test_even_skin_stays_as_it_is():
    assert evened(lab(0.0), np.ones((SIDE, SIDE), np.float32), SIDE) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("sigma", "least", "most"), [(2, 0.25, 0.4), (6, 0.4, 0.55), (60, 0.95, 1.0)])
def test_wrinkles_and_folds_go_and_the_shape_of_the_face_stays(sigma, least, most):
    assert least < left(lab(-bump(sigma, 10.0))) < most


def test_a_little_smoothing_leaves_folds():
    fold = lab(-bump(8, 10.0))
    whole, half = (1 - left(fold, share) for share in (1.0, 0.5))
    assert 0.25 * whole < half < 0.4 * whole


def test_pores_stay():
    pores = np.random.default_rng(0).normal(0, 0.5 * GRAIN, (SIDE, SIDE)).astype(np.float32)
    after = lab(pores) + evened(lab(pores), np.ones((SIDE, SIDE), np.float32), SIDE)
    assert 0.7 * pores.std() < after[20:-20, 20:-20, 0].std() < pores.std()


def test_what_is_no_skin_neither_changes_nor_counts():
    """Hair to the left: skin beside it is compared with skin alone."""
    picture, skin = lab(-bump(2, 10.0)), np.ones((SIDE, SIDE), np.float32)
    dark = picture.copy()
    skin[:, :80], dark[:, :80] = 0, [5, 0, 0]
    change = evened(dark, skin, SIDE)
    assert not change[:, :80].any() and change[:, 80:] == pytest.approx(evened(picture, skin, SIDE)[:, 80:], abs=1e-3)


def test_the_deepest_wrinkles_go_too():
    assert 0.15 < left(lab(-bump(2, 30.0))) < 0.35


def test_what_is_far_darker_is_no_wrinkle():
    dark = lab(-np.minimum(bump(2, 59.0), 58.0))
    added = evened(dark, np.ones((SIDE, SIDE), np.float32), SIDE)[100, 100, 0]
    assert -RELIEF[0] - 2 * GRAIN < added < -RELIEF[0] + EVENED * 20 + GRAIN


def test_folds_lose_their_colour():
    red = lab(0.0)
    red[..., 1] += bump(6, 8.0)
    after = red + evened(red, np.ones((SIDE, SIDE), np.float32), SIDE)
    assert 0 < after[100, 100, 1] - SKIN[1] < 0.6 * 8
