import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dvaedit.face import align
from dvaedit.face.points import landmarks_68

QUAD = np.array([[20.0, 10], [20, 74], [84, 74], [84, 10]])


def noise(height, width, sigma=0.0):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture


@pytest.mark.parametrize("name", ["c", "x", "y"])
def test_axes_agree_with_the_papers_code(parity, name):
    raw = dict(zip("cxy", align.raw_axes(parity["landmarks"]), strict=True))[name]
    np.testing.assert_allclose(raw, parity[f"{name}_raw"], rtol=0, atol=1e-8)
    sigma = align.CENTRE_SIGMA if name == "c" else align.AXES_SIGMA
    np.testing.assert_allclose(align.smooth(raw, sigma), parity[name], rtol=0, atol=1e-8)


def test_quads_agree_with_the_papers_code(parity):
    np.testing.assert_allclose(
        align.quads(parity["landmarks"], parity["frame_index"]), parity["quads"], rtol=0, atol=1e-8
    )


def test_inverse_map_agrees_with_the_papers_code(parity):
    for quad, (a, b, c, d, e, f, *_) in zip(parity["quads"], parity["inverse_coeffs"], strict=True):
        expected = np.array([[a, b, c + 0.5 * (a + b)], [d, e, f + 0.5 * (d + e)]])  # the paper's frame is off by 0.5
        np.testing.assert_allclose(align.frame_to_crop(quad, 256), expected, rtol=0, atol=1e-6)


def test_square_of_a_level_face(points_68):
    c, x, y = align.raw_axes(points_68[:1])
    np.testing.assert_allclose(c[0], [200, 210])
    np.testing.assert_allclose(x[0], [200, 0], atol=1e-12)
    np.testing.assert_allclose(y[0], [0, 200], atol=1e-12)


def test_quads_stay_squares_and_follow_the_face(points_68):
    quads = align.quads(points_68)
    np.testing.assert_allclose(quads[20], [[40, 10], [40, 410], [440, 410], [440, 10]], atol=1e-9)
    assert align.side(quads[0]) == pytest.approx(400)


@pytest.mark.parametrize("n", [1, 2, 5, 60])
@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_smoothing_is_the_mirrored_gaussian(n, sigma):
    values = np.random.default_rng(n).normal(size=(n, 2))
    expected = gaussian_filter1d(values, sigma, axis=0, mode="reflect", truncate=4.0)
    np.testing.assert_allclose(align.smooth(values, sigma), expected, rtol=0, atol=1e-12)


def test_nothing_leaks_across_a_gap():
    values = np.concatenate([np.zeros(5), np.ones(5)])
    frames = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10])
    np.testing.assert_allclose(align.smooth(values, 3.0, frames), values, atol=1e-12)
    assert 0.1 < align.smooth(values, 3.0)[4] < 0.5


def test_runs():
    assert align.runs(np.array([3, 4, 5, 8, 10, 11])) == [slice(0, 3), slice(3, 4), slice(4, 6)]
    assert align.runs(np.array([], int)) == []


def test_maps_are_inverse_and_place_the_corners():
    to_frame, to_crop = align.crop_to_frame(QUAD, 32), align.frame_to_crop(QUAD, 32)
    corners = np.array([[0, 0], [0, 32], [32, 32], [32, 0]])
    np.testing.assert_allclose(align.transform(corners, to_frame), QUAD)
    np.testing.assert_allclose(align.transform(QUAD, to_crop), corners, atol=1e-12)


def test_crop_at_native_size_is_a_slice():
    picture = noise(100, 120)
    quad = QUAD - 0.5  # pixel 20's own area begins at 19.5 where pixel centres are integers
    np.testing.assert_array_equal(align.crop(picture, quad, 64), picture[10:74, 20:84])


@pytest.mark.parametrize(("factor", "worst"), [(2, 1), (3, 1), (4, 1), (6, 1), (8, 2), (12, 2)])
def test_minified_crop_is_the_area_mean(factor, worst):
    picture = noise(400, 400)
    n = 16
    low, high = 20 - 0.5, 20 - 0.5 + factor * n
    quad = np.array([[low, low], [low, high], [high, high], [high, low]])
    part = picture[20 : 20 + factor * n, 20 : 20 + factor * n].astype(float)
    mean = part.reshape(n, factor, n, factor, 3).mean((1, 3))
    assert np.abs(align.crop(picture, quad, n) - mean).max() <= worst


def test_crop_outside_the_frame_is_reflected():
    picture = noise(64, 64)
    quad = np.array([[-16.5, -0.5], [-16.5, 31.5], [15.5, 31.5], [15.5, -0.5]])
    crop = align.crop(picture, quad, 32)
    np.testing.assert_array_equal(crop[:, 16:], picture[:32, :16])
    np.testing.assert_array_equal(crop[:, :16], picture[:32, :16][:, ::-1])


def test_turned_crop_stands_upright():
    picture = noise(200, 200, sigma=4)
    turned = np.ascontiguousarray(np.rot90(picture, -1))  # (x, y) moves to (199 - y, x)
    quad = np.array([[40.0, 50], [40, 114], [104, 114], [104, 50]])
    quad_turned = np.stack([199 - quad[:, 1], quad[:, 0]], 1)
    difference = align.crop(picture, quad, 64).astype(int) - align.crop(turned, quad_turned, 64)
    assert np.abs(difference).max() <= 2


def test_eyes_and_mouth_lie_where_the_rule_puts_them(astronaut, face):
    points = landmarks_68(face.points)
    quad = align.quads(points[None])[0]
    inside = align.transform(points, align.frame_to_crop(quad, 1))
    eyes, mouth = inside[36:48].mean(0), inside[[48, 54]].mean(0)
    np.testing.assert_allclose([eyes[0], mouth[0]], 0.5, atol=0.01)
    assert (0.5 - eyes[1]) * 9 == pytest.approx(mouth[1] - 0.5, abs=1e-3)  # the centre is a tenth of the way down
    assert inside[42:48].mean(0)[0] - inside[36:42].mean(0)[0] == pytest.approx(0.25, abs=0.005)
