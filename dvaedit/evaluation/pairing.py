"""Which frame of an edited video belongs to which of the original, whatever its rate, size and length."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.errors import UsageError

NEAREST = 0.6  # of a frame's duration: how far apart in time two frames may be and still be paired
LEAST_COVERED = 0.5  # of the original's frames must have a partner
SAME_SHAPE = 0.02  # relative difference of the aspect ratios that is taken for rounding


@dataclass(frozen=True, eq=False)
class Pairing:
    """``partner``: int64 (n,), per original frame the edited frame's number, -1 for none; rising, may repeat.

    ``note``: what is not one to one, "" if all is.
    """

    partner: np.ndarray
    note: str = ""

    @property
    def count(self) -> int:
        """Frames of the original that have a partner."""
        return int((self.partner >= 0).sum())


def pair_frames(original: np.ndarray, edited: np.ndarray, name: str) -> Pairing:
    """Pair by number where both have as many frames (tools that change the rate keep the frames), else by time.

    ``original``, ``edited``: presentation times in seconds, rising; they are compared from their first frames on.
    Raises UsageError where the videos are not of one length in time.
    """
    if len(original) == len(edited):
        return Pairing(np.arange(len(original)), _rate_note(original, edited))
    ours, theirs = original - original[0], edited - edited[0]
    near = _nearest(ours, theirs)
    step = max(_step(ours), _step(theirs))
    partner = np.where(np.abs(theirs[near] - ours) <= NEAREST * step, near, -1)
    covered = (partner >= 0).mean()
    if covered < LEAST_COVERED or theirs[-1] > 2 * ours[-1] + step:
        lengths = f"{len(edited)} frames in {theirs[-1]:.2f} s, the original {len(original)} in {ours[-1]:.2f} s"
        hint = "Give the video that was edited, cut to the same stretch."
        raise UsageError(f"{name} is not an edit of the original: it has {lengths}", hint)
    note = f"{len(edited)} frames for the original's {len(original)}: paired by time"
    missing = int((partner < 0).sum())
    return Pairing(partner, note + (f", {missing} have no partner" if missing else ""))


def _nearest(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    after = np.clip(np.searchsorted(theirs, ours), 1, max(len(theirs) - 1, 1)) if len(theirs) > 1 else None
    if after is None:
        return np.zeros(len(ours), np.int64)
    return np.where(ours - theirs[after - 1] <= theirs[after] - ours, after - 1, after)


def _step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _rate_note(original: np.ndarray, edited: np.ndarray) -> str:
    ours, theirs = original - original[0], edited - edited[0]
    if len(ours) < 2 or np.abs(ours - theirs).max() <= 0.5 * _step(ours):
        return ""
    return f"as many frames at other times ({theirs[-1]:.2f} s for {ours[-1]:.2f} s): paired by number"


@dataclass(frozen=True)
class Fit:
    """How a frame of another size is brought to the original's (width, height). ``note``: "" if it is not."""

    size: tuple[int, int]
    crop: bool
    note: str = ""

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) of the edit at the original's size."""
        width, height = self.size
        if self.crop:
            return rgb[:height, :width]
        if rgb.shape[:2] == (height, width):
            return rgb
        smaller = rgb.shape[0] > height
        return cv2.resize(rgb, self.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)

    def points(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Points (..., 2), pixels of a frame of ``size``, in those of the original. Pixel centres at integers."""
        if self.crop or size == self.size:
            return points
        return (points + 0.5) * (np.array(self.size) / np.array(size)).astype(points.dtype) - 0.5


def fit_size(
    original: tuple[int, int], edited: tuple[int, int], name: str, shapes: tuple[float, float] | None = None
) -> Fit:
    """How to compare frames of two sizes (width, height). Raises UsageError where they are not of one shape.

    shapes: width over height of both as they are shown, None for square pixels. A copy may have lost the shape of its
    pixels: one shape in pixels is enough.
    """
    padded = all(0 <= theirs - ours <= 1 for ours, theirs in zip(original, edited, strict=True))
    if padded:  # the same, or made even by an encoder that repeats the last row or column
        return Fit(original, crop=True)
    ratios = [(original[0] / original[1], edited[0] / edited[1]), *([shapes] if shapes else [])]
    sizes = f"{edited[0]} x {edited[1]} pixels, the original {original[0]} x {original[1]}"
    if all(abs(theirs / ours - 1) > SAME_SHAPE for ours, theirs in ratios):
        raise UsageError(
            f"{name} is not of the original's shape: it has {sizes}", hint="Give a video of the whole frame, uncropped."
        )
    return Fit(original, crop=False, note=f"{sizes}: resized, which the outside change and sharpness include")
