"""How close a picture is to its reference: MSE, PSNR, SSIM and MS-SSIM. (LPIPS is in ``dvaedit.models.lpips``.)

All take two float tensors (B, 3, H, W), RGB in [-1, 1], and return one value per picture, (B,) float32. Values are
computed on [0, 1], the scale of published tables: an MSE of 0.01 is a PSNR of 20 dB.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.errors import UsageError

WINDOW, SIGMA = 11, 1.5  # Wang et al. 2004, section III-B
C1, C2 = 0.01**2, 0.03**2  # (K1 L)^2 and (K2 L)^2 with L = 1
MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2, finest scale first
MS_MIN_SIZE = WINDOW * 2 ** (len(MS_WEIGHTS) - 1)


def mse(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error on [0, 1] (a quarter of that on [-1, 1])."""
    _check(x, y)
    return (x.float() - y.float()).square().mean(dim=(1, 2, 3)) / 4


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, infinite for equal pictures."""
    return -10 * mse(x, y).log10()


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004, eq. 13), the mean over positions and over R, G, B.

    The window is a Gaussian of 11 x 11 with sigma 1.5; only windows that lie wholly inside the picture count.
    """
    _check(x, y, minimum=WINDOW)
    luminance, contrast = _ssim_maps(_to_unit(x), _to_unit(y))
    return (luminance * contrast).mean(dim=(1, 2, 3))


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Multi-scale structural similarity (Wang et al. 2003, eq. 7) over five scales; sides of 176 or more.

    Between scales the picture is averaged over 2 x 2. A negative contrast term, which has no real power, counts as 0.
    """
    _check(x, y, minimum=MS_MIN_SIZE)
    x, y = _to_unit(x), _to_unit(y)
    result = torch.ones((), device=x.device)
    for scale, weight in enumerate(MS_WEIGHTS):
        luminance, contrast = _ssim_maps(x, y)
        last = scale == len(MS_WEIGHTS) - 1
        term = (luminance * contrast if last else contrast).mean(dim=(2, 3))
        result = result * term.clamp(min=0) ** weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return result.mean(dim=1)


def _ssim_maps(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure terms (Wang et al. 2004, eqs. 6, 9 and 10) of pictures in [0, 1]."""
    mu_x, mu_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mu_x**2, _blur(y * y) - mu_y**2
    covariance = _blur(x * y) - mu_x * mu_y
    luminance = (2 * mu_x * mu_y + C1) / (mu_x**2 + mu_y**2 + C1)
    return luminance, (2 * covariance + C2) / (var_x + var_y + C2)


def _blur(x: Tensor) -> Tensor:
    """Gaussian window means at the positions where the window fits."""
    offset = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    kernel = torch.exp(-(offset**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    return F.conv2d(F.conv2d(x, kernel, groups=x.shape[1]), kernel.mT, groups=x.shape[1])


def _to_unit(x: Tensor) -> Tensor:
    """[-1, 1] to [0, 1] in float32."""
    return (x.float() + 1) / 2


def _check(x: Tensor, y: Tensor, minimum: int = 1) -> None:
    if x.shape != y.shape:
        raise UsageError(f"cannot compare pictures of {tuple(x.shape)} and {tuple(y.shape)}", hint="Resize one first.")
    if min(x.shape[-2:]) < minimum:
        raise UsageError(f"pictures of {tuple(x.shape[-2:])} are too small", hint=f"Sides of {minimum} or more.")
