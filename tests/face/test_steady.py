import cv2
import numpy as np
import pytest

from dvaedit.face.steady import RADIUS, steady

SIZE, COUNT = 64, 2 * RADIUS + 3


@pytest.fixture
def moving():
    """A texture that moves by a pixel a frame, and a difference that moves along but trembles."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (SIZE, SIZE + COUNT, 3)).astype(np.uint8), (0, 0), 2)
    pattern = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE + COUNT, 3)).astype(np.float32), (0, 0), 2) * 300
    crops = np.stack([texture[:, t : t + SIZE] for t in range(COUNT)])
    truth = np.stack([pattern[:, t : t + SIZE] for t in range(COUNT)])
    return crops, truth, truth + 10 * rng.normal(size=(COUNT, 1, 1, 3)).astype(np.float32)


def test_what_trembles_is_averaged_along_the_motion(moving):
    crops, truth, noisy = moving
    calm = steady(noisy, crops, np.arange(COUNT), slice(RADIUS, COUNT - RADIUS))
    inner = np.s_[:, 12:-12, 12:-12]
    before, after = (
        np.abs(x[inner] - truth[RADIUS : COUNT - RADIUS][inner]).mean() for x in (noisy[RADIUS:-RADIUS], calm)
    )
    assert calm.shape == (3, SIZE, SIZE, 3) and calm.dtype == np.float32
    assert after < 0.6 * before
    still = np.stack(
        [truth[RADIUS:-RADIUS].mean(axis=0)] * 3
    )  # an average that did not follow the motion would be as wrong
    assert (
        np.abs(calm - truth[RADIUS:-RADIUS])[inner].mean() < 0.8 * np.abs(still - truth[RADIUS:-RADIUS])[inner].mean()
    )


def test_bending_by_fractions_of_a_pixel_is_followed():
    rng, size = np.random.default_rng(0), 128
    broad = cv2.GaussianBlur(rng.integers(0, 256, (2 * size, 2 * size, 3)).astype(np.float32), (0, 0), 1)
    x, y = np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2)
    bent = np.dstack([0.2 + 0.15 * np.sin(y / 6), 0.1 * np.cos(x / 7)])  # a frame
    places = np.stack([np.dstack([x, y]) + t * bent for t in range(COUNT)]).astype(np.float32)
    shown = places + size / 2
    crops = np.stack([cv2.remap(broad, each[..., 0], each[..., 1], cv2.INTER_CUBIC) for each in shown])
    trembling = places + rng.normal(0, 0.5, (COUNT, 1, 1, 2)).astype(np.float32)
    calm = steady(trembling, crops.clip(0, 255).astype(np.uint8), np.arange(COUNT), slice(RADIUS, COUNT - RADIUS))
    off = (calm - places[RADIUS : COUNT - RADIUS])[:, 12:-12, 12:-12]
    assert np.abs(off - off.mean(axis=(0, 1, 2))).mean() < 0.06


def test_chunks_with_context_equal_the_whole(moving):
    crops, _, noisy = moving
    whole = steady(noisy, crops, np.arange(COUNT), slice(0, COUNT))
    part = steady(noisy[1:-1], crops[1:-1], np.arange(1, COUNT - 1), slice(RADIUS, COUNT - 2 - RADIUS))
    np.testing.assert_array_equal(part, whole[1 + RADIUS : COUNT - 1 - RADIUS])


def test_nothing_crosses_a_gap(moving):
    crops, _, noisy = moving
    frames = np.arange(COUNT) + 6 * (np.arange(COUNT) > 3)
    split = steady(noisy, crops, frames, slice(0, COUNT))
    alone = steady(noisy[:4], crops[:4], frames[:4], slice(0, 4))
    np.testing.assert_array_equal(split[:4], alone)


def test_another_picture_has_no_say():
    crops = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    crops[1] = 200
    differences = np.stack([np.zeros((SIZE, SIZE, 3)), np.ones((SIZE, SIZE, 3))]).astype(np.float32)
    np.testing.assert_allclose(steady(differences, crops, np.arange(2), slice(0, 1))[0], 0, atol=1e-6)
