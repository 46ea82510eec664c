import cv2
import numpy as np
import pytest

from dvaedit.evaluation.measure import EDIT_SERIES, Series, outside_change, sharpness
from dvaedit.evaluation.summary import judge, metrics
from dvaedit.face.paste import NOWHERE, joined, mask_in_frame


def test_outside_change_counts_only_what_is_well_outside_the_mask():
    rgb = np.full((40, 60, 3), 100, np.uint8)
    edited = rgb.copy()
    edited[10:20, 10:20] += 50  # the edit
    edited[20:22, 10:20] += 9  # what 4:2:0 smears beside it
    box, mask = (10, 10, 20, 20), np.ones((10, 10), np.float32)
    assert outside_change(rgb, edited, box, mask) == (0, 0, 40 * 60 - 14 * 14)
    edited[30, 40] = (103, 100, 96)
    assert outside_change(rgb, edited, box, mask)[:2] == (9 + 16, 4)
    everything = outside_change(rgb, edited, (0, 0, 0, 0), np.zeros((0, 0), np.float32))
    assert everything[1:] == (50, 40 * 60)


def test_in_frame_puts_a_crops_mask_where_the_square_is():
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    quad = np.array([[20, 10], [20, 74], [84, 74], [84, 10]], float) - 0.5  # 64 pixels, axis-aligned: 2 per mask pixel
    (x0, y0, x1, y1), weight = mask_in_frame(mask, quad, (200, 100))
    whole = np.zeros((100, 200))
    whole[y0:y1, x0:x1] = weight
    assert (whole[30:54, 40:64] == pytest.approx(1)) and whole[:24].max() == 0 and whole[:, :34].max() == 0
    assert whole.sum() == pytest.approx(32 * 32, rel=0.02)


def test_several_masks_join_to_the_greatest_of_them():
    one, other = ((2, 3, 6, 7), np.full((4, 4), 0.5, np.float32)), ((4, 5, 9, 8), np.full((3, 5), 0.8, np.float32))
    (x0, y0, x1, y1), weight = joined([one, other])
    assert (x0, y0, x1, y1) == (2, 3, 9, 8) and weight.shape == (5, 7)
    assert (weight[0, 0], weight[2, 2], weight[4, 6], weight[0, 6]) == pytest.approx((0.5, 0.8, 0.8, 0))
    assert joined([one]) is one
    assert joined([])[0] == joined([(NOWHERE, np.zeros((0, 0), np.float32))])[0] == NOWHERE


def test_sharpness_falls_with_blur_and_looks_at_the_mask_only():
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    mask = np.zeros((64, 64), np.float32)
    mask[:, :32] = 1
    blurred = sharp.copy()
    blurred[:, :32] = cv2.GaussianBlur(sharp, (0, 0), 1.5)[:, :32]
    assert sharpness(blurred, mask) < 0.1 * sharpness(sharp, mask)
    assert sharpness(blurred, 1 - mask) > 0.8 * sharpness(sharp, 1 - mask)
    assert sharpness(sharp, mask * 0) == 0


def series(frames=6, **values):
    made = Series.empty(EDIT_SERIES, frames, 2)
    for name, value in values.items():
        made.values[name][:] = value
    return made


def test_metrics_of_the_whole_video():
    source = series(mouth=[0.0, 0.1, 0.2, 0.1, 0.0, 0.3], eyes=0.3)
    edit = series(
        mouth=[0.0, 0.1, 0.2, 0.1, 0.0, 0.3], eyes=0.3, identity=[0.9, 0.8, np.nan, 0.7, 0.9, 0.9],
        flicker=[np.nan, 2, 2, 2, 2, 2], flicker_own=1.2, flicker_source=[np.nan, 1, 1, 2, 1, 3],
        outside_mse=[0, 0, 0, 0, 0, 6], outside_pixels=100, outside_max=[0, 0, 0, 0, 0, 7], mse=0,
    )  # fmt: skip
    code = np.eye(4)[0]
    for index in (0, 1, 3, 4):
        source.embeddings[index] = edit.embeddings[index] = code
    found = metrics(source, edit)
    assert (found.identity, found.identity_least) == (pytest.approx(0.84), 0.7)
    assert (found.flicker, found.flicker_own) == (pytest.approx(10 / 8), pytest.approx(6 / 8))
    assert found.mouth_motion == pytest.approx(1) and found.eye_motion is None
    assert found.outside_psnr == pytest.approx(10 * np.log10(255**2 / 1)) and found.outside_max == 7
    assert (found.tl_id, found.tg_id) == (1, 1)
    assert found.psnr == np.inf and found.lpips is None and found.nme is None


def test_psnr_is_that_of_the_mean_error_so_one_equal_frame_does_not_make_it_infinite():
    edit = series(mse=[0, 0.01, 0.03, np.nan, 0.02, 0.04], psnr=[np.inf, 20, 15.2, np.nan, 17, 14])
    assert metrics(series(), edit).psnr == pytest.approx(-10 * np.log10(0.02))


def test_nothing_changed_outside_is_infinite_and_no_face_is_none():
    found = metrics(series(), series(outside_mse=0, outside_pixels=50, outside_max=0))
    assert (found.outside_psnr, found.outside_max) == (np.inf, 0)
    assert found.tl_id is found.identity is found.flicker is None
    assert judge(series(), series(), ("A", "B"), {}) is None


def test_judge_uses_frames_seen_in_both():
    source, edit = series(), series()
    source.attributes[:] = [[0.1, 0.5]]
    edit.attributes[:4] = [[0.9, 0.5]]
    seen = judge(source, edit, ("A", "B"), {"A": True, "unknown": True})
    assert [target.name for target in seen.targets] == ["A"]
    assert (seen.targets[0].missing, seen.targets[0].success) == (4, 1)
    assert seen.after["A"] == pytest.approx(0.9) and seen.side_effects == {}
