"""How the pixels around a face move from one frame to the next, at the frame's own resolution."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.align import side
from dvaedit.face.paste import Box
from dvaedit.face.steady import flow_engine

FLOW_SIDE = 224  # pixels a side of the crop square at which motion is found
MARGIN = 12  # pixels, so enlarged, around a box: motion is found there too
CUBIC = 3  # pixels to either side that interpolation may need


class Motion:
    """Optical flow of one person's frames. Whoever asks again for the same box of the same frame gets the same."""

    def __init__(self) -> None:
        self._engine, self._found = flow_engine(), (None, None)

    def between(self, before: np.ndarray, after: np.ndarray, box: Box, quad: np.ndarray, moment: int) -> np.ndarray:
        """Where the pixels of a box of ``after`` were in ``before``: float32 (h, w, 2), pixels of the frame.

        before, after: uint8 (H, W), gray; moment: of the latter; quad: (4, 2), the crop square, says how large they are
        looked at.
        """
        if self._found[0] != (moment, box):
            self.forget()
            self._found = (moment, box), self._between(before, after, box, quad)
        return self._found[1]

    def forget(self) -> None:
        """Free what was found last: of an 8K frame it is large."""
        self._found = None, None

    def _between(self, before: np.ndarray, after: np.ndarray, box: Box, quad: np.ndarray) -> np.ndarray:
        scale = min(FLOW_SIDE / side(quad), 1.0)
        margin = round(MARGIN / scale)
        (left, top), (x0, y0, x1, y1) = (max(low - margin, 0) for low in box[:2]), box
        around = (slice(top, y1 + margin), slice(left, x1 + margin))
        height, width = after[around].shape
        size = tuple(max(round(scale * length), MARGIN) for length in (width, height))
        parts = (cv2.resize(gray[around], size, interpolation=cv2.INTER_AREA) for gray in (after, before))
        flow = cv2.resize(self._engine.calc(*parts, None), (width, height))
        flow *= np.float32([width / size[0], height / size[1]])
        at = flow[y0 - top : y1 - top, x0 - left : x1 - left]
        at[..., 0] += np.arange(x0, x1)
        at[..., 1] += np.arange(y0, y1)[:, None]
        return at


def fetched(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``image`` seen from places ``at``, (h, w, 2), float32 (h, w) or (h, w, C); zero outside it.

    Only the rows that are needed are looked at: it may be of few bits and large.
    """
    rows = at[..., 1]
    top = int(np.clip(rows.min() - CUBIC, 0, len(image) - 1))
    part = image[top : max(int(rows.max()) + CUBIC, top + 1)].astype(np.float32)
    return cv2.remap(part, at - np.float32([0, top]), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
