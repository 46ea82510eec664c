"""Strands of hair as a texture: noise that is averaged along the directions in which hair runs.

Cabral & Leedom, Imaging vector fields using line integral convolution (1993).
"""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.anchor import SIDE, fetch, pixels

TEXTURES = ((1, 0.8, 4), (2, 1.5, 4), (4, 2.2, 3))  # of strands and locks: pixels of the drawing, sigma, passes
AMOUNTS = (0.8, 0.6, 0.35)  # of their share in the contrast
CROP, FINE = 205, 3.2  # pixels of the wide square where the crop has 128; sigma of what is fine there


def textures(directions: np.ndarray, seed: int = 0) -> np.ndarray:
    """Strands, locks of them and what these hang together in: float32 (3, SIDE, SIDE), of mean 0 and deviation 1.

    directions: (S, S, 2), cosine and sine of twice the angle along which they run.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_enlarged(_strands(directions, SIDE // scale, *how, rng)) for scale, *how in TEXTURES])


def _strands(directions: np.ndarray, size: int, sigma: float, passes: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of (size, size), averaged along the directions over 3 ** ``passes`` pixels."""
    smooth = cv2.GaussianBlur(cv2.resize(directions, (size, size)), (0, 0), size / 64)
    angle = np.arctan2(smooth[..., 1], smooth[..., 0]) / 2
    along = np.dstack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    here = pixels(size)
    outwards = here - np.float32([0.5, 0])
    along *= np.where((along * outwards).sum(axis=2) < 0, -1, 1)[..., None].astype(np.float32)
    ways = [sign * along / size for sign in (1, -1)]
    noise = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), sigma)
    for _ in range(passes):
        noise = (noise + sum(fetch(noise, here + way) for way in ways)) / 3
        ways = [_thrice(way, here) for way in ways]
    return (noise - noise.mean()) / noise.std()


def _thrice(way: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Where one comes to by going three times the way, (S, S, 2)."""
    twice = way + fetch(way, here + way)
    return twice + fetch(way, here + twice)


def _enlarged(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def relief(strands: np.ndarray) -> np.ndarray:
    """All of :func:`textures` together, (SIDE, SIDE), of deviation 1 in what is fine in a crop of 128 pixels."""
    mixed = np.tensordot(AMOUNTS, strands, 1)
    return mixed / fine(cv2.resize(mixed, (CROP,) * 2, interpolation=cv2.INTER_AREA)).std()


def well_inside(hair: np.ndarray, width: int) -> np.ndarray:
    """Where hair is, bool (n, S, S), without its edge, which is half as many pixels wide."""
    return np.stack([cv2.erode(one.astype(np.uint8), np.ones((width, width))) for one in hair]) > 0


def fine(light: np.ndarray) -> np.ndarray:
    """What is fine in a crop of 128 pixels or so, (S, S)."""
    return light - cv2.GaussianBlur(light, (0, 0), FINE)
