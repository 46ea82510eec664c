"""Lips that a change of the face moves: they speak on, part no farther than teeth are high, get thin and close.

All points are the face's 68, sides of the crop: before, ``points``, and where they go, ``goal``.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dvaedit.face.mask import smoothstep
from dvaedit.face.mouth import LOWER_LIP, OUTER, TOOTH, UPPER_LIP, WIDER, WIDTH, between_eyes, gap, opened, smiling
from dvaedit.face.paste import Mask, mask_in_frame

LOW = np.r_[5:12, 55:60, 65:68]  # chin and lower lip
LIPS = (np.r_[49:54], UPPER_LIP), (np.r_[59:54:-1], LOWER_LIP)  # outer edges, but for corners, and inner ones
WIDE_OPEN, SPARED = 0.15, 0.6  # gap of open lips, see :func:`gap`; share of the way that they do not go
WIDEST = 1.1 * TOOTH  # by which lips part, whatever is asked for: teeth are no higher
NARROWEST = 0.6  # bound of the change of a mouth's width, as a share
STRETCH = 0.5  # how far narrower mouths are drawn towards it
CURVE = 0.1  # how far above the middle of the mouth a smile's corners should lie, in the same unit
LIFTED = 0.02, 0.05  # how far they do in whoever smiles with closed lips: other mouths are only wide
THINNER = 0.97  # exponent with which the upper lip gets thinner as a mouth gets wider (68 people at rest and smiling)
SMILES = 0.15  # by how much wider, as a share, mouths of whoever surely smiles are (six videos: 0.17 to 0.38)
SOON = 12  # frames, between which and a closed mouth it is open, if it speaks
SPEAKS, PRESSED = (0.05, 0.09), (0.02, 0.05)  # gaps from and up to which lips do so
HELD, TIGHT = 75, 0.05  # percentile of the gaps of lips that smile; gap below which they begin to touch
TOUCHING = np.array([0.5, 0.8, 1.0, 0.8, 0.5])  # share of that along the lips
OVERLAP = 0.11  # by which they then lie on each other, in the unit of gaps: their inner edges are found among the teeth
SIDE, AROUND, SOFT = 128, 4, 2.0  # of the mask of lips; pixels by which it is let out, and sigma of its edge


def lips_in_frame(points: np.ndarray, quad: np.ndarray, size: tuple[int, int]) -> Mask:
    """Where the lips of a face, and what shows between them, are in a frame of ``size`` (width, height).

    points: (68, 2), sides of the crop square ``quad``, (4, 2), frame pixels.
    """
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[OUTER] * SIDE).astype(np.int32)), 1)
    mask = cv2.dilate(mask, np.ones((2 * AROUND + 1,) * 2)).astype(np.float32)
    return mask_in_frame(cv2.GaussianBlur(mask, (0, 0), SOFT), quad, size)


def pressed(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How far the lips of a face are closed for a sound (m, b, p) in each frame, (n,) in [0, 1].

    A mouth that opens soon before and soon after speaks; one that stays closed may smile with its teeth. points: (n,
    68, 2); frames: (n,) rising numbers.
    """
    gaps = np.array([gap(own) for own in points])
    low, high = np.searchsorted(frames, frames - SOON), np.searchsorted(frames, frames + SOON, "right")
    around = [(gaps[first : at + 1], gaps[at:last]) for at, (first, last) in enumerate(zip(low, high, strict=True))]
    opens = np.array([min(before.max(), after.max()) for before, after in around])
    return smoothstep(opens, *SPEAKS) * (1 - smoothstep(gaps, *PRESSED))


def spoken(points: np.ndarray, goal: np.ndarray, pressed: float = 0.0) -> np.ndarray:
    """``goal`` for a mouth that speaks: rounded lips are drawn wider, what is open or smiles already goes less far.

    Lips that are ``pressed`` on each other, see :func:`pressed`, part by so much less.
    """
    corners, eyes = points[54] - points[48], between_eyes(points)
    width, rest, open_ = max(np.hypot(*corners), 1e-6), WIDTH * eyes, min(gap(points) / WIDE_OPEN, 1.0)
    shown = max(smoothstep(_lift(points), *LIFTED), opened(points))
    goal = points + (1 - SPARED * shown * smiling(points, WIDER)) * (goal - points)
    goal[LOW] = points[LOW] + (1 - SPARED * open_) * (goal[LOW] - points[LOW])
    goal[LOW] -= _too_far(points, goal, WIDEST * (1 - SPARED * open_) * (1 - pressed)) * eyes
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


def held(points: np.ndarray) -> float:
    """The gap of the lips of a face, (n, 68, 2), that is due to its smile: what it seldom exceeds where it smiles."""
    gaps = [gap(own) for own in points if smiling(own, SMILES) > 0.5]
    return float(np.percentile(gaps, HELD)) if gaps else 0.0


def closed(points: np.ndarray, goal: np.ndarray, by: float) -> np.ndarray:
    """``goal`` with the lips of ``points`` closed by so much, in the unit of :func:`gap`, and upper ones thicker again.

    Lips that touch then lie on each other. The mouth changes as far as the face smiles.
    """
    smiles, goal, mouth = smiling(points, SMILES), goal.copy(), slice(48, 68)
    goal[mouth], by = points[mouth] + smiles * (goal[mouth] - points[mouth]), smiles * by
    opened, eyes, down = gap(points), between_eyes(points), -_up(goal[54] - goal[48])
    left = max(opened - by, 0.0)
    over = OVERLAP * max(1 - left / TIGHT, 0.0) * min(opened / TIGHT, 1.0) * min(by / max(opened, 1e-6), 1.0)
    middle = (goal[UPPER_LIP[1:-1]] + goal[LOWER_LIP[1:-1]]) / 2
    for (edge, inner), sign, power in zip(LIPS, (-1, 1), (THINNER, 0.0), strict=True):
        thick = (points[edge] - _behind(points, inner)) * min(_wider(points, goal), 1.0) ** -power
        goal[inner[1:-1]] = middle + sign * (left - over) / 2 * eyes * down
        goal[edge] = _behind(goal, inner) + thick + sign * over / 2 * eyes * down * TOUCHING[:, None]
    return goal


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
    lifted, eyes = _lift(goal), between_eyes(points)
    missing = np.clip(CURVE - lifted, 0, max(lifted - _lift(points), 0)) * eyes
    corners, lips = goal[54] - goal[48], goal[48:68]
    along = (lips - (goal[48] + goal[54]) / 2) @ corners / max(corners @ corners, 1e-12)
    lips += np.outer(missing * (2 * along) ** 2, _up(corners))
    return goal


def _lift(points: np.ndarray) -> float:
    """How far the corners of a mouth lie above its middle, in the unit of :func:`gap`."""
    corners, middle = points[[60, 64]].mean(axis=0), points[[62, 66]].mean(axis=0)
    return float((corners - middle) @ _up(points[54] - points[48]) / max(between_eyes(points), 1e-6))


def _up(axis: np.ndarray) -> np.ndarray:
    """(2,): of length 1, across ``axis``, which goes to the right in the picture."""
    return np.array([axis[1], -axis[0]]) / max(np.hypot(*axis), 1e-6)


def _too_far(points: np.ndarray, goal: np.ndarray, most: float) -> np.ndarray:
    """(2,): by how much lips part by more than ``most``, towards the lower one, in the unit of :func:`gap`."""
    apart = goal[LOWER_LIP[1:-1]].mean(axis=0) - goal[UPPER_LIP[1:-1]].mean(axis=0)
    return max(gap(goal) - gap(points) - most, 0) * apart / max(np.hypot(*apart), 1e-6)
