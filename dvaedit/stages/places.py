"""Where things that stay put on the face lie in the crops of a track."""

from __future__ import annotations

import numpy as np

from dvaedit.face.anchor import offsets, pixels
from dvaedit.face.steady import RADIUS, steady
from dvaedit.pipeline.artifact import Artifact


class Places:
    """Of a face whose ``points``, (n, k, 2), lie at ``reference``, (k, 2), both in sides of the crop."""

    def __init__(self, align: Artifact, points: np.ndarray, reference: np.ndarray) -> None:
        self._align, self._points, self._reference = align, points, reference
        self._timeline = align.read("timeline")

    def offsets(self, start: int, stop: int) -> np.ndarray:
        """float16 (stop - start, S, S, 2): see :func:`dvaedit.face.anchor.offsets`; averaged along the motion."""
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(self._timeline))
        crops = self._align.read("crops", low, high)
        here = pixels(crops.shape[1])
        places = np.stack([here + offsets(own, self._reference, len(here)) for own in self._points[low:high]])
        calm = steady(places, crops, self._timeline[low:high], slice(start - low, stop - low))
        return (calm - here).astype(np.float16)  # small numbers: half precision has hundredths of a pixel for them
