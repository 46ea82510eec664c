import numpy as np
import pytest

from dvaedit.face.paper import (
    dataset_crop,
    decode_image,
    encode_jpeg,
    inverse_coefficients,
    network_crop,
    paper_crop,
    paper_paste,
    to_bytes,
)
from dvaedit.face.paste import replace_square

UPRIGHT = np.array([[100.0, 60], [100, 316], [356, 316], [356, 60]]) - 0.5  # 256 whole pixels, NW SW SE NE
TILTED = np.array([[120.3, 40.2], [100.1, 290.7], [350.6, 310.9], [370.8, 60.4]])


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(0, 256, (12, 16, 3), np.uint8), np.ones((32, 32, 1), np.uint8))


def test_upright_crop_of_the_same_size_is_the_frames_own_pixels(frame):
    assert np.array_equal(paper_crop(frame, UPRIGHT, 256), frame[60:316, 100:356])


def test_outside_the_frame_is_black(frame):
    crop = paper_crop(frame, UPRIGHT - [200, 0], 256)
    assert not crop[:, :99].any()
    assert np.array_equal(crop[:, 101:], frame[60:316, 1:156])


def test_large_faces_are_reduced_first(frame):
    large = np.kron(frame, np.ones((4, 4, 1), np.uint8))
    crop = paper_crop(large, (UPRIGHT + 0.5) * 4 - 0.5, 256)
    assert np.abs(crop.astype(int) - frame[60:316, 100:356]).mean() < 4


def test_coefficients_send_the_corners_to_the_crops_corners():
    a, b, c, d, e, f, g, h = inverse_coefficients(TILTED)
    for (x, y), wanted in zip(TILTED + 0.5, [(0, 0), (0, 256), (256, 256), (256, 0)], strict=True):
        w = g * x + h * y + 1
        assert ((a * x + b * y + c) / w, (d * x + e * y + f) / w) == pytest.approx(wanted, abs=1e-6)


def test_paste_of_the_crop_gives_the_frame_back_and_touches_nothing_else(frame):
    pasted = paper_paste(frame, paper_crop(frame, UPRIGHT, 256), inverse_coefficients(UPRIGHT))
    assert np.abs(pasted.astype(int) - frame).max() <= 1  # a coefficient that is off by rounding may cost a level
    assert np.array_equal(pasted[:59], frame[:59])
    white = paper_paste(frame, np.full((256, 256, 3), 255, np.uint8), inverse_coefficients(UPRIGHT)).copy()
    assert (white[60:316, 100:356] == 255).all()
    white[60:316, 100:356] = frame[60:316, 100:356]
    assert np.array_equal(white, frame)


def test_paste_is_what_the_tools_own_hard_paste_does(frame):
    crop = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    ours = replace_square(frame, crop, TILTED)
    assert np.abs(paper_paste(frame, crop, inverse_coefficients(TILTED)).astype(int) - ours).max() <= 1


def test_network_sees_a_jpeg_of_the_large_crop(frame):
    large = paper_crop(frame, TILTED)
    assert large.shape == (1024, 1024, 3)
    through = decode_image(encode_jpeg(large))
    assert not np.array_equal(through, large)
    assert np.array_equal(dataset_crop(frame, TILTED), network_crop(through))
    assert dataset_crop(frame, TILTED, 128).shape == (128, 128, 3)


def test_levels_round_half_to_even_and_clip():
    image = np.broadcast_to(np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]), (3, 1, 6))
    assert to_bytes(image)[0, :, 0].tolist() == [0, 0, 128, 191, 255, 255]  # 127.5 goes to the even level
