"""What an edit puts on a face and draws there: learnt once from the whole video, and where it lies in each crop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import numpy as np

from dvaedit.face.beard import Beard
from dvaedit.face.glasses import Glasses, pupils
from dvaedit.face.lab import to_lab
from dvaedit.face.locks import Locks, room
from dvaedit.face.paste import Patch, merge, patched
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.rigid import moved, rigid
from dvaedit.face.shave import Shave
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.morphing import Morphing
from dvaedit.stages.places import Places
from dvaedit.stages.png import encode_masks, read_mask
from dvaedit.stages.probes import HAIR_SHARE, Probes, reduced, weights_of

log = logging.getLogger(__name__)

KINDS: dict[str, type[Shave | Beard | Glasses | Locks]] = {
    "shave": Shave, "whiskers": Beard, "glasses": Glasses, "sunglasses": Glasses,
    "locks": Locks,
}  # fmt: skip
GROWN, WORN, HANGING = ("shave", "whiskers"), ("glasses", "sunglasses"), ("locks",)  # from below to above
BARE_EYED = -3.1  # logit below which none are (150 faces with glasses: 0.4 or more; one with rimless ones: -2.9)
SEEN = 0.001  # of the crop's pixels; glasses have 0.0045 of them or more, faces without 0 (98 % of 120 portraits each)


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
        found = self._learnt()
        if found is None:
            log.warning("no skin shows that the %s could be put on", self.kind)
            return {}
        return {f"{self.kind}.{field.name}": np.asarray(getattr(found, field.name)) for field in fields(found)}

    def _learnt(self) -> Shave | Beard | Glasses | Locks | None:
        crops, classes = self.probes.crops(), self.probes.classes()
        weights = weights_of(classes, self.drawn.region, crops.shape[1:3])
        head = _hair_colour(self.after.edited() if self.after else crops, classes)
        return self._found(crops, weights, self.points[self.probes.places], head)

    def _found(
        self, crops: np.ndarray, weights: np.ndarray, points: np.ndarray, head: np.ndarray | None
    ) -> Beard | Glasses | None:
        return self.drawn.learn(crops, self.probes.edited(), weights, points, self.reference, head)

    def places(
        self, start: int, stop: int, offsets: np.ndarray, masks: Callable[[str | tuple[int, ...]], np.ndarray]
    ) -> dict[str, np.ndarray | list[bytes]]:
        """What tells where it lies in frames ``start`` to ``stop``; offsets: (stop - start, S, S, 2), of ``where``,
        see :func:`dvaedit.stages.places.steadied`; masks: of a region, (stop - start, M, M)."""
        return {f"{self.kind}.mask": encode_masks(masks(self.drawn.region)), f"{self.kind}.offsets": offsets}


class Eyewear(Addition):
    """What is put on before the eyes, and does not give way as the skin below does."""

    def __init__(self, kind: str, inputs: Mapping[str, Artifact], dyed: bool, morphing: Morphing | None) -> None:
        """morphing: of the face that it is put on."""
        super().__init__(kind, inputs, dyed)
        self._morphing = morphing

    def places(
        self, start: int, stop: int, offsets: np.ndarray, masks: Callable[[str | tuple[int, ...]], np.ndarray]
    ) -> dict[str, np.ndarray | list[bytes]]:
        """As of :class:`Addition`."""
        eyes, anchors = pupils(self.reference), self.drawn.anchors
        if self._morphing is not None:
            ends = (of[start:stop, anchors] for of in (self._morphing.points, self._morphing.goals))
            offsets = [moved(*each) for each in zip(offsets, *ends, strict=True)]
        lying = np.stack([rigid(each, eyes) for each in offsets]).astype(np.float16)
        return super().places(start, stop, lying, masks)


class Sunglasses(Eyewear):
    """Glasses with dark lenses, which may lie on clear ones."""

    def _learnt(self) -> Glasses | None:
        found = super()._learnt()
        return None if found is None else found.darkened()


class Spectacles(Eyewear):
    """Glasses, unless such are worn already."""

    def __init__(
        self, kind: str, inputs: Mapping[str, Artifact], dyed: bool, morphing: Morphing | None, logit: float
    ) -> None:
        """logit: of glasses in the face as it is."""
        super().__init__(kind, inputs, dyed, morphing)
        self._logit = logit

    def learn(self) -> dict[str, np.ndarray]:
        """As of :class:`Addition`; with no opacity where they would be put on others."""
        found = super().learn()
        if not found or self._logit < BARE_EYED or not worn(self.probes.classes()):
            return found
        log.warning("glasses are worn already: no others are put on")
        return found | {"glasses.opacity": np.zeros(2)}


def worn(classes: np.ndarray) -> bool:
    """Whether most of the class maps, (n, M, M), show glasses."""
    shares = (classes == CLASS_ID["eye_g"]).mean(axis=(1, 2))
    return bool(np.median(shares) > SEEN)


class Whiskers(Addition):
    """The hair of a face, whose density is known beforehand."""

    def __init__(
        self, inputs: Mapping[str, Artifact], dyed: bool, cover: np.ndarray, reference: np.ndarray,
        colour: str | None = None,
    ) -> None:  # fmt: skip
        """cover: (S, S) in [0, 1], over the face whose points are ``reference``, (68, 2), sides of the crop; colour: of
        :data:`dvaedit.face.beard.COLOURS`; of the head's hair if None."""
        super().__init__("whiskers", inputs, dyed)
        self._cover, self._colour = cover, colour
        self._lie_on(reference)

    def _found(
        self, crops: np.ndarray, weights: np.ndarray, points: np.ndarray, head: np.ndarray | None
    ) -> Beard | None:
        found = Beard.learn(self._cover, crops, weights, points, self.reference, head)
        return found if found is None or self._colour is None else found.coloured(self._colour)


class Additions:
    """All that was put on, for the stage that writes frames."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        self.pasted = pasted
        self.drawn = {
            kind: drawn(**{field.name: pasted.read(f"{kind}.{field.name}") for field in fields(drawn)})
            for kind, drawn in KINDS.items()
            if all(f"{kind}.{field.name}" in pasted for field in fields(drawn))
        }

        self._quads = {kind: squares(kind, quads) for kind in self.drawn}

    def added(self, rgb: np.ndarray, position: int, below: Patch | None, kinds: Sequence[str]) -> Patch | None:
        """What the additions of some ``kinds`` add to a frame upon a patch that is below them.

        rgb: uint8 (H, W, 3), the frame at ``position`` of the track.
        """
        found = None
        for kind in [kind for kind in kinds if kind in self.drawn]:
            mask = read_mask(self.pasted, f"{kind}.mask", position)
            offset = self.pasted.read(f"{kind}.offsets", position, position + 1)[0]
            under, quad = patched(rgb, merge(below, found)), self._quads[kind][position]
            found = merge(found, self.drawn[kind].patch(under, mask, quad, offset))
        return found


def squares(kind: str, quads: np.ndarray) -> np.ndarray:
    """The squares in which a kind of addition is drawn, of crop squares, (n, 4, 2), frame pixels."""
    return room(quads) if kind in HANGING else quads


def _hair_colour(pictures: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """(3,) Lab: the median colour of the hair in crops, (n, S, S, 3) in 8-bit levels."""
    hair = reduced(classes, pictures.shape[1:3]) == CLASS_ID["hair"]
    return np.median(to_lab(pictures[hair]), axis=0) if hair.mean() >= HAIR_SHARE else None
