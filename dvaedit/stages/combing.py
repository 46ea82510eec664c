"""Strands that are drawn on dyed hair: learnt once from the whole video, and where they lie in each frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dvaedit.face.combed import Combed
from dvaedit.face.locks import ANCHORS, face_of, lying, room
from dvaedit.face.paste import Box
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.softness import softness
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.places import Places
from dvaedit.stages.probes import reduced
from dvaedit.stages.strands import Strands


class Combing:
    """Strands and a track, for the stage that tells where they lie."""

    def __init__(
        self, align: Artifact, hair: Strands, directions: np.ndarray, reference: np.ndarray, dye: np.ndarray
    ) -> None:
        """hair: where it is; directions: of :class:`Combed`; reference: (68, 2), points of the mean face, sides of the
        crop; dye: (2, 3), the colours of hair before and after."""
        self.points, self.reference = align.read("points").astype(np.float64), reference
        self.where = Places(align, self.points[:, ANCHORS], reference[ANCHORS])
        there = reduced(hair.classes, hair.crops.shape[1:3]) == CLASS_ID["hair"]
        own = self.points[hair.probes.places]
        self.strands = Combed.learn(directions, hair.crops, there, dye, own, reference)

    def tell(self) -> dict[str, np.ndarray]:
        """The fields of the strands, as ``combed.FIELD``."""
        return {"combed.directions": self.strands.directions, "combed.depth": self.strands.depth}

    def places(
        self, start: int, stop: int, offsets: np.ndarray, masks: Callable[[str | tuple[int, ...]], np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What tells where they lie; arguments as of :meth:`dvaedit.stages.additions.Addition.places`."""
        pairs = zip(self.points[start:stop], offsets, strict=True)
        found = np.stack([lying(own, own, self.reference, steady) for own, steady in pairs])
        return {"combed.offsets": found.astype(np.float16)}


class CombedHair:
    """The strands of a track, for the stage that writes frames."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        self._pasted, self._quads = pasted, room(quads)
        self._strands = Combed(pasted.read("combed.directions"), pasted.read("combed.depth"))

    def on(self, rgb: np.ndarray, position: int) -> Callable[[Box], np.ndarray]:
        """What they add to the lightness of a box of a frame, uint8 (H, W, 3), at ``position`` of the track."""
        quad, offset = self._quads[position], self._pasted.read("combed.offsets", position, position + 1)[0]
        face = face_of(rgb, quad)
        soft = softness(face, np.ones(face.shape[:2]))
        return lambda box: self._strands.strands(quad, offset, soft, box)
