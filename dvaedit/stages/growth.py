"""Where a beard that an edit grows stands, and where each pixel of each crop lies on the face that it stands on."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import cv2
import numpy as np

from dvaedit.face.anchor import offsets, pixels
from dvaedit.face.beard import Beard
from dvaedit.face.lab import to_lab
from dvaedit.face.mask import soft_mask
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.steady import RADIUS, steady
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.parse import read_maps
from dvaedit.stages.sample import to_levels
from dvaedit.stages.strands import spread

log = logging.getLogger(__name__)

HAIR_SHARE = 0.01  # of the crops' pixels; a head with less has no colour of hair to go by


class Growth:
    """A beard of the whole video, learnt from frames spread over it."""

    def __init__(self, inputs: Mapping[str, Artifact], region: str, dyed: bool) -> None:
        """inputs: align, parse and sample; region: where beards grow; dyed: they take on the new colour of hair."""
        self.align, self.parsed, self.sampled = inputs["align"], inputs["parse"], inputs["sample"]
        self.region, self.dyed = region, dyed
        self.points, self.timeline = self.align.read("points").astype(np.float64), self.align.read("timeline")
        self.reference = np.median(self.points, axis=0)

    def beard(self) -> dict[str, np.ndarray]:
        """``cover`` (S, S), ``reference`` (68, 2) and ``colours`` (2, 3), of skin and hair: see :class:`Beard`."""
        chosen = spread(self.sampled.frames)
        crops = np.concatenate([self.align.read("crops", n, n + 1) for n in chosen])
        edited = np.concatenate([to_levels(self.sampled, n, n + 1) for n in chosen])
        classes = np.stack([read_maps(self.parsed, n, n + 1)[0] for n in chosen])
        size = crops.shape[1:3]
        masks = soft_mask(classes, self.region, np.arange(0, 2 * len(chosen), 2))
        weights = np.stack([cv2.resize(mask, size, interpolation=cv2.INTER_AREA) for mask in masks])
        head = _hair_colour(edited if self.dyed else crops, classes)
        beard = Beard.learn(crops, edited, weights, self.points[chosen], self.reference, head)
        if beard is None:
            log.warning("no skin shows on which a beard could grow")
            beard = Beard(np.zeros(size, np.float32), self.reference, np.ones(3), np.ones(3))
        colours = np.stack([beard.skin, beard.hair])
        return {"cover": beard.cover, "reference": beard.reference, "colours": colours}

    def offsets(self, start: int, stop: int) -> np.ndarray:
        """float16 (stop - start, S, S, 2): see :func:`dvaedit.face.anchor.offsets`; averaged along the motion."""
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(self.timeline))
        crops = self.align.read("crops", low, high)
        here = pixels(crops.shape[1])
        places = np.stack([here + offsets(own, self.reference, crops.shape[1]) for own in self.points[low:high]])
        calm = steady(places, crops, self.timeline[low:high], slice(start - low, stop - low))
        return (calm - here).astype(np.float16)  # small numbers: half precision has hundredths of a pixel for them


def _hair_colour(pictures: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """(3,) Lab: the median colour of the hair in crops, (n, S, S, 3) in 8-bit levels."""
    size = pictures.shape[1:3]
    hair = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in classes]) == CLASS_ID["hair"]
    return np.median(to_lab(pictures[hair]), axis=0) if hair.mean() >= HAIR_SHARE else None
