"""People: tracks of one face joined over shots and absences, by identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dvaedit.face.mesh import iou
from dvaedit.face.track import Track

SAME_PERSON = 0.363  # cosine above which SFace's authors call two photographs the same person
SAME_PLACE = 0.2  # the same for a face that comes back where it was a moment ago, in the same shot
SOON = 50  # frames; "a moment ago"


@dataclass(frozen=True, eq=False)
class Person:
    """All appearances of one person, numbered from 1 by the area they fill over time. Arrays as in ``Track``."""

    number: int
    track: Track


def people(found: Sequence[Track], shots: Sequence[int] = (0,)) -> list[Person]:
    """Join tracks that show the same person, most similar first, largest person first in the result.

    Tracks that are seen in the same frame are two people, whatever they look like. shots: first frame of each shot.
    """
    groups = [[track] for track in found]
    codes = np.array([track.identity for track in found])
    apart, near = _relations(found, np.asarray(shots))
    while len(groups) > 1:
        margin = _cosines(codes) - np.where(near, SAME_PLACE, SAME_PERSON)
        margin[apart | np.tri(len(groups), dtype=bool)] = -np.inf
        a, b = np.unravel_index(np.argmax(margin), margin.shape)
        if margin[a, b] <= 0:
            break
        groups[a] += groups.pop(b)
        codes[a] += codes[b]
        for table in (apart, near):
            table[a] |= table[b]
            table[:, a] |= table[:, b]
        codes = np.delete(codes, b, 0)
        apart, near = (np.delete(np.delete(table, b, 0), b, 1) for table in (apart, near))
    joined = sorted((_joined(group) for group in groups), key=lambda track: (-track.area, int(track.frames[0])))
    return [Person(number, track) for number, track in enumerate(joined, 1)]


def _relations(found: Sequence[Track], shots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bool (n, n) each: which pairs share a frame, and which are a face that has come back to its place."""
    apart, near = np.zeros((2, len(found), len(found)), bool)
    for a, one in enumerate(found):
        for b, two in enumerate(found[:a]):
            if one.frames[0] > two.frames[-1] + SOON or two.frames[0] > one.frames[-1] + SOON:
                continue
            apart[a, b] = apart[b, a] = _together(one, two)
            near[a, b] = near[b, a] = _returns(one, two, shots) or _returns(two, one, shots)
    return apart, near


def _cosines(codes: np.ndarray) -> np.ndarray:
    """Cosine of every pair, (n, n); 0 where an embedding is missing (all zeros)."""
    length = np.linalg.norm(codes, axis=1, keepdims=True)
    unit = np.divide(codes, length, out=np.zeros_like(codes), where=length > 0)
    return unit @ unit.T


def _together(a: Track, b: Track) -> bool:
    if a.frames[0] > b.frames[-1] or b.frames[0] > a.frames[-1]:
        return False
    return bool(np.isin(a.frames, b.frames, assume_unique=True).any())


def _returns(a: Track, b: Track, shots: Sequence[int]) -> bool:
    """Whether b begins, soon after a ends and in its shot, about where a was."""
    end, start = int(a.frames[-1]), int(b.frames[0])
    same_shot = np.searchsorted(shots, end, "right") == np.searchsorted(shots, start, "right")
    return bool(0 < start - end <= SOON and same_shot and iou(a.boxes[-1], b.boxes[0]) > 0)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two embeddings, 0 where one of them is missing (all zeros)."""
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.dot(a, b)) / length if length > 0 else 0.0


def _joined(group: list[Track]) -> Track:
    order = np.argsort(np.concatenate([track.frames for track in group]), kind="stable")
    names = ("frames", "rows", "boxes", "scores", "pose", "sharp")
    arrays = [np.concatenate([getattr(track, name) for track in group])[order] for name in names]
    return Track(min(track.id for track in group), *arrays, identity=sum(track.identity for track in group))
