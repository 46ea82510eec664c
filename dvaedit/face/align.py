"""Alignment: from 68 points per frame to smoothed crop squares, crops, and the maps between crop and frame.

Two coordinate frames meet here. Frame points have pixel centres at integers (x right, y down). Crop points are in
[0, size], pixel centres at half-integers, so that ``point / size`` is the unit of the landmark code z_lnd.
Source: Kim et al., Diffusion Video Autoencoders, CVPR 2023, and its released code (the FFHQ rule).
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

CENTRE_SIGMA = 1.0  # frames
AXES_SIGMA = 3.0  # frames
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
MOUTH_CORNERS = 48, 54
_MAX_SUPERSAMPLE = 6


def raw_axes(points_68: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre and half axes of each frame's crop square, unsmoothed.

    points_68: (n, 68, 2), frame pixels. Returns c, x, y, each float64 (n, 2), pixels: the square is c +- x +- y.
    """
    points = np.asarray(points_68, np.float64)
    left, right = points[:, LEFT_EYE].mean(1), points[:, RIGHT_EYE].mean(1)
    eyes = (left + right) * 0.5
    across = right - left
    down = points[:, MOUTH_CORNERS].mean(1) - eyes
    x = across - _quarter_turn(down)
    half_side = np.maximum(2.0 * np.hypot(*across.T), 1.8 * np.hypot(*down.T))
    x *= (half_side / np.hypot(*x.T))[:, None]
    return eyes + 0.1 * down, x, _quarter_turn(x)


def _quarter_turn(vectors: np.ndarray) -> np.ndarray:
    """J(a, b) = (-b, a) of (..., 2) vectors."""
    return np.stack([-vectors[..., 1], vectors[..., 0]], -1)


def runs(frames: np.ndarray) -> list[slice]:
    """Positions of the runs of consecutive numbers in a rising list of frame numbers."""
    breaks = np.flatnonzero(np.diff(frames) != 1) + 1
    edges = [0, *breaks.tolist(), len(frames)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def smooth(values: np.ndarray, sigma: float, frames: np.ndarray | None = None) -> np.ndarray:
    """Gaussian over the first axis, truncated at 4 sigma, ends mirrored with the edge sample repeated.

    values: float, (n, ...); the result has its dtype. frames: (n,) rising frame numbers; nothing leaks across a gap.
    """
    out = np.empty_like(values)
    for run in runs(np.arange(len(values)) if frames is None else frames):
        out[run] = _smooth_run(values[run], sigma)
    return out


def _smooth_run(values: np.ndarray, sigma: float) -> np.ndarray:
    radius, n = int(4 * sigma + 0.5), len(values)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    total = np.zeros_like(values)
    for offset, weight in zip(offsets, weights, strict=True):
        at = (np.arange(n) + offset) % (2 * n)
        total += values.dtype.type(weight) * values[np.where(at < n, at, 2 * n - 1 - at)]
    return total


def quads(points_68: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """Crop squares of a track: float64 (n, 4, 2), frame pixels, corners NW, SW, SE, NE.

    points_68: (n, 68, 2), frame pixels. frames: (n,) rising frame numbers (default: consecutive).
    """
    c, x, y = raw_axes(points_68)
    c, x, y = smooth(c, CENTRE_SIGMA, frames), smooth(x, AXES_SIGMA, frames), smooth(y, AXES_SIGMA, frames)
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y], 1)


def side(quad: np.ndarray) -> float:
    """Length of the square's side in frame pixels. quad: (4, 2)."""
    return float(np.hypot(*(quad[3] - quad[0])))


def own_quad(size: int) -> np.ndarray:
    """(4, 2): the square of a whole crop of ``size`` pixels, taken for a frame."""
    return np.array([[0, 0], [0, size], [size, size], [size, 0]]) - 0.5


def crop_to_frame(quad: np.ndarray, size: int) -> np.ndarray:
    """2x3 float64 matrix: crop point (centres at half-integers) to frame point (centres at integers)."""
    quad = np.asarray(quad, np.float64)
    return np.stack([(quad[3] - quad[0]) / size, (quad[1] - quad[0]) / size, quad[0]], 1)


def frame_to_crop(quad: np.ndarray, size: int) -> np.ndarray:
    """2x3 float64 matrix, the inverse of ``crop_to_frame``."""
    return invert(crop_to_frame(quad, size))


def affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 2) least-squares map of (n, 2) points: ``[source, 1] @ map``."""
    return np.linalg.lstsq(np.hstack([source, np.ones((len(source), 1))]), target, rcond=None)[0]


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a 2x3 affine matrix, in float64."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points through a 2x3 matrix, in float64."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def crop(rgb: np.ndarray, quad: np.ndarray, size: int, border: int = cv2.BORDER_REFLECT) -> np.ndarray:
    """The aligned crop, antialiased; what lies outside the frame is its reflection, or what ``border`` of OpenCV says.

    rgb: uint8 (H, W, 3). quad: (4, 2), frame pixels. Returns uint8 (size, size, 3).
    """
    matrix = crop_to_frame(quad, size)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)  # crop pixel index i has its centre at i + 0.5
    return warp(rgb, matrix, (size, size), border=border)


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    interpolation: int = cv2.INTER_LINEAR,
    border: int = cv2.BORDER_REFLECT,
) -> np.ndarray:
    """An antialiased affine warp.

    image: uint8 or float32, (H, W) or (H, W, C). matrix: 2x3, OUTPUT pixel index to INPUT pixel index.
    size: (width, height) of the output. Where it makes the image smaller, each output pixel is the mean over its area.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale > _MAX_SUPERSAMPLE:
        image, matrix = _shrink(image, matrix, int(scale / 3 + 1e-6))
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    k = max(1, int(np.ceil(scale - 0.1)))
    fine = np.column_stack([matrix[:, :2] / k, matrix[:, 2] + matrix[:, :2] @ np.full(2, 0.5 / k - 0.5)])
    flags = interpolation | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(image, fine, (size[0] * k, size[1] * k), flags=flags, borderMode=border)
    return out if k == 1 else cv2.resize(out, size, interpolation=cv2.INTER_AREA)


def _shrink(image: np.ndarray, matrix: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """The image made about ``factor`` times smaller by area, and the matrix that fits it."""
    height, width = image.shape[:2]
    small = max(1, round(width / factor)), max(1, round(height / factor))
    ratio = np.array([small[0] / width, small[1] / height])
    shifted = matrix + np.array([[0, 0, 0.5], [0, 0, 0.5]])
    matrix = shifted * ratio[:, None] - np.array([[0, 0, 0.5], [0, 0, 0.5]])
    return cv2.resize(image, small, interpolation=cv2.INTER_AREA), matrix
