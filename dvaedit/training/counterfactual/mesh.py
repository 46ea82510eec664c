"""Pictures of faces in each other's geometry: piecewise affine warps over the FaceMesh points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.spatial import Delaunay

REACH = 18.0  # pixels over which a displacement fades outside the mesh
CHEEKS = {"left": (50, 205, 101, 108), "right": (280, 425, 330, 337)}  # skin without beard, brow or shadow


@dataclass(frozen=True)
class Raster:
    """The mesh drawn over a square of ``size`` pixels with its vertices at ``points``, (468, 2) pixels."""

    points: np.ndarray
    triangles: np.ndarray
    size: int

    @cached_property
    def index(self) -> np.ndarray:
        """(S, S) int32: number of the triangle at each pixel, -1 outside."""
        index = np.full((self.size, self.size), -1, np.int32)
        corners = np.rint(self.points[self.triangles] * 16 - 8).astype(np.int32)
        for number, corner in enumerate(corners):
            cv2.fillConvexPoly(index, corner, number, shift=4)
        return index

    @cached_property
    def inside(self) -> np.ndarray:
        """(S, S) bool."""
        return self.index >= 0

    @cached_property
    def _weights(self) -> np.ndarray:
        """(P, 3) barycentric coordinates of the pixels inside."""
        a, b, c = self.points[self.triangles[self.index[self.inside]]].transpose(1, 0, 2)
        rows, columns = np.nonzero(self.inside)
        p = np.stack([columns, rows], 1) + 0.5 - a
        ab, ac = b - a, c - a
        area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
        area[np.abs(area) < 1e-6] = np.inf
        v = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / area
        w = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / area
        return np.stack([1 - v - w, v, w], 1)

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Values at the vertices, (468, C), at every pixel: (S, S, C) float32, 0 outside."""
        out = np.zeros((self.size, self.size, values.shape[1]), np.float32)
        corners = values[self.triangles[self.index[self.inside]]]
        out[self.inside] = (corners * self._weights[..., None]).sum(axis=1)
        return out

    def weight(self, values: np.ndarray, feather: float) -> np.ndarray:
        """A smooth weight, (S, S, 1) in [0, 1], from one value in [0, 1] per vertex; 0 outside."""
        field = self.interpolate(values[:, None].astype(np.float32))[..., 0]
        return (cv2.GaussianBlur(field, (0, 0), feather) * self.inside)[..., None]

    def pull(self, image: np.ndarray, source: np.ndarray, inset: float = 0.0) -> np.ndarray:
        """``image``, whose face has its vertices at ``source``, seen in this geometry. Meaningless outside.

        ``inset``: share by which the source is drawn towards its centre, to keep what lies behind its outline out.
        """
        source = source + inset * (source.mean(axis=0) - source)
        at = self.interpolate(np.asarray(source, np.float32)) - 0.5
        return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def reshape(self, image: np.ndarray, source: np.ndarray) -> np.ndarray:
        """The whole picture with its face moved from ``source`` here; around the mesh the movement fades."""
        shift = self.interpolate((source - self.points).astype(np.float32))
        inside = self.inside.astype(np.float32)
        near = cv2.GaussianBlur(inside, (0, 0), 8) + 1e-4
        spread = cv2.GaussianBlur(shift, (0, 0), 8) / near[..., None]
        fade = np.exp(-((cv2.distanceTransform((inside == 0).astype(np.uint8), cv2.DIST_L2, 5) / REACH) ** 2))
        shift = np.where(self.inside[..., None], shift, spread * fade[..., None])
        y, x = np.mgrid[: self.size, : self.size].astype(np.float32)
        return cv2.remap(image, x + shift[..., 0], y + shift[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def triangulate(canonical: np.ndarray) -> np.ndarray:
    """(T, 3) triangles of a frontal face's (468, 2) points."""
    return Delaunay(canonical).simplices.astype(np.int64)


def skin_tone(image: np.ndarray, points: np.ndarray, side: str) -> np.ndarray:
    """(3,) mean colour of one cheek and the forehead above it; ``image``: float32 (S, S, 3)."""
    blurred = cv2.blur(image, (9, 9))
    at = np.clip(np.rint(points[list(CHEEKS[side])] - 0.5).astype(int), 0, len(image) - 1)
    return np.median(blurred[at[:, 1], at[:, 0]], axis=0)


def relight(donor: np.ndarray, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``donor``, already in the geometry of ``points``, under the skin tone and side light of ``image``."""
    gains = [
        np.clip(skin_tone(image, points, side) / (skin_tone(donor, points, side) + 1e-3), 0.4, 2.5)
        for side in ("left", "right")
    ]
    left, right = (points[list(CHEEKS[side]), 0].mean() for side in ("left", "right"))
    across = np.clip((np.arange(len(image)) - left) / max(right - left, 1.0), 0, 1).astype(np.float32)
    gain = gains[0] + (gains[1] - gains[0]) * across[None, :, None]
    return np.clip(donor * gain.astype(np.float32), 0, 1)
