"""Batches from prepared videos, as the paper draws them: B distinct frames of one video, videos shuffled."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvaedit.errors import UsageError
from dvaedit.face.points import landmark_code, mirrored
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.augment import to_float
from dvaedit.training.batch import Batch
from dvaedit.training.face_batches import set_code_statistics
from dvaedit.training.prepare import read_table
from dvaedit.training.video_set import Video, VideoSet

logger = logging.getLogger(__name__)


class VideoSource:
    """Batch n is n's video of an endless series of shuffles; what is drawn depends on the seed and n alone.

    A video with fewer frames than a batch gives all of them, and some again. Each frame is mirrored with probability
    one half. ``points``: z_lnd is read from the tables that ``dvaedit prepare`` writes, else left to the landmark net.
    """

    positive_share = None

    def __init__(
        self, data: VideoSet, batch_size: int, seed: int, *, points: bool = False, held_out: VideoSet | None = None
    ) -> None:
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.points, self.held_out = points, held_out
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        self.short = sum(len(video.frames) < batch_size for video in data.videos)
        if self.short:
            logger.warning(
                "%d of %d videos have fewer frames than a batch of %d: theirs are drawn more than once",
                self.short, len(data.videos), batch_size,
            )  # fmt: skip
        if points:
            for video in data.videos:
                _codes(data, video, 0)

    def __getitem__(self, draw: int) -> Batch:
        video = self.data.videos[self._video(draw)]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + draw)
        index = self._frames(len(video.frames), generator)
        flip = torch.rand(self.batch_size, generator=generator) < 0.5
        return _batch(self.data, [(video, number) for number in index], flip, self.points)

    def _video(self, draw: int) -> int:
        shuffle, place = divmod(draw, len(self.data.videos))
        if self._order[0] != shuffle:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + 900_000_000 + shuffle)
            self._order = shuffle, torch.randperm(len(self.data.videos), generator=generator)
        return int(self._order[1][place])

    def _frames(self, count: int, generator: torch.Generator) -> list[int]:
        drawn: list[int] = []
        while len(drawn) < self.batch_size:  # once, unless the video is short
            drawn += torch.randperm(count, generator=generator)[: self.batch_size - len(drawn)].tolist()
        return drawn

    def set_statistics(self, model: Autoencoder) -> None:
        if not self.points:
            raise UsageError("the statistics of landmark codes need landmarks", "Set code_statistics to false.")
        codes = [_codes(self.data, video, flip) for video in self.data.videos for flip in (0, 1)]
        set_code_statistics(model, torch.from_numpy(np.concatenate(codes)))

    def examples(self, count: int) -> Batch:
        data = self.held_out or self.data
        return _batch(data, spread(data, count), torch.zeros(count, dtype=torch.bool), self.points)

    def describe(self) -> dict[str, Any]:
        held_out = len(self.held_out.videos) if self.held_out else 0
        return {
            "kind": "videos", "name": self.data.root.resolve().name, "videos": len(self.data.videos),
            "frames": self.data.frames, "test_videos": held_out,
        }  # fmt: skip


def spread(data: VideoSet, count: int) -> list[tuple[Video, int]]:
    """Up to ``count`` frames (video, index), of as many videos as there are, spread over each."""
    videos = data.videos[:: max(1, len(data.videos) // count)][:count]
    share = -(-count // len(videos))
    chosen = [
        (video, int(index))
        for video in videos
        for index in np.unique(np.linspace(0, len(video.frames) - 1, share).round())
    ]
    return chosen[:count]


def _batch(data: VideoSet, chosen: list[tuple[Video, int]], flip: Tensor, points: bool) -> Batch:
    x_0 = to_float(torch.from_numpy(np.stack([data.read(video, index) for video, index in chosen])))
    mirrored = flip[: len(chosen)]
    x_0 = torch.where(mirrored[:, None, None, None], x_0.flip(3), x_0)
    if not points:
        return Batch(x_0)
    pairs = zip(chosen, mirrored.tolist(), strict=True)
    z_lnd = np.stack([_codes(data, video, int(flipped))[index] for (video, index), flipped in pairs])
    return Batch(x_0, z_lnd=torch.from_numpy(z_lnd))


def _codes(data: VideoSet, video: Video, flip: int) -> np.ndarray:
    return _table_codes(data.root, data.split, video.name, video.frames)[flip]


@lru_cache(maxsize=512)
def _table_codes(root: Path, split: str, name: str, frames: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """z_lnd, (n, 102), of a video's frames and of their mirror images."""
    table = read_table(root, split, name)
    place = {f"{number:06d}": row for row, number in enumerate(table["frames"].tolist())}
    missing = [frame for frame in frames if Path(frame).stem not in place]
    if missing:
        raise UsageError(f"there are no landmarks of {split}/{name}/{missing[0]}", "Prepare that video again.")
    points = table["points"][[place[Path(frame).stem] for frame in frames]]
    return landmark_code(points, 1), landmark_code(mirrored(points), 1)
