"""Deterministic DDIM (Song et al., ICLR 2021, eq. 12 with eta = 0) in both directions, for any number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dvaedit.diffusion.schedule import NUM_TIMESTEPS, Schedule
from dvaedit.errors import UsageError

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> network output; the condition is bound already


def spaced_timesteps(steps: int) -> Tensor:
    """``steps`` original timesteps, (steps,) int64, rising from 0 to 999 in equal strides (rounded)."""
    if not 2 <= steps <= NUM_TIMESTEPS:
        raise UsageError(f"{steps} DDIM steps", hint=f"Choose between 2 and {NUM_TIMESTEPS}.")
    return torch.linspace(0, NUM_TIMESTEPS - 1, steps, dtype=torch.float64).round().long()


def _step(schedule: Schedule, denoise: Denoise, x: Tensor, here: int, there: int | None) -> Tensor:
    """Move ``x`` from timestep ``here`` to ``there`` along the ODE; None means the clean image."""
    t = torch.full((len(x),), here, dtype=torch.int64, device=x.device)
    pred_x_0, eps = schedule.split(x, t, denoise(x, t))
    if there is None:
        return pred_x_0
    signal, noise = schedule.coefficients(t.new_full((1,), there), x)
    return signal * pred_x_0 + noise * eps


def ddim_sample(schedule: Schedule, denoise: Denoise, x_T: Tensor, timesteps: Tensor) -> Iterator[Tensor]:
    """Yield the states from ``x_T`` at ``timesteps[-1]`` down to the clean image, one network call each.

    ``x_T``: (B, C, H, W); ``timesteps``: rising int64. Each state has the shape of ``x_T``; the last is pred_x_0.
    """
    x, places = x_T, timesteps.tolist()
    for here, there in zip(reversed(places), [*reversed(places[:-1]), None], strict=True):
        x = _step(schedule, denoise, x, here, there)
        yield x


def ddim_invert(schedule: Schedule, denoise: Denoise, x_0: Tensor, timesteps: Tensor) -> Iterator[Tensor]:
    """Yield the states from the image ``x_0``, taken to lie at ``timesteps[0]``, up to x_T at ``timesteps[-1]``."""
    x, places = x_0, timesteps.tolist()
    for here, there in zip(places[:-1], places[1:], strict=True):
        x = _step(schedule, denoise, x, here, there)
        yield x


def last(states: Iterator[Tensor]) -> Tensor:
    """The final state of a trajectory."""
    state = None
    for state in states:
        pass
    if state is None:
        raise ValueError("empty trajectory")
    return state
