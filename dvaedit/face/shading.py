"""How the network lights and shades a changed face: what no mean of other faces tells, without what it moves there.

A crop of 128 pixels is too coarse for lips that part or eyes that narrow, but not for the folds beside a smile, cheeks
that rise or hollow: broad light and shade, on this person's skin and in this video's light.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dvaedit.face.anchor import seen
from dvaedit.face.lab import to_lab
from dvaedit.face.mask import filled, mean_around

SHARE = 0.8  # of the network's change
BROAD = 1 / 64  # of the crop's side: sigma of what is fine, and left out
DEEPEST, TINTED = 15.0, 5.0  # Lab lightness, and a and b, that are neared but not exceeded
OUTLINE, LIPS = np.r_[0:17, 26:16:-1], slice(48, 60)  # jaw and brows; what lies within is shaded
EYES = np.r_[17:27, 36:48]  # with brows
EDGE, AWAY = 1 / 42, 1 / 64  # of the side: sigma of the area's edge; how far around eyes and lips nothing is


def shading(
    before: np.ndarray, after: np.ndarray, points: Sequence[np.ndarray], reference: np.ndarray, eyes: float = 0.0,
    darkens: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """The change of Lab that a network makes to the skin of a face, float32 (S, S, 3), over the reference face.

    before, after: (n, S, S, 3) RGB in 8-bit levels; points: n times (68, 2), of the changed face; reference: (68, 2);
    both sides of the crop; eyes: share of the change that the eyes and what is around them take; darkens: share of
    what it darkens. Lightness changes by less than :data:`DEEPEST`, a and b by less than :data:`TINTED`.
    """
    changes = [
        seen(to_lab(np.float32(new)) - to_lab(np.float32(old)), own, reference)
        for old, new, own in zip(before, after, points, strict=True)
    ]
    change = np.median(changes, axis=0).astype(np.float32)
    size = len(change)
    skin = _skin(reference, size, eyes)[..., None]
    weights = skin + 1e-3  # what is left out is not smeared into the rest
    broad = mean_around(change * weights, weights, BROAD * size)
    most = np.float32([DEEPEST, TINTED, TINTED])
    told = SHARE * skin * most * np.tanh(broad / most)
    told[..., 0] *= np.where(told[..., 0] < 0, np.float32(darkens), 1)
    return told


def _skin(points: np.ndarray, size: int, eyes: float) -> np.ndarray:
    """Where a face of these points, sides of the crop, has skin below its brows: float32 (S, S) in [0, 1], ``eyes``
    around the eyes."""
    face = cv2.GaussianBlur(filled(size, points[OUTLINE]).astype(np.float32), (0, 0), EDGE * size)
    sockets = cv2.convexHull(np.float32(points[EYES]))[:, 0]
    around, left = np.ones((2 * round(AWAY * size) + 1,) * 2), face
    for outline, share in ((points[LIPS], 0.0), (sockets, eyes)):
        there = cv2.dilate(filled(size, outline).astype(np.float32), around)
        left = left * (1 - (1 - share) * cv2.GaussianBlur(there, (0, 0), AWAY * size))
    return left
