"""Tracks: the same face over the consecutive frames of one shot, by overlap, shape and identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dvaedit.face.mesh import Face, iou

MIN_IOU = 0.3
MAX_SHIFT = 0.35  # mean distance of the points over the smaller box's side; more is a cut to another face
MAX_GAP = 12  # frames a face may be missing (turned away, a hand in front) and still be the same track
OTHER_PERSON = 0.15  # cosine below which two good views in one place are two people


@dataclass(frozen=True, eq=False)
class Seen:
    """A face as the decode stage keeps it. sharp: as ``quality.sharpness``; identity: (128,) unit norm, or None."""

    face: Face
    sharp: float = 0.0
    identity: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Track:
    """One face over time, without its points: those stay on disk, under ``frames`` and ``rows``.

    frames: int64 (n,), rising, gaps allowed; rows: int64 (n,), place among the faces of the frame; boxes: float32
    (n, 4), x0 y0 x1 y1, frame pixels; scores, sharp: float32 (n,); pose: float32 (n, 3), degrees; identity: float64
    (128,), sum of the embeddings, each weighted by how frontal it is (zeros if there is none).
    """

    id: int
    frames: np.ndarray
    rows: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    pose: np.ndarray
    sharp: np.ndarray
    identity: np.ndarray

    @property
    def area(self) -> float:
        """Sum of the boxes' areas over all frames, square pixels."""
        return float((self.sizes.astype(np.float64) ** 2).sum())

    @property
    def sizes(self) -> np.ndarray:
        """Side of the face in each frame, float32 (n,): the root of the box's area."""
        return np.sqrt(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1))

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(eq=False)
class _Chain:
    """A track that may go on. Only the last face is kept whole."""

    last: Seen
    frame: int
    sights: list[tuple] = field(default_factory=list)
    identity: np.ndarray = field(default_factory=lambda: np.zeros(128))

    def add(self, frame: int, row: int, seen: Seen) -> None:
        face = seen.face
        self.last, self.frame = seen, frame
        self.sights.append((frame, row, face.box, face.score, face.pose, seen.sharp))
        if seen.identity is not None:
            self.identity = self.identity + frontality(face.pose) * seen.identity

    def close(self, number: int) -> Track:
        frames, rows, boxes, scores, pose, sharp = zip(*self.sights, strict=True)
        return Track(
            number, np.array(frames, np.int64), np.array(rows, np.int64), np.stack(boxes),
            np.array(scores, np.float32), np.stack(pose), np.array(sharp, np.float32), self.identity,
        )  # fmt: skip


def frontality(pose: np.ndarray) -> float:
    """Weight of one view in a person's embedding, by its pose (3,) in degrees; in (0, 1]."""
    yaw, pitch = np.radians(pose[:2].astype(np.float64))
    return float(max(np.cos(yaw) * np.cos(pitch), 0.05) ** 3)


def tracks(
    frames: Iterable[Sequence[Seen]], shots: Sequence[int] = (0,), start: int = 0, max_gap: int = MAX_GAP
) -> list[Track]:
    """Link the faces of consecutive frames, best overlap first. Numbered by first appearance; none crosses a cut.

    frames: the faces of frame ``start``, ``start + 1``, ...; a frame may have none. shots: first frame of each shot.
    """
    cuts, chains, live = set(map(int, shots)), [], []
    for frame, faces in enumerate(frames, start):
        live = [] if frame in cuts else [chain for chain in live if frame - chain.frame <= max_gap + 1]
        taken = _match(live, faces)
        for row, seen in enumerate(faces):
            if row not in taken:
                taken[row] = _Chain(seen, frame)
                chains.append(taken[row])
                live.append(taken[row])
            taken[row].add(frame, row, seen)
    return [chain.close(number) for number, chain in enumerate(chains)]


def _match(chains: list[_Chain], faces: Sequence[Seen]) -> dict[int, _Chain]:
    """Row of a face -> its chain, for each face that continues one."""
    pairs = [(_likeness(chain, seen), c, row) for c, chain in enumerate(chains) for row, seen in enumerate(faces)]
    used: set[int] = set()
    matched: dict[int, _Chain] = {}
    for overlap, c, row in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap >= MIN_IOU and c not in used and row not in matched:
            used.add(c)
            matched[row] = chains[c]
    return matched


def _likeness(chain: _Chain, seen: Seen) -> float:
    """IoU of the boxes, or 0 where the points or the embeddings say that it is another face."""
    a, b = chain.last.face, seen.face
    if not same_shape(a, b):
        return 0.0
    if seen.identity is not None and (norm := np.linalg.norm(chain.identity)) > 0:
        frontal = min(frontality(seen.face.pose), frontality(a.pose)) > 0.5
        if frontal and float(chain.identity @ seen.identity) / norm < OTHER_PERSON:
            return 0.0
    return iou(a.box, b.box)


def same_shape(a: Face, b: Face) -> bool:
    """Whether two faces of neighbouring frames lie so near, point by point, that they can be the same."""
    shift = float(np.linalg.norm(a.points - b.points, axis=1).mean())
    return shift <= MAX_SHIFT * min(a.area, b.area) ** 0.5
