"""What an edit puts on a face and draws there: learnt once from the whole video, and where it lies in each crop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from dvaedit.face.beard import Beard
from dvaedit.face.glasses import Glasses
from dvaedit.face.lab import to_lab
from dvaedit.face.paste import Patch, merge, patched
from dvaedit.face.regions import CLASS_ID
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.places import Places
from dvaedit.stages.png import encode_masks, read_mask
from dvaedit.stages.probes import HAIR_SHARE, Probes, reduced, weights_of

log = logging.getLogger(__name__)

KINDS: dict[str, type[Beard] | type[Glasses]] = {"beard": Beard, "stubble": Beard, "glasses": Glasses}
GROWN = ("beard", "stubble")
WORN = 0.001  # of the crop's pixels; glasses have 0.0045 of them or more, faces without 0 (98 % of 120 portraits each)


class Addition:
    """One thing that an edit puts on, for the stage that learns it."""

    def __init__(self, kind: str, inputs: Mapping[str, Artifact], dyed: bool) -> None:
        """kind: of ``KINDS``; inputs: as of :class:`Probes`; dyed: the colour of hair is the new one."""
        self.kind, self.drawn = kind, KINDS[kind]
        self.probes, self.after = Probes(inputs, "drawn"), Probes(inputs) if dyed else None
        self.points = inputs["align"].read("points").astype(np.float64)
        self._align = inputs["align"]
        self._lie_on(np.median(self.points, axis=0))

    def _lie_on(self, reference: np.ndarray) -> None:
        self.reference, anchors = reference, self.drawn.anchors
        self.where = Places(self._align, self.points[:, anchors], reference[anchors])

    def learn(self) -> dict[str, np.ndarray]:
        """The fields of the drawn thing, by ``kind.field``; none where no skin shows that it could be put on."""
        crops, classes = self.probes.crops(), self.probes.classes()
        weights = weights_of(classes, self.drawn.region, crops.shape[1:3])
        head = _hair_colour(self.after.edited() if self.after else crops, classes)
        found = self._found(crops, weights, self.points[self.probes.places], head)
        if found is None:
            log.warning("no skin shows that the %s could be put on", self.kind)
            return {}
        return {f"{self.kind}.{field.name}": np.asarray(getattr(found, field.name)) for field in fields(found)}

    def _found(
        self, crops: np.ndarray, weights: np.ndarray, points: np.ndarray, head: np.ndarray | None
    ) -> Beard | Glasses | None:
        return self.drawn.learn(crops, self.probes.edited(), weights, points, self.reference, head)

    def places(self, start: int, stop: int, masks: np.ndarray) -> dict[str, np.ndarray | list[bytes]]:
        """What tells where it lies in frames ``start`` to ``stop``; masks: of its region, (stop - start, M, M)."""
        return {f"{self.kind}.mask": encode_masks(masks), f"{self.kind}.offsets": self.where.offsets(start, stop)}


class Spectacles(Addition):
    """Glasses, unless such are worn already."""

    def learn(self) -> dict[str, np.ndarray]:
        """As of :class:`Addition`; with no opacity where clear ones would be put on others."""
        found = super().learn()
        if not found or found["glasses.opacity"][1] or not worn(self.probes.classes()):
            return found  # dark lenses may lie on clear ones
        log.warning("glasses are worn already: no others are put on")
        return found | {"glasses.opacity": np.zeros(2)}


def worn(classes: np.ndarray) -> bool:
    """Whether most of the class maps, (n, M, M), show glasses."""
    shares = (classes == CLASS_ID["eye_g"]).mean(axis=(1, 2))
    return bool(np.median(shares) > WORN)


LEARNT = {"beard": Addition, "glasses": Spectacles}  # from edited crops


class Stubble(Addition):
    """Hair whose density on the face is known beforehand."""

    def __init__(self, inputs: Mapping[str, Artifact], dyed: bool, cover: np.ndarray, reference: np.ndarray) -> None:
        """cover: (S, S) in [0, 1], over the face whose points are ``reference``, (68, 2), sides of the crop."""
        super().__init__("stubble", inputs, dyed)
        self._cover = cover
        self._lie_on(reference)

    def _found(
        self, crops: np.ndarray, weights: np.ndarray, points: np.ndarray, head: np.ndarray | None
    ) -> Beard | None:
        return Beard.as_dense(self._cover, crops, weights, points, self.reference, head)


class Additions:
    """All that was put on, for the stage that writes frames."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        self.pasted, self.quads = pasted, quads
        self.drawn = {
            kind: drawn(**{field.name: pasted.read(f"{kind}.{field.name}") for field in fields(drawn)})
            for kind, drawn in KINDS.items()
            if f"{kind}.reference" in pasted
        }

    def added(self, rgb: np.ndarray, position: int, below: Patch | None, grown: bool) -> Patch | None:
        """What each addition that has ``grown``, or each that has not, adds to a frame upon a patch that is below it.

        rgb: uint8 (H, W, 3), the frame at ``position`` of the track.
        """
        found = None
        for kind, thing in self.drawn.items():
            if (kind in GROWN) != grown:
                continue
            mask = read_mask(self.pasted, f"{kind}.mask", position)
            offset = self.pasted.read(f"{kind}.offsets", position, position + 1)[0]
            under = patched(rgb, merge(below, found))
            found = merge(found, thing.patch(under, mask, self.quads[position], offset))
        return found


def _hair_colour(pictures: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """(3,) Lab: the median colour of the hair in crops, (n, S, S, 3) in 8-bit levels."""
    hair = reduced(classes, pictures.shape[1:3]) == CLASS_ID["hair"]
    return np.median(to_lab(pictures[hair]), axis=0) if hair.mean() >= HAIR_SHARE else None
