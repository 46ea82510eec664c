"""Where an edit may have changed a frame: the mask its run used, or one made from the parts of the face."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.align import crop
from dvaedit.face.mask import TIME_RADIUS, soft_mask
from dvaedit.face.paste import Box, difference_patch
from dvaedit.face.regions import REGIONS
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.parse import read_maps
from dvaedit.stages.png import decode_png

DEFAULT_REGION = "head"
_JOINED = ("head", "hat", "hair")  # regions whose outline an edit may move: the edit's own outline belongs to them
_CHUNK = 32  # frames whose masks are made at once


class Masks(Protocol):
    """Gives the mask of the face at a position of the track. ``origin`` says in words how masks are made."""

    origin: str

    def at(self, position: int, quad: np.ndarray, edited: np.ndarray) -> np.ndarray:
        """(M, M) float32 in [0, 1], crop space. ``edited``: the edited frame, uint8 (H, W, 3)."""
        ...


class RunMasks:
    """The soft masks a run of dvaedit has pasted with; the frames of its track are those of ours."""

    def __init__(self, pasted: Artifact) -> None:
        self._pasted = pasted
        self.origin = f"the run's own mask ({pasted.meta['region']}), from the cache"

    def at(self, position: int, quad: np.ndarray, edited: np.ndarray) -> np.ndarray:
        return decode_png(self._pasted.read_blobs("mask", position, position + 1)[0]).astype(np.float32) / 255


class ParsedMasks:
    """A region of the face, found by the face parser in the original and, where edits move it, in the edit too."""

    def __init__(self, parsed: Artifact, frames: np.ndarray, region: str, model: Model) -> None:
        self._parsed, self._frames, self._region, self._model = parsed, frames, region, model
        self._joined = region in _JOINED
        self._start, self._masks = 0, np.empty((0, 0, 0), np.float32)
        where = "the original and the edit" if self._joined else "the original"
        self.origin = f"made here: region {region} by the face parser, in {where}"

    def at(self, position: int, quad: np.ndarray, edited: np.ndarray) -> np.ndarray:
        mask = self._of_original(position)
        if not self._joined:
            return mask
        x = self._model.images(crop(edited, quad, len(mask))[None])
        return np.maximum(mask, soft_mask(self._model.class_maps(x), self._region)[0])

    def _of_original(self, position: int) -> np.ndarray:
        if not self._start <= position < self._start + len(self._masks):
            start, stop = position, min(position + _CHUNK, len(self._frames))
            low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(self._frames))
            masks = soft_mask(read_maps(self._parsed, low, high), self._region, self._frames[low:high])
            self._start, self._masks = start, masks[start - low : stop - low]
        return self._masks[position - self._start]


def in_frame(mask: np.ndarray, quad: np.ndarray, size: tuple[int, int]) -> tuple[Box, np.ndarray]:
    """A crop-space mask, (M, M), seen from the frame of ``size`` (width, height): its box and (h, w) float32 in [0, 1].

    The same interpolation as pasting, so zero exactly where nothing was pasted.
    """
    box, weight = difference_patch(np.ones((4, 4, 3), np.float32), mask, quad, size)
    return box, np.clip(weight[..., 0], 0, 1)


def check_mask_region(name: str) -> None:
    """Raises UsageError for a region that does not exist."""
    if name not in REGIONS:
        raise UsageError(f"unknown region '{name}'", hint=f"Choose one of: {', '.join(REGIONS)}.")
