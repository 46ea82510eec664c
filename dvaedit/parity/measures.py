"""Summaries the fixtures store instead of whole arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SAMPLES = 64


def stats(x: Tensor) -> np.ndarray:
    """(mean, unbiased standard deviation, largest absolute value), (3,) float64."""
    x = x.detach().double()
    return np.array([x.mean(), x.std(), x.abs().max()])


def stats_each(x: Tensor) -> np.ndarray:
    """:func:`stats` of each of the first axis, (n, 3)."""
    return np.stack([stats(one) for one in x])


def samples(x: Tensor, step: int) -> np.ndarray:
    """Every ``step``-th value of one flattened array, the first 64."""
    return x.detach().flatten()[::step][:SAMPLES].numpy()


def stride(x: Tensor, step: int) -> np.ndarray:
    """Every ``step``-th row and column from 0."""
    return x.detach()[..., ::step, ::step].numpy()


def images(u8: np.ndarray) -> Tensor:
    """uint8 pictures (..., H, W, 3) as network input, (..., 3, H, W), float32: (u / 255 - 0.5) / 0.5."""
    x = torch.from_numpy(np.moveaxis(u8, -1, -3).copy()).float()
    return (x / 255 - 0.5) / 0.5


def class_mask(classes: np.ndarray, ids: frozenset[int]) -> np.ndarray:
    """Class maps (n, 512, 512) as masks at 256, (n, 1, 256, 256) uint8: even rows and columns, 1 within ``ids``."""
    return np.isin(classes[:, None, ::2, ::2], sorted(ids)).astype(np.uint8)
