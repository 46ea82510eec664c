"""Where an edit may have changed a frame: the mask its run used, or one made from the parts of the face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.align import crop
from dvaedit.face.mask import TIME_RADIUS, soft_mask
from dvaedit.face.paste import Box, difference_patch
from dvaedit.face.regions import REGIONS
from dvaedit.face.surround import wide_quads
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.additions import KINDS
from dvaedit.stages.parse import read_maps
from dvaedit.stages.png import read_mask

DEFAULT_REGION = "head"
NOWHERE: Box = (0, 0, 0, 0)
_JOINED = ("head", "hat", "hair")  # regions whose outline an edit may move: the edit's own outline belongs to them
_CHUNK = 32  # frames whose masks are made at once

Mask = tuple[Box, np.ndarray]
"""A box of the frame (x0, y0, x1, y1) and the weights in it, (h, w) float32 in [0, 1]; zero outside the box."""


class Masks(Protocol):
    """Gives the mask of a frame of the original. ``origin`` says in words how masks are made."""

    origin: str

    def at(self, index: int, size: tuple[int, int], edited: np.ndarray) -> Mask:
        """``size``: (width, height) of the frame; ``edited``: the edited frame, uint8 (H, W, 3)."""
        ...


class RunMasks:
    """The soft masks a run of dvaedit has pasted with, of all people it edited."""

    def __init__(self, people: Sequence[tuple[Artifact, Artifact]]) -> None:
        """people: (align, paste) of each."""
        self._people = [
            (paste, align.read("quads"), {int(frame): at for at, frame in enumerate(align.read("frames"))})
            for align, paste in people
        ]
        regions = ", ".join(dict.fromkeys(paste.meta["region"] for _, paste in people))
        self.origin = f"the run's own mask ({regions}), from the cache"

    def at(self, index: int, size: tuple[int, int], edited: np.ndarray) -> Mask:
        found = []
        for paste, quads, place in self._people:
            if (at := place.get(index)) is not None:
                for name in paste.names & {"mask", "strands", "morph.mask", *(f"{kind}.mask" for kind in KINDS)}:
                    square = wide_quads(quads[at : at + 1])[0] if name == "strands" else quads[at]
                    found.append(in_frame(read_mask(paste, name, at), square, size))
        return joined(found)


class ParsedMasks:
    """A region of the face, found by the face parser in the original and, where edits move it, in the edit too."""

    def __init__(self, parsed: Artifact, align: Artifact, region: str, model: Model) -> None:
        self._parsed, self._region, self._model = parsed, region, model
        self._quads, self._timeline = align.read("quads"), align.read("timeline")
        self._place = {int(frame): at for at, frame in enumerate(align.read("frames"))}
        self._joined = region in _JOINED
        self._start, self._masks = 0, np.empty((0, 0, 0), np.float32)
        where = "the original and the edit" if self._joined else "the original"
        self.origin = f"made here: region {region} by the face parser, in {where}"

    def at(self, index: int, size: tuple[int, int], edited: np.ndarray) -> Mask:
        if (position := self._place.get(index)) is None:
            return joined([])
        mask, quad = self._of_original(position), self._quads[position]
        if self._joined:
            x = self._model.images(crop(edited, quad, len(mask))[None])
            mask = np.maximum(mask, soft_mask(self._model.class_maps(x), self._region)[0])
        return in_frame(mask, quad, size)

    def _of_original(self, position: int) -> np.ndarray:
        if not self._start <= position < self._start + len(self._masks):
            start, stop = position, min(position + _CHUNK, len(self._timeline))
            low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(self._timeline))
            masks = soft_mask(read_maps(self._parsed, low, high), self._region, self._timeline[low:high])
            self._start, self._masks = start, masks[start - low : stop - low]
        return self._masks[position - self._start]


def in_frame(mask: np.ndarray, quad: np.ndarray, size: tuple[int, int]) -> Mask:
    """A crop-space mask, (M, M), seen from the frame of ``size`` (width, height).

    The same interpolation as pasting, so zero exactly where nothing was pasted.
    """
    box, weight = difference_patch(np.ones((4, 4, 3), np.float32), mask, quad, size)
    return box, np.clip(weight[..., 0], 0, 1)


def joined(masks: Sequence[Mask]) -> Mask:
    """One mask that is the greatest of several everywhere; an empty one of none."""
    masks = [mask for mask in masks if mask[1].size]
    if len(masks) <= 1:
        return masks[0] if masks else (NOWHERE, np.zeros((0, 0), np.float32))
    corners = np.array([box for box, _ in masks])
    x0, y0, x1, y1 = (*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())
    whole = np.zeros((y1 - y0, x1 - x0), np.float32)
    for (left, top, right, bottom), weight in masks:
        part = whole[top - y0 : bottom - y0, left - x0 : right - x0]
        np.maximum(part, weight, out=part)
    return (x0, y0, x1, y1), whole


def check_mask_region(name: str) -> None:
    """Raises UsageError for a region that does not exist."""
    if name not in REGIONS:
        raise UsageError(f"unknown region '{name}'", hint=f"Choose one of: {', '.join(REGIONS)}.")
