"""Dyed hair: an edit says which colour hair takes on; the frame keeps its own strands, down to the finest.

A network that sees a crop of a few pixels a strand paints hair as a fog of the right colour, each frame's a little
different. Its colour is worth having, its drawing is not: the colours of hair before and after the edit, over the whole
video, give one curve (in the manner of Reinhard et al., Color Transfer between Images, 2001), which is applied to the
frame's own pixels as far as they are hair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.matte import matte
from dvaedit.face.paste import Box, support

SURE = 0.8  # weight from which a pixel counts as hair when colours are compared
CONTRAST = (0.2, -0.2)  # how contrast below and above the mean grows with light, exponents: 0 not, 1 in proportion
TURN = 20.0  # Lab; the distance over which one colour becomes another
KEPT = 0.25  # share of the deviations of chroma that another colour keeps
WHITE = 100.0
LIGHTEST = 1.3  # times the lightness of the skin


@dataclass(frozen=True)
class Dye:
    """The colour of hair before and after an edit: ``before`` and ``after``, (3,) each, Lab."""

    before: np.ndarray
    after: np.ndarray

    @classmethod
    def learn(cls, crops: np.ndarray, edited: np.ndarray, weights: np.ndarray, skin: np.ndarray) -> Dye | None:
        """From crops and edited crops, (n, S, S, 3) RGB in 8-bit levels, where weights (n, S, S) are sure of hair.

        None where no pixel is. Medians: what an edit has missed has no say. skin: bool (n, S, S), tells how much light
        there is; in little of it no hair is bright.
        """
        chosen = weights >= SURE
        if not chosen.any():
            return None
        before, after = (np.median(to_lab(pictures[chosen]), axis=0) for pictures in (crops, edited))
        most = LIGHTEST * np.median(to_lab(crops[skin])[:, 0]) if skin.any() else WHITE
        return cls(before, after * min(1.0, max(most, before[0]) / max(after[0], 1.0)))

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Hair of the colours ``rgb``, float (n, 3) in 8-bit levels, dyed; the same where the colours are the same."""
        lab = to_lab(rgb)
        turned = 1 - np.exp(-np.linalg.norm(self.after - self.before) / TURN)
        chroma = self.after[1:] + (1 - (1 - KEPT) * turned) * (lab[:, 1:] - self.before[1:])
        light = self._light(lab[:, :1])
        share = np.clip(light / max(self.after[0], 1.0), 0.7, 1.1)  # less light, less colour
        dyed = np.concatenate([light, chroma * (1 + turned * (share - 1))], axis=1)
        return from_lab(dyed)

    def _light(self, light: np.ndarray) -> np.ndarray:
        """Darker hair loses contrast in proportion; lighter hair keeps its own, and highlights stay below white."""
        before, after = (max(float(colour[0]), 1.0) for colour in (self.before, self.after))
        if after <= before:
            return light * (after / before)
        (shadow, highlight), above = ((after / before) ** power for power in CONTRAST), np.maximum(light - before, 0)
        room_before, room = WHITE - before, max(WHITE - after, 1.0)
        bent = max(highlight * room_before / room - 1, 0) / room_before
        return after + np.where(light > before, highlight * above / (1 + above * bent), shadow * (light - before))


def dyed_patch(
    rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, quad: np.ndarray, dye: Dye
) -> tuple[Box, np.ndarray]:
    """What dyeing adds to a frame: a box (x0, y0, x1, y1) and the difference, float32, 8-bit levels.

    rgb: uint8 (H, W, 3). hair, face: float32 (M, M) in [0, 1], of the square ``quad``: see
    :func:`dvaedit.face.matte.matte`. A pixel that is hair in part is composed of hair and what lies behind; only
    the hair changes.
    """
    box = x0, top, x1, bottom = support(hair, quad, rgb.shape[1::-1])
    delta = np.zeros(((bottom - top) * (x1 - x0), 3), np.float32)
    for found in matte(rgb, hair, face, quad):
        share = found.alpha[:, None]
        strand = found.hair + share * (found.colour - found.hair)
        delta[(found.box[1] - top) * (x1 - x0) + found.places] = share * (dye(strand) - strand)
    return box, delta.reshape(bottom - top, x1 - x0, 3)
