from functools import partial

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from dvaedit.errors import UsageError
from dvaedit.evaluation.reconstruction import ms_ssim, mse, psnr, ssim

MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2, finest scale first

REFERENCE_SSIM = partial(
    structural_similarity, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
)


@pytest.fixture(scope="module")
def pair():
    """A photograph and a noisy, darker copy of it, (192, 200, 3) float32 in [0, 1]."""
    clean = data.astronaut()[:192, 120:320].astype(np.float32) / 255
    noise = np.random.default_rng(0).normal(0, 0.05, clean.shape).astype(np.float32)
    return clean, np.clip(0.9 * clean + noise, 0, 1)


def tensor(*pictures):
    """(B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1


def test_mse_and_psnr_equal_scikit_image_per_picture(pair):
    x, y = tensor(*pair), tensor(pair[1], pair[1])
    assert mse(x, y).tolist() == pytest.approx([mean_squared_error(*pair), 0], rel=1e-5)
    assert psnr(x, y)[0].item() == pytest.approx(peak_signal_noise_ratio(*pair, data_range=1), abs=1e-4)
    assert psnr(x, y)[1].item() == float("inf")


def test_ssim_equals_scikit_image(pair):
    x, y = tensor(*pair), tensor(pair[1], pair[1])
    assert ssim(x, y).tolist() == pytest.approx([REFERENCE_SSIM(*pair), 1], abs=2e-5)


def test_ms_ssim_equals_the_product_of_scikit_image_terms(pair):
    x, y = pair
    expected = np.ones(3)
    for scale, weight in enumerate(MS_WEIGHTS):
        # A huge K1 makes the luminance term 1, so that what is left is the contrast and structure term.
        k1 = 0.01 if scale == len(MS_WEIGHTS) - 1 else 1e6
        expected *= [REFERENCE_SSIM(x[..., c, None], y[..., c, None], K1=k1) ** weight for c in range(3)]
        x, y = (p.reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2, 3).mean(axis=(1, 3)) for p in _even(x, y))
    assert ms_ssim(tensor(pair[0]), tensor(pair[1])).item() == pytest.approx(expected.mean(), abs=1e-4)


def _even(*pictures):
    return (p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2] for p in pictures)


def test_negative_structure_gives_zero_and_no_nan():
    x = torch.randn(1, 3, 176, 176, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    assert ssim(x, -x).item() < -0.5
    assert ms_ssim(x, -x).item() == 0


@pytest.mark.parametrize(("metric", "size"), [(ssim, 10), (ms_ssim, 175)])
def test_too_small_a_picture_is_refused(metric, size):
    x = torch.zeros(1, 3, 200, size)
    with pytest.raises(UsageError, match="too small"):
        metric(x, x)


def test_different_shapes_are_refused():
    with pytest.raises(UsageError, match="cannot compare"):
        mse(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
