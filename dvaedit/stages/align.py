"""Choose the track to edit and cut its aligned crops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from dvaedit.face.align import frame_to_crop, quads, transform
from dvaedit.face.mesh import Face
from dvaedit.face.points import landmarks_68
from dvaedit.face.track import Track, largest_track, tracks
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.frames import crops_at

SHARD = 32


@dataclass(frozen=True)
class Align(Stage):
    """Makes ``frames`` (n,) int64, the track's frame numbers; ``quads`` (n, 4, 2) float64, frame pixels; ``points``
    (n, 68, 2) float32, crop units in [0, 1]; and, sharded, ``crops`` (n, S, S, 3) uint8 RGB.
    """

    name: ClassVar[str] = "align"
    version: ClassVar[int] = 1
    image_size: int = 128
    max_gap: int = 250  # frames a face may be away and still be the same track
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        track = largest_track(tracks(detections(inputs["decode"]), max_gap=self.max_gap))
        points = landmarks_68(track.points)
        corners = quads(points, track.frames)
        if not out.has("track"):
            out.save(track_table(track, points, corners), group="track")
        total = len(track.frames)
        for start, stop, crops in crops_at(self.video, out, self.image_size, out.missing(total, SHARD)):
            out.write(start, stop, {"crops": crops})
            progress(stop, total)


def track_table(track: Track, points: np.ndarray, corners: np.ndarray) -> dict[str, np.ndarray]:
    """``frames``, ``quads`` and ``points`` (in crop units) of a track, as both kinds of align stages make them."""
    in_crop = [transform(p, frame_to_crop(quad, 1)) for quad, p in zip(corners, points, strict=True)]
    return {"frames": track.frames, "quads": corners, "points": np.stack(in_crop).astype(np.float32)}


def detections(decoded: Artifact) -> list[list[Face]]:
    """The faces of every frame as the decode stage has stored them."""
    found = []
    for _, _, scores in decoded.batches("scores", 256):
        start = len(found)
        points = decoded.read("points", start, start + len(scores))
        boxes = decoded.read("boxes", start, start + len(scores))
        for s, p, b in zip(scores, points, boxes, strict=True):
            found.append([Face(p[k], float(s[k]), b[k]) for k in np.flatnonzero(s > 0)])
    return found
