"""Pairs of a face and its counterfactual, as the trainer draws them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dvaedit.errors import UsageError
from dvaedit.training.arrays import read_archive, read_array
from dvaedit.training.attributes import NAMES
from dvaedit.training.faces import FaceSet

REVERSED_SHARE = 0.3
MINOR = {"brown_hair", "sunglasses", "stubble", "moustache", "makeup"}  # drawn less often than what people ask for
MINOR_SHARE = 0.4


@dataclass(frozen=True)
class Pairs:
    """M counterfactuals of the faces of a set.

    ``base``: (M,) the face each is made of; ``kind``: (M,) index into ``names``; ``points``: (M, 68, 2), crop pixels;
    ``images``: uint8 (M, S, S, 3); ``labels``: float32 (kinds, A), what each kind sets, NaN where it sets nothing.
    """

    base: np.ndarray
    kind: np.ndarray
    points: np.ndarray
    images: np.ndarray
    names: tuple[str, ...]
    labels: np.ndarray

    @classmethod
    def load(cls, work: Path) -> Pairs:
        """Read what :mod:`dvaedit.training.counterfactual.make` wrote in ``work``; pictures stay on disk."""
        table = work / "counterfactuals.npz"
        if not table.is_file():
            raise UsageError(f"no counterfactuals in {work}", hint="Make them: dvaedit.training.counterfactual.make.")
        kept = read_archive(table, "base", "kind", "points", "names", "labels")
        labels = np.full((len(kept["names"]), len(NAMES)), np.nan, np.float32)
        for row, text in zip(labels, kept["labels"], strict=True):
            for name, value in ast.literal_eval(str(text)).items():
                row[NAMES.index(name)] = value
        images = read_array(work / "counterfactuals128.npy", (None, None, None, 3), mmap=True)[: len(kept["base"])]
        return cls(kept["base"], kept["kind"], kept["points"], images, tuple(kept["names"].tolist()), labels)

    def draw(self, count: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(count,) pairs, and (count,) bool: from the counterfactual to the face.

        Every kind is as likely as another, but for those in MINOR, whatever their numbers.
        """
        shares = torch.tensor([MINOR_SHARE if name in MINOR else 1.0 for name in self.names])
        kinds = torch.multinomial(shares, count, replacement=True, generator=generator).numpy()
        places = torch.rand(count, generator=generator).numpy()
        chosen = [np.flatnonzero(self.kind == kind) for kind in kinds]
        index = np.array([pool[int(place * len(pool))] for pool, place in zip(chosen, places, strict=True)])
        return index, (torch.rand(count, generator=generator) < REVERSED_SHARE).numpy()

    def labels_of(self, face_set: FaceSet, index: np.ndarray) -> np.ndarray:
        """(len(index), A) labels of the counterfactuals: the face's own, with what the kind sets."""
        changed = self.labels[self.kind[index]]
        return np.where(np.isnan(changed), face_set.labels[self.base[index]], changed)


def noise_dependent_mix(source: Tensor, target: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures between ``source`` and ``target``, (B, C, H, W): what an edit's state looks like on its way.

    ``noise``: (B, 1, 1, 1), sqrt(1 - alphas_cumprod). A sampler starts at pure noise made of the source and arrives at
    the target, so the share of the source is at most the noise's variance, and any share below it may occur.
    """
    share = (1.4 * torch.rand(len(source), 1, 1, 1, generator=generator) - 0.2).clamp(0, 1).to(source.device)
    return target + share * noise.square() * (source - target)
