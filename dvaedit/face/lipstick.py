"""Lipstick: a paint of a colour of its own over the frame's own lips, whose light and relief show through.

A change of the lips' colour that suits fair skin is hardly seen on dark lips. Paint covers: what it looks like depends
on the light, which the skin around the mouth tells, and little on what lies beneath.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dvaedit.face.lab import from_lab, lab_of, saturation, to_lab
from dvaedit.face.mask import filled, smoothstep
from dvaedit.face.mouth import INNER, OUTER

CHEEKS = (1, 2, 3, 4, 48, 31), (15, 14, 13, 12, 54, 35)  # points around each
RED, ROSE, BARE = "red", "rose", (0.0, 0.0, 0.0)
# Lightness beside ``MEAN_SKIN``, chroma over lightness, and hue, degrees. 272 women with lipstick (labelled by eye):
# 0.76 times the skin's lightness, 0.84 (a tenth: 1.25) and 24 degrees; rose is a little more of it.
PAINTS = {
    RED: (37.0, 1.36, 22.0), ROSE: (42.0, 1.0, 23.0),
    "burgundy": (27.0, 1.1, 14.0), "brown": (33.0, 0.75, 40.0), "nude": (55.0, 0.5, 38.0),
    "pink": (52.0, 0.75, 9.0), "fuchsia": (44.0, 1.2, 356.0), "coral": (52.0, 0.95, 34.0), "orange": (52.0, 1.15, 48.0),
    "purple": (32.0, 0.95, 326.0), "blue": (34.0, 0.9, 275.0), "black": (13.0, 0.15, 20.0),
}  # fmt: skip
MEAN_SKIN = np.array([61.0, 16.9, 22.4])  # Lab, of theirs
EXPOSED, TINTED, VIVID = 0.7, 0.6, 0.45  # exponents with which paint's lightness, hue and saturation go with skin's
RELIEF = 0.9  # share of the lips' light and shade that shows
SHADE = 0.5, 1.15  # times the paint's lightness, between which its chroma goes with it
# Bare lips of 748 women: times the skin's lightness; a and b over lightness: more than the skin's, and times that.
# Lips that are still redder are painted: by 0.25 (a tenth: 0.32) without lipstick, by 0.48 (a tenth: 0.34) with it.
PALER, REDDER, BLUER, MADE_UP = 0.8, 0.25, 0.76, (0.30, 0.42)
LIGHTER = 1.08  # times the lips' lightness that they have at most without paint: they may lie in the shade
OPAQUE = 0.9  # of a coat
SOLID = 0.7  # of the greatest change: what lipstick changes so much it covers


def coverage(change: np.ndarray) -> np.ndarray:
    """Where lipstick lies, float32 (S, S) in [0, 1], by how it changes the mean face, (S, S, 3) Lab."""
    chroma = np.linalg.norm(change[..., 1:], axis=2)
    return np.clip(chroma / max(SOLID * float(chroma.max()), 1e-6), 0, 1).astype(np.float32)


def beside(crops: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The colours of the lips and of the cheeks, (3,) Lab each; None where they are not seen.

    crops: uint8 (n, S, S, 3) RGB, of one face; points: (n, 68, 2), sides of the crop.
    """
    size, found = crops.shape[1], []
    for crop, own in zip(crops, points, strict=True):
        lips = filled(size, own[OUTER]) & ~filled(size, own[INNER])
        cheeks = np.any([filled(size, own[list(around)]) for around in CHEEKS], axis=0)
        if lips.any() and cheeks.any():
            lab = to_lab(crop)
            found.append([np.median(lab[where], axis=0) for where in (lips, cheeks)])
    return tuple(np.median(found, axis=0)) if found else None


def in_light(paint: Sequence[float], lips: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """A paint of ``PAINTS``, or lips without any, beside skin of some colour: (3,) Lab each.

    ``BARE`` gives lips that are painted the colour of bare ones, and others, of the colour ``lips``, theirs. Light of
    another colour changes paint as it changes skin (von Kries, 1902).
    """
    if tuple(paint) == BARE:
        return lips + _made_up(lips, skin) * (_bare(lips, skin) - lips)
    light, chroma, hue = paint
    tint = np.maximum(from_lab(skin), 1) / from_lab(MEAN_SKIN)
    seen = to_lab(from_lab(lab_of(light, chroma, np.radians(hue))) * (tint / tint.mean()) ** TINTED)
    light *= (max(float(skin[0]), 1.0) / MEAN_SKIN[0]) ** EXPOSED
    chroma *= max(saturation(skin) / saturation(MEAN_SKIN), 1.0) ** VIVID
    return lab_of(light, max(chroma, saturation(seen)), np.arctan2(seen[2], seen[1]))


def _bare(lips: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The colour of lips without paint; their hue lies between that of the paint and that beside this skin."""
    _, a, b = skin / max(float(skin[0]), 1.0)
    usual = np.array([a + REDDER, BLUER * b])
    hue = usual / max(np.hypot(*usual), 1e-6) + lips[1:] / max(np.hypot(*lips[1:]), 1e-6)
    return lab_of(min(PALER * skin[0], LIGHTER * lips[0]), float(np.hypot(*usual)), np.arctan2(hue[1], hue[0]))


def _made_up(lips: np.ndarray, skin: np.ndarray) -> float:
    """Whether lips are painted, in [0, 1]."""
    red, pale = (colour[1] / max(float(colour[0]), 1.0) for colour in (lips, skin))
    return float(smoothstep(red - pale, *MADE_UP))


def painted(lab: np.ndarray, coat: np.ndarray, lips: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """Lab colours, (h, w, 3), under a coat, (h, w); above 1 it is thicker and more vivid. lips, paint: (3,) Lab."""
    light = np.clip(paint[0] + RELIEF * (lab[..., 0] - lips[0]), 0, 100)
    share = np.clip(light / max(float(paint[0]), 1.0), *SHADE) * np.maximum(coat, 1)
    new = np.dstack([light, share * paint[1], share * paint[2]])
    return lab + np.clip(OPAQUE * coat, 0, 1)[..., None] * (new - lab)
