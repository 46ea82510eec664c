"""The paper's crops: as aligned there, kept as JPEG at 1024 pixels, reduced to what the network sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dvaedit.face.align import quads
from dvaedit.face.paper import dataset_crop
from dvaedit.face.points import landmarks_68
from dvaedit.face.track import largest_track, tracks
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.align import detections, track_table
from dvaedit.stages.frames import crops_at

SHARD = 16


@dataclass(frozen=True)
class PaperAlign(Stage):
    """Makes what :class:`dvaedit.stages.align.Align` does; outside the frame crops are black."""

    name: ClassVar[str] = "paper-align"
    version: ClassVar[int] = 1
    image_size: int = 256
    max_gap: int = 250  # frames a face may be away and still be the same track
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        track = largest_track(tracks(detections(inputs["decode"]), max_gap=self.max_gap))
        points = landmarks_68(track.points)
        corners = quads(points, track.frames)
        if not out.has("track"):
            out.save(track_table(track, points, corners), group="track")
        total = len(track.frames)
        shards = out.missing(total, SHARD)
        for start, stop, crops in crops_at(self.video, out, self.image_size, shards, dataset_crop):
            out.write(start, stop, {"crops": crops})
            progress(stop, total)
