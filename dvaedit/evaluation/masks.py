"""Where an edit may have changed a frame: the mask its run used, or one made from the parts of the face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.align import crop
from dvaedit.face.mask import TIME_RADIUS, soft_mask
from dvaedit.face.paste import Mask, joined, mask_in_frame
from dvaedit.face.regions import REGIONS
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.extent import Extent
from dvaedit.stages.parse import read_maps

DEFAULT_REGION = "head"
_JOINED = ("head", "hat", "hair")  # regions whose outline an edit may move: the edit's own outline belongs to them
_CHUNK = 32  # frames whose masks are made at once


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
            (Extent(paste, align.read("quads")), {int(frame): at for at, frame in enumerate(align.read("frames"))})
            for align, paste in people
        ]
        regions = ", ".join(dict.fromkeys(paste.meta["region"] for _, paste in people))
        self.origin = f"the run's own mask ({regions}), from the cache"

    def at(self, index: int, size: tuple[int, int], edited: np.ndarray) -> Mask:
        return joined([extent.at(place[index], size) for extent, place in self._people if index in place])


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
        return mask_in_frame(mask, quad, size)

    def _of_original(self, position: int) -> np.ndarray:
        if not self._start <= position < self._start + len(self._masks):
            start, stop = position, min(position + _CHUNK, len(self._timeline))
            low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(self._timeline))
            masks = soft_mask(read_maps(self._parsed, low, high), self._region, self._timeline[low:high])
            self._start, self._masks = start, masks[start - low : stop - low]
        return self._masks[position - self._start]


def check_mask_region(name: str) -> None:
    """Raises UsageError for a region that does not exist."""
    if name not in REGIONS:
        raise UsageError(f"unknown region '{name}'", hint=f"Choose one of: {', '.join(REGIONS)}.")
