"""Long hair that is put on a head: learnt once from the whole video, and where it hangs in each frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import cv2
import numpy as np

from dvaedit.face.align import own_quad
from dvaedit.face.anchor import fetch, pixels, seen
from dvaedit.face.anchor import offsets as between
from dvaedit.face.locks import ANCHORS, PLACES, Locks, allowed, in_room, into_room, is_long, lying, room
from dvaedit.face.paste import patched
from dvaedit.face.regions import CLASS_ID, REGIONS, ids
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.additions import Addition
from dvaedit.stages.morphing import Morphing
from dvaedit.stages.parse import read_maps
from dvaedit.stages.png import encode_masks
from dvaedit.stages.probes import HAIR_SHARE, reduced, weights_of

MASK = 256  # pixels a side of its mask
FACE = tuple(sorted(REGIONS["eye_area"] - ids("l_ear", "r_ear")))  # ears are hidden
BARE = tuple(sorted(REGIONS["face"] | ids("neck")))
KEPT = ("hair", FACE, (CLASS_ID["hat"],), BARE)  # what is seen before it, if only in part


class LongHair(Addition):
    """Hair that hangs as it does on average, unless the head's own is long, or it has none."""

    def __init__(
        self, inputs: Mapping[str, Artifact], maps: np.ndarray, reference: np.ndarray,
        morphing: Morphing | None = None, dye: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """maps: of :class:`Locks`; reference: (68, 2), points of the mean face, sides of the crop; morphing: of the
        face that it hangs beside; dye: of the head's own hair."""
        super().__init__("locks", inputs, dyed=False)
        self._dye, self._parsed = np.zeros((2, 3)) if dye is None else dye, inputs["parse"]
        self._maps, self._moved = maps, (self.points,) * 2 if morphing is None else (morphing.points, morphing.goals)
        self._lie_on(reference)
        self._crops, self._classes = self.probes.crops(), self.probes.classes()
        self._hair = reduced(self._classes, self._crops.shape[1:3]) == CLASS_ID["hair"]
        self.fits = bool(self._hair.mean() >= HAIR_SHARE) and not is_long(maps, self._hanging())

    def _hanging(self) -> np.ndarray:
        """The head's own hair, (S, S) in [0, 1], as the mean face shows it, in the wide square."""
        pairs = zip(self._hair.astype(np.float32), self.points[self.probes.places][:, ANCHORS], strict=True)
        return into_room(np.mean([seen(hair, own, self.reference[ANCHORS]) for hair, own in pairs], axis=0))

    def on(self, crops: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Crops, uint8 (n, S, S, 3), as edits other than this have made them, with the hair; frames: (n,), the numbers
        in the video of those they show, probes or others of the track."""
        hair, out, quad = self._locks, crops.copy(), room(own_quad(crops.shape[1])[None])[0]
        places = np.searchsorted(self._align.read("frames"), frames)
        classes = np.concatenate([read_maps(self._parsed, at, at + 1) for at in places])
        masks = [weights_of(classes, part, (MASK, MASK)) for part in KEPT]
        for own, crop, *parts in zip(self.points[places][:, ANCHORS], out, *masks, strict=True):
            where = between(in_room(own), in_room(self.reference[ANCHORS]), PLACES)
            mask = self._allowed(where, np.zeros_like(where), parts)
            crop[:] = patched(crop, hair.patch(crop, mask, quad, where))
        return out

    def _learnt(self) -> Locks:
        return self._locks

    @cached_property
    def _locks(self) -> Locks:
        return Locks.learn(self._maps, self._crops, self._hair, self._dye)

    def places(
        self, start: int, stop: int, offsets: np.ndarray, masks: Callable[[str | tuple[int, ...]], np.ndarray]
    ) -> dict[str, np.ndarray | list[bytes]]:
        """As of :class:`Addition`, but of the wide square."""
        made, parts = [], zip(*(masks(part) for part in KEPT), strict=True)
        moved = zip(*(of[start:stop] for of in self._moved), strict=True)
        for (own, goal), steady, shown in zip(moved, offsets, parts, strict=True):
            where = lying(own, goal, self.reference, steady)
            made.append((where, self._allowed(where, between(in_room(goal), in_room(own), PLACES), shown)))
        where, mask = (np.stack(each) for each in zip(*made, strict=True))
        return {"locks.mask": encode_masks(mask), "locks.offsets": where.astype(np.float16)}

    def _allowed(self, offset: np.ndarray, moved: np.ndarray, shown: Sequence[np.ndarray]) -> np.ndarray:
        """See :func:`allowed`; offset, moved: from the wide square's places to those in the mean face and to where they
        were; shown: masks of the crop, (M, M), of what keeps hair off."""
        places, before = (pixels(MASK) + cv2.resize(each, (MASK, MASK)) for each in (offset, moved))
        return allowed(self._maps, places, *(fetch(_around(mask), before) for mask in shown))


def _around(mask: np.ndarray) -> np.ndarray:
    """A mask of the crop, (M, M), in the wide square; nothing beyond the crop."""
    edged = mask.copy()
    edged[[0, -1]], edged[:, [0, -1]] = 0, 0
    return into_room(cv2.resize(edged, (MASK, MASK)))
