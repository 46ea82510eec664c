"""Decode the video once and find the faces in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from dvaedit.checkpoints.load import load_sface
from dvaedit.checkpoints.store import find_card
from dvaedit.errors import NoFaceError, VideoError
from dvaedit.face.mesh import Face, FaceMesher
from dvaedit.face.quality import sharpness
from dvaedit.face.track import Seen, same_shape
from dvaedit.pipeline.artifact import Artifact, ShardReader, unreadable
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.video.probe import probe
from dvaedit.video.reader import Frame, read_frames
from dvaedit.video.shots import thumbnail

SHARD = 64
MAX_FACES = 16  # of a frame, the largest ones
EMBED_EVERY = 4  # frames; a face that was not there in the frame before is embedded at once
POINTS, CODE = 468 * 2, 128
ROW = POINTS + 4 + 1 + 3 + 1 + CODE  # numbers of a face: points, box, score, pose, sharpness, embedding (NaN if none)

Span = tuple[Fraction, Fraction | None]
"""Seconds after the first frame, the end left out; None for the end of the video."""


@dataclass(frozen=True)
class Decode(Stage):
    """Makes, per frame: ``pts`` (F,) int64; ``thumb`` (F, 36, 64, 3) uint8 RGB; ``faces``, a blob of float32 rows.

    ``span``: faces are looked for in this part only, everywhere if None.
    """

    name: ClassVar[str] = "decode"
    version: ClassVar[int] = 2
    span: Span | None = None
    video: Path = unkeyed(Path())

    def weights(self) -> dict[str, str]:
        return {"sface": find_card("sface").sha256}

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        total, start = probe(self.video).frames, out.first_missing
        with FaceMesher() as mesher:
            finder = _Finder(mesher, read_faces(out, start - 1, start)[0] if start else [])
            origin = out.read("pts", 0, 1)[0] if start else None
            seen = self._rows(finder, read_frames(self.video, start), None if origin is None else int(origin))
            while rows := list(islice(seen, SHARD)):
                pts, thumbs, faces = (list(column) for column in zip(*rows, strict=True))
                first, start = start, start + len(rows)
                out.write(first, start, {"pts": np.array(pts), "thumb": np.stack(thumbs), "faces": faces})
                progress(start, max(total, start))
        pts = out.read("pts")
        seconds = (pts - pts[0]) * probe(self.video).time_base
        if not any(in_span(self.span, time) for time in seconds):
            raise no_frames(float(seconds[-1]))
        out.meta["part"] = self.span is not None

    def _rows(
        self, finder: _Finder, frames: Iterator[Frame], origin: int | None
    ) -> Iterator[tuple[int, np.ndarray, bytes]]:
        """(PTS, thumbnail, faces) frame by frame: an 8K frame takes 50 MB, so no two are held."""
        for frame in frames:
            origin = frame.pts if origin is None else origin
            yield frame.pts, *self._faces(finder, frame, origin)

    def _faces(self, finder: _Finder, frame: Frame, origin: int) -> tuple[np.ndarray, bytes]:
        if frame.native.interlaced_frame:
            raise interlaced(self.video, frame.index)
        rgb = frame.rgb()
        wanted = in_span(self.span, (frame.pts - origin) * frame.time_base)
        return thumbnail(rgb), pack(finder.find(rgb, frame.index) if wanted else [])


class _Finder:
    """Finds, measures and recognises the faces of consecutive frames."""

    def __init__(self, mesher: FaceMesher, before: list[Seen]) -> None:
        self.mesher, self.sface, self.before = mesher, load_sface(), before

    def find(self, rgb: np.ndarray, index: int) -> list[Seen]:
        faces = sorted(self.mesher.detect(rgb), key=lambda face: face.area, reverse=True)[:MAX_FACES]
        found = [Seen(face, sharpness(rgb, face.box), self._identity(rgb, face, index)) for face in faces]
        self.before = found
        return found

    def _identity(self, rgb: np.ndarray, face: Face, index: int) -> np.ndarray | None:
        if index % EMBED_EVERY and any(same_shape(face, other.face) for other in self.before):
            return None
        return self.sface.embed(rgb, face.points)


def interlaced(video: Path, index: int) -> VideoError:
    """The error for a frame made of two fields, which crops and encoders here would mix up."""
    hint = "Add --deinterlace: the fields of each such frame are merged (bwdif); or deinterlace it yourself first."
    return VideoError(f"{video.name} is interlaced (frame {index}).", hint)


def no_frames(length: float) -> NoFaceError:
    """The error for a span beyond the video, which is ``length`` seconds long."""
    return NoFaceError(f"no frame lies in the range: the video is {length:.2f} s long", "Choose another --range.")


def in_span(span: Span | None, seconds: Fraction) -> bool:
    """Whether a time after the first frame lies in the span."""
    return span is None or (span[0] <= seconds and (span[1] is None or seconds < span[1]))


def pack(faces: list[Seen]) -> bytes:
    """Faces as float32 rows of ``ROW`` numbers."""
    rows = np.full((len(faces), ROW), np.nan, np.float32)
    for row, seen in zip(rows, faces, strict=True):
        face = seen.face
        measured = np.concatenate([face.points.ravel(), face.box, [face.score], face.pose, [seen.sharp]])
        row[: len(measured)] = measured
        if seen.identity is not None:
            row[-CODE:] = seen.identity
    return rows.tobytes()


def unpack(blob: bytes) -> list[Seen]:
    """The faces ``pack`` has written. Raises StorageError for any other bytes."""
    if len(blob) % (4 * ROW):
        raise unreadable(f"an entry of the cache holds {len(blob)} bytes of faces, no multiple of {4 * ROW}")
    return [_seen(row) for row in np.frombuffer(blob, np.float32).reshape(-1, ROW)]


def _seen(row: np.ndarray) -> Seen:
    points, (box, score, pose, sharp) = row[:POINTS].reshape(468, 2), np.split(row[POINTS:-CODE], [4, 5, 8])
    identity = row[-CODE:].astype(np.float64)
    return Seen(Face(points, float(score[0]), box, pose), float(sharp[0]), None if np.isnan(identity[0]) else identity)


def read_faces(decoded: ShardReader, start: int, stop: int) -> list[list[Seen]]:
    """The faces of frames ``start`` to ``stop`` (exclusive)."""
    return [unpack(blob) for blob in decoded.read_blobs("faces", start, stop)]


def all_faces(decoded: ShardReader, batch: int = 256) -> Iterator[list[Seen]]:
    """The faces of every frame, a few frames in memory at a time."""
    for start in range(0, decoded.frames, batch):
        yield from read_faces(decoded, start, min(start + batch, decoded.frames))
