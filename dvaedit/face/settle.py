"""An edited face that is no more restless than the frames are, bounded as they are written.

Along the motion a frame differs from the one before: by noise, by light, where motion is not found. By :data:`CALMER`
of that the edited one may differ too. What it differs by beyond is the edit's own trembling, and it is drawn towards
what the edited video showed there before.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.motion import Motion, fetched
from dvaedit.face.paste import Box, Mask, Patch, revise, rows_of, within
from dvaedit.face.steady import magnitude

CALMER = 0.7  # times what the frame itself differs by: what the edited one may
MOST = 0.8  # share of what came before, at most
OTHER = 24.0  # 8-bit levels of difference at which something else shows
SIGMA, REACH = 2.0, 6  # pixels, of these differences; how far they reach


@dataclass(frozen=True)
class _Last:
    moment: int
    rgb: np.ndarray
    box: Box
    difference: np.ndarray


class Settled:
    """Of one person; frames in their order."""

    def __init__(self, motion: Motion | None = None) -> None:
        self._motion, self._last = motion or Motion(), None

    def settled(self, patch: Patch, moment: int, rgb: np.ndarray, quad: np.ndarray, free: Mask) -> Patch:
        """The patch of a frame, uint8 (H, W, 3), with which it differs no more from the last one than it does itself;
        changed in place.

        moment: rises by one from frame to frame; after any other step, as at a cut, nothing is remembered. quad:
        (4, 2), the crop square, frame pixels. free: what is not held back, as lips, which part as the edit has them.
        Where nothing is added, nothing will be.
        """
        box, difference = patch
        last = self._last
        if last is not None and last.moment == moment - 1 and last.difference.size and difference.size:
            gray = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (last.rgb, rgb))
            at = self._motion.between(*gray, box, quad, moment)
            _bound(last, rgb, patch, at, free)
            self._motion.forget()
        self._last = _Last(moment, rgb, box, difference.astype(np.float16))  # of an 8K frame it is large
        return box, difference


def _bound(last: _Last, rgb: np.ndarray, patch: Patch, at: np.ndarray, free: Mask) -> None:
    """``at``: where the pixels of the patch were; ``free``: is not held back."""
    (x0, y0, x1, y1), difference = patch
    frame = rgb[y0:y1, x0:x1]

    def bounded(around: slice) -> np.ndarray:
        now = difference[around]
        own = fetched(last.rgb, at[around]) - frame[around]
        whole = own + fetched(last.difference, at[around] - np.float32(last.box[:2])) - now
        held = 1 - within(free, rows_of(patch[0], around))
        share = held * (magnitude(now) > 0) * _share(_blurred(own), _blurred(whole))
        return now + share[..., None] * whole

    revise(patch, REACH, bounded)


def _share(own: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """How far an edited frame that differs by ``whole`` goes back to differ as the frame does, by ``own``."""
    return np.clip(1 - CALMER * own / np.maximum(whole, 1e-3), 0, MOST) * np.exp(-((whole / OTHER) ** 2))


def _blurred(difference: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(magnitude(difference), (2 * REACH + 1,) * 2, SIGMA)
