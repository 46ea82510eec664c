"""A sampler that retraces its own inversion exactly: DDIM over two intervals at once, evaluated in their middle.

DDIM reads the network at one end of an interval, so inversion, which knows only the other end, drifts. Here a step
goes from x_{i+1} over x_i to x_{i-1} and reads the network at x_i, which both directions know:

    x_{i-1} = x_{i+1} + (a_{i-1} - a_{i+1}) pred_x_0(x_i) + (s_{i-1} - s_{i+1}) eps(x_i),   a_i^2 + s_i^2 = 1.

It is the explicit midpoint rule of the probability-flow ODE, of second order, with DDIM's own coefficients
(Song et al., ICLR 2021, eq. 12), one of the exactly invertible two-step samplers of Wang et al. (BELM, NeurIPS 2024).
The noise code of a picture is a pair of states; sampling from it under the unchanged code gives the picture back to
rounding, whatever the network, so all that an edit changes is due to the edit.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from dvaedit.diffusion.ddim import Denoise, predict, spaced_timesteps
from dvaedit.diffusion.schedule import Schedule

States = tuple[Tensor, Tensor]
"""(x_before, x_T): the states at the two noisiest timesteps, each (B, C, H, W)."""


def reversible_timesteps(steps: int) -> Tensor:
    """``steps`` rising timesteps, (steps,) int64, the last 999; the picture itself, free of noise, lies before them."""
    return spaced_timesteps(steps + 1)[1:]


def reversible_invert(schedule: Schedule, denoise: Denoise, x_0: Tensor, timesteps: Tensor) -> States:
    """The states of ``x_0``, (B, C, H, W), at the last two of ``timesteps``; as many network calls as timesteps.

    The first step, to ``timesteps[0]``, is plain DDIM inversion. Where it lands is free: sampling comes back to x_0.
    """
    signal, noise = _levels(schedule, timesteps)[1]
    _, eps = predict(schedule, denoise, signal * x_0, int(timesteps[0]))
    below, here = x_0, signal * x_0 + noise * eps
    for step in _double_steps(schedule, timesteps):
        below, here = here, below + step.change(denoise, here)
    return below, here


def reversible_sample(schedule: Schedule, denoise: Denoise, states: States, timesteps: Tensor) -> Tensor:
    """The picture, (B, C, H, W), not clamped, of ``states`` from :func:`reversible_invert`; one call fewer."""
    here, above = states
    for step in reversed(_double_steps(schedule, timesteps)):
        here, above = above - step.change(denoise, here), here
    return here


Level = tuple[float, float]  # sqrt(alphas_cumprod), sqrt(1 - alphas_cumprod)


@dataclass(frozen=True)
class _DoubleStep:
    """From the level below timestep ``t`` to the one above it."""

    schedule: Schedule
    t: int
    below: Level
    above: Level

    def change(self, denoise: Denoise, x: Tensor) -> Tensor:
        """What the state above has more than the one below, by the prediction at ``x``, the state at ``t``."""
        pred_x_0, eps = predict(self.schedule, denoise, x, self.t)
        return (self.above[0] - self.below[0]) * pred_x_0 + (self.above[1] - self.below[1]) * eps


def _double_steps(schedule: Schedule, timesteps: Tensor) -> list[_DoubleStep]:
    levels = _levels(schedule, timesteps)
    middles = timesteps[:-1].tolist()
    return [_DoubleStep(schedule, *step) for step in zip(middles, levels[:-2], levels[2:], strict=True)]


def _levels(schedule: Schedule, timesteps: Tensor) -> list[Level]:
    """Of the clean picture, then at each timestep."""
    a = schedule.alphas_cumprod[timesteps.cpu()]
    return [(1.0, 0.0), *zip(a.sqrt().tolist(), (1 - a).sqrt().tolist(), strict=True)]
