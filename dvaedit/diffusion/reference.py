"""DDIM exactly as the paper's released code runs it, in both directions: the ``paper`` recipe and the parity checks.

It differs from :mod:`dvaedit.diffusion.ddim` in what is not textbook: timesteps of equal integer strides only, every
pred_x_0 clamped to [-1, 1] and eps derived anew from it, the crop taken to be at the first timestep already, and an
inversion of T - 1 steps whose result lies at the last timestep. Source: METHOD 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dvaedit.diffusion.schedule import NUM_TIMESTEPS, Schedule
from dvaedit.errors import UsageError

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> network output; the condition is bound already


def stride_of(steps: int) -> int | None:
    """The smallest stride from timestep 0 that makes exactly ``steps`` timesteps; None if there is none."""
    strides = range(1, NUM_TIMESTEPS)
    return next((stride for stride in strides if len(range(0, NUM_TIMESTEPS, stride)) == steps), None)


def strided_timesteps(steps: int) -> Tensor:
    """``steps`` original timesteps 0, s, 2s, ..., (steps,) int64. Raises UsageError where no stride gives them."""
    stride = stride_of(steps)
    if stride is None:
        near = [
            count for count in sorted(range(2, NUM_TIMESTEPS + 1), key=lambda n: abs(n - steps)) if stride_of(count)
        ]
        low, high = (next((n for n in near if side(n)), None) for side in (lambda n: n < steps, lambda n: n > steps))
        hint = f"Choose {' or '.join(str(n) for n in (low, high) if n)} with --steps."
        raise UsageError(f"no stride of the paper's recipe makes {steps} DDIM steps", hint)
    return torch.arange(0, NUM_TIMESTEPS, stride)


@dataclass(frozen=True)
class Steps:
    """The tables of a T-step process, float64, (T,) each.

    ``timesteps``: int64, rising; ``alphas_cumprod`` at them; ``prev`` and ``next``: of the timestep before (1 before
    the first) and after (0 after the last); ``betas``: ``1 - alphas_cumprod / prev``.
    """

    timesteps: Tensor
    alphas_cumprod: Tensor
    prev: Tensor
    next: Tensor
    betas: Tensor

    @classmethod
    def of(cls, schedule: Schedule, steps: int) -> Steps:
        """The tables of ``steps`` steps. Raises UsageError as :func:`strided_timesteps` does."""
        timesteps = strided_timesteps(steps)
        a = schedule.alphas_cumprod[timesteps]
        prev = torch.cat([a.new_ones(1), a[:-1]])
        return cls(timesteps, a, prev, torch.cat([a[1:], a.new_zeros(1)]), 1 - a / prev)

    def __len__(self) -> int:
        return len(self.timesteps)


@dataclass(frozen=True)
class State:
    """After a step: ``x`` (B, C, H, W), and the clamped ``pred_x_0`` it was made of, of the same shape."""

    x: Tensor
    pred_x_0: Tensor


def predict(
    schedule: Schedule, steps: Steps, denoise: Denoise, x: Tensor, index: int | Tensor
) -> tuple[Tensor, Tensor]:
    """The clamped pred_x_0 at step ``index`` (of all, or (B,) of each), and the eps that belongs to it."""
    t = steps.timesteps[_each(index, x)].to(x.device)
    return clamped(schedule, x, t, denoise(x, t))


def _each(index: int | Tensor, x: Tensor) -> Tensor:
    return index if isinstance(index, Tensor) else torch.full((len(x),), index, dtype=torch.int64)


def clamped(schedule: Schedule, x: Tensor, t: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
    """``clamp(pred_x_0, -1, 1)`` from the network's ``output`` at ``x``, and eps derived anew from it.

    ``t``: (B,) int64. A network that predicts v is first brought to eps, which is all the paper knows.
    """
    eps = output if schedule.prediction == "eps" else schedule.split(x, t, output)[1]
    a = schedule.alphas_cumprod.to(t.device)[t]
    inverse, ratio = (c.to(x)[:, None, None, None] for c in ((1 / a).sqrt(), (1 / a - 1).sqrt()))
    pred_x_0 = (inverse * x - ratio * eps).clamp(-1, 1)
    return pred_x_0, (inverse * x - pred_x_0) / ratio


def _compose(pred_x_0: Tensor, eps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    a = alphas_cumprod.to(eps).view(-1, 1, 1, 1)  # rounded before the square roots, as there
    return pred_x_0 * a.sqrt() + (1 - a).sqrt() * eps


def sample_step(schedule: Schedule, steps: Steps, denoise: Denoise, x: Tensor, index: int | Tensor) -> State:
    """One step from timestep ``index`` to the one before; from the first (index 0) to the clean image.

    ``index``: of all of ``x``, or (B,) int64, of each.
    """
    pred_x_0, eps = predict(schedule, steps, denoise, x, index)
    return State(_compose(pred_x_0, eps, steps.prev[index]), pred_x_0)


def reference_invert(
    schedule: Schedule, denoise: Denoise, x_0: Tensor, steps: Steps, to_noise: bool = False
) -> Iterator[State]:
    """Yield the states from ``x_0``, taken as lying at the first timestep, up to x_T at the last: T - 1 evaluations.

    ``to_noise``: one step more, to where nothing of the picture is left, as DiffAE does.
    """
    x = x_0
    for index in range(len(steps) if to_noise else len(steps) - 1):
        pred_x_0, eps = predict(schedule, steps, denoise, x, index)
        x = _compose(pred_x_0, eps, steps.next[index])
        yield State(x, pred_x_0)


def reference_sample(schedule: Schedule, denoise: Denoise, x_T: Tensor, steps: Steps) -> Iterator[State]:
    """Yield the states from ``x_T`` at the last timestep down to the clean image in [-1, 1]: T evaluations."""
    x = x_T
    for index in reversed(range(len(steps))):
        state = sample_step(schedule, steps, denoise, x, index)
        x = state.x
        yield state
