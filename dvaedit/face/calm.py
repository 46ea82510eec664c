"""What an edit adds to the frames, made calm as they are written: averaged with what came before, along the motion.

Things that are drawn or moved tremble by hundredths of the crop's pixels, which edges turn into flicker. Here the
differences themselves are carried from frame to frame, at the frame's own resolution: a recursive filter, whose memory
fades where a frame adds something else than it remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.motion import Motion, fetched
from dvaedit.face.paste import Box, Mask, Patch, revise, rows_of, within
from dvaedit.face.steady import magnitude

MEMORY = 0.8  # share of what came before
LEVELS, SHARE = 30.0, 0.3  # by which what is added may differ from frame to frame, 8-bit levels; and shares of pixels
SEEN = 10.0  # 8-bit levels by which the frames themselves may: where lips part, motion tells nothing
ALIKE = 1.5  # sigma, pixels, of these measures
BLURRED = 6  # pixels that these reach


@dataclass(frozen=True)
class _Last:
    moment: int
    gray: np.ndarray
    box: Box
    difference: np.ndarray


class Calm:
    """Of one person; frames in their order."""

    def __init__(self, tolerance: float = LEVELS, motion: Motion | None = None) -> None:
        self._motion, self._last, self._tolerance = motion or Motion(), None, tolerance

    def calmed(
        self, patch: Patch, moment: int, rgb: np.ndarray, quad: np.ndarray, mask: Mask | None = None,
        free: Mask | None = None,
    ) -> Patch:  # fmt: skip
        """The patch of a frame, uint8 (H, W, 3), averaged with the last one's, in place; of any number of channels.

        moment: rises by one from frame to frame; after any other step, as at a cut, nothing is remembered. quad:
        (4, 2), the crop square, frame pixels. mask: where it is zero, so is what this frame adds. free: what is left as
        it is.
        """
        box, difference = patch
        gray, last = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), self._last
        if last is not None and last.moment == moment - 1 and last.difference.size and difference.size:
            at = self._motion.between(last.gray, gray, box, quad, moment)
            self._average(last, gray, patch, at, free)
            if mask is not None:
                difference *= (within(mask, box) > 0)[..., None]
        self._last = _Last(moment, gray, box, difference.astype(np.float16))  # of an 8K frame it is large
        return box, difference

    def _average(self, last: _Last, gray: np.ndarray, patch: Patch, at: np.ndarray, free: Mask | None) -> None:
        """The difference of a patch with what is remembered; ``at``: where its pixels were; ``free``: but for this."""
        (x0, y0, x1, y1), difference = patch
        gray = gray[y0:y1, x0:x1]

        def averaged(around: slice) -> np.ndarray:
            now, (before, same) = difference[around], _carried(last, gray[around], at[around])
            share = MEMORY * same * np.exp(-((_blurred(magnitude(before - now)) / self._tolerance) ** 2))
            if free is not None:
                share *= 1 - within(free, rows_of(patch[0], around))
            return now + share[..., None] * (before - now)

        revise(patch, BLURRED, averaged)


def _carried(last: _Last, gray: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the last frame added ``at`` some places of it, (h, w, 2), float32 (h, w, C); and how far ``gray``, (h, w),
    shows the same as it there, (h, w) in [0, 1]."""
    there = cv2.remap(last.gray, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = _blurred(cv2.absdiff(there, gray).astype(np.float32))
    found = fetched(last.difference, at - np.float32(last.box[:2]))
    return found.reshape(*at.shape[:2], -1), np.exp(-((apart / SEEN) ** 2))


def _blurred(apart: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(apart, (2 * BLURRED + 1,) * 2, ALIKE)
