"""Pairs of a face and its counterfactual, as the trainer draws them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.errors import UsageError
from dvaedit.training.arrays import read_archive, read_array
from dvaedit.training.attributes import NAMES
from dvaedit.training.faces import FaceSet

REVERSED_SHARE = 0.3
# How often kinds are drawn: what few ask for less often, what is hard to learn more often. Others: 1.
SHARES = {
    "brown_hair": 0.3, "sunglasses": 0.3, "stubble": 0.3, "moustache": 0.3, "makeup": 0.4, "black_hair": 0.7,
    "blond_hair": 0.7, "red_hair": 0.7, "gray_hair": 0.8, "eyeglasses": 1.5, "smile": 2.0, "lipstick": 1.5,
    "male": 1.5, "female": 1.5,
}  # fmt: skip


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

        Kinds are drawn by SHARES, however many there are of each.
        """
        shares = torch.tensor([SHARES.get(name, 1.0) for name in self.names])
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
    the target, so the share of the source is at most the noise's variance, and any share below it may occur. What has
    been changed so far comes from guesses at higher noise, which are blurred: a network that meets only sharp changes
    takes the dark cloud that glasses begin as for dark lenses, and keeps it.
    """
    shape, variance = (len(source), 1, 1, 1), noise.square()
    share = (1.4 * torch.rand(shape, generator=generator) - 0.2).clamp(0, 1).to(source.device)
    blur = torch.rand(shape, generator=generator).to(source.device)
    return source + (1 - share * variance) * blurred(target - source, blur * variance)


def blurred(images: Tensor, amount: Tensor) -> Tensor:
    """(B, C, H, W), each blurred by its ``amount``, (B, 1, 1, 1) in [0, 1]: up to a sigma of about 3.7 pixels."""
    little, much = (_box(_box(images, width), width) for width in (5, 9))
    below, above = (2 * amount).clamp(max=1), (2 * amount - 1).clamp(min=0)
    return images + below * (little - images) + above * (much - little)


def _box(images: Tensor, width: int) -> Tensor:
    return F.avg_pool2d(images, width, stride=1, padding=width // 2, count_include_pad=False)
