"""Follow one person through the video and cut their aligned crops."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dvaedit.errors import NoFaceError
from dvaedit.face.align import crop, frame_to_crop, quads, transform
from dvaedit.face.points import landmarks_68
from dvaedit.face.presence import Presence, presence
from dvaedit.face.quality import LEAST, MIN_FACE, frame_quality, pose_weight, size_weight
from dvaedit.face.track import Track
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.decode import Span, in_span, no_frames, read_faces
from dvaedit.stages.frames import crops_at
from dvaedit.stages.people import read_people
from dvaedit.video.probe import probe

SHARD = 32
READ = 256  # frames whose faces are in memory at a time
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Align(Stage):
    """Makes ``frames`` (n,) int64, the frames the person is edited in; ``timeline`` (n,) int64, those numbers with a
    jump at every cut; ``quads`` (n, 4, 2) float64, frame pixels; ``points`` (n, 68, 2) float32, crop units in [0, 1];
    ``weights`` (n,) float64, strength of the edit; ``quality`` (n,) float64, weight in averages; and, sharded,
    ``crops`` (n, S, S, 3) uint8 RGB. ``meta``: how many frames are left as they are, and why.

    ``person``: from 1, the largest. ``span``: the part to edit; ``min_face``: pixels, smaller faces are left alone.
    """

    name: ClassVar[str] = "align"
    version: ClassVar[int] = 2
    cut: ClassVar[Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = staticmethod(crop)
    image_size: int = 128
    person: int = 1
    span: Span | None = None
    min_face: float = MIN_FACE
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        table, out.meta = self._table(inputs["decode"], inputs["people"])
        if not out.has("track"):
            out.save(table, group="track")
        total = len(table["frames"])
        for start, stop, crops in crops_at(self.video, out, self.image_size, out.missing(total, SHARD), self.cut):
            out.write(start, stop, {"crops": crops})
            progress(stop, total)

    def _table(self, decoded: Artifact, people: Artifact) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        track = self._track(people)
        large, turned = size_weight(track.sizes, self.min_face), pose_weight(track.pose)
        first, stop, rate = self._span(decoded)
        total = decoded.frames
        shown = presence(track.frames, large * turned, people.read("shots"), total, rate, (first, stop))
        corners, points = self._geometry(decoded, track, shown)
        inside = (track.frames >= first) & (track.frames < stop)
        meta = {
            "person": self.person,
            "seen": int(inside.sum()),
            "small": int((inside & (large == 0)).sum()),
            "turned": int((inside & (large > 0) & (turned == 0)).sum()),
            "bridged": int((shown.bridged & (shown.weights > 0)).sum()),
            "widest": float(track.sizes.max()),
        }
        keep = shown.weights > 0
        if not keep.any():
            raise self._nothing(meta)
        quality = frame_quality(track.pose, track.sharp, track.scores, track.sizes)
        quality = np.where(shown.bridged, LEAST, shown.spread(quality))
        table = {
            "frames": shown.frames, "timeline": shown.timeline, "quads": corners, "points": points,
            "weights": shown.weights, "quality": quality,
        }  # fmt: skip
        return {name: values[keep] for name, values in table.items()}, meta

    def _track(self, people: Artifact) -> Track:
        found = read_people(people)
        if not 1 <= self.person <= len(found):
            many = f"{len(found)} people were" if len(found) > 1 else "one person was"
            raise NoFaceError(f"there is no face {self.person}: {many} found", "`dvaedit faces VIDEO` lists them.")
        return found[self.person - 1].track

    def _geometry(self, decoded: Artifact, track: Track, shown: Presence) -> tuple[np.ndarray, np.ndarray]:
        """Crop squares in the frame, and points in units of the crop, of every frame of the presence."""
        points = shown.spread(_points(decoded, track).astype(np.float64))
        corners = quads(points, shown.timeline)
        in_crop = [transform(p, frame_to_crop(quad, 1)) for quad, p in zip(corners, points, strict=True)]
        return corners, np.stack(in_crop).astype(np.float32)

    def _span(self, decoded: Artifact) -> tuple[int, int, float]:
        """First and last + 1 frame of the span, and the frames per second."""
        pts, time_base = decoded.read("pts"), probe(self.video).time_base
        seconds = (pts - pts[0]) * time_base
        inside = np.array([in_span(self.span, Fraction(time)) for time in seconds])
        if not inside.any():
            raise no_frames(float(seconds[-1]))
        rate = (len(pts) - 1) / float(seconds[-1]) if len(pts) > 1 and seconds[-1] > 0 else 25.0
        where = np.flatnonzero(inside)
        return int(where[0]), int(where[-1]) + 1, rate

    def _nothing(self, meta: dict[str, Any]) -> NoFaceError:
        if not meta["seen"]:
            return NoFaceError(f"face {self.person} is not in this range", "`dvaedit faces VIDEO` says where it is.")
        if meta["small"] == meta["seen"]:
            size = f"it is at most {meta['widest']:.0f} pixels wide, {self.min_face:g} are needed"
            return NoFaceError(f"face {self.person} is too small to be edited: {size}", "--min-face sets the limit.")
        hint = "`dvaedit faces VIDEO` shows it; only faces turned towards the camera can be edited."
        return NoFaceError(f"face {self.person} is turned away, or only in view for a moment", hint)


def _points(decoded: Artifact, track: Track) -> np.ndarray:
    """The 68 points of a track in each frame, float32 (n, 68, 2)."""
    points = np.empty((len(track), 68, 2), np.float32)
    for start in range(0, decoded.frames, READ):
        inside = np.flatnonzero((track.frames >= start) & (track.frames < start + READ))
        if len(inside):
            faces = read_faces(decoded, start, min(start + READ, decoded.frames))
            for place in inside.tolist():
                points[place] = landmarks_68(faces[track.frames[place] - start][track.rows[place]].face.points)
    return points
