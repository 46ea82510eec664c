"""What an edit puts on a face and draws there: learnt once from the whole video, and where it lies in each crop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields

import cv2
import numpy as np

from dvaedit.face.anchor import offsets, pixels
from dvaedit.face.beard import Beard
from dvaedit.face.glasses import Glasses
from dvaedit.face.lab import to_lab
from dvaedit.face.mask import soft_mask
from dvaedit.face.paste import Box, merge
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.steady import RADIUS, steady
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.png import encode_masks, read_mask
from dvaedit.stages.probes import Probes
from dvaedit.video.reader import Frame

log = logging.getLogger(__name__)

KINDS: dict[str, type[Beard] | type[Glasses]] = {"beard": Beard, "glasses": Glasses}
Patch = tuple[Box, np.ndarray]
HAIR_SHARE = 0.01  # of the crops' pixels; a head with less has no colour of hair to go by


class Addition:
    """One thing that an edit puts on, for the stage that learns it."""

    def __init__(self, kind: str, inputs: Mapping[str, Artifact], dyed: bool) -> None:
        """kind: of ``KINDS``; inputs: as of :class:`Probes`; dyed: the colour of hair is the new one."""
        self.kind, self.drawn = kind, KINDS[kind]
        self.align, self.probes, self.dyed = inputs["align"], Probes(inputs, "drawn"), dyed
        self.points, self.timeline = self.align.read("points").astype(np.float64), self.align.read("timeline")
        self.reference = np.median(self.points, axis=0)

    def learn(self) -> dict[str, np.ndarray]:
        """The fields of the drawn thing, by ``kind.field``; none where no skin shows that it could be put on."""
        crops, edited, classes = self.probes.crops(), self.probes.edited(), self.probes.classes()
        masks = soft_mask(classes, self.drawn.region, np.arange(0, 2 * len(classes), 2))
        weights = np.stack([cv2.resize(mask, crops.shape[1:3], interpolation=cv2.INTER_AREA) for mask in masks])
        head = _hair_colour(edited if self.dyed else crops, classes)
        found = self.drawn.learn(crops, edited, weights, self.points[self.probes.places], self.reference, head)
        if found is None:
            log.warning("no skin shows that the %s could be put on", self.kind)
            return {}
        return {f"{self.kind}.{field.name}": np.asarray(getattr(found, field.name)) for field in fields(found)}

    def places(self, start: int, stop: int, masks: np.ndarray) -> dict[str, np.ndarray | list[bytes]]:
        """What tells where it lies in frames ``start`` to ``stop``; masks: of its region, (stop - start, M, M)."""
        return {f"{self.kind}.mask": encode_masks(masks), f"{self.kind}.offsets": self.offsets(start, stop)}

    def offsets(self, start: int, stop: int) -> np.ndarray:
        """float16 (stop - start, S, S, 2): see :func:`dvaedit.face.anchor.offsets`; averaged along the motion."""
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(self.timeline))
        crops, anchors = self.align.read("crops", low, high), self.drawn.anchors
        here, target = pixels(crops.shape[1]), self.reference[anchors]
        places = np.stack([here + offsets(own[anchors], target, len(here)) for own in self.points[low:high]])
        calm = steady(places, crops, self.timeline[low:high], slice(start - low, stop - low))
        return (calm - here).astype(np.float16)  # small numbers: half precision has hundredths of a pixel for them


class Additions:
    """All that was put on, for the stage that writes frames."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        self.pasted, self.quads = pasted, quads
        self.drawn = {
            kind: drawn(**{field.name: pasted.read(f"{kind}.{field.name}") for field in fields(drawn)})
            for kind, drawn in KINDS.items()
            if f"{kind}.reference" in pasted
        }

    def put_on(self, frame: Frame, position: int, patch: Patch | None) -> Patch | None:
        """The patch and, upon what it makes of the frame, each addition. The frame is at ``position`` of the track."""
        if not self.drawn:
            return patch
        rgb = frame.rgb()
        for kind, thing in self.drawn.items():
            mask = read_mask(self.pasted, f"{kind}.mask", position)
            offset = self.pasted.read(f"{kind}.offsets", position, position + 1)[0]
            found = thing.patch(_patched(rgb, patch), mask, self.quads[position], offset)
            patch = found if patch is None else merge(patch, found)
        return patch


def _patched(rgb: np.ndarray, patch: Patch | None) -> np.ndarray:
    """A frame, uint8, with what a patch adds to it."""
    if patch is None or not patch[1].size:
        return rgb
    (x0, y0, x1, y1), delta = patch
    out = rgb.copy()
    out[y0:y1, x0:x1] = np.clip(np.rint(rgb[y0:y1, x0:x1] + delta), 0, 255)
    return out


def _hair_colour(pictures: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """(3,) Lab: the median colour of the hair in crops, (n, S, S, 3) in 8-bit levels."""
    size = pictures.shape[1:3]
    hair = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in classes]) == CLASS_ID["hair"]
    return np.median(to_lab(pictures[hair]), axis=0) if hair.mean() >= HAIR_SHARE else None
