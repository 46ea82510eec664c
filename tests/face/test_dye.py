import cv2
import numpy as np
import pytest

from dvaedit.face.dye import LIGHTEST, Dye, dyed_patch
from tests.face.test_matte import DARK, LIGHT, QUAD, SIDE, upper_half

BLACK, BLOND = np.array([15.0, 2, 3]), np.array([65.0, 6, 26])


def lab(rgb):
    return cv2.cvtColor(np.float32(rgb)[None] / 255, cv2.COLOR_RGB2LAB)[0]


def rgb(colours):
    return cv2.cvtColor(np.float32(colours)[None], cv2.COLOR_LAB2RGB)[0] * 255


def test_the_mean_becomes_the_other_mean():
    for before, after in ((BLACK, BLOND), (BLOND, BLACK)):
        assert lab(Dye(before, after)(rgb([before])))[0] == pytest.approx(after, abs=0.5)


def test_the_same_colour_changes_nothing():
    colours = np.random.default_rng(0).uniform(0, 255, (50, 3)).astype(np.float32)
    assert np.abs(Dye(BLOND, BLOND)(colours) - colours).max() < 0.5


def test_order_of_light_is_kept_and_contrast_stays_within_bounds():
    grays = np.repeat(np.linspace(0, 255, 40), 3).reshape(-1, 3)
    lighter, darker = (lab(Dye(*pair)(grays))[:, 0] for pair in ((BLACK, BLOND), (BLOND, BLACK)))
    assert (np.diff(lighter) > 0).all() and lighter.max() <= 100.1
    assert (np.diff(darker) >= -1e-3).all()
    assert np.ptp(darker) < 0.3 * np.ptp(lab(grays)[:, 0])


def test_a_dye_is_learnt_from_sure_hair_and_outlasts_what_an_edit_missed():
    crops = np.tile(rgb([BLACK])[0], (2, 8, 8, 1))
    edited = np.tile(rgb([BLOND])[0], (2, 8, 8, 1))
    edited[:, :, :3] = crops[:, :, :3]
    weights = np.ones((2, 8, 8))
    weights[:, 6:], edited[:, 6:] = 0, 255
    found = Dye.learn(crops, edited, weights, np.zeros(weights.shape, bool))
    assert found.before == pytest.approx(BLACK, abs=0.5) and found.after == pytest.approx(BLOND, abs=0.5)
    assert Dye.learn(crops, edited, 0 * weights, weights > 0) is None


def test_in_little_light_no_hair_is_bright_and_none_gets_darker_for_it():
    crops, edited = np.tile(rgb([[10, 0, 0]])[0], (1, 8, 8, 1)), np.tile(rgb([BLOND])[0], (1, 8, 8, 1))
    weights, skin = np.zeros((1, 8, 8)), np.zeros((1, 8, 8), bool)
    weights[:, :4], skin[:, 4:] = 1, True
    crops[skin] = rgb([[20, 5, 5]])[0]
    found = Dye.learn(crops, edited, weights, skin)
    assert found.after[0] == pytest.approx(LIGHTEST * 20, abs=0.6)
    assert found.after / found.after[0] == pytest.approx(BLOND / BLOND[0], abs=0.02)
    assert Dye.learn(edited, edited, weights, skin).after == pytest.approx(BLOND, abs=0.5)


def test_a_mixed_pixel_keeps_what_lies_behind():
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    frame[64:66, 80] = (DARK + LIGHT) / 2
    dye = Dye(lab([DARK])[0], BLOND)
    (x0, y0, _, _), delta = dyed_patch(frame.astype(np.uint8), *upper_half(), QUAD, dye)
    whole, mixed = delta[30 - y0, 64 - x0], delta[65 - y0, 80 - x0]
    assert DARK + whole == pytest.approx(rgb([BLOND])[0], abs=1.5)
    assert mixed == pytest.approx(whole / 2, abs=12)
    assert not delta[80 - y0 :].any()
