"""What pixels around hair are composed of: the colours of the hair nearby, and of what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.align import crop
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Box, into_frame
from dvaedit.face.surround import in_frame

CERTAIN = 0.9  # weight from which a pixel of a ramp counts as all of one kind
WINDOWS = (1 / 14, 1 / 5, 2 / 3)  # in which colours are averaged, as shares of the square; the next where one is empty
NEAREST = 1 / 32  # the window before these for the hair nearest by: beside the face it is darker than on average
FALLBACK = 1e-2  # weight of each window relative to the one before
APART = (1.5, 6.0)  # squared distance of two colours over their variances, between which it comes to tell them apart
NOISE = 0.006  # variance that every colour has, RGB in [0, 1]
PURE = (0.75, 1.0)  # share of hair in a pixel between which it comes to be of the hair's own colour
LINE = 0.06  # distance, RGB in [0, 1], from the line between two colours, at which a pixel is no mixture of them
LEAST = 1e-4  # weight of hair that shows all of what lies behind: where there is no other


@dataclass(frozen=True)
class Layers:
    """Fields of colours, float32 (S, S, 4) each: mean RGB, 8-bit levels, and the mean square of RGB in [0, 1].

    ``far``: of the hair around a pixel; ``near``: of that nearest by; ``behind``: of the face and of all else, which
    a pixel is taken to hide according to the side of the hair it is on.
    """

    far: np.ndarray
    near: np.ndarray
    behind: np.ndarray

    @classmethod
    def of(cls, rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, quad: np.ndarray) -> Layers:
        """Arguments as of :func:`dvaedit.face.matte.matte`; S is half the ramps' size."""
        size = len(hair) // 2
        small = crop(rgb, quad, size).astype(np.float32)
        small = np.dstack([small, _squares(small)])
        ramp, skin = (cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in (hair, face))
        shown = in_frame(quad, size, rgb.shape[1::-1])
        outside = (ramp <= 1 - CERTAIN) & shown
        faces, rest = _nearby(small, outside & (skin >= CERTAIN)), _nearby(small, outside & (skin <= 1 - CERTAIN))
        share = skin / np.maximum(skin + np.clip(1 - ramp - skin, 0, 1), 1e-3)
        behind = rest + share[..., None] * (faces - rest)
        inside = smoothstep(ramp, 0.5, CERTAIN) * shown
        inside = inside * np.maximum(_opacity(small, inside > 0.5, behind), smoothstep(ramp, CERTAIN, 1))
        return cls(_nearby(small, inside), _nearby(small, inside, (NEAREST, *WINDOWS)), behind)

    def at(self, quad: np.ndarray, box: Box, places: np.ndarray) -> Layers:
        """The same, (n, 4) each, at the n ``places`` of a box of the frame, counted row by row."""
        return Layers(*(
            into_frame(field, quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE).reshape(-1, 4).take(places, axis=0)
            for field in (self.far, self.near, self.behind)
        ))  # fmt: skip


def variance(field: np.ndarray) -> np.ndarray:
    """(...): of the colours, RGB in [0, 1], that a field of :class:`Layers` is the mean of."""
    return np.maximum(field[..., 3] - _squares(field[..., :3]), 0)


def shares(pixels: np.ndarray, front: np.ndarray, behind: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, ...]:
    """How much of a pixel is ``front`` and how far that can be told, by colour: (...) each, the latter in [0, 1].

    pixels, front, behind: (..., 3), 8-bit levels; spread: (...), the variance of both colours, RGB in [0, 1].
    """
    axis = (front - behind) / 255
    squared = _dot(axis, axis)
    share = _dot((pixels - behind) / 255, axis) / np.maximum(squared, 1e-4)
    return share, smoothstep(squared / (spread + NOISE), *APART)


def toward(moves: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(n, 3): the part of moves that goes along ``axis``, no further than it and not against it."""
    along = _dot(moves, axis) / np.maximum(_dot(axis, axis), 1e-3)
    return np.clip(along, 0, 1)[..., None] * axis


def _opacity(small: np.ndarray, inside: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """How little shows through the hair at each pixel, (S, S) in [0, 1]: what is half wall is not the hair's colour."""
    if not inside.any():
        return np.ones(inside.shape, np.float32)
    pixels, hair, wall = small[..., :3], np.median(small[inside], axis=0)[:3], behind[..., :3]
    share, told = shares(pixels, hair, wall, variance(behind))
    beside = _squares(pixels - wall - share[..., None] * (hair - wall))
    return np.maximum(1 - told * np.exp(-beside / LINE**2) * (1 - smoothstep(share, *PURE)), LEAST)


def _squares(colours: np.ndarray) -> np.ndarray:
    scaled = colours / 255
    return _dot(scaled, scaled)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Over three channels: several times as fast as a sum over so short an axis."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def _nearby(image: np.ndarray, weights: np.ndarray, windows: tuple[float, ...] = WINDOWS) -> np.ndarray:
    """(S, S, C): the weighted mean of ``image`` over the pixels nearby, however far the nearest with weight is."""
    weighted = np.dstack([image * weights[..., None], weights.astype(np.float32)])
    total, scale = np.full_like(weighted, 1e-9), 1.0
    for window in windows:
        total += scale * _mean(weighted, window)
        scale *= FALLBACK
    return total[..., :-1] / total[..., -1:]


def _mean(image: np.ndarray, window: float) -> np.ndarray:
    side = 2 * round(window * len(image) / 2) + 1
    channels = (cv2.blur(cv2.blur(part, (side, side)), (side, side)) for part in (image[..., :3], image[..., 3:]))
    return np.dstack(list(channels))
