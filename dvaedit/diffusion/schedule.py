"""Noise schedules: x_t = sqrt(alphas_cumprod_t) x_0 + sqrt(1 - alphas_cumprod_t) eps, for t = 0..999.

The tables are on the CPU even where a model is built without memory (on the "meta" device) to be filled later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dvaedit.errors import UsageError

NUM_TIMESTEPS = 1000
Prediction = Literal["eps", "v"]


def linear_betas() -> Tensor:
    """The DDPM schedule: betas linear from 1e-4 to 0.02 (Ho et al., NeurIPS 2020). (1000,), float64."""
    return torch.linspace(1e-4, 0.02, NUM_TIMESTEPS, dtype=torch.float64, device="cpu")


def linear_alphas_cumprod() -> Tensor:
    """alphas_cumprod of :func:`linear_betas`. (1000,), float64."""
    return torch.cumprod(1 - linear_betas(), dim=0)


def shifted_cosine_alphas_cumprod(image_size: int) -> Tensor:
    """The cosine schedule shifted to the resolution (Hoogeboom et al., ICML 2023, eq. 6, reference size 64).

    A larger image hides more of a given noise level, so logSNR is lowered by 2 log(image_size / 64).
    (1000,), float64, taken at the middles of 1000 equal intervals of [0, 1].
    """
    t = (torch.arange(NUM_TIMESTEPS, dtype=torch.float64, device="cpu") + 0.5) / NUM_TIMESTEPS
    log_snr = -2 * torch.log(torch.tan(math.pi / 2 * t)) + 2 * math.log(64 / image_size)
    return torch.sigmoid(log_snr)


@dataclass(frozen=True)
class Schedule:
    """A table ``alphas_cumprod``, (1000,), float64, falling in (0, 1), and what the network predicts.

    ``prediction`` "eps" is the noise; "v" is ``sqrt(a) eps - sqrt(1 - a) x_0`` (Salimans & Ho, ICLR 2022).
    """

    alphas_cumprod: Tensor
    prediction: Prediction = "eps"

    @classmethod
    def named(cls, name: str, image_size: int, prediction: Prediction) -> Schedule:
        """The schedule called "linear" or "shifted_cosine" for images of ``image_size`` pixels."""
        if name == "linear":
            return cls(linear_alphas_cumprod(), prediction)
        if name == "shifted_cosine":
            return cls(shifted_cosine_alphas_cumprod(image_size), prediction)
        raise UsageError(f"unknown noise schedule '{name}'", hint="Known: linear, shifted_cosine.")

    def coefficients(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(alphas_cumprod) and sqrt(1 - alphas_cumprod) at ``t``, (B,), as (B, 1, 1, 1) of ``like``'s type."""
        a = self.alphas_cumprod.to(t.device)[t]
        return tuple(c.to(like)[:, None, None, None] for c in (a.sqrt(), (1 - a).sqrt()))

    def q_sample(self, x_0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """``x_t`` of shape (B, C, H, W) from ``x_0``, ``eps`` (same shape) and ``t``, (B,) int64."""
        signal, noise = self.coefficients(t, x_0)
        return signal * x_0 + noise * eps

    def target(self, x_0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """What the network should predict for ``q_sample(x_0, t, eps)``."""
        if self.prediction == "eps":
            return eps
        signal, noise = self.coefficients(t, x_0)
        return signal * eps - noise * x_0

    def output_for(self, x_t: Tensor, t: Tensor, x_0: Tensor) -> Tensor:
        """The output at ``x_t`` whose pred_x_0 is ``x_0``, whatever picture ``x_t`` was made from."""
        signal, noise = self.coefficients(t, x_t)
        return (x_t - signal * x_0) / noise if self.prediction == "eps" else (signal * x_t - x_0) / noise

    def split(self, x_t: Tensor, t: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
        """(pred_x_0, eps) implied by the network's ``output`` at ``x_t``; pred_x_0 is not clamped."""
        signal, noise = self.coefficients(t, x_t)
        if self.prediction == "eps":
            return (x_t - noise * output) / signal, output
        return signal * x_t - noise * output, noise * x_t + signal * output
