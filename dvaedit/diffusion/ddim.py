"""Deterministic DDIM (Song et al., ICLR 2021, eq. 12 with eta = 0) in both directions, for any number of steps."""

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


def _split(schedule: Schedule, denoise: Denoise, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
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
        pred_x_0, eps = _split(schedule, denoise, x, here)
        x = pred_x_0 if there is None else _compose(schedule, pred_x_0, eps, there)
        yield x


def ddim_invert(
    schedule: Schedule, denoise: Denoise, x_0: Tensor, timesteps: Tensor, refinements: int = 1
) -> Iterator[Tensor]:
    """Yield the states from ``x_0`` up to x_T at ``timesteps[-1]`` such that :func:`ddim_sample` retraces them.

    A sampling step reads the network at the noisier end of its interval, which inversion does not know yet. The
    plain DDIM inversion reads it at the clean end instead and so drifts. Here that end is found by fixed-point
    iteration (Pan et al., AIDI, ICCV 2023; Meiri et al., 2023): start from the last step's (pred_x_0, eps), evaluate
    at the guess, solve the sampling step backwards for a better guess, ``refinements`` network calls a step.
    The first state is the fixed point of the last sampling step, whose result is pred_x_0 at ``timesteps[0]``.
    """
    rising = timesteps.tolist()
    x, pred_x_0, eps, below = x_0, x_0, torch.zeros_like(x_0), None
    for here in rising:
        guess = _compose(schedule, pred_x_0, eps, here)
        for _ in range(refinements):
            pred_x_0, eps = _split(schedule, denoise, guess, here)
            guess = _solve_back(schedule, x, eps, here, below)
        x, below = guess, here
        yield x


def _solve_back(schedule: Schedule, x: Tensor, eps: Tensor, here: int, below: int | None) -> Tensor:
    """The state at ``here`` from which the step to ``below``, with this eps, lands on ``x``."""
    if below is not None:
        signal, noise = schedule.coefficients(torch.full((1,), below, dtype=torch.int64, device=x.device), x)
        x = (x - noise * eps) / signal
    return _compose(schedule, x, eps, here)
