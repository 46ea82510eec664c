import cv2
import numpy as np
import pytest

from dvaedit.face.align import crop
from dvaedit.face.mask import soft_mask
from dvaedit.face.paste import (
    crisp,
    delta_patch,
    difference_patch,
    mask_in_frame,
    recoloured_patch,
    replace_patch,
    replace_square,
)

FRAME = (160, 120)  # width, height


def square(low_x, low_y, side, angle=0.0):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) - 0.5
    return corners * side @ turn.T + (low_x + side / 2, low_y + side / 2)


def centred_mask(size=64):
    maps = np.zeros((1, size, size), np.uint8)
    maps[0, size // 4 : -size // 4, size // 4 : -size // 4] = 1
    return soft_mask(maps, {1})[0]


def in_frame(box, patch, size=FRAME):
    out = np.zeros((size[1], size[0], *patch.shape[2:]), patch.dtype)
    out[box[1] : box[3], box[0] : box[2]] = patch
    return out


def test_no_edit_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    _, delta = delta_patch(picture, picture, centred_mask(), square(20, 10, 90, 0.3), FRAME)
    assert delta.size and not delta.any()


@pytest.mark.parametrize("side", [32.0, 64.0, 96.0])
def test_a_constant_difference_times_the_mask(side):
    edited = np.full((64, 64, 3), (110, 100, 90), np.uint8)
    box, delta = delta_patch(edited, np.full((64, 64, 3), 100, np.uint8), centred_mask(), square(20, 15, side), FRAME)
    assert delta.dtype == np.float32 and delta.shape == (box[3] - box[1], box[2] - box[0], 3)
    full = in_frame(box, delta)
    centre = int(15 + side / 2), int(20 + side / 2)
    np.testing.assert_allclose(full[centre], [10, 0, -10], atol=1e-4)
    assert full[..., 0].min() == 0 and full[..., 0].max() <= 10 + 1e-4
    assert np.abs(np.diff(full[..., 0], axis=1)).max() < 10 * 0.4 * max(1, 64 / side)


def test_at_native_size_it_is_the_difference():
    difference = np.random.default_rng(0).normal(size=(64, 64, 3)).astype(np.float32)
    mask = centred_mask()
    box, delta = difference_patch(difference, mask, square(29.5, 19.5, 64), FRAME)
    expected = np.zeros((FRAME[1], FRAME[0], 3), np.float32)
    expected[20:84, 30:94] = difference * mask[..., None]
    np.testing.assert_allclose(in_frame(box, delta), expected, atol=1e-5)


def test_exactly_zero_where_the_mask_is():
    rng = np.random.default_rng(0)
    quad = square(30, 10, 100, 0.2)
    mask = np.zeros((64, 64), np.float32)
    mask[20:30, 40:50] = 1
    box, delta = delta_patch(rng.integers(0, 256, (64, 64, 3)), rng.integers(0, 256, (64, 64, 3)), mask, quad, FRAME)
    full = in_frame(box, delta)
    reach = np.dstack([cv2.dilate(mask, np.ones((3, 3))) * 255] * 3)
    frame_mask = replace_square(np.zeros((120, 160, 3), np.uint8), reach, quad)
    outside = frame_mask[..., 0] == 0
    assert outside.mean() > 0.8 and not full[outside].any() and np.abs(full).max() > 50


def test_mask_and_difference_may_differ_in_size():
    small, large = centred_mask(128), centred_mask(256)  # the same up to one pixel's rounding of lengths
    difference = np.full((64, 64, 3), 10, np.float32)
    one = in_frame(*difference_patch(difference, small, square(20, 10, 80), FRAME))
    other = in_frame(*difference_patch(difference, large, square(20, 10, 80), FRAME))
    assert np.abs(one - other).max() < 1.5


@pytest.mark.parametrize(("x", "y"), [(-50, -40), (120, 90), (40, -60)])
def test_face_at_the_edge_of_the_frame(x, y):
    difference = np.full((64, 64, 3), 10, np.float32)
    box, delta = difference_patch(difference, centred_mask(), square(x, y, 90), FRAME)
    assert 0 <= box[0] < box[2] <= FRAME[0] and 0 <= box[1] < box[3] <= FRAME[1]
    large = difference_patch(difference, centred_mask(), square(x + 200, y + 200, 90), (600, 600))
    np.testing.assert_allclose(in_frame(box, delta), in_frame(*large, (600, 600))[200:320, 200:360], atol=1e-3)


@pytest.mark.parametrize(("x", "mask"), [(500, centred_mask()), (20, np.zeros((64, 64), np.float32))])
def test_nothing_to_paste(x, mask):
    box, delta = difference_patch(np.ones((64, 64, 3)), mask, square(x, 10, 50), FRAME)
    assert box == (0, 0, 0, 0) and delta.shape == (0, 0, 3)


def test_pasted_edit_is_found_by_the_next_crop():
    frame = cv2.GaussianBlur(np.random.default_rng(0).integers(60, 190, (240, 320, 3), np.uint8), (0, 0), 3)
    quad = square(70, 30, 150, 0.25)
    before = crop(frame, quad, 64)
    bump = 40 * np.exp(-(((np.mgrid[:64, :64] - 31.5) / 10) ** 2).sum(0))[..., None] * (1, -0.5, 0.25)
    box, delta = difference_patch(bump, np.ones((64, 64), np.float32), quad, (320, 240))
    pasted = np.rint(frame + in_frame(box, delta, (320, 240))).astype(np.uint8)
    assert np.abs(crop(pasted, quad, 64).astype(float) - before - bump).max() < 1.6


def test_native_detail_survives():
    frame = np.random.default_rng(0).integers(60, 190, (120, 160, 3), np.uint8)
    difference = np.full((32, 32, 3), 8, np.float32)
    box, delta = difference_patch(difference, centred_mask(32), square(20, 10, 100), FRAME)
    changed = frame + in_frame(box, delta)
    centre = np.s_[40:80, 50:90]
    np.testing.assert_allclose(changed[centre] - frame[centre], 8, atol=1e-3)


def test_replace_puts_the_crop_in_place():
    frame = np.zeros((120, 160, 3), np.uint8)
    edited = np.random.default_rng(0).integers(1, 256, (64, 64, 3), np.uint8)
    out = replace_square(frame, edited - 0.4, square(29.5, 19.5, 64))
    np.testing.assert_array_equal(out[20:84, 30:94], edited)
    assert np.count_nonzero(out) == edited.size and not frame.any()


def test_replace_within_a_mask():
    frame = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    edited = np.random.default_rng(0).uniform(0, 255, (64, 64, 3))
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    quad = square(29.5, 19.5, 64)
    delta = in_frame(*replace_patch(frame, edited, mask, quad))
    pasted = frame + delta
    np.testing.assert_array_equal(pasted[:, :62], replace_square(frame, edited, quad)[:, :62])
    np.testing.assert_array_equal(pasted[:, 62:], frame[:, 62:])


def test_replace_outside_the_frame():
    frame = np.full((120, 160, 3), 7, np.uint8)
    edited = np.zeros((64, 64, 3), np.uint8)
    np.testing.assert_array_equal(replace_square(frame, edited, square(500, 10, 64)), frame)
    assert replace_patch(frame, edited, np.ones((64, 64), bool), square(500, 10, 64))[1].size == 0


def test_replace_agrees_with_the_papers_code(parity):
    k = int(parity["paste_frame"])
    frame = cv2.imdecode(parity[f"frame{k}_jpeg"], cv2.IMREAD_COLOR)[..., ::-1]
    out = replace_square(frame, parity["paste_input256"], parity["quads"][k])
    x0, y0, x1, y1 = parity["paste_box_xyxy"]
    assert np.abs(out[y0:y1, x0:x1][:96, :96].astype(int) - parity["paste_patch"]).max() <= 1
    assert np.abs(out[y0:y1, x0:x1][::2, ::2].astype(int) - parity["paste_stride2"]).max() <= 1
    untouched = np.ones(frame.shape[:2], bool)
    untouched[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(out[untouched], frame[untouched])


def test_strands_finer_than_the_crop_are_recoloured_and_what_is_between_them_is_not():
    frame = np.full((120, 160, 3), 200, np.uint8)
    frame[:, 60:90] = 40  # hair, and strands of it on a light wall
    frame[:, 93:100:3] = 40
    quad = square(30, 10, 96)
    small = crop(frame, quad, 32)
    hair = np.zeros((1, 64, 64), np.uint8)
    hair[0, 16:48, 20:46] = 1  # up to the outermost strands
    mask = soft_mask(hair, {1})[0]
    difference = (200 - small.astype(np.float32)) * 0.5  # lightens what is dark
    truth = (200 - frame.astype(np.float32)) * 0.5
    full = in_frame(*recoloured_patch(difference, small, mask, quad, frame))
    plain = in_frame(*difference_patch(difference, mask, quad, FRAME))
    outline = np.s_[50:70, 91:100]
    assert np.abs(full - truth)[outline].mean() < 0.8 * np.abs(plain - truth)[outline].mean()
    assert not full[in_frame(*mask_in_frame(mask, quad, FRAME)) == 0].any()


def test_well_inside_the_mask_the_frame_keeps_its_contrast():
    frame = np.full((120, 160, 3), 60, np.uint8)
    frame[:, ::6] = 90
    quad, everywhere = square(30, 10, 96), np.ones((64, 64), np.float32)
    small = crop(frame, quad, 32)
    difference = 100 - small.astype(np.float32)  # the network answers with a plain grey
    full = frame + in_frame(*recoloured_patch(difference, small, everywhere, quad, frame))
    inner = full[50:70, 60:90]
    assert inner.mean() == pytest.approx(100, abs=2)
    assert inner.std() == pytest.approx(frame[50:70, 60:90].std(), rel=0.1)


def test_what_gets_darker_loses_contrast_as_the_edit_says():
    frame = np.full((120, 160, 3), 120, np.uint8)
    frame[:, ::12] = frame[:, 1::12] = frame[:, 2::12] = 180
    quad, everywhere = square(30, 10, 96), np.ones((64, 64), np.float32)
    small = crop(frame, quad, 48)
    difference = -0.8 * small.astype(np.float32)  # to a fifth of its light
    full = frame + in_frame(*recoloured_patch(difference, small, everywhere, quad, frame))
    np.testing.assert_allclose(full[50:70, 60:90], 0.2 * frame[50:70, 60:90], atol=6)


def test_a_recoloured_crop_without_mask_changes_nothing():
    nothing = np.zeros((16, 16), np.float32)
    box, delta = recoloured_patch(
        np.ones((16, 16, 3)),
        np.zeros((16, 16, 3), np.uint8),
        nothing,
        square(0, 0, 32),
        np.zeros((32, 32, 3), np.uint8),
    )
    assert box == (0, 0, 0, 0) and delta.size == 0


def test_crisp_edges_are_steeper_and_make_no_new_extremes():
    small = np.zeros((16, 16, 3), np.float32)
    small[:, 8:] = -80
    wide = cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)
    sharp = crisp(wide, 4.0)
    assert sharp.min() >= wide.min() and sharp.max() <= wide.max()
    assert np.abs(np.diff(sharp[32, :, 0])).max() > 1.3 * np.abs(np.diff(wide[32, :, 0])).max()
    assert crisp(wide, 0.9) is wide
