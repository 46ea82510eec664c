"""Deterministic DDIM sampling (Song et al., ICLR 2021, eq. 12 with eta = 0), for any number of steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from dvaedit.diffusion.schedule import NUM_TIMESTEPS, Schedule
from dvaedit.errors import UsageError

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> network output; the condition is bound already
T = TypeVar("T")


def spaced_timesteps(steps: int) -> Tensor:
    """``steps`` original timesteps, (steps,) int64, rising from 0 to 999 in equal strides (rounded)."""
    if not 2 <= steps <= NUM_TIMESTEPS:
        raise UsageError(f"{steps} DDIM steps", hint=f"Choose between 2 and {NUM_TIMESTEPS}.")
    return torch.linspace(0, NUM_TIMESTEPS - 1, steps, dtype=torch.float64).round().long()


def last(items: Iterator[T]) -> T:
    """The last of ``items``; a trajectory's end without its states in memory."""
    return deque(items, maxlen=1)[0]


def predict(schedule: Schedule, denoise: Denoise, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """(pred_x_0, eps), not clamped, of the states ``x``, (B, C, H, W), which are all at timestep ``t``."""
    times = torch.full((len(x),), t, dtype=torch.int64, device=x.device)
    return schedule.split(x, times, denoise(x, times))


def _compose(schedule: Schedule, pred_x_0: Tensor, eps: Tensor, t: int) -> Tensor:
    return schedule.q_sample(pred_x_0, torch.full((len(eps),), t, dtype=torch.int64, device=eps.device), eps)


def ddim_sample(schedule: Schedule, denoise: Denoise, x_T: Tensor, timesteps: Tensor) -> Iterator[Tensor]:
    """Yield the states from ``x_T`` at ``timesteps[-1]`` down to the clean image, one network call each.

    ``x_T``: (B, C, H, W); ``timesteps``: rising, int64. Each state has the shape of ``x_T``; the last is pred_x_0.
    """
    x, falling = x_T, timesteps.flip(0).tolist()
    for here, there in pairwise([*falling, None]):
        pred_x_0, eps = predict(schedule, denoise, x, here)
        x = pred_x_0 if there is None else _compose(schedule, pred_x_0, eps, there)
        yield x
