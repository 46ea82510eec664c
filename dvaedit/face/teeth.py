"""Teeth that a mouth shows: where they are, so that no paint covers them and no lip takes them along, and how light."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.align import LEFT_EYE, RIGHT_EYE, own_quad
from dvaedit.face.lab import to_lab
from dvaedit.face.mask import filled, smoothstep
from dvaedit.face.mouth import CLOSED, INNER, OUTER, Mouth, gap, in_frame, skin_around
from dvaedit.face.paste import Box

ABOVE_SKIN = 1.5, 4.0  # times the skin's: what that lightness is bounded by lies between; shaded eyes tell too little
WHITES, OVER_WHITES = 95, 1.3  # percentile of the eyes' lightness that is that of their whites; teeth's over it
# Of a mouth's own teeth: weight from which a pixel is one, their share of crops, at least, and percentile of lightness.
TOOTH_SEEN, ENOUGH, LIGHTEST = 0.7, 1e-3, 95
LESS_RED, LIGHTER = (2.0, 6.0), (-10.0, 0.0)  # Lab a and lightness of teeth beside the lips', between which they show
DARKER = 4.0, 12.0  # lightness of what lies behind teeth below the lips', between which it shows
UNSURE = 0.05  # of the mouth's width: how far the inner edges of lips may be off
NEAR, SURE = 0.04, 0.1  # of the mouth's width: sigma within which lips are beside teeth; share of teeth that is none


def above_skin(crops: np.ndarray, points: np.ndarray) -> float:
    """How much lighter than the skin around it teeth may be: skin may be dark, or in the dark.

    The whites of the eyes tell: teeth are 1.25 to 1.4 times as light, beside any skin (1,420 broad smiles; the ratio to
    the skin goes from 1.05 to 1.9). Where the mouth shows teeth of its own, these tell better: no drawn ones are
    lighter. crops: uint8 (n, S, S, 3) RGB, of one face; points: (n, 68, 2), sides of the crop.
    """
    size, whites, teeth = crops.shape[1], [], [np.zeros(0)]
    quad, box = own_quad(size), (0, 0, size, size)
    for crop, own in zip(crops, points, strict=True):
        light = to_lab(crop)[..., 0]
        eyes = filled(size, own[LEFT_EYE], own[RIGHT_EYE])
        skin = skin_around(light, Mouth.of(own, own, quad, box))
        if eyes.any() and len(skin):
            level = max(float(np.median(skin)), 1.0)
            whites.append(OVER_WHITES * np.percentile(light[eyes], WHITES) / level)
            teeth.append(light[inside_shown(np.float32(crop), own, quad, box)[0] > TOOTH_SEEN] / level)
    most = float(np.clip(np.median(whites), *ABOVE_SKIN)) if whites else ABOVE_SKIN[0]
    own_teeth = np.concatenate(teeth)
    if len(own_teeth) < ENOUGH * size**2 * len(crops):
        return most
    return min(most, max(float(np.percentile(own_teeth, LIGHTEST)), 1.0))


def inside_shown(picture: np.ndarray, points: np.ndarray, quad: np.ndarray, box: Box) -> np.ndarray:
    """Where teeth, and where teeth or the dark behind them show between open lips: float32 (2, h, w) in [0, 1].

    Teeth are less red than lips, and lighter; what is behind them is darker.

    picture: float32 (h, w, 3), what the frame shows in ``box``, RGB, 8-bit levels; points: (68, 2), sides of ``quad``.
    """
    shown = np.zeros((2, *picture.shape[:2]), np.float32)
    if gap(points) < CLOSED:
        return shown
    y, x, upper, lower, inner, width = _lips_in(points, quad, box)
    lab = to_lab(picture[y, x])
    if not lab.size:
        return shown
    upper, lower, inside = (
        cv2.fillPoly(np.zeros(lab.shape[:2], np.uint8), [outline], 1, offset=(-x.start, -y.start))
        for outline in (upper, lower, inner)
    )
    reach = 2 * round(UNSURE * width) + 1
    inside = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    lips = [np.median(lab[lip > inside], axis=0) for lip in (upper, lower) if (lip > inside).any()]
    if not lips:
        return shown
    light, red, _ = np.min(lips, axis=0)
    teeth = smoothstep(red - lab[..., 1], *LESS_RED) * smoothstep(lab[..., 0] - light, *LIGHTER)
    dark = smoothstep(light - lab[..., 0], *DARKER)
    for one, seen in zip(shown, (teeth, np.maximum(teeth, dark)), strict=True):
        one[y, x] = cv2.GaussianBlur(inside * seen.astype(np.float32), (0, 0), 0.7)
    return shown


def lips_alone(picture: np.ndarray, teeth: np.ndarray, points: np.ndarray, quad: np.ndarray, box: Box) -> np.ndarray:
    """``picture`` with what shows of teeth, (h, w) in [0, 1], on the lower lip in the colours of the lip beside them.

    Where its inner edge is off, a lip that is moved would take teeth along. Other arguments as of
    :func:`inside_shown`.
    """
    if not teeth.any():
        return picture
    y, x, _, lower, _, width = _lips_in(points, quad, box)
    part, seen = picture[y, x], teeth[y, x]
    lip = cv2.fillPoly(np.zeros(seen.shape, np.float32), [lower], 1.0, offset=(-x.start, -y.start))
    lips, seen = lip * (seen < SURE), lip * seen
    sigma = max(NEAR * width, 0.5)
    colours, weights = (cv2.GaussianBlur(one, (0, 0), sigma) for one in (part * lips[..., None], lips))
    out = picture.copy()
    known = smoothstep(weights, 0, SURE)
    out[y, x] = part + (seen * known)[..., None] * (colours / np.maximum(weights, 1e-3)[..., None] - part)
    return out


def _lips_in(
    points: np.ndarray, quad: np.ndarray, box: Box
) -> tuple[slice, slice, np.ndarray, np.ndarray, np.ndarray, int]:
    """Rows and columns of the lips in a box of the frame; the outlines of the upper lip, the lower one and what is
    between them, (k, 2) int32 pixels of the box each; and how wide the mouth is."""
    outer, inner = (np.rint(in_frame(points[part], quad) - box[:2]).astype(np.int32) for part in (OUTER, INNER))
    left, top, width, height = cv2.boundingRect(outer)
    columns, rows = (slice(max(low, 0), max(low + size, 0)) for low, size in ((left, width), (top, height)))
    upper = np.vstack([outer[:7], inner[4::-1]])
    lower = np.vstack([outer[6:], outer[:1], inner[:1], inner[:3:-1]])
    return rows, columns, upper, lower, inner, width
