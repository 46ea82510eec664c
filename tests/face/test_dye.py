import cv2
import numpy as np
import pytest

from dvaedit.face.dye import (
    ADDED,
    BLACK,
    COLOURED,
    EXPOSED,
    KEEPING,
    KEPT,
    LIGHTEST,
    LIGHTS,
    MEAN_SKIN,
    NATURES,
    PALE,
    PIGMENT,
    TINTED,
    TURN,
    VIVID,
    YELLOWEST,
    Dye,
    dyed_patch,
    exposure,
)
from dvaedit.face.surround import FACE
from tests.face.test_matte import DARK, LIGHT, QUAD, SIDE, upper_half

DARK_BROWN, BLOND = np.array([15.0, 2, 3]), np.array([65.0, 6, 26])


def lab(rgb):
    return cv2.cvtColor(np.float32(rgb)[None] / 255, cv2.COLOR_RGB2LAB)[0]


def rgb(colours):
    return cv2.cvtColor(np.float32(colours)[None], cv2.COLOR_LAB2RGB)[0] * 255


def dyed(dye, colours, near=None, far=None):
    even = np.broadcast_to(rgb([dye.before]), colours.shape)
    return dye(colours, even if near is None else near, even if far is None else far)


def test_the_mean_becomes_the_other_mean():
    for before, after in ((DARK_BROWN, BLOND), (BLOND, DARK_BROWN)):
        assert lab(dyed(Dye(before, after), rgb([before])))[0] == pytest.approx(after, abs=0.5)


def test_the_same_colour_changes_nothing():
    colours = np.random.default_rng(0).uniform(0, 255, (50, 3)).astype(np.float32)
    assert np.abs(dyed(Dye(BLOND, BLOND), colours, colours[::-1], colours) - colours).max() < 0.5


def test_order_of_light_is_kept_and_contrast_stays_within_bounds():
    grays = np.repeat(np.linspace(0, 255, 40), 3).reshape(-1, 3)
    lighter, darker = (lab(dyed(Dye(*pair), grays))[:, 0] for pair in ((DARK_BROWN, BLOND), (BLOND, DARK_BROWN)))
    assert (np.diff(lighter) > 0).all() and lighter.max() <= 100.1
    assert (np.diff(darker) >= -1e-3).all()
    assert np.ptp(darker) < 0.4 * np.ptp(lab(grays)[:, 0])


def test_lighter_hair_gains_contrast_of_shading_more_than_of_strands_and_within_bounds():
    dye, even = Dye(DARK_BROWN, BLOND), rgb([DARK_BROWN])
    brighter = rgb([[18, 2, 3]])
    strand, lock, shading = (
        lab(dyed(dye, brighter, *(brighter if each else even for each in bands)))[0, 0] - BLOND[0]
        for bands in ((0, 0), (1, 0), (1, 1))
    )
    assert 3 < strand < lock < shading
    light = rgb([[45, 2, 3]])
    assert lab(dyed(dye, light, light, light))[0, 0] <= BLOND[0] + 30 + ADDED[0] + 0.1


def learnt(before, after, skin, turns=None):
    crops, edited = (np.tile(rgb([colour])[0], (1, 8, 8, 1)) for colour in (before, after))
    weights, bare = np.zeros((1, 8, 8)), np.zeros((1, 8, 8), bool)
    weights[:, :4], bare[:, 4:] = 1, True
    crops[bare] = rgb([skin])[0]
    return Dye.learn(crops, edited, weights, bare, turns).after


@pytest.mark.parametrize("name", VIVID)
def test_hair_that_is_dyed_is_of_that_colour(name):
    """Whatever the network makes of it; the darker, the less light there is."""
    light, chroma, hue = VIVID[name]
    for seen, before, after in ((60, DARK_BROWN, [20, 5, 5]), (30, [70, 4, 20], [80, 0, 60])):
        found = learnt(before, after, [seen, 12, 18], turns={name: 1.0})
        assert found[0] == pytest.approx(light * (seen / 60) ** EXPOSED, abs=0.5)
        assert np.hypot(*found[1:]) / found[0] == pytest.approx(chroma, abs=0.02)
        assert np.degrees(np.arctan2(found[2], found[1])) % 360 == pytest.approx(hue, abs=1)


def test_hair_is_no_greener_and_no_more_vivid_than_its_light_makes_it():
    skin = np.array([60, 12, 18])  # hue 56 degrees, chroma 0.36 of its lightness
    light, a, b = learnt(DARK_BROWN, [55, 0, 40], skin)
    assert np.degrees(np.arctan2(b, a)) == pytest.approx(YELLOWEST[0] + YELLOWEST[1] * 56.3, abs=2)
    assert np.hypot(a, b) / light == pytest.approx(PALE * 0.36, abs=0.04)
    ginger = learnt(DARK_BROWN, [35, 22, 30], skin)
    assert ginger[1:] == pytest.approx([22, 30], abs=1)


def test_green_hair_can_be_meant_and_what_is_there_stays():
    skin = np.array([60, 12, 18])
    assert learnt(DARK_BROWN, [40, -35, 25], skin)[1:] == pytest.approx([-35, 25], abs=1)
    assert learnt([55, 0, 40], [55, 0, 40], skin)[1:] == pytest.approx([0, 40], abs=1)


def test_gray_hair_has_little_of_the_colour_of_light_and_is_not_green():
    skin = np.array([60, 12, 18])
    light, a, b = learnt(DARK_BROWN, [60, -6, 17], skin, turns={"gray": 1})
    assert np.hypot(a, b) / light == pytest.approx(0.08 * (0.36 / 0.4) ** TINTED, abs=0.01)
    assert np.degrees(np.arctan2(b, a)) == pytest.approx(80, abs=1)
    assert learnt(DARK_BROWN, [60, 1, 3], skin, turns={"gray": 1})[1:] == pytest.approx([1, 3], abs=0.5)


def test_gray_hair_is_warm_in_light_that_is():
    """By a fifth of how much more saturated skin is than on average."""
    for chroma in (MEAN_SKIN[1], MEAN_SKIN[1] + 0.5):
        skin = np.array([60, 60 * chroma * 0.6, 60 * chroma * 0.8])
        light, *tint = learnt(DARK_BROWN, [50, 0.1, 0.1], skin, turns={"gray": 1})
        warm = NATURES["gray"].chroma[1] + LIGHTS * 0.5 if chroma > MEAN_SKIN[1] else 0.0
        assert np.hypot(*tint) / light == pytest.approx(warm, abs=0.01)


def test_hair_that_turns_gray_is_lighter_than_it_was():
    skin, gray = np.array([60, 12, 18]), [36, 1, 3]
    assert learnt([27, 6, 9], gray, skin, turns={"gray": 1})[0] == pytest.approx(49, abs=0.5)
    assert learnt([55, 8, 20], gray, skin, turns={"gray": 1})[0] == pytest.approx(55, abs=0.5)
    assert learnt([45, 1, 2], gray, skin, turns={"gray": 1})[0] == pytest.approx(39, abs=0.5)  # gray already


def test_blond_hair_that_is_to_be_blond_gets_no_darker():
    skin = np.array([60, 12, 18])
    assert learnt([66, 4, 11], [54, 6, 20], skin, turns={"blond": 1})[0] == pytest.approx(66, abs=0.5)
    assert learnt(DARK_BROWN, [54, 6, 20], skin, turns={"blond": 1})[0] == pytest.approx(50, abs=0.5)


def test_hair_of_a_named_colour_is_as_portraits_have_it_in_this_light():
    skin = np.array([60, 12, 18])
    assert learnt(BLOND, [25, 3, 5], skin, turns={"black": 1})[0] == pytest.approx(11, abs=0.5)
    assert learnt(BLOND, [25, 3, 5], skin, turns={"black": 0.5})[0] == pytest.approx(18, abs=0.5)
    fairer = learnt(BLOND, [25, 3, 5], np.array([80, 12, 18]), turns={"black": 1})[0]
    assert fairer == pytest.approx(11 * (80 / 60) ** EXPOSED, abs=0.5)
    assert learnt(BLOND, [8, 1, 1], skin, turns={"black": 1})[0] == pytest.approx(8, abs=0.5)
    light, a, b = learnt(DARK_BROWN, [50, 3, 22], skin, turns={"red": 1})
    assert light == pytest.approx(35, abs=0.5) and np.hypot(a, b) / light == pytest.approx(
        0.7 * (0.36 / 0.4) ** TINTED, abs=0.03
    )
    assert np.degrees(np.arctan2(b, a)) == pytest.approx(20 + 0.6 * 56.3, abs=1)


def test_the_young_keep_their_hair_unless_it_is_gray():
    skin, brown = np.array([60, 12, 18]), [18, 6, 8]
    for gray in ([50, 2, 5], [30, 1, 2]):
        assert learnt(gray, brown, skin, turns={"young": 1}) == pytest.approx(brown, abs=1)
        light, *tint = learnt(gray, gray, skin, turns={"young": 1})
        assert light == pytest.approx(21, abs=0.5) and 0.45 < np.hypot(*tint) / light < 0.75  # brown, whatever is asked
    for kept in ([55, 8, 22], [15, 1, 1]):
        assert learnt(kept, brown, skin, turns={"young": 1}) == pytest.approx(kept, abs=1)


def test_in_the_dark_hair_stays_dark():
    found = learnt([0, 0, 0], BLOND, [0, 0, 0])
    assert np.isfinite(found).all() and found[0] < 2


@pytest.mark.parametrize(
    ("hair", "gray"),
    [([42, -7, -4], True), ([42, 0, 3], True), ([42, 8, 7], False), ([42, -20, -14], False), ([20, -3, -2], False)],
    ids=["gray in cool light", "gray", "brown", "turquoise", "black in cool light"],
)
def test_gray_hair_of_who_gets_young_is_brown_bluish_as_it_may_be(hair, gray):
    after = learnt(hair, hair, [47, 9, 8], turns={"young": 1})
    assert (after == pytest.approx(hair, abs=0.5)) is not gray
    assert not gray or after[0] < 22


def test_black_hair_that_is_to_be_black_stays_as_it_is():
    bluish, skin = [5, 1, -4], [33, 3, 6]
    assert learnt(bluish, [12, 7, 3], skin, turns={"black": 1}) == pytest.approx(bluish, abs=0.5)
    brown = learnt([9, 6, 6], [12, 7, 3], skin, turns={"black": 1})
    assert brown[0] == pytest.approx(11 * exposure(np.array(skin)), abs=0.5)


def test_brown_hair_in_the_dark_is_not_black_yet():
    dark, skin = [7, 4, 3], [28, 15, 17]
    after = learnt(dark, [4, 2, 2], skin, turns={"black": 1})
    assert after[0] < 5 and np.hypot(*after[1:]) < 1.5
    assert learnt(dark, [4, 2, 2], [60, 12, 14], turns={"black": 1}) == pytest.approx(dark, abs=0.5)


def test_black_hair_has_little_colour_but_hair_that_was_black_keeps_it():
    brown, black, skin = [38, 13, 13], [8, 4, 3], [60, 12, 14]
    assert learnt(brown, black, skin) == pytest.approx([8, 4 * BLACK, 3 * BLACK], abs=0.5)
    assert learnt(black, black, skin) == pytest.approx([8, 4, 3], abs=0.5)


def test_darker_hair_keeps_more_of_the_contrast_of_strands_than_of_shading():
    dye, even, brighter = Dye(BLOND, DARK_BROWN), rgb([BLOND]), rgb([[75, 6, 26]])
    strand, shading = (
        lab(dyed(dye, brighter, *bands))[0, 0] - DARK_BROWN[0] for bands in ((even,) * 2, (brighter,) * 2)
    )
    assert 2 < shading < strand < 10


def test_darker_hair_keeps_as_much_less_of_its_tints():
    brown, black = np.array([20.0, 5, 9]), np.array([5.0, 0, 1])
    b = lab(dyed(Dye(brown, black), rgb([brown, brown * [1, 1, 0]])))[:, 2]
    turned = 1 - np.exp(-np.linalg.norm(black - brown) / TURN)
    assert b[0] - b[1] == pytest.approx((1 - (1 - KEPT) * turned) * 9 / 4, abs=0.1)


def test_a_dye_is_learnt_from_sure_hair_and_outlasts_what_an_edit_missed():
    crops = np.tile(rgb([DARK_BROWN])[0], (2, 8, 8, 1))
    edited = np.tile(rgb([BLOND])[0], (2, 8, 8, 1))
    edited[:, :, :3] = crops[:, :, :3]
    weights = np.ones((2, 8, 8))
    weights[:, 6:], edited[:, 6:] = 0, 255
    found = Dye.learn(crops, edited, weights, np.zeros(weights.shape, bool))
    assert found.before == pytest.approx(DARK_BROWN, abs=0.5) and found.after == pytest.approx(BLOND, abs=0.5)
    assert Dye.learn(crops, edited, 0 * weights, weights > 0) is None


def test_in_little_light_no_hair_is_bright_and_none_gets_darker_for_it():
    found = learnt([10, 0, 0], BLOND, [20, 3.5, 8])
    least = LIGHTEST * 20 * np.exp(-np.hypot(6, 26) / PIGMENT)
    assert found[0] == pytest.approx(least, abs=0.6)
    assert found[1:] == pytest.approx(BLOND[1:] * (least / 65) ** 0.5, abs=0.6)
    assert learnt(BLOND, BLOND, BLOND) == pytest.approx(BLOND, abs=0.5)


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


def test_roots_are_darker_where_hair_gets_lighter():
    lighter, darker = Dye(DARK_BROWN, BLOND), Dye(BLOND, DARK_BROWN)
    brown, even = rgb([DARK_BROWN] * 3), rgb([DARK_BROWN])
    found = lab(lighter(brown, even, even, np.array([0, 0.5, 1])))[:, 0]
    assert found == pytest.approx(65 - KEEPING[1] * np.array([0, 0.5, 1]) * (65 - 15), abs=0.5)
    blond = rgb([BLOND] * 2)
    assert darker(blond, blond, blond, np.ones(2)) == pytest.approx(darker(blond, blond, blond), abs=1e-4)


def test_gray_hair_is_less_dark_at_its_roots():
    gray, other = (
        Dye(DARK_BROWN, np.array([60.0, 0, chroma])).keeping for chroma in (60 * COLOURED[0], 60 * COLOURED[1])
    )
    assert (gray, other) == pytest.approx(KEEPING)


def test_hair_beside_skin_is_darker_than_hair_that_is_not():
    """Within a few pixels, and not beside what is no face."""
    frame = np.tile(LIGHT, (SIDE, SIDE, 1))
    frame[: SIDE // 2] = DARK
    dye, least = Dye(lab([DARK])[0], BLOND), 65 - KEEPING[1] * (65 - lab([DARK])[0][0])

    def light(class_below, row):
        (_, top, _, _), delta = dyed_patch(frame.astype(np.uint8), *upper_half(class_below), QUAD, dye)
        return lab([DARK + delta[row - top, 64]])[0][0]

    near = SIDE // 2 - 3
    assert light(0, near) == pytest.approx(65, abs=0.5) == light(FACE, near - 8)
    assert least - 0.5 < light(FACE, near) < 63


def test_outlines_that_colour_does_not_tell_follow_the_frames_before():
    dye, ramp = Dye(lab([DARK])[0], BLOND), upper_half()
    for behind, share in ((DARK + 4, 0.25), (LIGHT, 1.0)):
        frame = np.tile(np.float32(behind), (SIDE, SIDE, 1))
        frame[: SIDE // 2] = DARK
        frame = frame.astype(np.uint8)
        (_, y0, _, _), alone = dyed_patch(frame, *ramp, QUAD, dye)
        quarter = dyed_patch(frame, *ramp, QUAD, dye, steady=lambda patch: (patch[0], 0.25 * patch[1]))[1]
        row = SIDE // 2 - 1 - y0
        assert quarter[row, 64] == pytest.approx(share * alone[row, 64], rel=0.05) and alone[row, 64].min() > 10
