"""How much of each of a frame's pixels is hair: a matte at the frame's own resolution, strand by strand.

Around the outline of a class map a pixel is composed of hair and what lies behind it, alpha F + (1 - alpha) B. Both
colours vary slowly and are known nearby, on either side of the outline; alpha is where the pixel's own colour lies
between them (the linear case of Chuang et al., A Bayesian Approach to Digital Matting, 2001). Where they vary more than
they differ the outline decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.layers import Layers, shares, toward, variance
from dvaedit.face.mask import border_window, signed_distances, smoothstep
from dvaedit.face.paste import NOWHERE, Box, into_frame, strips, support
from dvaedit.face.steady import steady
from dvaedit.face.surround import FACE, FEATURE, HAIR, REACH

RAMP = 1 / 15  # reach of the ramps to either side of outlines, in sides of the crop
EDGE = (0.35, 0.65)  # of the hair's ramp, between which a pixel becomes hair where colour does not tell
SKIN = (0.45, 0.75)  # of the face's ramp, between which a pixel comes to be none: its shadows look like hair
BESIDE = 0.2  # of the face's ramp, from which on a pixel lies beside the face
FEATURED = (0.5, 0.75)  # of the ramp of ears, brows and the like, between which a pixel comes to be none of hair
TAIL = 0.1  # alphas below are 0 and those above 1 - TAIL are 1: noise, shading


def ramps(
    maps: np.ndarray, crops: np.ndarray, frames: np.ndarray, wanted: slice, reach: float = REACH
) -> dict[str, np.ndarray]:
    """Ramps across the outlines of hair and face, calmed along the motion: ``hair`` and ``face``, (n, S, S) in [0, 1].

    Features are face, and hair is not to be looked for there: they are as dark as hair.

    maps: uint8 (m, S, S), from :func:`dvaedit.face.surround.wide_map`; crops: uint8 (m, C, C, 3) RGB, the wide squares;
    frames: (m,) rising numbers; wanted: which n of the m to make; reach: of the squares, in sides of the crop.
    """
    size, share = maps.shape[-1], RAMP / reach
    features = maps == FEATURE
    kinds = (maps == HAIR, (maps == FACE) | features, features)
    distances = np.stack([signed_distances(kind, share) for kind in kinds], axis=-1)
    small = np.stack([cv2.resize(each, crops.shape[1:3], interpolation=cv2.INTER_AREA) for each in distances])
    calm = np.stack([cv2.resize(each, (size, size)) for each in steady(small, crops, frames, wanted)])
    ramp = smoothstep(calm, -share, share) * border_window(size)[..., None]
    hair, face, features = np.moveaxis(ramp, -1, 0)
    return {"hair": hair * (1 - smoothstep(features, *FEATURED)), "face": face}


@dataclass(frozen=True)
class Matte:
    """The n pixels of a strip of a frame that are hair, at least in part, or may be.

    ``box``: (x0, y0, x1, y1), the strip; ``places``: (n,), where they are among its pixels, row by row; ``alpha``: (n,)
    in [0, 1]; ``told``: (n,) in [0, 1], how far it follows from colours, not from outlines;
    ``strand``, ``near``, ``far``: (n, 3), the colours of the hair in a pixel, of that nearest by and of that
    around it, RGB in 8-bit levels.
    """

    box: Box
    places: np.ndarray
    alpha: np.ndarray
    told: np.ndarray
    strand: np.ndarray
    near: np.ndarray
    far: np.ndarray


def matte(rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, quad: np.ndarray) -> Iterator[Matte]:
    """The matte of a frame, uint8 (H, W, 3), strip by strip from top to bottom.

    hair, face: float32 (M, M) in [0, 1], :func:`ramps` in the square ``quad``, (4, 2), frame pixels. No pixel is hair
    where the hair's ramp is 0.
    """
    box = support(hair, quad, rgb.shape[1::-1])
    if box == NOWHERE:
        return
    layers = Layers.of(rgb, hair, face, quad)
    for strip in strips(box):
        yield _strip(rgb, hair, face, layers, quad, strip)


def _strip(rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, layers: Layers, quad: np.ndarray, box: Box) -> Matte:
    x0, y0, x1, y1 = box
    weight = into_frame(hair, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT).ravel()
    places = np.flatnonzero(weight)
    skin = into_frame(face, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT).ravel()[places]
    there = layers.at(quad, box, places)
    far, near, behind = (field[:, :3] for field in (there.far, there.near, there.behind))
    beside = smoothstep(skin, 0, BESIDE)
    near = near - beside[:, None] * toward(near - far, behind - far)  # some of the skin is in it
    front = far + beside[:, None] * (near - far)
    pixels = rgb[y0:y1, x0:x1].reshape(-1, 3).take(places, axis=0).astype(np.float32)
    share, told = shares(pixels, front, behind, variance(there.far) + variance(there.behind))
    alpha, purity = _alpha(share, told, weight[places], skin, beside)
    strand = pixels + (1 - purity[:, None]) * (front - behind)
    some = np.flatnonzero((alpha > 0) | (told < 1))
    return Matte(box, places[some], *(values.take(some, axis=0) for values in (alpha, told, strand, near, far)))


def _alpha(
    share: np.ndarray, told: np.ndarray, weight: np.ndarray, skin: np.ndarray, beside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of a pixel is taken to be hair and how much of its colour is hair's: (n,) each.

    By colour within the ramp, by the ramps themselves as far as colour does not tell.
    """
    clear = np.clip((share - TAIL) / (1 - 2 * TAIL), 0, 1) * smoothstep(weight, 0, 0.2)
    inner = np.maximum(smoothstep(weight, 0.6, 0.95) * smoothstep(clear, 0.1, 0.35), smoothstep(weight, 0.95, 1))
    inner = inner * (1 - beside)  # highlights too
    untold = (1 - told) * smoothstep(weight, *EDGE) * (1 - smoothstep(skin, *SKIN))
    alpha = np.maximum(told * clear + untold, inner)
    return alpha, np.maximum(told * np.clip(share, 0, 1) + (1 - told) * alpha, inner)
