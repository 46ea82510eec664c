"""Are training crops aligned as the paper aligns them? Measured on a few, before hours go into training on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.align import raw_axes
from dvaedit.face.mesh import FaceMesher
from dvaedit.face.points import landmarks_68
from dvaedit.training.video_batches import spread
from dvaedit.training.video_set import VideoSet

LARGEST_OFFSET = 0.15  # of the crop's side: smoothing over time and other landmark detectors stay well below
LEAST_FACES = 0.5  # share of the frames looked at in which a face must be found


@dataclass(frozen=True)
class Alignment:
    """``offset``: median distance of the crops' corners from where the rule puts them, in crop sides; ``faces`` of
    ``frames`` looked at showed a face; ``worst``: the frame that is furthest off."""

    offset: float
    faces: int
    frames: int
    worst: str


def measure(data: VideoSet, count: int = 12) -> Alignment:
    """Detect the face in ``count`` crops of different videos and align it again: the square should be the crop."""
    offsets: dict[str, float] = {}
    chosen = spread(data, count)
    with FaceMesher() as mesher:
        for video, index in chosen:
            faces = mesher.detect(data.read(video, index))
            if faces:
                offsets[f"{video.name}/{video.frames[index]}"] = offset(faces[0].points, data.image_size)
    if not offsets:
        return Alignment(np.inf, 0, len(chosen), "")
    return Alignment(float(np.median(list(offsets.values()))), len(offsets), len(chosen), max(offsets, key=offsets.get))


def offset(points: np.ndarray, size: int) -> float:
    """Mean distance of the crop's corners from the rule's, in crop sides. points: (468, 2), crop pixels."""
    c, x, y = (value[0] for value in raw_axes(landmarks_68(points)[None]))
    corners = np.stack([c - x - y, c - x + y, c + x + y, c + x - y])
    wanted = np.array([[0, 0], [0, size], [size, size], [size, 0]], float)
    return float(np.hypot(*(corners - wanted).T).mean() / size)


def check(data: VideoSet, count: int = 12) -> Alignment:
    """Raises UsageError if the crops are not aligned, or show no faces."""
    found = measure(data, count)
    hint = "Make aligned crops with `dvaedit prepare`, or go on as it is with --no-check-alignment."
    if found.faces < LEAST_FACES * found.frames:
        raise UsageError(f"only {found.faces} of {found.frames} crops in {data.root} show a face", hint)
    if found.offset > LARGEST_OFFSET:
        raise UsageError(
            f"the crops in {data.root} are not aligned: their corners are off by {found.offset:.0%} of the side "
            f"(worst: {found.worst})", hint,
        )  # fmt: skip
    return found
