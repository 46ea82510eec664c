"""Glasses drawn on a face: frames of many shapes and colours, bridge, temples, tinted lenses, glare, shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.glasses import Curves, Shape, outlines
from dvaedit.training.pseudo_labels import HAIR, HAT

SCALE = 4  # drawn this much larger, then averaged down
LEFT_EYE = (33, 133, 159, 145)
RIGHT_EYE = (362, 263, 386, 374)
NOSE_BRIDGE, TEMPLES = 168, (127, 356)
COLOURS = ((12, 12, 14), (25, 22, 20), (50, 32, 20), (85, 50, 25), (30, 35, 60), (120, 100, 60), (140, 140, 145),
           (70, 15, 20), (20, 50, 40), (180, 150, 110))  # fmt: skip


@dataclass(frozen=True)
class Style(Shape):
    """A shape with its colours; ``dark``: of lenses."""

    colour: tuple[float, float, float]
    rimless: bool
    dark: float
    tint: tuple[float, float, float]
    glare: float
    shadow: float = 0.2
    sheen: float = 0.05

    @classmethod
    def draw(cls, rng: np.random.Generator, sun: bool) -> Style:
        """A random style; ``sun``: sunglasses. Most clear ones are :data:`STANDARD`."""
        if not sun and rng.random() < STANDARD_SHARE:
            return STANDARD
        width = rng.uniform(0.68, 0.86)
        colour = np.array(COLOURS[rng.integers(len(COLOURS))]) / 255 * rng.uniform(0.7, 1.2)
        thin = not sun and rng.random() < 0.3
        return cls(
            width, width * rng.uniform(0.62, 1.0 if not sun else 0.95), rng.uniform(2.0, 4.0), rng.uniform(-0.03, 0.1),
            rng.uniform(0.018, 0.03) if thin else rng.uniform(0.032, 0.075), tuple(np.clip(colour, 0, 1).tolist()),
            thin and rng.random() < 0.25,
            rng.uniform(0.78, 0.97) if sun else rng.choice([0.0, rng.uniform(0.03, 0.12)]),
            tuple(rng.uniform(0.02, 0.25, 3).tolist()), rng.choice([0.0, rng.uniform(0.05, 0.3)]),
            rng.uniform(0.1, 0.4), 0.12 * rng.random(),
        )  # fmt: skip


# An edit has one code, and an L1 loss answers to a code that stands for many styles with a smear of them all. So most
# glasses are of one style, and the others are there for the encoder to know.
STANDARD = Style(0.8, 0.62, 3.0, 0.03, 0.06, (0.07, 0.06, 0.06), False, 0.04, (0.1, 0.1, 0.1), 0.0)
STANDARD_SHARE = 0.8


def wear(
    image: np.ndarray, points: np.ndarray, classes: np.ndarray, rng: np.random.Generator, sun: bool = False
) -> np.ndarray:
    """``image``, float32 (S, S, 3) RGB in [0, 1] with its (468, 2) ``points``, with glasses on."""
    style, size = Style.draw(rng, sun), len(image)
    curves = _curves(points, style)
    lens, frame, sides = (np.zeros((size * SCALE, size * SCALE), np.uint8) for _ in range(3))
    cv2.fillPoly(lens, [_fixed(outline) for outline in curves.lenses], 255, shift=4)
    thick = max(1, round(style.thickness * curves.unit * SCALE))
    for curve in [curves.bridge] if style.rimless else [*(np.vstack([o, o[:1]]) for o in curves.lenses), curves.bridge]:
        cv2.polylines(frame, [_fixed(curve)], False, 255, thick, shift=4, lineType=cv2.LINE_AA)
    for curve in curves.temples:
        cv2.polylines(sides, [_fixed(curve)], False, 255, max(1, round(0.8 * thick)), shift=4, lineType=cv2.LINE_AA)
    small = [
        cv2.resize(m, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255 for m in (lens, frame, sides)
    ]
    covered = cv2.GaussianBlur(np.isin(classes, (HAIR, HAT)).astype(np.float32), (0, 0), 1)
    frame_alpha = np.maximum(small[1], small[2] * (1 - covered))
    return _paint(image, small[0], frame_alpha, style, curves.unit, points, rng)


def _curves(points: np.ndarray, style: Style) -> Curves:
    eyes = np.stack([points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)])
    return outlines(eyes, points[NOSE_BRIDGE], points[list(TEMPLES)], style)


def _fixed(curve: np.ndarray) -> np.ndarray:
    return np.rint(curve * SCALE * 16).astype(np.int32)


def _paint(
    image: np.ndarray, lens: np.ndarray, frame: np.ndarray, style: Style, unit: float, points: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    lens, frame = lens[..., None], frame[..., None]
    shadow = cv2.GaussianBlur(np.roll(frame[..., 0], round(0.04 * unit), axis=0), (0, 0), 0.03 * unit)[..., None]
    out = image * (1 - style.shadow * shadow)
    size = len(image)
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    fade = 1 - rng.choice([0.0, 0.5]) * y  # graded lenses are lighter below
    out = out + lens * style.dark * fade * (np.float32(style.tint) * image.mean() - out)
    if style.glare:
        out = out + lens * style.glare * _streak(size, points, unit, rng)
    light = np.float32(style.colour) * np.clip(0.5 + image.mean(), 0.6, 1.2)
    sheen = style.sheen * np.roll(frame, -1, axis=0)
    return np.clip(out + frame * 0.96 * (light + sheen - out), 0, 1).astype(np.float32)


def _streak(size: int, points: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A slanted band of light across the lenses, (S, S, 1) in [0, 1]."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    slant = rng.uniform(-0.8, 0.8)
    at = (x - points[NOSE_BRIDGE, 0]) + slant * (y - points[NOSE_BRIDGE, 1])
    centre, width = rng.uniform(-0.7, 0.7) * unit, rng.uniform(0.08, 0.3) * unit
    return np.exp(-(((at - centre) / width) ** 2))[..., None].astype(np.float32)
