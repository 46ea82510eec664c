"""Decode the video once and find the faces in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from dvaedit.face.mesh import Face, FaceMesher
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.video.probe import probe
from dvaedit.video.reader import Frame, read_frames

SHARD = 64


@dataclass(frozen=True)
class Decode(Stage):
    """Makes, per frame: ``pts`` (F,) int64; ``points`` (F, K, 468, 2) float32, frame pixels; ``boxes`` (F, K, 4);
    ``scores`` (F, K). Faces beyond those found are NaN with score 0; K = ``max_faces``, largest first.
    """

    name: ClassVar[str] = "decode"
    version: ClassVar[int] = 1
    max_faces: int = 4
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        total = probe(self.video).frames
        with FaceMesher() as mesher:
            for frames in batched(read_frames(self.video, out.first_missing), SHARD):
                start, stop = frames[0].index, frames[-1].index + 1
                tables = [self._table(mesher.detect(frame.rgb())) for frame in frames]
                arrays = {name: np.stack([table[name] for table in tables]) for name in tables[0]}
                out.write(start, stop, {"pts": np.array([frame.pts for frame in frames]), **arrays})
                progress(stop, max(total, stop))

    def _table(self, faces: list[Face]) -> dict[str, np.ndarray]:
        points = np.full((self.max_faces, 468, 2), np.nan, np.float32)
        boxes = np.full((self.max_faces, 4), np.nan, np.float32)
        scores = np.zeros(self.max_faces, np.float32)
        for row, face in enumerate(sorted(faces, key=lambda face: face.area, reverse=True)[: self.max_faces]):
            points[row], boxes[row], scores[row] = face.points, face.box, face.score
        return {"points": points, "boxes": boxes, "scores": scores}


def batched(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Lists of up to ``size`` frames."""
    while batch := list(islice(frames, size)):
        yield batch
