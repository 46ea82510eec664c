"""A few frames spread over the video, before and after the edit: enough to learn from what is then drawn everywhere."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from dvaedit.face.mask import soft_mask
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.parse import read_maps
from dvaedit.stages.pick import spread
from dvaedit.stages.sample import to_levels

COUNT = 16
HAIR_SHARE = 0.01  # of the crops' pixels; a head with less has hardly any hair, and no colour of it to go by


def reduced(classes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Class maps, (n, M, M), as pictures of another ``size`` have them."""
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in classes])


def weights_of(classes: np.ndarray, region: str | tuple[int, ...], size: tuple[int, int], **how: float) -> np.ndarray:
    """A region of single pictures of ``size``, float (n, S, S) in [0, 1]; ``how``: see :func:`soft_mask`."""
    masks = soft_mask(classes, region, np.arange(0, 2 * len(classes), 2), **how)  # no two are next to each other
    return np.stack([cv2.resize(mask, size, interpolation=cv2.INTER_AREA) for mask in masks])


class Probes:
    """``places``: of these frames in the track. inputs: align, parse, sample and, if few frames were inverted, few."""

    def __init__(self, inputs: Mapping[str, Artifact], name: str = "sample") -> None:
        """``name``: of the input that holds the edited crops, if it is there; otherwise "sample" does, if any."""
        self._align, self._parsed = inputs["align"], inputs["parse"]
        self._sampled = inputs.get(name, inputs.get("sample"))
        frames = self._align.read("frames")
        if "few" in inputs:
            self.places = np.searchsorted(frames, inputs["few"].read("frames")).tolist()
        elif self._sampled is not None and "places" in self._sampled:
            self.places = self._sampled.read("places").tolist()
        else:
            self.places = spread(len(frames), COUNT)
        whole = self._sampled is not None and self._sampled.frames == len(frames)
        self._rows = self.places if whole else range(len(self.places))

    def crops(self) -> np.ndarray:
        """The crops as they are, uint8 (n, S, S, 3) RGB."""
        return np.concatenate([self._align.read("crops", n, n + 1) for n in self.places])

    def edited(self) -> np.ndarray:
        """The edited crops, float32 (n, S, S, 3), 8-bit levels."""
        return np.concatenate([to_levels(self._sampled, n, n + 1) for n in self._rows])

    def classes(self) -> np.ndarray:
        """Their class maps, uint8 (n, M, M)."""
        return np.stack([read_maps(self._parsed, n, n + 1)[0] for n in self.places])
