"""Soft masks of face regions, in crop space: no holes, no hard edges, no flicker, zero at the crop's own border."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from dvaedit.face.align import smooth
from dvaedit.face.guided import apply_maps, local_maps
from dvaedit.face.regions import REGION_ROWS, REGIONS

TIME_SIGMA = 1.5  # frames
WHOLE = (0.0, 1.0)
TIME_RADIUS = 6  # frames of context that a frame's mask depends on, for work in chunks
_TAIL = 0.02  # weights below are zero, those above 1 - _TAIL are one: the tails of the Gaussians
_REFINED_TAIL = 0.15  # the same for the guided filter, whose windows average the slopes and so dull the edge they find


def soft_mask(
    class_maps: np.ndarray | Sequence[np.ndarray],
    region: str | Iterable[int],
    frames: np.ndarray | None = None,
    *,
    grow: float = 1 / 128,
    feather: float = 1 / 80,
) -> np.ndarray:
    """A region of each crop as a soft mask: float32 (n, S, S) in [0, 1].

    class_maps: uint8 (n, S, S), class ids; or several of these, whose regions are joined (before and after an edit
    that moves outlines). region: a name of ``regions.REGIONS``, or class ids. frames: (n,) rising frame numbers
    (default: consecutive); the smoothing over time does not cross a gap. grow, feather: how far the region is
    extended, and the sigma of its edge, as shares of S.
    """
    named = isinstance(region, str)
    chosen = np.isin(np.arange(256), list(REGIONS[region] if named else region))
    maps = np.asarray(class_maps)
    inside = chosen[maps] if maps.ndim == 3 else chosen[maps].any(0)
    size = inside.shape[-1]
    masks = np.stack([_soften(one, size * grow, size * feather) for one in inside])
    rows = REGION_ROWS.get(region, WHOLE) if named else WHOLE
    return _trim(smooth(masks, TIME_SIGMA, frames)) * border_window(size, rows)


def signed_distances(regions: np.ndarray, reach: float) -> np.ndarray:
    """Of each pixel from the outline of a region, inside positive: float32 (n, S, S), shares of S, at most ``reach``.

    regions: bool (n, S, S). Thin regions keep their outlines, which a blur would move inwards.
    """
    size = regions.shape[-1]
    return np.stack([_signed_distance(_closed(one), reach * size) for one in regions]) / size


def _signed_distance(region: np.ndarray, reach: float) -> np.ndarray:
    """The same of one region of 0 and 1, (S, S), in pixels."""
    inside, outside = (cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (region, 1 - region))
    return cv2.GaussianBlur(np.clip(inside - outside, -reach, reach), (0, 0), 1.0)


def _soften(region: np.ndarray, grow: float, sigma: float) -> np.ndarray:
    """A bool (S, S) region without specks and holes, a little larger, with a Gaussian edge. Lengths in pixels."""
    size = len(region)
    mask = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, _disc(size / 170))
    mask = cv2.dilate(_closed(mask), _disc(grow)).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma > 0 else mask


def _closed(region: np.ndarray) -> np.ndarray:
    """A region, (S, S), without holes: uint8."""
    radius = len(region) / 40
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, _disc(radius), borderType=cv2.BORDER_REFLECT)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(0, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _trim(mask: np.ndarray, tail: float = _TAIL) -> np.ndarray:
    return np.clip((mask - tail) / (1 - 2 * tail), 0, 1)


def border_window(size: int, rows: tuple[float, float] = WHOLE) -> np.ndarray:
    """float32 (S, S): one inside, falling smoothly to zero on the outermost pixels and outside ``rows``.

    A region that runs out of the crop (hair, neck) would else end in a straight visible edge.
    """
    at = np.arange(size) / max(1, size - 1)
    edge = smoothstep(np.minimum(at, 1 - at) * 12)
    top, bottom = rows
    band = np.clip(np.minimum((at - top) if top > 0 else 1, (bottom - at) if bottom < 1 else 1) * 12, 0, 1)
    return ((edge * band)[:, None] * edge[None]).astype(np.float32)


def smoothstep(values: np.ndarray | float, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def refine(mask: np.ndarray, guide: np.ndarray, radius: float = 1 / 40, eps: float = 1e-3) -> np.ndarray:
    """A mask whose edges follow those of the picture (hair), by a colour guided filter.

    mask: float32 (S, S) in [0, 1]. guide: uint8 (S, S, 3). radius: of the box window, as a share of S.
    eps: variance of the guide (in [0, 1] units) below which it counts as flat. Returns float32 (S, S) in [0, 1].
    """
    if not mask.any():
        return np.zeros_like(mask)  # as many regions of most faces: glasses, hats
    size = len(mask)
    window = 2 * max(1, round(radius * size)) + 1
    scaled = guide.astype(np.float32) / 255
    refined = apply_maps(*local_maps(mask[..., None], scaled, window, eps), scaled)[..., 0]
    core = cv2.erode(mask, _disc(window / 4))  # well inside nothing changes: thin regions (eyes, brows) would fade
    return np.maximum(_trim(refined, _REFINED_TAIL), core) * border_window(size)


def mean_around(weighted: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """The mean around each pixel of values that are ``weighted``, (h, w, 3), by ``weights``, (h, w, 1)."""
    total, weight = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (weighted, weights))
    return total / np.maximum(weight, 1e-3)[..., None]


def filled(size: int, *outlines: np.ndarray) -> np.ndarray:
    """bool (size, size): the inside of outlines, (k, 2) each, sides of a crop of ``size`` pixels."""
    mask = np.zeros((size, size), np.uint8)
    return cv2.fillPoly(mask, [np.rint(outline * size).astype(np.int32) for outline in outlines], 1) > 0
