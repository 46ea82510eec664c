"""Mean and spread of the identity codes of many videos: what attribute edits are normalised with (METHOD 7).

The paper's code keeps the last batch of one person by mistake; here every frame of every video counts, unmirrored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dvaedit.errors import UsageError, WeightsError
from dvaedit.files import make_folder, write_durably
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.augment import to_float
from dvaedit.training.video_set import VideoSet


@dataclass(frozen=True)
class LatentStats:
    """``mean``, ``std`` (unbiased): float32 (D,); ``count``: codes; ``source``: what they are of."""

    mean: Tensor
    std: Tensor
    count: int
    source: dict[str, str]


class Moments:
    """Mean and variance of many vectors, in float64, batch by batch (Chan et al., 1983)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, np.zeros(()), np.zeros(())

    def add(self, values: np.ndarray) -> None:
        """``values``: (n, D)."""
        values = values.astype(np.float64)
        n, mean = len(values), values.mean(axis=0)
        total, delta = self.count + n, mean - self.mean
        self.squares = self.squares + ((values - mean) ** 2).sum(axis=0) + delta**2 * self.count * n / total
        self.mean, self.count = self.mean + delta * n / total, total

    @property
    def std(self) -> np.ndarray:
        """Unbiased."""
        return np.sqrt(self.squares / (self.count - 1))


@torch.inference_mode()
def measure(
    model: Autoencoder, data: VideoSet, device: torch.device, source: dict[str, str], batch: int = 32,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LatentStats:  # fmt: skip
    """The statistics of z_id over all frames of all videos. Raises UsageError for fewer than two frames."""
    if data.frames < 2:
        raise UsageError(f"{data.root / data.split} holds {data.frames} frame: statistics need at least two")
    moments = Moments()
    for crops in _batches(data, batch):
        moments.add(model.identity(to_float(torch.from_numpy(crops)).to(device)).float().cpu().numpy())
        progress(moments.count, data.frames)
    if flat := int((moments.std <= 0).sum()):
        raise UsageError(f"{flat} of the identity code's numbers are the same in all frames", "Use more videos.")
    mean, std = (torch.from_numpy(value).float() for value in (moments.mean, moments.std))
    return LatentStats(mean, std, moments.count, {**source, "videos": str(len(data.videos))})


def _batches(data: VideoSet, size: int) -> Iterator[np.ndarray]:
    pending: list[np.ndarray] = []
    for video in data.videos:
        for index in range(len(video.frames)):
            pending.append(data.read(video, index))
            if len(pending) == size:
                yield np.stack(pending)
                pending = []
    if pending:
        yield np.stack(pending)


def write(path: Path, stats: LatentStats) -> None:
    """A safetensors file under the paper's names, ``conds_mean`` and ``conds_std`` (1, D); count and source within."""
    tensors = {"conds_mean": stats.mean[None].clone(), "conds_std": stats.std[None].clone()}
    make_folder(path.absolute().parent)
    write_durably(path, save(tensors, {"count": str(stats.count), "source": json.dumps(stats.source)}))


def read(path: Path) -> LatentStats:
    """What :func:`write` wrote. Raises WeightsError for any other file."""
    try:
        with safe_open(path, "pt") as file:
            notes = file.metadata() or {}
            mean, std = (file.get_tensor(name).flatten() for name in ("conds_mean", "conds_std"))
        return LatentStats(mean, std, int(notes["count"]), json.loads(notes["source"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        hint = "Make it with `dvaedit train latent-stats`."
        raise WeightsError(f"{path} holds no latent statistics: {error}", hint) from error
