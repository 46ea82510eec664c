"""A mouth whose lips part: what lies above, between and below them in a frame, and the teeth that show there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.align import crop_to_frame, side, transform
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Box

EYES = 36, 45  # outer corners
OUTER, INNER = slice(48, 60), slice(60, 68)  # edges of the lips
UPPER_LIP, LOWER_LIP = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]  # inner edges, from corner to corner
SAMPLES = 49  # points along each
TOOTH = 0.105  # height of the teeth that show, as a share of the distance between the eyes' outer corners
TALLEST = 1.3  # times that, where lips are farther apart
CLOSED, OPEN = 0.03, 0.10  # gap of the lips, in the same unit, up to which teeth are drawn and from which they are not
EDGE = 1 / 400  # of the crop's side: half the width of the lips' edge
TEETH_LIGHT, TEETH_TINT = 77.0, np.array([6.6, 14.2])  # Lab of the teeth that are learnt
ON_DARK, PER_SKIN = 64.0, 0.21  # lightness of teeth beside skin of some lightness (training faces)
OWN_TINT, SKIN_TINT = np.array([0.8, 3.4]), np.array([0.35, 0.48])  # the same of a and b
RUDDY, GOLDEN = 18.0, 30.0  # Lab a from which skin is red, not its light; b from which its light is yellow, not skin
BEYOND = 1.2, 3.0  # heights of teeth above and below the gap, between which there is skin: no lips, no hair
ROOTS = 0.1  # of a tooth's height: how soft the edge of the row is
HIDDEN = 1.4  # of their height by which drawn teeth are drawn up behind the lip where a face smiles on its own
WIDTH, WIDER = 0.56, 0.3  # of a mouth at rest, in the same unit; by how much smiles draw it wider, as a share
SHADOW = 0.7  # how much darker the mouth is beneath the teeth


@dataclass(frozen=True)
class Mouth:
    """Where each pixel of a box of the frame lies in a mouth, each (h, w).

    ``inside``: in [0, 1], between the lips; ``below``: in [0, 1], below the line between them; ``along``: from corner
    to corner, 0 to 1; ``down``: pixels beneath the upper lip; ``height``: of the gap there, pixels; ``before``:
    (h, w, 2), the pixel of the box between the lips that lay there before. ``tooth``: pixels; ``closed``: in [0, 1],
    how far the lips were closed before; ``smiles``: in [0, 1], how far the face smiled before.
    """

    inside: np.ndarray
    below: np.ndarray
    along: np.ndarray
    down: np.ndarray
    height: np.ndarray
    before: np.ndarray
    tooth: float
    closed: float
    smiles: float

    def row(self) -> np.ndarray:
        """float32 (h, w) in [0, 1]: where the upper teeth of a smile are, closed or open the mouth may have been.

        Who smiles already with open lips shows their own: the more they smile the farther these are drawn up behind the
        upper lip.
        """
        left = 1 - self.drawn_up
        row = 1 - smoothstep(self.down / (TALLEST * self.tooth), left - ROOTS, left + ROOTS)
        return (row * smoothstep(left, 0, ROOTS)).astype(np.float32)

    @property
    def drawn_up(self) -> float:
        """By how much of their height the drawn teeth are hidden behind the upper lip, in [0, 1]: not where lips were
        closed, wide as they may be."""
        return min(HIDDEN * self.smiles * (1 - self.closed), 1.0)

    @classmethod
    def of(cls, points: np.ndarray, goal: np.ndarray, quad: np.ndarray, box: Box) -> Mouth:
        """points, goal: (68, 2), the face's before and after, sides of the square ``quad``."""
        upper, lower = (in_frame(lip, quad) - box[:2] for lip in inner_lips(goal))
        first, axis = upper[0], upper[-1] - upper[0]
        width = max(float(np.hypot(*axis)), 1e-3)
        across, down = axis / width, np.array([-axis[1], axis[0]]) / width
        grid = np.stack(np.meshgrid(np.arange(box[2] - box[0]), np.arange(box[3] - box[1])), axis=-1) - first
        x, y = grid @ across, grid @ down
        top, along = _heights(upper - first, across, down, x)
        bottom, _ = _heights(lower - first, across, down, x)
        height, edge = bottom - top, max(side(quad) * EDGE, 0.6)
        inside = np.clip(np.minimum(y - top, bottom - y) / edge + 0.5, 0, 1) * (x > 0) * (x < width)
        inside = cv2.GaussianBlur((inside * np.clip(height / (2 * edge), 0, 1)).astype(np.float32), (0, 0), edge / 2)
        below = np.clip((y - (top + bottom) / 2) / (2 * edge) + 0.5, 0, 1)
        lay = (in_frame(lip, quad) - box[:2] for lip in inner_lips(points))
        share = np.clip((y - top) / np.maximum(height, 1e-3), 0, 1)
        before = between(*lay, along, share).astype(np.float32)
        return cls(
            inside, below, along, y - top, np.maximum(height, 1.0), before,
            TOOTH * between_eyes(points) * side(quad), 1 - opened(points),
            smiling(points, WIDER),
        )  # fmt: skip


def inner_lips(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inner edges of the upper and the lower lip, each (SAMPLES, 2), from corner to corner."""
    return _curve(points[UPPER_LIP]), _curve(points[LOWER_LIP])


def gap(points: np.ndarray) -> float:
    """How far lips are apart, as a share of the distance between the eyes' outer corners."""
    apart = points[LOWER_LIP[1:-1]] - points[UPPER_LIP[1:-1]]
    return float(np.hypot(*apart.mean(axis=0)) / max(between_eyes(points), 1e-6))


def opened(points: np.ndarray) -> float:
    """How far lips are open, in [0, 1], so that what is between them is the mouth's own. points: (68, 2), any unit."""
    return float(smoothstep(gap(points), CLOSED, OPEN))


def smiling(points: np.ndarray, wider: float) -> float:
    """How far a face smiles, in [0, 1], by its mouth, which smiles draw so much ``wider``, as a share."""
    width = np.hypot(*(points[54] - points[48])) / max(between_eyes(points), 1e-6)
    return float(np.clip((width / WIDTH - 1) / wider, 0, 1))


def between_eyes(points: np.ndarray) -> float:
    """The distance of the eyes' outer corners, in the unit of ``points``, (68, 2)."""
    return float(np.hypot(*(points[EYES[1]] - points[EYES[0]])))


def open_mouth(
    picture: np.ndarray, before: np.ndarray, mouth: Mouth, teeth: np.ndarray, light: float, shown: np.ndarray
) -> np.ndarray:
    """``picture`` with what shows between the lips: the mouth of ``before`` or, where that was closed, teeth.

    Both pictures: float32 (h, w, 3) RGB, 8-bit levels; teeth: float32 (k, l, 3), Lab, see
    :class:`dvaedit.face.morph.Morph`; light: see :func:`dvaedit.face.teeth.above_skin`; shown: (h, w) in [0, 1], where
    nothing hides the face.
    """
    own = _own(before, mouth)
    drawn = from_lab(_lit(_teeth(mouth, teeth), picture, mouth, light))
    between = own + np.maximum(mouth.closed, mouth.row())[..., None] * (drawn - own)
    return picture + (mouth.inside * shown)[..., None] * (between - picture)


def narrowed(picture: np.ndarray, before: np.ndarray, mouth: Mouth, shown: np.ndarray) -> np.ndarray:
    """``picture`` with what is left between the lips of ``before``; arguments as of :func:`open_mouth`."""
    return picture + (mouth.inside * shown)[..., None] * (_own(before, mouth) - picture)


def _own(before: np.ndarray, mouth: Mouth) -> np.ndarray:
    """What lay between the lips, where it lies now."""
    return cv2.remap(before, mouth.before, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _teeth(mouth: Mouth, teeth: np.ndarray) -> np.ndarray:
    """The teeth over the box, Lab: as high as the gap, but no higher than teeth are; beneath them it is dark.

    See :meth:`Mouth.row`.
    """
    tall = TALLEST * mouth.tooth
    deep = mouth.down / np.minimum(mouth.height, tall) + mouth.drawn_up
    x, y = mouth.along * teeth.shape[1] - 0.5, np.clip(deep, 0, 1) * teeth.shape[0] - 0.5
    seen = cv2.remap(
        teeth, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen * (1 - SHADOW * np.clip(mouth.down / tall - 1, 0, 1))[..., None]


def _lit(teeth: np.ndarray, picture: np.ndarray, mouth: Mouth, most: float) -> np.ndarray:
    """Teeth in the light that falls on the skin around the mouth, at most so many times as light."""
    around = to_lab(skin_around(picture, mouth))
    skin = np.median(around, axis=0) if len(around) else np.array([TEETH_LIGHT, 0, 0])
    light = min(ON_DARK + PER_SKIN * skin[0], most * skin[0])
    red, yellow = skin[1:]
    seen = np.array([min(red, RUDDY), yellow + max(yellow - GOLDEN, 0)])
    tint = OWN_TINT + SKIN_TINT * seen - TEETH_TINT
    return np.dstack([teeth[..., 0] * light / TEETH_LIGHT, teeth[..., 1:] + tint])


def skin_around(picture: np.ndarray, mouth: Mouth) -> np.ndarray:
    """(n, 3): the pixels of the skin above and below the mouth."""
    away = np.maximum(-mouth.down, mouth.down - mouth.height) / mouth.tooth
    return picture[(mouth.along > 0) & (mouth.along < 1) & (away > BEYOND[0]) & (away < BEYOND[1])]


def _curve(points: np.ndarray) -> np.ndarray:
    """A smooth line through five points, (SAMPLES, 2): cubic, by the tangents of Catmull and Rom (1974)."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    at = np.linspace(0, len(points) - 1, SAMPLES)
    piece = np.minimum(at.astype(int), len(points) - 2)
    t = (at - piece)[:, None]
    p0, p1, p2, p3 = (padded[piece + k] for k in range(4))
    return p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))


def _heights(curve: np.ndarray, across: np.ndarray, down: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The height of a curve at distances ``x`` along the mouth, and how far along the curve that is, 0 to 1."""
    order = np.argsort(curve @ across)
    at, share = (curve @ across)[order], np.linspace(0, 1, len(curve))[order]
    return np.interp(x, at, (curve @ down)[order]), np.interp(x, at, share)


def between(upper: np.ndarray, lower: np.ndarray, along: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Points, (h, w, 2), between two lips as of :func:`inner_lips`: so far along and down, each 0 to 1."""
    place, knots = along * (len(upper) - 1), np.arange(len(upper))
    top, bottom = (np.stack([np.interp(place, knots, lip[:, k]) for k in (0, 1)], axis=-1) for lip in (upper, lower))
    return top + down[..., None] * (bottom - top)


def in_frame(points: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Points in sides of the square ``quad`` as indices of the frame's pixels."""
    return transform(points, crop_to_frame(quad, 1))
