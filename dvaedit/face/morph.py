"""Another expression, age or sex: the frame's own pixels moved and shaded as such faces differ on average.

A network that sees a crop of 128 pixels answers a smile with a blur where lips should move. How a smile moves the
points of a face and shades its skin is the mean of many faces (Rowland & Perrett, 1995); carried along by the landmarks
of each frame it moves the frame's own lips, which stay as sharp as they are. Where lips part that were closed, teeth
are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dvaedit.face.align import affine, crop_to_frame, side, smooth
from dvaedit.face.anchor import fetch, in_box, offsets, pixels
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.mask import border_window
from dvaedit.face.mouth import (
    ABOVE_SKIN,
    LOWER_LIP,
    TOOTH,
    UPPER_LIP,
    Mouth,
    above_skin,
    gap,
    narrowed,
    open_mouth,
    teeth_shown,
)
from dvaedit.face.paste import Box, Patch, into_frame, mask_in_frame

POINTS_SIGMA, TURN_SIGMA = 1.0, 3.0  # frames
SIDE = 128  # of the grid on which displacements are told
STEADY = np.r_[0:3, 14:17, 27:36, 36, 39, 42, 45]  # points that no expression moves much: temples, nose, eyes' corners
UPPER = np.r_[0:55, 60:65]  # points that move what lies above the line between the lips
LOWER = np.r_[0:49, 54:61, 64:68]
LOW = np.r_[5:12, 55:60, 65:68]  # chin and lower lip
LIPS = (np.r_[49:54], UPPER_LIP), (np.r_[59:54:-1], LOWER_LIP)  # outer edges, but for corners, and inner ones
WIDE_OPEN, SPARED = 0.15, 0.6  # gap of open lips, see :func:`gap`; share of the way that they do not go
WIDEST = 1.1 * TOOTH  # by which lips part, whatever is asked for: teeth are no higher
WIDTH, WIDER, NARROWEST = 0.56, 0.3, 0.6  # of a mouth at rest, in the same unit; bounds of its change, as a share
STRETCH = 0.5  # how far narrower mouths are drawn towards it
CURVE = 0.1  # how far above the middle of the mouth a smile's corners should lie, in the same unit
THINNER = 0.97  # exponent with which the upper lip gets thinner as a mouth gets wider (68 people at rest and smiling)
SMILES = 0.15  # by how much wider, as a share, mouths of whoever surely smiles are (six videos: 0.17 to 0.38)
HELD, TIGHT = 75, 0.05  # percentile of the gaps of lips that smile; gap below which they begin to touch
TOUCHING = np.array([0.5, 0.8, 1.0, 0.8, 0.5])  # share of that along the lips
OVERLAP = 0.11  # by which they then lie on each other, in the unit of gaps: their inner edges are found among the teeth
SLACK = 1 / 24  # of the crop's side: how far around the face the picture is moved with it
MARGIN = 1 / 128  # of the side too: by how much the outline of a head may be off
FINE, RELIEF = 1 / 50, (-12.0, 5.0)  # of the crop's side; Lab lightness: what is more is no wrinkle
SATURATED = 0.5  # chroma over lightness of skin from which on shade takes some of it
GRAIN = 2.0  # lightness of relief that stays: pores, noise
LEFT = 0.35  # of a pixel's lightness, at least
LIGHT, WHITE = 55.0, 115.0  # Lab lightness at which shades are as learnt, and none
DARKEST, BRIGHTEST = 0.3, 1.2  # bounds of their scale


@dataclass(frozen=True)
class Morph:
    """``reference``: (68, 2), points of the mean face, sides of the crop; ``shape``: (68, 2), how far they move;
    ``texture``: float32 (S, S, 3), change of Lab over the mean face; ``smooth``: float32 (S, S) in [0, 1], how much of
    what is fine there goes, wrinkles above all; ``teeth``: float32 (h, w, 3), Lab, what lips that
    part uncover, from corner to corner and from the upper lip down, or (0, 0, 3); ``above_skin``: (), see
    :func:`dvaedit.face.mouth.above_skin`; ``closes``: (), the share of a smile's gap by which lips close."""

    reference: np.ndarray
    shape: np.ndarray
    texture: np.ndarray
    smooth: np.ndarray
    teeth: np.ndarray
    above_skin: np.ndarray | float = ABOVE_SKIN[0]
    closes: np.ndarray | float = 0.0

    def lit(self, crops: np.ndarray, points: np.ndarray) -> Morph:
        """The same in the light of a video; arguments as of :func:`dvaedit.face.mouth.above_skin`."""
        return replace(self, above_skin=above_skin(crops, points)) if self.teeth.size else self

    def goals(self, points: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points of a face in each frame, (n, 68, 2), sides of the crop, made calm; and where they go.

        frames: (n,) rising numbers; nothing is averaged across a gap.
        """
        points = smooth(points, POINTS_SIGMA, frames)
        turned = smooth(np.stack([_turn(self.reference, own) for own in points]), TURN_SIGMA, frames)
        goals = points + self.shape @ turned
        if self.teeth.size:
            goals = np.stack([_spoken(*pair) for pair in zip(points, goals, strict=True)])
        if self.closes:
            by = float(self.closes) * _held(points)
            goals = np.stack([_closed(*pair, by) for pair in zip(points, goals, strict=True)])
        return points, goals

    @staticmethod
    def reach(face: np.ndarray) -> np.ndarray:
        """Where the picture is moved with a face that shows in ``face``, both float32 (M, M) in [0, 1]."""
        reach = 2 * round(SLACK * len(face)) + 1
        grown = cv2.dilate(face, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        return cv2.GaussianBlur(grown, (0, 0), reach / 6) * border_window(len(face))

    @staticmethod
    def swept(head: np.ndarray, points: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Where a head is before or after its points move: what lies behind it elsewhere stays where it is.

        head: float32 (M, M) in [0, 1], where it shows, and so the result; points, goal: (68, 2), sides of the square.
        """
        margin = 2 * round(MARGIN * len(head)) + 1
        head = cv2.dilate(head, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin)))
        return np.maximum(head, fetch(head, pixels(len(head)) + offsets(goal, points, len(head))))

    def patch(
        self, rgb: np.ndarray, reach: np.ndarray, face: np.ndarray, quad: np.ndarray, points: np.ndarray,
        goal: np.ndarray, offset: np.ndarray,
    ) -> Patch:  # fmt: skip
        """What the change adds to a frame: a box (x0, y0, x1, y1) and the difference, float32, 8-bit levels.

        rgb: uint8 (H, W, 3); reach, face: float32 (M, M) in [0, 1], where the picture is moved and where it is shaded,
        of the square ``quad``; points, goal: (68, 2), sides of the square, see :meth:`goals`; offset: float (S, S, 2),
        see :func:`dvaedit.face.anchor.offsets`.
        """
        box, weights = mask_in_frame(reach, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        picture = rgb[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        shown = into_frame(face, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        skin = shown * (1 - teeth_shown(picture, points, quad, box))
        shaded = self._shaded(picture, skin, in_box(offset, quad, box), FINE * side(quad))
        out = self._reshaped(shaded, shown, quad, box, points, goal)
        return box, weights[..., None] * (out - picture)

    def _shaded(self, picture: np.ndarray, shown: np.ndarray, places: np.ndarray, fine: float) -> np.ndarray:
        """``fine``: sigma, in pixels, of what counts as such."""
        lab = to_lab(picture)
        light, tint = lab[..., :1], lab[..., 1:]
        change = shown[..., None] * fetch(self.texture, places)
        change[..., :1] *= depth(light)
        change[..., 1:] *= np.clip(light / LIGHT, DARKEST, BRIGHTEST)  # lipstick shows on pale lips too
        if self.smooth.any():
            relief = np.clip(light[..., 0] - cv2.GaussianBlur(light[..., 0], (0, 0), fine), *RELIEF)
            relief -= GRAIN * np.tanh(relief / GRAIN)
            change[..., 0] -= shown * fetch(self.smooth, places) * relief
        after = np.clip(light + change[..., :1], LEFT * light, 100)
        shaded = from_lab(np.dstack([after, _kept(lab, after) * tint + change[..., 1:]]))
        return np.clip(picture + shaded - from_lab(lab), 0, 255)  # exactly the same where nothing changes

    def _reshaped(
        self, picture: np.ndarray, shown: np.ndarray, quad: np.ndarray, box: Box, points: np.ndarray, goal: np.ndarray
    ) -> np.ndarray:
        """A box of the frame with the face's points moved to ``goal``, float32 (h, w, 3)."""
        if not self.teeth.size and not self.closes:
            return _fetched(picture, _shift(points, goal, quad, box))
        mouth = Mouth.of(points, goal, quad, box)
        upper, lower = (_shift(points[use], goal[use], quad, box) for use in (UPPER, LOWER))
        if self.closes:  # between two shifts there are teeth
            above, beneath = (_fetched(picture, shift) for shift in (upper, lower))
            below = mouth.below[..., None].astype(np.float32)
            return narrowed(above + below * (beneath - above), picture, mouth, shown)
        warped = _fetched(picture, upper + mouth.below[..., None] * (lower - upper))
        return open_mouth(warped, picture, mouth, self.teeth, float(self.above_skin), shown)


def _kept(lab: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The share of skin's chroma that stays at lightness ``after``, (h, w, 1).

    All of it, in light and shade; but where skin is vivid, as in coloured light, it fades with the root of lightness.
    """
    light, chroma = lab[..., :1], np.linalg.norm(lab[..., 1:], axis=2, keepdims=True)
    most = np.maximum(chroma / np.maximum(light, 1), SATURATED) * after
    return np.where(after < light, np.sqrt(np.minimum(most / np.maximum(chroma, 1e-3), 1)), 1)


def depth(light: np.ndarray) -> np.ndarray:
    """How deep shades are on skin of some lightness, Lab, relative to those that are learnt.

    The paler skin is, the shallower: relief of old people's cheeks has a standard deviation of 8.9 at lightness 50, 6.7
    at 58, 6.0 at 65 and 4.8 at 71 (211 portraits). In the dark there is less to see.
    """
    return np.maximum(np.minimum(light / LIGHT, (WHITE - light) / (WHITE - LIGHT)), DARKEST)


def _turn(reference: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, 2): how the mean face is turned, stretched and foreshortened to lie on a face, by the points that stay."""
    return affine(reference[STEADY], points[STEADY])[:2]


def _spoken(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """``goal`` for a mouth that speaks: rounded lips are drawn wider, what is open or smiles already goes less far."""
    corners, eyes = points[54] - points[48], np.hypot(*(points[45] - points[36]))
    width, rest, open_ = max(np.hypot(*corners), 1e-6), WIDTH * eyes, min(gap(points) / WIDE_OPEN, 1.0)
    goal = points + (1 - SPARED * _smiling(points, WIDER)) * (goal - points)
    goal[LOW] = points[LOW] + (1 - SPARED * open_) * (goal[LOW] - points[LOW])
    goal[LOW] -= _too_far(points, goal, WIDEST * (1 - SPARED * open_)) * eyes
    axis, lips = corners / width, goal[48:68]
    lips += STRETCH * np.clip(rest / width - 1, 0, NARROWEST) * np.outer((lips - lips.mean(axis=0)) @ axis, axis)
    return _thinned(points, _curved(points, goal))


def _thinned(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """``goal`` with an upper lip no thicker than that of ``points`` is when it is drawn so wide."""
    edge, inner = LIPS[0]
    most, thick = (np.hypot(*(_behind(own, inner) - own[edge])[1:4].T).sum() for own in (points, goal))
    share = min(most / max(thick, 1e-6) * max(_wider(points, goal), 1.0) ** -THINNER, 1.0)
    goal[edge] += (1 - share) * (_behind(goal, inner) - goal[edge])
    return goal


def _held(points: np.ndarray) -> float:
    """The gap of the lips of a face, (n, 68, 2), that is due to its smile: what it seldom exceeds where it smiles."""
    gaps = [gap(own) for own in points if _smiling(own, SMILES) > 0.5]
    return float(np.percentile(gaps, HELD)) if gaps else 0.0


def _closed(points: np.ndarray, goal: np.ndarray, by: float) -> np.ndarray:
    """``goal`` with the lips of ``points`` closed by so much, in the unit of :func:`gap`, and upper ones thicker again.

    Lips that touch then lie on each other. All of it as far as the face smiles.
    """
    smiling = _smiling(points, SMILES)
    goal, by = points + smiling * (goal - points), smiling * by
    opened, eyes, down = gap(points), np.hypot(*(points[45] - points[36])), -_up(goal[54] - goal[48])
    left = max(opened - by, 0.0)
    over = OVERLAP * max(1 - left / TIGHT, 0.0) * min(opened / TIGHT, 1.0) * min(by / max(opened, 1e-6), 1.0)
    middle = (goal[UPPER_LIP[1:-1]] + goal[LOWER_LIP[1:-1]]) / 2
    for (edge, inner), sign, power in zip(LIPS, (-1, 1), (THINNER, 0.0), strict=True):
        thick = (points[edge] - _behind(points, inner)) * min(_wider(points, goal), 1.0) ** -power
        goal[inner[1:-1]] = middle + sign * (left - over) / 2 * eyes * down
        goal[edge] = _behind(goal, inner) + thick + sign * over / 2 * eyes * down * TOUCHING[:, None]
    return goal


def _smiling(points: np.ndarray, wider: float) -> float:
    """How far a face smiles, in [0, 1], by its mouth, which smiles draw so much ``wider``, as a share."""
    width = np.hypot(*(points[54] - points[48])) / max(np.hypot(*(points[45] - points[36])), 1e-6)
    return float(np.clip((width / WIDTH - 1) / wider, 0, 1))


def _wider(points: np.ndarray, goal: np.ndarray) -> float:
    """How many times as wide a mouth becomes."""
    width, wide = (float(np.hypot(*(own[54] - own[48]))) for own in (points, goal))
    return max(wide, 1e-6) / max(width, 1e-6)


def _behind(points: np.ndarray, inner: Sequence[int]) -> np.ndarray:
    """(5, 2): of a lip's inner edge, what lies behind each point of its outer one."""
    edge = points[inner]
    return np.stack([(edge[0] + edge[1]) / 2, *edge[1:4], (edge[3] + edge[4]) / 2])


def _curved(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """``goal`` with the corners of a mouth that droops lifted further, at most twice as far: its lips bend."""
    lifted, eyes = _lift(goal), np.hypot(*(points[45] - points[36]))
    missing = np.clip(CURVE - lifted, 0, max(lifted - _lift(points), 0)) * eyes
    corners, lips = goal[54] - goal[48], goal[48:68]
    along = (lips - (goal[48] + goal[54]) / 2) @ corners / max(corners @ corners, 1e-12)
    lips += np.outer(missing * (2 * along) ** 2, _up(corners))
    return goal


def _lift(points: np.ndarray) -> float:
    """How far the corners of a mouth lie above its middle, in the unit of :func:`gap`."""
    corners, middle = points[[60, 64]].mean(axis=0), points[[62, 66]].mean(axis=0)
    return float((corners - middle) @ _up(points[54] - points[48]) / max(np.hypot(*(points[45] - points[36])), 1e-6))


def _up(axis: np.ndarray) -> np.ndarray:
    """(2,): of length 1, across ``axis``, which goes to the right in the picture."""
    return np.array([axis[1], -axis[0]]) / max(np.hypot(*axis), 1e-6)


def _too_far(points: np.ndarray, goal: np.ndarray, most: float) -> np.ndarray:
    """(2,): by how much lips part by more than ``most``, towards the lower one, in the unit of :func:`gap`."""
    apart = goal[LOWER_LIP[1:-1]].mean(axis=0) - goal[UPPER_LIP[1:-1]].mean(axis=0)
    return max(gap(goal) - gap(points) - most, 0) * apart / max(np.hypot(*apart), 1e-6)


def _shift(points: np.ndarray, goal: np.ndarray, quad: np.ndarray, box: Box) -> np.ndarray:
    """From each pixel of the box to where it lay before ``points`` went to ``goal``: float32 (h, w, 2) pixels."""
    moved = into_frame(offsets(goal, points, SIDE), quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    return moved @ crop_to_frame(quad, 1)[:, :2].T.astype(np.float32)


def _fetched(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``picture``, (h, w, 3), each pixel from where ``shift``, (h, w, 2), leads."""
    x, y = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in picture.shape[1::-1]))
    at = np.dstack([x, y]) + shift
    moved = cv2.remap(picture, at.astype(np.float32), None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved, 0, 255)
