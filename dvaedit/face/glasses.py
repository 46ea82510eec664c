"""Glasses that are put on: an edit says of which shape and how dark; they are drawn, as sharp as the frame.

What a network of 128 pixels paints are the smears of a pair of glasses, another one in each frame. Averaged over the
video, in places that stay put on the head, they tell the pair that is meant: of all shapes that :func:`outlines` draws
the one that fits best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import ClassVar

import cv2
import numpy as np

from dvaedit.face.anchor import SIDE, Drawing, in_box, light_on, medians, pixels
from dvaedit.face.lab import from_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Patch, mask_in_frame
from dvaedit.face.softness import softened, softness

STRONG = 15.0  # Lab; frames that darken skin by less are translucent
WIDTHS, HEIGHTS, EXPONENTS = (0.7, 0.75, 0.8, 0.85), (0.5, 0.56, 0.62, 0.68, 0.74), (2.2, 3.0, 4.0)
LIFT, THICKNESS = 0.03, 0.055  # a network's smear does not tell them
LOWER, RIM = 0.5, (-0.6, 0.6)  # thickness of rims' lower half over that of the upper; how far up it turns into it
BRIDGED, TAPERED = (1.0, 1.0), (1.1, 0.6)  # widths of bridge and temples at their ends, over the rims'
SMEAR = 1 / 80  # of the network's glasses, sigma, as a share of the crop's side
LENSES = (0.0, 0.5, 1.0)  # how dark beside the frame lenses may be when a shape is fitted
SUN = (0.88, 0.66, 2.9, 0.05, 0.06)  # the shape of those with dark lenses, of which smears tell less
NIGHT, SUNNY = 0.16, (1.0, 0.82)  # lightness of dark lenses over the skin's, at most; how dense at their top and bottom
GLINT, SLANT, STREAK = (0.10, 0.16), 0.7, (-0.45, 0.22)  # of clear and dark lenses; across them; where, and its sigma
GRAY, DARK = 0.4, 0.35  # share of the network's chroma that frames keep; their lightness over the skin's, at most
GLEAM, SHADOW, SOLID = 9.0, 0.22, 0.96  # lightness of frames' upper edges, Lab; on the skin below; opacity
EYES = ((36, 39), (42, 45))  # of the 68 points: outer and inner corners
# Points where temples end, how far above the first of two, and how far they go on, in units of the pupils' distance.
BRIDGE, EARS, EAR, BEHIND = 27, ((0, 1), (16, 15)), -0.1, 0.12


@dataclass(frozen=True)
class Shape:
    """Sizes in units of the pupils' distance; ``exponent``: 2 round, 4 nearly square; ``lift``: of outer corners."""

    width: float
    height: float
    exponent: float
    lift: float
    thickness: float


@dataclass(frozen=True)
class Curves:
    """Outlines of the two lenses (closed), of the bridge and of the temples (open); ``unit``: the pupils' distance."""

    lenses: list[np.ndarray]
    bridge: np.ndarray
    temples: list[np.ndarray]
    unit: float


def outlines(eyes: np.ndarray, bridge: np.ndarray, ears: np.ndarray, shape: Shape) -> Curves:
    """Glasses for a face. eyes, ears: (2, 2), left and right in the picture; bridge: (2,), of the nose; any unit."""
    across = eyes[1] - eyes[0]
    unit = float(np.hypot(*across))
    along, down = across / unit, np.array([-across[1], across[0]]) / unit
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    x, y = (np.sign(part) * np.abs(part) ** (2 / shape.exponent) for part in (np.cos(angle), np.sin(angle)))
    lenses, inner, outer = [], [], []
    for sign, eye in zip((-1, 1), eyes, strict=True):
        near = abs(float((eye - bridge) @ across)) / unit
        half = shape.width / 2 * unit * np.clip(near / (unit / 2), 0.35, 1.25)  # a turned face shortens the far lens
        centre = eye + down * 0.06 * unit + sign * along * 0.02 * unit
        lift = shape.lift * unit * np.clip(x * sign, -1, 1) * np.clip(-y, 0, 1)
        lenses.append(centre + np.outer(x * half, along) + np.outer(y * shape.height / 2 * unit - lift, down))
        inner.append(centre - sign * along * half * 0.97 - down * 0.12 * shape.height * unit)
        outer.append(centre + sign * along * half - down * 0.22 * shape.height * unit)
    t = np.linspace(0, 1, 16)[:, None]
    arch = (1 - t) * inner[0] + t * inner[1] - 4 * t * (1 - t) * down * 0.05 * unit
    temples = [
        np.stack([corner, ear + BEHIND * unit * sign * along])
        for sign, corner, ear in zip((-1, 1), outer, ears, strict=True)
    ]
    return Curves(lenses, arch, temples, unit)


def draw(curves: Curves, thickness: float, size: int) -> np.ndarray:
    """Frame and lenses, float32 (size, size, 2) in [0, 1]; curves in sides of the drawing.

    Rims are of that ``thickness`` above, in units of the pupils' distance, and of ``LOWER`` of it below; temples taper.
    """
    lens, frame = (np.zeros((size, size), np.uint8) for _ in range(2))
    thick = thickness * curves.unit
    for outline in curves.lenses:
        for canvas, outset, value in ((lens, 0.0, 255), (frame, 0.5 * thick, 255), (frame, -0.5 * thick, 0)):
            _fill(canvas, _outset(outline, outset), value)
    for curve, ends in ((curves.bridge, BRIDGED), *((temple, TAPERED) for temple in curves.temples)):
        _fill(frame, _band(curve, *(thick * end for end in ends)), 255)
    return np.dstack([frame, lens]).astype(np.float32) / 255


@dataclass(frozen=True)
class Glasses:
    """``reference``: (68, 2), points of the face they are drawn on, sides of the crop; ``shape``: (5,), of
    :class:`Shape`; ``frame``, ``lens``, ``skin``: (3,), Lab; ``opacity``: (2,), of frame and lenses."""

    region: ClassVar[str] = "eye_area"
    anchors: ClassVar[np.ndarray] = np.r_[0, 1, 15, 16, 27:36, 36, 39, 42, 45]  # temples, nose, corners of the eyes
    reference: np.ndarray
    shape: np.ndarray
    frame: np.ndarray
    lens: np.ndarray
    skin: np.ndarray
    opacity: np.ndarray

    @classmethod
    def learn(
        cls, crops: np.ndarray, edited: np.ndarray, weights: np.ndarray, points: np.ndarray, reference: np.ndarray,
        head: np.ndarray | None = None,
    ) -> Glasses | None:  # fmt: skip
        """From frames spread over the video.

        crops, edited: (n, S, S, 3), RGB in 8-bit levels; weights: (n, S, S) in [0, 1], of the skin that they lie on;
        points: (n, 68, 2), reference: (68, 2), sides of the crop. None where no skin shows. ``head`` is not used.
        """
        anchors = cls.anchors
        before, after, weight = medians([crops, edited], weights, points[:, anchors], reference[anchors])
        if not (weight > 0.5).any():
            return None
        darker = np.clip(before[..., 0] - after[..., 0], 0, None) * weight
        shape = _best_shape(darker, reference)
        drawn = draw(_on(reference, shape), shape.thickness, len(darker))
        frame = (drawn[..., 0] > 0.7) & (weight > 0.5)
        lens = (cv2.erode(drawn[..., 1] * (1 - drawn[..., 0]), np.ones((5, 5))) > 0.7) & (weight > 0.5)
        strong = frame & (darker >= np.median(darker[frame])) if frame.any() else weight > 0.5
        opacity = np.array([min(float(np.median(darker[strong])) / STRONG, 1), 0.0])
        parts = before[strong], after[strong], after[lens if lens.any() else strong]
        skin, colour, glass = (np.median(part, axis=0) for part in parts)
        colour[0] = min(colour[0], DARK * skin[0])
        sizes = np.array([shape.width, shape.height, shape.exponent, shape.lift, shape.thickness])
        return cls(reference, sizes, _grayed(colour), _grayed(glass), skin, opacity)

    def darkened(self) -> Glasses:
        """Sunglasses, of frames of this colour: smears tell less of their shape."""
        lens = self.lens * [min(1.0, NIGHT * self.skin[0] / max(float(self.lens[0]), 1.0)), 1, 1]
        return replace(self, shape=np.array(SUN), lens=lens, opacity=np.array([self.opacity[0], SOLID]))

    @cached_property
    def drawing(self) -> Drawing:
        """Frame, lenses, the light on the frame's upper edges, the shadow it throws, the light on the lenses."""
        shape = Shape(*self.shape.tolist())
        curves = _on(self.reference, shape)
        frame, lens = np.moveaxis(draw(curves, shape.thickness, SIDE), -1, 0)
        unit = curves.unit * SIDE
        lower = _shifted(frame, shape.thickness * unit / 3)
        gleam = np.clip(frame - lower, 0, 1)
        shadow = cv2.GaussianBlur(_shifted(frame, 0.05 * unit), (0, 0), 0.03 * unit)
        glint, density = np.moveaxis(_on_lenses(curves), -1, 0)
        return Drawing(np.dstack([frame, lens * density, gleam, shadow, lens * glint]))

    def patch(self, rgb: np.ndarray, mask: np.ndarray, quad: np.ndarray, offset: np.ndarray) -> Patch:
        """What the glasses add to a frame; arguments and result as of :meth:`dvaedit.face.beard.Beard.patch`."""
        box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        before = rgb[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        layers = softened(self.drawing.at(in_box(offset, quad, box), quad), softness(before, weights))
        frame, lens, gleam, shadow, glint = (each[..., None] for each in layers)
        light = light_on(before, quad)[..., None] / max(self.skin[0], 1)
        solid, dark = self.opacity
        after = before * (1 - SHADOW * solid * shadow)
        after = after + dark * lens * (from_lab(self.lens) - after)
        after = after + GLINT[int(dark > 0)] * solid * glint * (255 - after)
        edges = gleam * np.array([GLEAM, 0, 0]) * np.clip(light, 0, 1.4)
        colour = self.frame * np.clip(light, 0.6, 1.4) + edges
        after = after + SOLID * solid * frame * (from_lab(colour) - after)
        return box, weights[..., None] * (after - before)


def pupils(points: np.ndarray) -> np.ndarray:
    """(2, 2), left and right in the picture, of a face's points, (68, 2)."""
    return np.stack([points[list(pair)].mean(axis=0) for pair in EYES])


def _on(reference: np.ndarray, shape: Shape) -> Curves:
    ears = np.stack([reference[upper] + EAR * (reference[upper] - reference[lower]) for upper, lower in EARS])
    return outlines(pupils(reference), reference[BRIDGE], ears, shape)


def _on_lenses(curves: Curves) -> np.ndarray:
    """How light lies on lenses, and how dense dark ones are: float32 (SIDE, SIDE, 2) in [0, 1]. curves: sides of it."""
    found = np.zeros((SIDE, SIDE, 2), np.float32)
    at = pixels(SIDE)
    for outline in curves.lenses:
        low, high = outline.min(axis=0), outline.max(axis=0)
        x, y = np.moveaxis((at - (low + high) / 2) / ((high - low) / 2), -1, 0)
        near = (np.abs(x) < 1.5) & (np.abs(y) < 1.5)
        streak = np.exp(-(((SLANT * x + y - STREAK[0]) / STREAK[1]) ** 2)) * np.clip(1 - 0.5 * x**2, 0, 1)
        top, bottom = SUNNY
        found[near] = np.stack([streak, top + (bottom - top) * (np.clip(y, -1, 1) + 1) / 2], axis=-1)[near]
    return found


def _best_shape(darker: np.ndarray, reference: np.ndarray) -> Shape:
    """The shape whose drawing, with clear or dark lenses, correlates best with where it got darker, (S, S)."""
    target = (darker - darker.mean()).ravel()

    def fit(shape: Shape) -> float:
        frame, lens = np.moveaxis(draw(_on(reference, shape), shape.thickness, len(darker)), -1, 0)
        drawn = [cv2.GaussianBlur(np.maximum(frame, dark * lens), (0, 0), SMEAR * len(lens)).ravel() for dark in LENSES]
        return max(float((each - each.mean()) @ target / max(each.std(), 1e-6)) for each in drawn)

    sizes = product(WIDTHS, HEIGHTS, EXPONENTS, (LIFT,), (THICKNESS,))
    return max((Shape(*each) for each in sizes), key=fit)


def _grayed(lab: np.ndarray) -> np.ndarray:
    return lab * np.array([1, GRAY, GRAY])


def _shifted(image: np.ndarray, down: float) -> np.ndarray:
    return cv2.warpAffine(image, np.float32([[1, 0, 0], [0, 1, down]]), image.shape[::-1])


def _outset(outline: np.ndarray, by: float) -> np.ndarray:
    """A lens's outline, (n, 2), moved outwards: by ``by`` at its top, by ``LOWER`` of it at its lowest point."""
    arms = outline - outline.mean(axis=0)
    height = arms[:, 1] / np.abs(arms[:, 1]).max()
    share = LOWER + (1 - LOWER) * smoothstep(-height, *RIM)
    return outline + by * share[:, None] * arms / np.hypot(*arms.T)[:, None]


def _band(curve: np.ndarray, first: float, last: float) -> np.ndarray:
    """The outline of a stroke along an open curve, (n, 2), whose width goes from one end's to the other's."""
    along = np.gradient(curve, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    half = np.linspace(first, last, len(curve))[:, None] / 2 * normal
    return np.vstack([curve + half, (curve - half)[::-1]])


def _fill(canvas: np.ndarray, outline: np.ndarray, value: int) -> None:
    """Fill an outline, in sides of the canvas, uint8 (S, S)."""
    fixed = np.rint((outline * len(canvas) - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], value, cv2.LINE_AA, 4)
