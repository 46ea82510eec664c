"""Where things that stay put on the face lie in the crops of a track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dvaedit.face.anchor import offsets, pixels
from dvaedit.face.steady import RADIUS, steady
from dvaedit.pipeline.artifact import Artifact


class Places:
    """Of a face whose ``points``, (n, k, 2), lie at ``reference``, (k, 2), both in sides of the crop."""

    def __init__(self, align: Artifact, points: np.ndarray, reference: np.ndarray) -> None:
        self.align, self._points, self._reference = align, points, reference

    def of(self, low: int, high: int, size: int) -> np.ndarray:
        """(high - low, size, size, 2): as landmarks tell them."""
        here = pixels(size)
        return np.stack([here + offsets(own, self._reference, size) for own in self._points[low:high]])


def steadied(places: Sequence[Places], start: int, stop: int) -> list[np.ndarray]:
    """Of each, in the same track, float16 (stop - start, S, S, 2): see :func:`dvaedit.face.anchor.offsets`.

    Averaged along the motion, which is found once for all of them.
    """
    if not places:
        return []
    align = places[0].align
    timeline = align.read("timeline")
    low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(timeline))
    crops = align.read("crops", low, high)
    size = crops.shape[1]
    told = np.concatenate([each.of(low, high, size) for each in places], axis=3)
    calm = steady(told, crops, timeline[low:high], slice(start - low, stop - low))
    # small numbers: half precision has hundredths of a pixel for them
    return [(each - pixels(size)).astype(np.float16) for each in np.split(calm, len(places), axis=3)]
