"""How close a picture is to its reference: MSE, PSNR, SSIM and MS-SSIM. (LPIPS is in ``dvaedit.models.lpips``.)

All take two float tensors (B, 3, H, W), RGB in [-1, 1], and return one value per picture, (B,) float32. Values are
computed on [0, 1], the scale of published tables: an MSE of 0.01 is a PSNR of 20 dB. SSIM and MS-SSIM are
pytorch-msssim's, with the papers' constants.
"""

from __future__ import annotations

import math

import pytorch_msssim
from torch import Tensor

from dvaedit.errors import UsageError

WINDOW, SCALES = 11, 5  # side of the Gaussian window (Wang et al. 2004), scales of MS-SSIM (Wang et al. 2003)
MS_MIN_SIZE = WINDOW * 2 ** (SCALES - 1)


def mse(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error on [0, 1] (a quarter of that on [-1, 1])."""
    _check(x, y)
    return (x.float() - y.float()).square().mean(dim=(1, 2, 3)) / 4


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, infinite for equal pictures."""
    return -10 * mse(x, y).log10()


def decibels(error: float) -> float:
    """The PSNR, dB, of a mean squared error on [0, 1]; infinite for none."""
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004, eq. 13), the mean over positions and over R, G, B.

    The window is a Gaussian of 11 x 11 with sigma 1.5; only windows that lie wholly inside the picture count.
    """
    _check(x, y, minimum=WINDOW)
    return pytorch_msssim.ssim(_to_unit(x), _to_unit(y), data_range=1.0, size_average=False)


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Multi-scale structural similarity (Wang et al. 2003, eq. 7) over five scales; sides of 176 or more.

    Between scales the picture is averaged over 2 x 2. A negative contrast term, which has no real power, counts as 0.
    """
    _check(x, y, minimum=MS_MIN_SIZE)
    return pytorch_msssim.ms_ssim(_to_unit(x), _to_unit(y), data_range=1.0, size_average=False)


def _to_unit(x: Tensor) -> Tensor:
    """[-1, 1] to [0, 1] in float32."""
    return (x.float() + 1) / 2


def _check(x: Tensor, y: Tensor, minimum: int = 1) -> None:
    if x.shape != y.shape:
        raise UsageError(f"cannot compare pictures of {tuple(x.shape)} and {tuple(y.shape)}", hint="Resize one first.")
    if min(x.shape[-2:]) < minimum:
        raise UsageError(f"pictures of {tuple(x.shape[-2:])} are too small", hint=f"Sides of {minimum} or more.")
