"""Soft masks of face regions, in crop space: no holes, no hard edges, no flicker, zero at the crop's own border."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from dvaedit.face.align import smooth

TIME_SIGMA = 1.5  # frames
TIME_RADIUS = 6  # frames of context that a frame's mask depends on, for work in chunks
_FLOOR = 0.02  # weights below are zero, those above 1 - _FLOOR are one: the tails of the filters


def soft_mask(
    class_maps: np.ndarray,
    regions: Iterable[int],
    frames: np.ndarray | None = None,
    *,
    edited_maps: np.ndarray | None = None,
    top: float = 0.0,
    grow: float = 1 / 128,
    feather: float = 1 / 80,
) -> np.ndarray:
    """The union of some classes as a soft mask: float32 (n, S, S) in [0, 1].

    class_maps: uint8 (n, S, S), class ids. regions: the ids wanted. frames: (n,) rising frame numbers (default:
    consecutive); the smoothing over time does not cross a gap. edited_maps: the classes of the edited crops, where an
    edit moves outlines: their region is added. top: rows above this share of the height are left out.
    grow, feather: how far the region is extended, and the sigma of its edge, as shares of S.
    """
    chosen = np.isin(np.arange(256), list(regions))
    inside = chosen[class_maps] if edited_maps is None else chosen[class_maps] | chosen[edited_maps]
    size = inside.shape[-1]
    masks = np.stack([_soften(one, size * grow, size * feather) for one in inside])
    return _trim(smooth(masks, TIME_SIGMA, frames)) * _window(size, top)


def _soften(region: np.ndarray, grow: float, sigma: float) -> np.ndarray:
    """A bool (S, S) region without specks and holes, a little larger, with a Gaussian edge. Lengths in pixels."""
    size = len(region)
    mask = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, _disc(size / 170))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(size / 40), borderType=cv2.BORDER_REFLECT)
    mask = cv2.dilate(mask, _disc(grow)).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma > 0 else mask


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(0, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _trim(mask: np.ndarray) -> np.ndarray:
    return np.clip((mask - _FLOOR) / (1 - 2 * _FLOOR), 0, 1)


def _window(size: int, top: float = 0.0) -> np.ndarray:
    """float32 (S, S): one inside, falling smoothly to zero on the outermost pixels and above ``top``.

    A region that runs out of the crop (hair, neck) would else end in a straight visible edge.
    """
    at = np.arange(size) / max(1, size - 1)
    rise = np.clip(np.minimum(at, 1 - at) * 12, 0, 1)
    edge = rise * rise * (3 - 2 * rise)
    begin = np.clip((at - top) * 12, 0, 1) if top > 0 else np.ones(size)
    return ((edge * begin)[:, None] * edge[None]).astype(np.float32)


def refine(mask: np.ndarray, guide: np.ndarray, radius: float = 1 / 64, eps: float = 1e-3) -> np.ndarray:
    """A mask whose edges follow those of the picture (hair), by a colour guided filter.

    mask: float32 (S, S) in [0, 1]. guide: uint8 (S, S, 3). radius: of the box window, as a share of S.
    eps: variance of the guide (in [0, 1] units) below which it counts as flat. Returns float32 (S, S) in [0, 1].
    Source: He, Sun, Tang, Guided Image Filtering, ECCV 2010, equations 11-16 with a colour guide.
    """
    size = len(mask)
    window = 2 * max(1, round(radius * size)) + 1
    scaled = guide.astype(np.float32) / 255
    mean_i, mean_p = _box(scaled, window), _box(mask, window)
    cross = _box(scaled * mask[..., None], window) - mean_i * mean_p[..., None]
    a = _solve(_covariance(scaled, mean_i, window, eps), cross)
    b = mean_p - (a * mean_i).sum(-1)
    refined = (_box(a, window) * scaled).sum(-1) + _box(b, window)
    return _trim(refined) * _window(size) if mask.any() else np.zeros_like(mask)


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
