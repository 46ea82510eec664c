"""Beards taken off: an edit says what skin lies beneath; the frame's own is given its colour and loses its hairs.

Averaged over the video, in places that stay put on the face, crops before and after tell by how much a beard darkens
and tints the skin. That goes from each frame, and with it most of what is fine: hairs, and the skin between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from dvaedit.face.align import side
from dvaedit.face.anchor import fetch, in_box, medians
from dvaedit.face.beard import Beard, off_the_lips
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Patch, mask_in_frame

HAIRY, FULL = (1.0, 6.0), (4.0, 14.0)  # Lab lightness by which skin is lighter than a beard on it; than a full one
SPREAD = 1 / 100  # of the blur of what changes, as a share of the crop's side
FINE = 1 / 45  # of what is fine, the same
FLAT = 0.7  # share of it that goes, below a full beard
LIGHTEST = 0.95  # times as light as the cheeks skin below a beard is, at most; it has their colour
RATIO = (0.5, 3.0)  # bounds of how many times lighter skin is than the beard


@dataclass(frozen=True)
class Shave:
    """``change``: float32 (S, S, 4), over the reference face: how many times lighter skin is than the beard on it, what
    is added to its a and b, and the share of what is fine that goes; ``cover``: (S, S) in [0, 1], where that is;
    ``reference``: (68, 2), points of it."""

    region: ClassVar[str] = "lower_face"
    anchors: ClassVar[np.ndarray] = Beard.anchors
    change: np.ndarray
    cover: np.ndarray
    reference: np.ndarray

    @classmethod
    def learn(
        cls, crops: np.ndarray, edited: np.ndarray, weights: np.ndarray, points: np.ndarray, reference: np.ndarray,
        head: np.ndarray | None = None,
    ) -> Shave | None:  # fmt: skip
        """From frames spread over the video; arguments as of :meth:`dvaedit.face.glasses.Glasses.learn`.

        None where no skin shows. ``head`` is not used.
        """
        size, anchors = crops.shape[1], cls.anchors
        before, after, weight = medians([crops, edited], weights, points[:, anchors], reference[anchors])
        if not (weight > 0.5).any():
            return None
        weight = weight * off_the_lips(reference, size)
        before, after = (cv2.GaussianBlur(each, (0, 0), size * SPREAD) for each in (before, after))
        cheeks = _cheeks(before, reference)
        light = np.minimum(after[..., :1], LIGHTEST * cheeks[0])
        lighter = (light - before[..., :1])[..., 0]
        cover, dense = weight * smoothstep(lighter, *HAIRY), smoothstep(lighter, *FULL)
        ratio = np.clip(light / np.maximum(before[..., :1], 1), *RATIO)
        change = np.dstack([ratio, light / max(cheeks[0], 1) * cheeks[1:] - before[..., 1:]])
        return cls(np.dstack([change, FLAT * dense]).astype(np.float32), cover.astype(np.float32), reference)

    def patch(self, rgb: np.ndarray, mask: np.ndarray, quad: np.ndarray, offset: np.ndarray) -> Patch:
        """What goes from a frame; arguments and result as of :meth:`dvaedit.face.beard.Beard.patch`."""
        box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        picture = rgb[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        places = in_box(offset, quad, box)
        cover, change = weights * fetch(self.cover, places), fetch(self.change, places)
        lab = to_lab(picture)
        coarse = cv2.GaussianBlur(lab, (0, 0), FINE * side(quad))
        fine = lab - coarse
        coarse[..., 0] *= change[..., 0]
        coarse[..., 1:] += change[..., 1:3]
        skin = from_lab(coarse + (1 - change[..., 3:]) * fine)
        return box, cover[..., None] * (skin - picture)


def _cheeks(crop: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(3,): the median colour beside the nose and on it, where no beard grows."""
    (left, right), (top, bottom) = reference[[36, 45], 0], reference[[28, 33], 1]
    (y0, y1), (x0, x1) = (np.rint(np.array(pair) * len(crop)).astype(int) for pair in ((top, bottom), (left, right)))
    return np.median(crop[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3), axis=0)
