"""Back into the frame: the DIFFERENCE an edit made, never the crop's own pixels, so the frame keeps its sharpness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from dvaedit.face.align import crop_to_frame, frame_to_crop, side, transform, warp
from dvaedit.face.guided import apply_maps, local_maps

MAP_RADIUS = 1 / 20  # of the windows in which a difference is a map of colours, as a share of the crop's side
MAP_EPS = 1e-3
AMOUNT, BLUR = 2.0, 1.2  # of the unsharp mask that steepens enlarged differences; sigma in pixels of the crop
LIGHTER = 20  # 8-bit levels of lightening from which on maps are level
STRIP = 1 << 20  # pixels looked at at a time: an 8K frame would take a gigabyte at once
Box = tuple[int, int, int, int]
"""Pixels of the frame: x0, y0, x1, y1, ends excluded."""
Patch = tuple[Box, np.ndarray]
"""What is added to the pixels of a box: float32 (h, w, 3), 8-bit levels."""
Mask = tuple[Box, np.ndarray]
"""Weights of the pixels of a box, float32 (h, w) in [0, 1]; zero outside it."""
NOWHERE: Box = (0, 0, 0, 0)


def delta_patch(
    edited: np.ndarray, unedited: np.ndarray, mask: np.ndarray, quad: np.ndarray, frame_size: tuple[int, int]
) -> Patch:
    """What to add to the frame, and where: ``difference_patch`` of what the edit changed.

    edited, unedited: uint8 or float (S, S, 3), RGB in 8-bit levels (0..255): the render with and without the edit.
    """
    return difference_patch(np.asarray(edited, np.float32) - np.asarray(unedited, np.float32), mask, quad, frame_size)


def difference_patch(
    difference: np.ndarray, mask: np.ndarray, quad: np.ndarray, frame_size: tuple[int, int], sharpen: bool = False
) -> Patch:
    """A difference in crop space, masked and brought into the frame; ``sharpen``: its edges as crisp as the frame's.

    difference: float (S, S, 3), 8-bit RGB levels. mask: float (M, M) in [0, 1], of the same square, M and S may
    differ. quad: (4, 2), frame pixels. frame_size: (width, height).
    Returns the box (x0, y0, x1, y1), end excluded, inside the frame, and the difference, float32 (y1 - y0, x1 - x0, 3),
    8-bit levels; exactly zero wherever the mask is. An empty mask or one outside the frame gives the box (0, 0, 0, 0).
    """
    box, weights = mask_in_frame(mask, quad, frame_size)  # linear, not cubic: it must neither overshoot nor ring
    if not weights.size:
        return box, np.zeros((0, 0, 3), np.float32)
    delta = into_frame(difference, quad, box, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    if sharpen:
        delta = crisp(delta, side(quad) / len(difference))
    return box, delta * weights[..., None]


def crisp(difference: np.ndarray, scale: float) -> np.ndarray:
    """A difference that was enlarged ``scale`` times, its edges as steep as the frame can show; no new extremes.

    An unsharp mask that stays between the least and the greatest value around each pixel, (H, W, 3).
    """
    if scale <= 1:
        return difference
    steep = difference + AMOUNT * (difference - cv2.GaussianBlur(difference, (0, 0), BLUR * scale))
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(scale) + 1,) * 2)
    return np.clip(steep, cv2.erode(difference, window), cv2.dilate(difference, window))


def recoloured_patch(
    difference: np.ndarray, crop: np.ndarray, mask: np.ndarray, quad: np.ndarray, rgb: np.ndarray
) -> Patch:
    """``difference_patch`` for edits that change colours and no shapes, at the frame's own sharpness.

    Around each pixel of the crop the difference is written as an affine map of the crop's colours, and that map is
    applied to the frame's: strands finer than a pixel of the crop change colour, and what lies between them does not.
    Well inside the mask, where all is of one kind, maps that lighten are level: what the network makes lighter it also
    makes flat, and there the frame's own contrast is the better one. What gets darker must lose contrast.

    crop: uint8 (S, S, 3), the unedited crop; rgb: uint8 (H, W, 3), the frame.
    """
    box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
    if not weights.size:
        return box, np.zeros((0, 0, 3), np.float32)
    size, (x0, y0, x1, y1) = len(crop), box
    window = 2 * max(1, round(MAP_RADIUS * size)) + 1
    inside = cv2.blur(cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA), (window, window))
    lighter = np.clip(cv2.blur(np.asarray(difference, np.float32).mean(axis=2), (window, window)) / LIGHTER, 0, 1)
    steepness = 1 - lighter * np.clip(2 * inside - 1, 0, 1)
    slopes, offsets = local_maps(
        np.asarray(difference, np.float32), crop.astype(np.float32) / 255, window, MAP_EPS, steepness
    )
    maps = np.concatenate([slopes.reshape(size, size, -1), offsets], axis=2)
    maps = np.dstack([
        into_frame(maps[..., k : k + 4], quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE) for k in range(0, 12, 4)
    ])  # fmt: skip
    guide = rgb[y0:y1, x0:x1].astype(np.float32) / 255
    delta = apply_maps(maps[..., :9].reshape(*guide.shape[:2], 3, 3), maps[..., 9:], guide)
    return box, np.clip(delta, difference.min(), difference.max()) * weights[..., None]


def merge(*patches: Patch | None) -> Patch | None:
    """The sum of patches, each a box and what to add there, of those that there are; None of none."""
    there = [patch for patch in patches if patch is not None]
    filled = [patch for patch in there if patch[1].size]
    if len(filled) < 2:
        return (filled or there or [None])[-1]
    x0, y0, x1, y1 = box = _around([box for box, _ in filled])
    total = np.zeros((y1 - y0, x1 - x0, 3), np.float32)
    for (left, top, right, bottom), delta in filled:
        total[top - y0 : bottom - y0, left - x0 : right - x0] += delta
    return box, total


def joined(masks: Sequence[Mask]) -> Mask:
    """One mask that is the greatest of several everywhere; an empty one of none."""
    masks = [mask for mask in masks if mask[1].size]
    if len(masks) <= 1:
        return masks[0] if masks else (NOWHERE, np.zeros((0, 0), np.float32))
    x0, y0, x1, y1 = box = _around([box for box, _ in masks])
    whole = np.zeros((y1 - y0, x1 - x0), np.float32)
    for (left, top, right, bottom), weight in masks:
        part = whole[top - y0 : bottom - y0, left - x0 : right - x0]
        np.maximum(part, weight, out=part)
    return box, whole


def within(mask: Mask, box: Box) -> np.ndarray:
    """The weights of a mask in another box."""
    (x0, y0, x1, y1), out = box, np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    (left, top, right, bottom), weights = mask
    a, b, c, d = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
    if a < c and b < d:
        out[b - y0 : d - y0, a - x0 : c - x0] = weights[b - top : d - top, a - left : c - left]
    return out


def strips(box: Box) -> Iterator[Box]:
    """The rows of a box that has some, from top to bottom, about ``STRIP`` pixels at a time."""
    x0, y0, x1, y1 = box
    rows = max(1, STRIP // (x1 - x0))
    for top in range(y0, y1, rows):
        yield x0, top, x1, min(top + rows, y1)


def revise(patch: Patch, reach: int, change: Callable[[slice], np.ndarray]) -> None:
    """Put in place of what a patch adds, strip by strip, what ``change`` makes of the rows of its box.

    It is asked for the rows of a strip and up to ``reach`` more to either side, which are as they were.
    """
    (_, y0, _, y1), difference = patch
    waiting = None
    for _, top, _, bottom in strips(patch[0]):
        low, high = max(top - reach, y0), min(bottom + reach, y1)
        made = change(slice(low - y0, high - y0))[top - low : bottom - low]
        if waiting is not None:  # the strip before this one, whose rows it needed
            difference[waiting[0]] = waiting[1]
        waiting = slice(top - y0, bottom - y0), made
    if waiting is not None:
        difference[waiting[0]] = waiting[1]


def rows_of(box: Box, rows: slice) -> Box:
    """Some rows of a box, counted from its top, as :func:`revise` asks for them."""
    left, top, right, _ = box
    return left, top + rows.start, right, top + rows.stop


def _around(boxes: Sequence[Box]) -> Box:
    """The least box that holds all of some."""
    corners = np.array(boxes)
    return (*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())


def patched(rgb: np.ndarray, patch: Patch | None) -> np.ndarray:
    """A frame, uint8, with what a patch adds to it."""
    if patch is None or not patch[1].size:
        return rgb
    (x0, y0, x1, y1), delta = patch
    out = rgb.copy()
    out[y0:y1, x0:x1] = np.clip(np.rint(rgb[y0:y1, x0:x1] + delta), 0, 255)
    return out


def mask_in_frame(mask: np.ndarray, quad: np.ndarray, frame_size: tuple[int, int]) -> Mask:
    """A mask in crop space, seen in the frame: the box it reaches and its weights there, float32 (h, w)."""
    box = support(mask, quad, frame_size)
    if box == (0, 0, 0, 0):
        return box, np.zeros((0, 0), np.float32)
    return box, into_frame(mask, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)


def into_frame(image: np.ndarray, quad: np.ndarray, box: Box, interpolation: int, border: int) -> np.ndarray:
    """An image in crop space, seen from the pixels of a box of the frame: float32 (h, w) or (h, w, C)."""
    matrix = _index_map(quad, len(image), box)
    return warp(np.asarray(image, np.float32), matrix, (box[2] - box[0], box[3] - box[1]), interpolation, border)


def _index_map(quad: np.ndarray, size: int, box: Box) -> np.ndarray:
    """2x3 matrix from pixel indices of a box of the frame to pixel indices of the crop."""
    matrix = frame_to_crop(quad, size)
    matrix[:, 2] += matrix[:, :2] @ box[:2] - 0.5  # crop pixel index i has its centre at i + 0.5
    return matrix


def support(mask: np.ndarray, quad: np.ndarray, frame_size: tuple[int, int]) -> Box:
    """The frame's pixels that a non-zero mask pixel can reach."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    x0, x1, y0, y1 = columns[0] - 1, columns[-1] + 2, rows[0] - 1, rows[-1] + 2  # one more: bilinear reach
    corners = transform(np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]]), crop_to_frame(quad, len(mask)))
    return _clip(corners, frame_size)


def _clip(corners: np.ndarray, frame_size: tuple[int, int]) -> Box:
    """The box of whole pixels around points, within the frame; all zeros where nothing is left."""
    low = np.clip(np.floor(corners.min(0)), 0, frame_size).astype(int).tolist()
    high = np.clip(np.ceil(corners.max(0)) + 1, 0, frame_size).astype(int).tolist()
    return (*low, *high) if low[0] < high[0] and low[1] < high[1] else (0, 0, 0, 0)


def replace_square(rgb: np.ndarray, edited: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The paper's paste: a copy of the frame with its whole crop square replaced, hard edge, bilinear.

    rgb: uint8 (H, W, 3). edited: uint8 or float (S, S, 3), 8-bit levels, rounded half to even and clipped.
    quad: (4, 2), frame pixels. Source: the paper's released code (Pillow's perspective transform), equal to the level.
    """
    (x0, y0, x1, y1), inside, values = _square(rgb, edited, quad)
    out = rgb.copy()
    out[y0:y1, x0:x1][inside] = values
    return out


def replace_patch(rgb: np.ndarray, edited: np.ndarray, mask: np.ndarray, quad: np.ndarray) -> Patch:
    """The paper's paste within a mask, as a difference: what to add so that the edited crop takes the frame's place.

    rgb, edited, quad: as in ``replace_square``. mask: bool (M, M), M and S may differ; its nearest pixel decides.
    Returns the box (x0, y0, x1, y1) and the difference, float32 (y1 - y0, x1 - x0, 3), 8-bit levels, zero elsewhere.
    """
    box, inside, values = _square(rgb, edited, quad)
    delta = np.zeros((*inside.shape, 3), np.float32)
    delta[inside] = values.astype(np.float32) - rgb[box[1] : box[3], box[0] : box[2]][inside]
    rows, columns = np.nonzero(inside)
    at = transform(np.stack([columns + box[0], rows + box[1]], 1), frame_to_crop(quad, len(mask))).astype(int)
    x, y = np.minimum(at, len(mask) - 1).T
    delta[inside] *= mask[y, x, None]
    return box, delta


def _square(rgb: np.ndarray, edited: np.ndarray, quad: np.ndarray) -> tuple[Box, np.ndarray, np.ndarray]:
    """The crop square in the frame: its box, which pixels of the box lie in it, (h, w) bool, and their new values."""
    levels = np.clip(np.rint(edited), 0, 255).astype(np.uint8)
    box = x0, y0, x1, y1 = _clip(np.asarray(quad, np.float64), (rgb.shape[1], rgb.shape[0]))
    pixels = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1)
    at = transform(pixels, frame_to_crop(quad, len(levels)))
    inside = ((at >= 0) & (at < len(levels))).all(-1)
    return box, inside, _bilinear(levels, at[inside] - 0.5)


def _bilinear(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values at (n, 2) pixel indices (x, y), edge pixels repeated, fractions cut off: uint8 (n, C)."""
    low = np.floor(at).astype(int)
    fx, fy = (at - low).T[..., None]
    x, y = np.clip(low, 0, len(image) - 1).T
    right, below = np.clip(low + 1, 0, len(image) - 1).T
    upper = image[y, x] * (1 - fx) + image[y, right] * fx
    lower = image[below, x] * (1 - fx) + image[below, right] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.uint8)
