import cv2
import numpy as np
import pytest

from dvaedit.face.mask import TIME_RADIUS, refine, signed_distances, soft_mask


def disc(n=1, size=128, radius=30, label=17):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    return np.repeat(np.where(x * x + y * y < radius * radius, label, 0).astype(np.uint8)[None], n, 0)


def test_one_inside_zero_outside_soft_between():
    mask = soft_mask(disc(), {17})[0]
    assert mask.dtype == np.float32 and mask.shape == (128, 128)
    assert mask[64, 64] == 1 and mask[64, 44:84].min() == 1
    assert mask[64, :25].max() == 0 and mask[64, 104:].max() == 0
    edge = mask[64, 94:104]
    assert np.all(np.diff(edge) <= 0) and np.abs(np.diff(edge)).max() < 0.35
    np.testing.assert_allclose(mask, mask[::-1, ::-1], atol=1e-6)


def test_union_of_classes():
    maps = disc()
    maps[0, :64][maps[0, :64] == 17] = 1
    np.testing.assert_array_equal(soft_mask(maps, {1, 17}), soft_mask(disc(), {17}))
    assert soft_mask(maps, {1})[0, 80:].max() == 0


def test_holes_are_closed_and_specks_dropped():
    maps = disc()
    maps[0, 63:65, 63:65] = 4
    maps[0, 10, 64] = 17
    np.testing.assert_array_equal(soft_mask(maps, {17}), soft_mask(disc(), {17}))


def test_flicker_is_smoothed_over_time():
    maps = disc(13)
    maps[6] = 0
    mask = soft_mask(maps, {17})
    assert 0.6 < mask[6, 64, 64] < 0.8
    assert mask[0, 64, 64] == mask[12, 64, 64] == 1


def test_time_does_not_cross_a_gap():
    maps = np.concatenate([disc(4), np.zeros_like(disc(4))])
    mask = soft_mask(maps, {17}, np.array([0, 1, 2, 3, 9, 10, 11, 12]))
    assert mask[3, 64, 64] == 1 and mask[4:].max() == 0


def test_chunks_with_context_equal_the_whole():
    maps = np.concatenate([disc(1, radius=20 + t) for t in range(30)])
    whole, chunk = soft_mask(maps, {17}), soft_mask(maps[10 - TIME_RADIUS : 16 + TIME_RADIUS], {17})
    np.testing.assert_allclose(chunk[TIME_RADIUS:-TIME_RADIUS], whole[10:16], atol=1e-6)


def test_zero_at_the_border_of_the_crop():
    mask = soft_mask(np.full((1, 64, 64), 17, np.uint8), {17})[0]
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert border.max() == 0 and mask[16:48, 16:48].min() == 1
    assert np.abs(np.diff(mask[32])).max() < 0.35


def test_regions_before_and_after_the_edit_are_joined():
    mask = soft_mask([disc(radius=20), disc(radius=40)], "hair")
    np.testing.assert_array_equal(mask, soft_mask(disc(radius=40), {17}))


def test_lower_face_leaves_out_the_upper_part():
    skin = disc(radius=50, label=1)
    mask = soft_mask(skin, "lower_face")[0]
    assert mask[: int(0.58 * 127)].max() == 0 and mask[90, 64] == 1
    np.testing.assert_array_equal(mask[90:], soft_mask(skin, "face_skin")[0][90:])


def test_empty_region():
    assert soft_mask(disc(2), {6}).max() == 0
    assert refine(np.zeros((64, 64), np.float32), np.zeros((64, 64, 3), np.uint8)).max() == 0


def test_refined_mask_follows_the_pictures_edge():
    truth = disc(radius=34)[0] == 17
    guide = np.where(truth[..., None], (60, 40, 20), (200, 210, 220)).astype(np.uint8)
    rough = cv2.GaussianBlur((disc(radius=32)[0] == 17).astype(np.float32), (0, 0), 2)
    refined = refine(rough, guide)
    assert np.abs(refined - truth).mean() < 0.75 * np.abs(rough - truth).mean()
    assert refined.dtype == np.float32 and refined.min() == 0 and refined.max() <= 1
    assert refined[:16].max() == 0


def test_flat_picture_keeps_the_outline():
    mask = soft_mask(disc(), {17})[0]
    refined = refine(mask, np.full((128, 128, 3), 90, np.uint8))
    assert abs(np.count_nonzero(refined > 0.5) / np.count_nonzero(mask > 0.5) - 1) < 0.03
    assert np.abs(refined - mask).max() < 0.3


def test_signed_distances_are_of_the_outline_and_bounded():
    region = np.zeros((1, 128, 128), bool)
    region[0, :, :64] = True
    distances = signed_distances(region, reach=1 / 16)[0]
    assert distances[64, [61, 60, 67, 68]] * 128 == pytest.approx([3, 4, -4, -5], abs=0.6)
    assert distances[64, 20] == pytest.approx(1 / 16) and distances[64, 110] == pytest.approx(-1 / 16)
    assert distances.dtype == np.float32


def test_signed_distances_of_a_sideburn():
    region = np.zeros((1, 256, 256), bool)
    region[0, 40:90, 100:103] = True
    distances = signed_distances(region, reach=1 / 30)[0] * 256
    assert distances[65, 101] > 0.5 and distances[65, 98] < -1


def test_thin_regions_do_not_fade():
    maps = np.zeros((1, 256, 256), np.uint8)
    maps[0, 122:134, 60:110] = 4
    mask = soft_mask(maps, {4})[0]
    assert refine(mask, np.full((256, 256, 3), 90, np.uint8))[128, 85] > 0.9


def test_guided_filter_against_a_direct_solution():
    rng = np.random.default_rng(0)
    guide = rng.integers(0, 256, (32, 32, 3), np.uint8)
    mask = np.clip(cv2.GaussianBlur(rng.random((32, 32), np.float32), (0, 0), 3), 0, 1)
    refined = refine(mask, guide, radius=2 / 32, eps=1e-2)
    image, coefficients = guide / 255.0, np.zeros((32, 32, 4))
    for y in range(10, 23):
        for x in range(10, 23):
            i, p = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3), mask[y - 2 : y + 3, x - 2 : x + 3].ravel()
            cross = (i * p[:, None]).mean(0) - i.mean(0) * p.mean()
            a = np.linalg.solve(np.cov(i.T, bias=True) + 1e-2 * np.eye(3), cross)
            coefficients[y, x] = *a, p.mean() - a @ i.mean(0)
    at = coefficients[14:19, 14:19].mean((0, 1))
    expected = (at[:3] @ image[16, 16] + at[3] - 0.15) / 0.7
    assert cv2.erode(mask, np.ones((3, 3)))[16, 16] < expected < 1  # so the core of the mask does not hide it
    assert refined[16, 16] == pytest.approx(expected, abs=1e-4)
