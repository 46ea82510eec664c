"""How soft the edges are that a frame shows, so that what is drawn into it is no crisper than what is there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

OWN = 0.45  # pixels, sigma of the edges of :class:`dvaedit.face.anchor.Drawing` in a frame, on average
EDGES, STEEP, TOO_SOFT = 97, 20.0, 2.0  # percentile and value of slopes that are edges; pixels, sigma of the softest
OPERATOR = 0.57  # pixels squared, by which the operator of slopes blurs


def softness(picture: np.ndarray, weights: np.ndarray) -> float:
    """The sigma, pixels, of the blur at the edges that a part of the frame shows, 0 if it shows none.

    picture: float32 (h, w, 3), RGB; weights: (h, w), where above 0.5 it counts. A known blur adds the less to it the
    softer they are: Zhuo & Sim, Defocus map estimation from a single image (2011), eq. 4.
    """
    inside = weights > 0.5
    if not inside.any():
        return 0.0
    gray = picture.mean(axis=2)
    once, twice = (_slope(each) for each in (gray, cv2.GaussianBlur(gray, (0, 0), 1.0)))
    edges = inside & (once >= max(np.percentile(once[inside], EDGES), STEEP))
    if not edges.any():
        return 0.0
    ratio = float(np.median(once[edges] / twice[edges]))
    return float(np.sqrt(np.clip(1 / max(ratio**2 - 1, 1e-3) - OPERATOR, 0, TOO_SOFT**2)))


def softened(layers: Sequence[np.ndarray], sigma: float) -> list[np.ndarray]:
    """Layers of a drawing, (h, w) each, as soft as the frame's own edges, ``sigma``: see :func:`softness`."""
    more = float(np.sqrt(max(sigma**2 - OWN**2, 0)))
    return [cv2.GaussianBlur(each, (0, 0), more) for each in layers] if more > 0.2 else list(layers)


def _slope(gray: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
