"""Places that stay put on a moving, speaking face, whose landmarks carry a reference face along; and drawings there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dvaedit.face.align import side
from dvaedit.face.lab import to_lab
from dvaedit.face.paste import Box, into_frame

STIFFNESS = 2e-3  # of the spline: landmarks tremble, faces do not
GRID = 33  # knots a side at which the spline is evaluated
SIDE = 1024  # pixels a side of a drawing
SMALLEST = 64  # of its coarsest copy
SMOOTH = 0.6  # pixels, sigma: how soft a drawing's edges are


def offsets(points: np.ndarray, reference: np.ndarray, size: int) -> np.ndarray:
    """From each pixel of a crop to its place in the reference face: float32 (size, size, 2), sides of the crop.

    points, reference: (n, 2), landmarks, sides of the crop. Between them lies a smoothing thin plate spline (Bookstein,
    1989); far from them it is affine.
    """
    source, target = (np.asarray(of, np.float64) for of in (points, reference))
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


def seen(image: np.ndarray, points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A crop, (S, S) or (S, S, C), as the reference face would show it; ``points`` are the crop's own."""
    size = len(image)
    return fetch(np.asarray(image, np.float32), pixels(size) + offsets(reference, points, size))


def medians(
    crops: Sequence[np.ndarray], weights: np.ndarray, points: np.ndarray, reference: np.ndarray
) -> list[np.ndarray]:
    """Crops of each kind, as before and after an edit, in Lab, and weights, as the reference face shows them: over all
    frames.

    crops: (n, S, S, 3) each, RGB in 8-bit levels; weights: (n, S, S); points: (n, k, 2), reference: (k, 2).
    """
    frames = zip(*map(to_lab, crops), weights, points, strict=True)
    found = [[seen(image, own, reference) for image in images] for *images, own in frames]
    return [np.median(each, axis=0) for each in zip(*found, strict=True)]


def light_on(picture: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The light that falls on a face: lightness, Lab, without detail. picture: a part of the frame, RGB, (h, w, 3)."""
    return cv2.GaussianBlur(to_lab(picture)[..., 0], (0, 0), max(side(quad) / 40, 0.5))


def in_box(offset: np.ndarray, quad: np.ndarray, box: Box) -> np.ndarray:
    """Places in the reference face of the pixels of a box of the frame, float32 (h, w, 2)."""
    places = pixels(len(offset)) + np.asarray(offset, np.float32)
    return into_frame(places, quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)


class Drawing:
    """A picture over the reference face and copies of it, each half as large, for faces of any size."""

    def __init__(self, image: np.ndarray) -> None:
        """image: float32 (SIDE, SIDE, C), or (SIDE, SIDE)."""
        copies = [image]
        while len(copies[-1]) > SMALLEST:
            copies.append(cv2.resize(copies[-1], (len(copies[-1]) // 2,) * 2, interpolation=cv2.INTER_AREA))
        self.copies: Sequence[np.ndarray] = [cv2.GaussianBlur(copy, (0, 0), SMOOTH) for copy in copies]

    def at(self, places: np.ndarray, quad: np.ndarray) -> list[np.ndarray]:
        """Each channel at ``places``, (h, w, 2), as a frame shows it that the crop square ``quad`` is cut from."""
        level = float(np.clip(np.log2(SIDE / side(quad)), 0, len(self.copies) - 1))
        low = min(int(level), len(self.copies) - 2)
        fine, coarse = (fetch(self.copies[n], places) for n in (low, low + 1))
        return list(np.moveaxis(np.atleast_3d(fine + (level - low) * (coarse - fine)), -1, 0))


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
