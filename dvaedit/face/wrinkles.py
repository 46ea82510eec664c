"""Skin made even: wrinkles and folds go, pores and the light on the face stay.

Of three bands of a picture's frequencies the finest are pores and noise, the next wrinkles, the broadest folds, bags
and furrows; what is broader still is the shape of the face.
"""

from __future__ import annotations

import numpy as np

from dvaedit.face.mask import mean_around

FINE, PORES, BROAD = 1 / 50, 0.25, 3.0  # sigma of what is broader than wrinkles, in sides of the crop; others in that
RELIEF, FOLDS = (-40.0, 16.0), (-30.0, 13.0)  # Lab: what is more is no wrinkle, and no fold
GRAIN = 2.0  # Lab: what is finest is a pore, or noise, up to about this
EVENED = 0.9  # share of folds that goes where all wrinkles go


def evened(lab: np.ndarray, skin: np.ndarray, size: float) -> np.ndarray:
    """What is added to a picture, Lab, float32 (h, w, 3), to even it where it is skin, and as much as ``skin`` says.

    Folds take the square of that: a little smoothing leaves them. Colour is evened too, since folds are redder. skin:
    float32 (h, w) in [0, 1], outside of which nothing counts; size: of the crop's side, pixels.
    """
    skin = skin[..., None]
    shown = lab * skin
    finest, near, far = (mean_around(shown, skin, by * FINE * size) for by in (PORES, 1, BROAD))
    grain = GRAIN * np.tanh((lab - finest) / GRAIN)
    relief, folds = np.clip(lab - near, *RELIEF), np.clip(near - far, *FOLDS)
    return -skin * (relief - grain + EVENED * skin * folds)
