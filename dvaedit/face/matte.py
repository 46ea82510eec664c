"""How much of each of a frame's pixels is hair: a matte at the frame's own resolution, strand by strand.

Around the outline of a class map a pixel is composed of hair and what lies behind it, alpha F + (1 - alpha) B. Both
colours vary slowly and are known nearby, on either side of the outline; alpha is where the pixel's own colour lies
between them (the linear case of Chuang et al., A Bayesian Approach to Digital Matting, 2001).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.align import crop
from dvaedit.face.mask import smoothstep, soft_mask
from dvaedit.face.paste import Box, into_frame, support
from dvaedit.face.surround import FACE, HAIR, in_frame

BAND = 1 / 64  # sigma of the ramp across outlines, as a share of the square
CERTAIN = 0.9  # weight from which a pixel of the ramp counts as all of one kind
WINDOWS = (1 / 14, 1 / 5, 2 / 3)  # in which colours are averaged, as shares of the square; the next where one is empty
NEAREST = 1 / 32  # the same of hair beside the face, which is darker there than on average
FALLBACK = 1e-2  # weight of each window relative to the one before
CLEAR = (0.006, 0.036)  # squared distance of hair and what lies behind, RGB in [0, 1], where colour begins to tell
STRIP = 1 << 20  # pixels looked at at a time: an 8K frame would take a gigabyte at once
SKIN = 0.45, 0.75  # of the face's ramp, between which a pixel comes to be none: its shadows look like hair
BESIDE = 0.2  # of the face's ramp, from which on a pixel lies beside the face
TAIL = 0.1  # alphas below are 0 and those above 1 - TAIL are 1: noise, shading


def ramps(maps: np.ndarray, frames: np.ndarray, wanted: slice) -> dict[str, np.ndarray]:
    """Ramps across the outlines of hair and face, steadied over time: ``hair`` and ``face``, (n, S, S) in [0, 1].

    maps: uint8 (m, S, S), from :func:`dvaedit.face.surround.wide_map`; frames: (m,) rising numbers; wanted: which of
    the m to make.
    """
    kinds = {"hair": HAIR, "face": FACE}
    return {name: soft_mask(maps, [kind], frames, grow=0, feather=BAND)[wanted] for name, kind in kinds.items()}


@dataclass(frozen=True)
class Matte:
    """The n pixels of a strip of a frame that are hair, at least in part.

    ``box``: (x0, y0, x1, y1), the strip; ``places``: (n,), where they are among its pixels, row by row; ``alpha``: (n,)
    in (0, 1]; ``colour``, ``hair``: (n, 3), a pixel's own and the hair's around it, RGB in 8-bit levels.
    """

    box: Box
    places: np.ndarray
    alpha: np.ndarray
    colour: np.ndarray
    hair: np.ndarray


def matte(rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, quad: np.ndarray) -> Iterator[Matte]:
    """The matte of a frame, uint8 (H, W, 3), strip by strip from top to bottom.

    hair, face: float32 (M, M) in [0, 1], :func:`ramps` in the square ``quad``, (4, 2), frame pixels. No pixel is hair
    where the hair's ramp is 0.
    """
    x0, y0, x1, y1 = support(hair, quad, rgb.shape[1::-1])
    if y0 == y1:
        return
    colours = _colours(rgb, hair, quad)
    rows = max(1, STRIP // (x1 - x0))
    for top in range(y0, y1, rows):
        yield _strip(rgb, hair, face, colours, quad, (x0, top, x1, min(top + rows, y1)))


def _strip(
    rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, colours: list[np.ndarray], quad: np.ndarray, box: Box
) -> Matte:
    x0, y0, x1, y1 = box
    weight = into_frame(hair, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT).ravel()
    places = np.flatnonzero(weight)
    skin = into_frame(face, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT).ravel()[places]
    front, nearest, behind = (
        into_frame(field, quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE).reshape(-1, 3).take(places, axis=0)
        for field in colours
    )
    front = front + smoothstep(skin, 0, BESIDE)[:, None] * (nearest - front)
    pixels = rgb[y0:y1, x0:x1].reshape(-1, 3).take(places, axis=0).astype(np.float32)
    alpha = _alpha(pixels, weight[places], front, behind) * (1 - smoothstep(skin, *SKIN))
    some = np.flatnonzero(alpha)
    return Matte(box, places[some], *(values.take(some, axis=0) for values in (alpha, pixels, front)))


def _colours(rgb: np.ndarray, hair: np.ndarray, quad: np.ndarray) -> list[np.ndarray]:
    """The colours of hair, of hair very near and of what is not hair: three of (M / 2, M / 2, 3)."""
    size = len(hair) // 2
    small = crop(rgb, quad, size).astype(np.float32)
    ramp = cv2.resize(hair, (size, size), interpolation=cv2.INTER_AREA)
    shown = in_frame(quad, size, rgb.shape[1::-1])
    front, behind = (ramp >= CERTAIN) & shown, (ramp <= 1 - CERTAIN) & shown
    return [_nearby(small, front), _nearby(small, front, (NEAREST, *WINDOWS)), _nearby(small, behind)]


def _alpha(pixels: np.ndarray, weight: np.ndarray, front: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """(n,): by colour within the ramp, by the ramp itself where the colours on both sides are alike."""
    apart = (front - behind) / 255
    squared = (apart**2).sum(axis=1)
    share = ((pixels - behind) / 255 * apart).sum(axis=1) / np.maximum(squared, 1e-4)
    share = np.clip((share - TAIL) / (1 - 2 * TAIL), 0, 1) * smoothstep(weight, 0, 0.2)
    clear = np.clip((squared - CLEAR[0]) / (CLEAR[1] - CLEAR[0]), 0, 1)
    share = clear * share + (1 - clear) * smoothstep(weight, 0.3, 0.7)
    inner = np.maximum(
        smoothstep(weight, 0.6, 0.95) * smoothstep(share, 0.1, 0.35), smoothstep(weight, 0.95, 1)
    )  # highlights too
    return np.maximum(share, inner)


def _nearby(image: np.ndarray, where: np.ndarray, windows: tuple[float, ...] = WINDOWS) -> np.ndarray:
    """(S, S, 3): the mean colour of ``image`` over the pixels ``where`` that are near, however far the nearest is."""
    weighted = np.dstack([image * where[..., None], where.astype(np.float32)])
    total, scale = np.full_like(weighted, 1e-9), 1.0
    for window in windows:
        total += scale * _mean(weighted, window)
        scale *= FALLBACK
    return total[..., :3] / total[..., 3:]


def _mean(image: np.ndarray, window: float) -> np.ndarray:
    side = 2 * round(window * len(image) / 2) + 1
    return cv2.blur(cv2.blur(image, (side, side)), (side, side))
