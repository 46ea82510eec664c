"""The wrinkles of an old face: lines, which a mean of many faces has none of."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.training.counterfactual.library import Library, Row

TURNED, EVEN = 0.12, 4.5  # how far the face may be turned; Lab lightness by which its halves differ, at most
FINE, GAIN = 5.0, 0.4  # pixels, sigma, of what is a line; times as deep
DARKER, LIGHTER = 14.0, 6.0  # Lab lightness that lines do not exceed
EDGE = 9  # pixels over which they end before the mesh does


def old(row: Row) -> bool:
    """Old, at rest, nothing before the face, and made by a machine: nobody's own wrinkles."""
    bare = all(row[name] in ("0", "none") for name in ("glasses", "facial_hair", "headwear", "occluded", "bangs"))
    return bare and row["source"] == "sfhq" and (row["age"], row["smile"], row["mouth_open"]) == ("old", "none", "0")


def learn_wrinkles(library: Library, bare: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Change of lightness, Lab, (S, S), of the most wrinkled face that is lit evenly, over the mean face.

    bare: (S, S) in [0, 1], where lines may be; inside: uint8 (S, S), where the mesh is.
    """
    pool = library.donors(old, TURNED)
    pool = [face for face in pool if library.unevenness(face) < EVEN]
    found = [_lines(library, face, inside) for face in pool]
    lines = max(found, key=lambda one: float(one[bare > 0.5].std()))
    lines = np.where(lines < 0, DARKER * np.tanh(lines / DARKER), LIGHTER * np.tanh(lines / LIGHTER))
    fade = cv2.GaussianBlur(cv2.erode(inside, np.ones((EDGE, EDGE))).astype(np.float32), (0, 0), EDGE / 4)
    return (GAIN * bare * fade * lines).astype(np.float32)


def _lines(library: Library, face: int, inside: np.ndarray) -> np.ndarray:
    light = library.canonical_lab(face)[..., 0]
    around, weight = (
        cv2.GaussianBlur(one.astype(np.float32), (0, 0), FINE) for one in (light * inside, inside.astype(np.float32))
    )
    return inside * (light - around / np.maximum(weight, 1e-3))
