"""Exponential moving average of the trained parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EMA:
    """Keeps ``decay * average + (1 - decay) * parameter`` of the trained parameters.

    ``warmup``: the decay rises to its value over the first steps, so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float, warmup: bool = True) -> None:
        self.decay, self.warmup, self.steps = decay, warmup, 0
        self.average = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.warmup else self.decay
        for name, parameter in model.named_parameters():
            if name in self.average:
                self.average[name].lerp_(parameter, 1 - decay)

    def restore(self, average: dict[str, Tensor], steps: int) -> None:
        """Continue from what a checkpoint holds."""
        if odd := [name for name, mine in self.average.items() if average[name].shape != mine.shape]:
            raise ValueError(f"the average of {odd[0]} has another shape")
        self.average = {name: average[name].to(mine.device, copy=True) for name, mine in self.average.items()}
        self.steps = steps

    def state(self, model: nn.Module) -> dict[str, Tensor]:
        """``model``'s whole state dict with the averages in the place of the trained parameters."""
        return {**model.state_dict(), **self.average}
