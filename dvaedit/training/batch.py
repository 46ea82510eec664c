"""What one pass of training sees, and what gives it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from dvaedit.models.autoencoder import Autoencoder


@dataclass(frozen=True)
class Batch:
    """Crops with what is known of them; None is left to the networks.

    ``x_0``: (B, 3, S, S) RGB in [-1, 1], to be denoised; ``view``: the same faces as the identity encoder sees them,
    None for ``x_0`` itself; ``mask``: (B, 1, S, S) in [0, 1], the face; ``z_lnd``: (B, 102);
    ``labels``: (B, A) in {0, 1, NaN}. ``source``: (B, 3, S, S), the picture whose noise code is sampled to give
    ``x_0``, another one than ``x_0`` only in counterfactual pairs; ``z_lnd`` is then the source's.
    """

    x_0: Tensor
    view: Tensor | None = None
    mask: Tensor | None = None
    z_lnd: Tensor | None = None
    labels: Tensor | None = None
    source: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return Batch(**{name: v if v is None else v.to(device, non_blocking=True) for name, v in values.items()})


class Source(Protocol):
    """Training data. Batch n depends on the seed and n alone, so that a resumed run sees what it would have seen."""

    positive_share: Tensor | None
    """(A,): how many faces have each label; None where there are no labels."""

    def __getitem__(self, draw: int) -> Batch: ...

    def set_statistics(self, model: Autoencoder) -> None:
        """Store mean and spread of the codes in the model's face-code map."""
        ...

    def examples(self, count: int) -> Batch:
        """Up to ``count`` crops that are not trained on, as they are."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the data are, as plain values for checkpoints and cards."""
        ...
