"""The 68-point scheme (iBUG order) taken from MediaPipe FaceMesh's 468 points, and the landmark code z_lnd."""

from __future__ import annotations

import numpy as np

# FaceMesh vertex of each of the 68 points: jaw, brows, nose, eyes, outer and inner mouth.
FACEMESH_TO_68 = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
])  # fmt: skip

# Where each of the 68 points goes when the picture is mirrored.
MIRROR_68 = np.array([
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip

INNER_POINTS = slice(17, 68)


def mirrored(points_68: np.ndarray) -> np.ndarray:
    """The points of the mirrored crop, (..., 68, 2), sides of it."""
    return points_68[..., MIRROR_68, :] * (-1, 1) + (1, 0)


def landmarks_68(facemesh: np.ndarray) -> np.ndarray:
    """(..., 468, 2) FaceMesh points to (..., 68, 2), same unit."""
    return facemesh[..., FACEMESH_TO_68, :]


def landmark_code(points_68: np.ndarray, image_size: float) -> np.ndarray:
    """z_lnd: the 51 inner points, (..., 68, 2) in crop pixels, as (..., 102) float32 clamped to [0, 1].

    The paper's encoder (section 3.2 of its supplement) leaves out the jaw, which belongs to identity.
    """
    inner = points_68[..., INNER_POINTS, :] / image_size
    return np.clip(inner, 0, 1).reshape(*inner.shape[:-2], -1).astype(np.float32)
