"""Weights and noise made by a formula from a salt and a name: the same numbers wherever they are made."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable

import torch
from torch import Tensor


def normal(salt: str, name: str, shape: Iterable[int]) -> Tensor:
    """Standard normal float32 of ``shape``, from a generator seeded with the CRC-32 of salt and name."""
    generator = torch.Generator().manual_seed(zlib.crc32((salt + name).encode()))
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)


def noise(salt: str, tag: str, shape: Iterable[int]) -> Tensor:
    """The fixtures' input noise N(tag)."""
    return normal(salt, f"noise.{tag}", shape)


def weight(salt: str, name: str, shape: Iterable[int], kind: str = "") -> Tensor:
    """The pseudo-weight of one state-dict key. ``kind``: of its layer, of which only "prelu" matters."""
    shape = tuple(shape)
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    n = normal(salt, name, shape)
    if name.endswith("running_var"):
        return 1 + 0.1 * n.abs()
    if name.endswith("running_mean"):
        return 0.1 * n
    if name == "conds_std":
        return (1 + 0.1 * n.abs()) / math.sqrt(512)
    if len(shape) >= 2:
        return n / math.sqrt(math.prod(shape[1:]))
    if name.endswith(".weight"):
        return 0.25 + 0.05 * n if kind == "prelu" else 1 + 0.1 * n
    return 0.1 * n
