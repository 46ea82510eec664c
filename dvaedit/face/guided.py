"""The guided filter: a picture written, around every pixel, as an affine map of another picture's colours.

Source: He, Sun, Tang, Guided Image Filtering, ECCV 2010, equations 11-16 with a colour guide.
"""

from __future__ import annotations

import cv2
import numpy as np


def local_maps(
    target: np.ndarray, guide: np.ndarray, window: int, eps: float, steepness: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (S, S, C, 3) and offsets (S, S, C), float32, of the maps from ``guide`` to ``target``.

    target: float32 (S, S, C). guide: float32 (S, S, 3), in [0, 1]. window: side of the box each map is fitted in,
    pixels. eps: variance of the guide below which it counts as flat. steepness: (S, S), what slopes are multiplied by.
    """
    mean_i, mean_p = _box(guide, window), _box(target, window)
    if mean_p.ndim == 2:
        mean_p = mean_p[..., None]
    covariance = _covariance(guide, mean_i, window, eps)
    slopes = np.stack(
        [
            _solve(covariance, _box(guide * target[..., k, None], window) - mean_i * mean_p[..., k, None])
            for k in range(target.shape[2])
        ],
        axis=2,
    )
    if steepness is not None:
        slopes *= steepness[..., None, None]
    offsets = mean_p - (slopes * mean_i[:, :, None]).sum(-1)
    size = len(guide)
    smoothed = _box(np.concatenate([slopes.reshape(size, size, -1), offsets], axis=2), window)
    return smoothed[..., : -target.shape[2]].reshape(slopes.shape), smoothed[..., -target.shape[2] :]


def apply_maps(slopes: np.ndarray, offsets: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """The maps' values at the colours of ``guide``, (H, W, 3): (H, W, C)."""
    values = offsets.copy()
    for channel in range(3):  # numpy sums over a last axis of three five times as slowly
        values += slopes[..., channel] * guide[:, :, channel, None]
    return values


def _covariance(image: np.ndarray, mean: np.ndarray, window: int, eps: float) -> dict[tuple[int, int], np.ndarray]:
    """Upper triangle of the colour covariance in the window around each pixel, ``eps`` added to the diagonal."""
    return {
        (i, j): _box(image[..., i] * image[..., j], window) - mean[..., i] * mean[..., j] + eps * (i == j)
        for i in range(3)
        for j in range(i, 3)
    }


def _solve(m: dict[tuple[int, int], np.ndarray], right: np.ndarray) -> np.ndarray:
    """Solve a symmetric 3x3 system per pixel by cofactors (ten times faster here than a batched LAPACK solve)."""
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[1, 2]
    c01 = m[0, 2] * m[1, 2] - m[0, 1] * m[2, 2]
    c02 = m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]
    c11 = m[0, 0] * m[2, 2] - m[0, 2] * m[0, 2]
    c12 = m[0, 1] * m[0, 2] - m[0, 0] * m[1, 2]
    c22 = m[0, 0] * m[1, 1] - m[0, 1] * m[0, 1]
    x, y, z = right[..., 0], right[..., 1], right[..., 2]
    solved = np.stack([c00 * x + c01 * y + c02 * z, c01 * x + c11 * y + c12 * z, c02 * x + c12 * y + c22 * z], -1)
    return solved / (m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02)[..., None]


def _box(image: np.ndarray, window: int) -> np.ndarray:
    return cv2.boxFilter(image, -1, (window, window), borderType=cv2.BORDER_REFLECT)
