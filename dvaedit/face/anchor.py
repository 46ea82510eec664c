"""Places that stay put on the lower half of a moving, speaking face: its landmarks carry a reference face along."""

from __future__ import annotations

import cv2
import numpy as np

LOWER = np.r_[0:17, 30:36, 48:60]  # of the 68 points: jaw, tip and base of the nose, outer lips
STIFFNESS = 2e-3  # of the spline: landmarks tremble, faces do not
GRID = 33  # knots a side at which the spline is evaluated


def offsets(points: np.ndarray, reference: np.ndarray, size: int) -> np.ndarray:
    """From each pixel of a crop to its place in the reference face: float32 (size, size, 2), sides of the crop.

    points, reference: (68, 2), sides of the crop. Between the landmarks of the lower face lies a smoothing thin plate
    spline (Bookstein, 1989); far from them it is affine.
    """
    source, target = (np.asarray(of[LOWER], np.float64) for of in (points, reference))
    knots = np.stack(np.meshgrid(*[np.arange(GRID) / (GRID - 1)] * 2), axis=-1).reshape(-1, 2)
    moved = (_thin_plate(source, target, knots) - knots).reshape(GRID, GRID, 2).astype(np.float32)
    at = ((np.arange(size, dtype=np.float32) + 0.5) / size) * (GRID - 1)
    return cv2.remap(moved, *np.meshgrid(at, at), cv2.INTER_LINEAR)


def fetch(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """``image``, (S, S) or (S, S, C) over the unit square, at float (h, w, 2) ``places`` in it; borders repeated."""
    at = (places * len(image) - 0.5).astype(np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pixels(size: int) -> np.ndarray:
    """The places of the pixels of a crop in the unit square: float32 (size, size, 2)."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    return np.stack(np.meshgrid(centres, centres), axis=-1)


def _thin_plate(source: np.ndarray, target: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The spline from ``source`` to ``target``, (n, 2) each, at (m, 2) points."""
    count = len(source)
    affine = np.hstack([np.ones((count, 1)), source])
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(source, source) + STIFFNESS * np.eye(count)
    system[:count, count:], system[count:, :count] = affine, affine.T
    weights = np.linalg.solve(system, np.vstack([target, np.zeros((3, 2))]))
    return _kernel(at, source) @ weights[:count] + np.hstack([np.ones((len(at), 1)), at]) @ weights[count:]


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    return 0.5 * square * np.log(np.maximum(square, 1e-12))
