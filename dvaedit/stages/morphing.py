"""What an edit moves and shades in the frame itself: learnt beforehand, told here where it lies in each crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

import cv2
import numpy as np

from dvaedit.face.align import own_quad
from dvaedit.face.anchor import offsets
from dvaedit.face.morph import Morph
from dvaedit.face.paste import Patch
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.places import Places
from dvaedit.stages.png import encode_masks, read_mask
from dvaedit.stages.probes import Probes

ALONE = 1000  # frames apart, so that nothing is averaged


class Morphing:
    """A morph and a track, for the stage that tells where it lies."""

    region, moving = "face", tuple(sorted(TRAINING_FACE))  # what is shaded, and what may move

    def __init__(self, inputs: Mapping[str, Artifact], morph: Morph) -> None:
        """inputs: as of :class:`Probes`, and "shaded", where the network tells light and shade."""
        align, self.morph, self._probes = inputs["align"], morph, Probes(inputs, "shaded")
        self._shaded = "shaded" in inputs
        self._seen = align.read("points").astype(np.float64)
        self.points, self.goals = morph.goals(self._seen, align.read("timeline"))
        self.where = Places(align, self._seen, morph.reference)

    def tell(self) -> dict[str, np.ndarray]:
        """The fields of the morph in the light of the video, as ``morph.FIELD``."""
        crops, places = self._probes.crops(), self._probes.places
        lit = self.morph.lit(crops, self._seen[places])
        if self._shaded:
            lit = lit.shaded(crops, self._probes.edited(), self.goals[places])
        return {f"morph.{field.name}": np.asarray(getattr(lit, field.name)) for field in fields(Morph)}

    def places(
        self, start: int, stop: int, offsets: np.ndarray, masks: Callable[[str | tuple[int, ...]], np.ndarray]
    ) -> dict[str, np.ndarray | list[bytes]]:
        """What tells where it lies; arguments as of :meth:`dvaedit.stages.additions.Addition.places`."""
        faces = masks(self.region)
        there = zip(faces, masks(self.moving), self.points[start:stop], self.goals[start:stop], strict=True)
        reach = [self.morph.reach(face) * self.morph.swept(head, *move) for face, head, *move in there]
        return {
            "morph.mask": encode_masks(np.stack(reach)),
            "morph.face": encode_masks(faces * (1 - masks("glasses"))),
            "morph.offsets": offsets,
            "morph.points": self.points[start:stop].astype(np.float32),
            "morph.goals": self.goals[start:stop].astype(np.float32),
        }  # fmt: skip


class Morphed:
    """The morph of a track, for the stage that writes frames."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        self._pasted, self._quads = pasted, quads
        self._morph = Morph(**{field.name: pasted.read(f"morph.{field.name}") for field in fields(Morph)})

    @property
    def toothed(self) -> bool:
        """Whether teeth are drawn."""
        return self._morph.teeth.size > 0

    def patch(self, rgb: np.ndarray, position: int, below: Patch | None = None) -> Patch:
        """What is added to a frame, uint8 (H, W, 3), at ``position`` of the track: see :meth:`Morph.patch`."""
        at = {
            name: self._pasted.read(f"morph.{name}", position, position + 1)[0]
            for name in ("points", "goals", "offsets")
        }
        reach, face = (read_mask(self._pasted, f"morph.{name}", position) for name in ("mask", "face"))
        points, goals = (at[name].astype(np.float64) for name in ("points", "goals"))
        return self._morph.patch(rgb, reach, face, self._quads[position], points, goals, at["offsets"], below)


def alone(morph: Morph, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:meth:`Morph.goals` of crops that have nothing to do with each other."""
    return morph.goals(points, ALONE * np.arange(len(points)))


def morphed_crops(morph: Morph, crops: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Single crops, uint8 (n, S, S, 3), with their ``points``, (n, 68, 2), sides of the crop, morphed."""
    size = crops.shape[1]
    quad = own_quad(size)
    own, goals = alone(morph, points)
    out = crops.copy()
    for crop, start, goal, result in zip(crops, own, goals, out, strict=True):
        face = np.zeros((size, size), np.float32)
        cv2.fillConvexPoly(face, cv2.convexHull(np.rint(start * size).astype(np.int32)), 1.0)
        offset = offsets(start, morph.reference, size)
        lit = morph.lit(crop[None], start[None])
        (x0, y0, x1, y1), delta = lit.patch(crop, morph.reach(face), face, quad, start, goal, offset)
        result[y0:y1, x0:x1] = np.clip(np.rint(crop[y0:y1, x0:x1] + delta), 0, 255)
    return out
