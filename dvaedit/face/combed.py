"""Strands on dyed hair that shows none of its own.

Black hair in the dark is all of one colour, and light hair of one colour is a cap. Strands are drawn on it, along the
directions in which hair runs on average, as deep as hair of that lightness shows them; they stay put on the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dvaedit.face.anchor import SIDE, Drawing, in_box, seen
from dvaedit.face.dye import CONTRAST, RAISED
from dvaedit.face.lab import to_lab
from dvaedit.face.locks import ANCHORS, into_room
from dvaedit.face.mask import border_window
from dvaedit.face.paste import Box
from dvaedit.face.softness import softened
from dvaedit.face.textures import fine, relief, textures, well_inside

DEEP = 0.1  # of its lightness: deviation of what is fine in light hair (blond portraits)
LIGHTER = 1.3  # times as light as before, from which on strands are missed
CORE = 5  # pixels of the crop: well inside of hair
AROUND = 1 / 32  # of its side, sigma: over which strands that are there are counted


@dataclass(frozen=True)
class Combed:
    """Over the wide square of :func:`dvaedit.face.locks.room` of the mean face: ``directions``, float32 (S, S, 2),
    cosine and sine of twice the angle along which strands run; ``depth``, float32 (S, S), the deviation of the
    lightness, Lab, that is added."""

    directions: np.ndarray
    depth: np.ndarray

    @classmethod
    def learn(
        cls, directions: np.ndarray, crops: np.ndarray, hair: np.ndarray, dye: np.ndarray, points: np.ndarray,
        reference: np.ndarray,
    ) -> Combed | None:  # fmt: skip
        """From frames spread over the video; None where hair gets no lighter, or there is none.

        crops: uint8 (n, S, S, 3) RGB; hair: bool (n, S, S), where it is; dye: (2, 3) Lab, its colours before and after;
        points: (n, 68, 2), sides of the crop; reference: (68, 2), of the mean face.
        """
        before, after = (max(float(light), 1.0) for light in dye[:, 0])
        core = well_inside(hair, CORE).astype(np.float32)
        if not core.any() or after < LIGHTER * before:
            return None
        energy = core * np.stack([fine(light) for light in to_lab(crops)[..., 0]]) ** 2
        told = [
            seen(np.dstack(pair), own[ANCHORS], reference[ANCHORS])
            for *pair, own in zip(energy, core, points, strict=True)
        ]
        energy, core = (cv2.GaussianBlur(one, (0, 0), len(one) * AROUND) for one in np.moveaxis(np.mean(told, 0), 2, 0))
        own = energy / np.maximum(core, 1e-3) * min(after / before, RAISED) ** (2 * CONTRAST[0])
        depth = np.sqrt(np.maximum((DEEP * after) ** 2 - own, 0))
        return cls(directions, into_room(depth.astype(np.float32)))

    @cached_property
    def drawing(self) -> Drawing:
        """The lightness that strands add, over the wide square; none at its border."""
        depth = cv2.resize(self.depth, (SIDE, SIDE)) * border_window(SIDE)
        return Drawing((depth * relief(textures(self.directions))).astype(np.float32))

    def strands(self, quad: np.ndarray, offset: np.ndarray, soft: float, box: Box) -> np.ndarray:
        """What is added to the lightness of hair in a box of the frame, (h, w), Lab.

        quad: (4, 2), the wide square, frame pixels; offset: (S, S, 2), see :func:`dvaedit.face.anchor.offsets`; soft:
        of the frame's edges, see :func:`dvaedit.face.softness.softness`.
        """
        return softened(self.drawing.at(in_box(offset, quad, box), quad), soft)[0]
