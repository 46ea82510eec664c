"""Tracks: the same face over the frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dvaedit.errors import NoFaceError
from dvaedit.face.mesh import Face, iou

MIN_IOU = 0.3
MAX_SHIFT = 0.35  # mean distance of the points over the smaller box's side; more is a cut to another face
MAX_GAP = 12  # frames a face may be missing (turned away, a hand in front) and still be the same track


@dataclass(frozen=True, eq=False)
class Track:
    """One face over time. frames: int64 (n,), rising, gaps allowed; points: float32 (n, 468, 2), frame pixels;
    boxes: float32 (n, 4), x0 y0 x1 y1; scores: float32 (n,)."""

    id: int
    frames: np.ndarray
    points: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    @property
    def area(self) -> float:
        """Sum of the boxes' areas over all frames, square pixels."""
        return float(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1, dtype=np.float64).sum())

    def __len__(self) -> int:
        return len(self.frames)


def tracks(detections: Iterable[Sequence[Face]], start: int = 0, max_gap: int = MAX_GAP) -> list[Track]:
    """Link the faces of consecutive frames, best overlap first. Numbered by first appearance.

    detections: the faces of frame ``start``, ``start + 1``, ...; a frame may have none.
    """
    chains: list[list[tuple[int, Face]]] = []
    for frame, faces in enumerate(detections, start):
        open_chains = [chain for chain in chains if frame - chain[-1][0] <= max_gap + 1]
        taken = _match(open_chains, faces)
        for position, face in enumerate(faces):
            if position in taken:
                taken[position].append((frame, face))
            else:
                chains.append([(frame, face)])
    return [_track(number, chain) for number, chain in enumerate(chains)]


def _match(chains: list[list[tuple[int, Face]]], faces: Sequence[Face]) -> dict[int, list[tuple[int, Face]]]:
    """Position of a face -> its chain, for each face that continues one."""
    pairs = [(_likeness(chain[-1][1], face), c, f) for c, chain in enumerate(chains) for f, face in enumerate(faces)]
    used: set[int] = set()
    matched: dict[int, list[tuple[int, Face]]] = {}
    for overlap, c, f in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap >= MIN_IOU and c not in used and f not in matched:
            used.add(c)
            matched[f] = chains[c]
    return matched


def _likeness(a: Face, b: Face) -> float:
    """IoU of the boxes, or 0 where the points say that it is another face."""
    shift = float(np.linalg.norm(a.points - b.points, axis=1).mean())
    return iou(a.box, b.box) if shift <= MAX_SHIFT * min(a.area, b.area) ** 0.5 else 0.0


def _track(number: int, chain: list[tuple[int, Face]]) -> Track:
    return Track(
        number,
        np.array([frame for frame, _ in chain], np.int64),
        np.stack([face.points for _, face in chain]),
        np.stack([face.box for _, face in chain]),
        np.array([face.score for _, face in chain], np.float32),
    )


def largest_track(found: Sequence[Track]) -> Track:
    """The track with the greatest total area. Raises NoFaceError when there is none."""
    if not found:
        raise NoFaceError("no face found in this video", hint="The face must be upright and at least 40 pixels wide.")
    return max(found, key=lambda track: track.area)
