"""What an edit adds to the frames, made calm as they are written: averaged with what came before, along the motion.

Things that are drawn or moved tremble by hundredths of the crop's pixels, which edges turn into flicker. Here the
differences themselves are carried from frame to frame, at the frame's own resolution: a recursive filter, whose memory
fades where a frame adds something else than it remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.align import side
from dvaedit.face.paste import Box, Mask, Patch, strips
from dvaedit.face.steady import flow_engine

MEMORY = 0.8  # share of what came before
LEVELS, SHARE = 30.0, 0.3  # by which what is added may differ from frame to frame, 8-bit levels; and shares of pixels
SEEN = 10.0  # 8-bit levels by which the frames themselves may: where lips part, motion tells nothing
ALIKE = 1.5  # sigma, pixels, of these measures
FLOW_SIDE = 224  # pixels a side of the crop square at which motion is found
BLURRED = 6  # pixels that these reach
MARGIN = 12  # pixels, so enlarged, around what is added: motion is found there too


@dataclass(frozen=True)
class _Last:
    moment: int
    gray: np.ndarray
    box: Box
    difference: np.ndarray


class Calm:
    """Of one person; frames in their order."""

    def __init__(self, tolerance: float = LEVELS) -> None:
        self._engine, self._last, self._tolerance = flow_engine(), None, tolerance

    def calmed(self, patch: Patch, moment: int, rgb: np.ndarray, quad: np.ndarray, mask: Mask | None = None) -> Patch:
        """The patch of a frame, uint8 (H, W, 3), averaged with the last one's; of any number of channels.

        moment: rises by one from frame to frame; after any other step, as at a cut, nothing is remembered. quad:
        (4, 2), the crop square, frame pixels. mask: where it is zero, so is what this frame adds.
        """
        box, difference = patch
        gray, last = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), self._last
        if last is not None and last.moment == moment - 1 and last.difference.size and difference.size:
            flow = self._flow(last.gray, gray, box, min(FLOW_SIDE / side(quad), 1.0))
            difference = self._averaged(last, gray, patch, flow)
            if mask is not None:
                difference *= (_within(mask, box) > 0)[..., None]
        self._last = _Last(moment, gray, box, difference)
        return box, difference

    def _averaged(self, last: _Last, gray: np.ndarray, patch: Patch, flow: np.ndarray) -> np.ndarray:
        """The difference of a patch with what is remembered, (h, w, C), strip by strip."""
        (_, y0, _, y1), difference = patch
        out = np.empty_like(difference)
        for x0, top, x1, bottom in strips(patch[0]):
            low, high = max(top - BLURRED, y0), min(bottom + BLURRED, y1)
            around = slice(low - y0, high - y0)
            now, (before, same) = difference[around], _carried(last, gray, (x0, low, x1, high), flow[around])
            share = MEMORY * same * np.exp(-((_blurred(np.abs(before - now).mean(axis=2)) / self._tolerance) ** 2))
            out[top - y0 : bottom - y0] = (now + share[..., None] * (before - now))[top - low : bottom - low]
        return out

    def _flow(self, before: np.ndarray, after: np.ndarray, box: Box, scale: float) -> np.ndarray:
        """Where the pixels of a box of ``after`` were in ``before``: float32 (h, w, 2) shifts, pixels."""
        margin = round(MARGIN / scale)
        (left, top), (x0, y0, x1, y1) = (max(low - margin, 0) for low in box[:2]), box
        around = (slice(top, y1 + margin), slice(left, x1 + margin))
        height, width = after[around].shape
        size = tuple(max(round(scale * length), MARGIN) for length in (width, height))
        parts = (cv2.resize(gray[around], size, interpolation=cv2.INTER_AREA) for gray in (after, before))
        flow = cv2.resize(self._engine.calc(*parts, None), (width, height))
        flow *= np.float32([width / size[0], height / size[1]])
        return flow[y0 - top : y1 - top, x0 - left : x1 - left]


def _carried(last: _Last, gray: np.ndarray, box: Box, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the last frame added, seen along a flow, (h, w, 2), from the pixels of a box of this one, float32 (h, w, C);
    and how far these show the same, (h, w) in [0, 1]."""
    x0, y0, x1, y1 = box
    x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    at = flow + np.dstack([x, y])
    there = cv2.remap(last.gray, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = _blurred(cv2.absdiff(there, gray[y0:y1, x0:x1]).astype(np.float32))
    found = cv2.remap(
        last.difference, at - np.float32(last.box[:2]), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
    )
    return found.reshape(*at.shape[:2], -1), np.exp(-((apart / SEEN) ** 2))


def _blurred(apart: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(apart, (2 * BLURRED + 1,) * 2, ALIKE)


def _within(mask: Mask, box: Box) -> np.ndarray:
    """The weights of a mask in another box."""
    (x0, y0, x1, y1), out = box, np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    (left, top, right, bottom), weights = mask
    a, b, c, d = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
    if a < c and b < d:
        out[b - y0 : d - y0, a - x0 : c - x0] = weights[b - top : d - top, a - left : c - left]
    return out
