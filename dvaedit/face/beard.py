"""Grown beards: where on the face hair grows, and how dense, is known beforehand; the strands are drawn here.

A network that sees a crop of 128 pixels paints a beard as a dark smear, each frame's a little different. Strands drawn
once, along the directions in which beards grow, stand as dense as the mean of beards says and move with the skin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import cv2
import numpy as np

from dvaedit.face.anchor import SIDE, Drawing, fetch, in_box, light_on, medians
from dvaedit.face.dye import LIT, exposure
from dvaedit.face.lab import from_lab, lab_of, saturation
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Patch, mask_in_frame
from dvaedit.face.regions import REGIONS
from dvaedit.face.softness import softened, softness

NEUTRAL = 0.6  # saturation, relative to the skin's, of hair where a head has none
# The same of beards: where that of the hair on the head is 0, and what it adds, within bounds.
BEARD, PER_HAIR, HAIRS = 0.5, 0.6, (0.3, 2.0)
YELLOWER = np.radians(6)  # the skin under beards is redder than that of cheeks, whose hue beards have
DARKEST = 0.24  # lightness of a beard, relative to the skin's, beside black hair
FAIR = 0.25  # of the way from there to that of fairer hair on the head
# Of a named colour: lightness beside the ``MEAN_SKIN`` of dyes, chroma over lightness, and hue, degrees.
COLOURS = {
    "white": (78.0, 0.06, 85.0), "gray": (46.0, 0.08, 85.0), "blond": (46.0, 0.7, 68.0), "red": (33.0, 0.95, 50.0),
    "brown": (21.0, 0.75, 58.0), "black": (9.0, 0.15, 60.0),
}  # fmt: skip
GRAYISH, LIGHT = 0.4, 32.0  # of gray hair: saturation relative to the skin's, at most; lightness, at least
GRIZZLED, GRAY = 0.62, 0.35  # of beards beside gray hair: lightness, relative to the skin's; saturation, likewise
BLACK = 10.0  # lightness of hair below which its chroma tells nothing
LIPS, MOUTH_GAP = slice(48, 60), 1 / 180  # which points; how far around them nothing grows, as a share of the side
SHADE = 0.9  # exponent with which hair follows the light on the skin
DULL, FLAT = 1.8, 0.3  # how the light of strands goes with how much darker than the skin they are; the least of it
SOFT, UNDER, STREAKS, OPAQUE = 0.8, 0.3, 0.9, 0.92  # of a strand's edge in density, below strands, of light, at most
STRANDS, LENGTH, WIDTH = 60_000, 0.02, 2  # count; share of the drawing's side; pixels
TUFTS, TUFT = (6000, 0.045, 10), 0.3  # the same of tufts; share of the light that they tell, and not single strands


@dataclass(frozen=True)
class Beard:
    """``cover``: (S, S) in [0, 1], density over the reference face; ``reference``: (68, 2), its points, sides of it;
    ``skin``, ``hair``: (3,), Lab, where the beard is full."""

    region: ClassVar[tuple[int, ...]] = tuple(REGIONS["lower_face"])  # up to the temples
    anchors: ClassVar[np.ndarray] = np.r_[0:17, 30:36, 48:60]  # jaw, tip and base of the nose, outer lips
    cover: np.ndarray
    reference: np.ndarray
    skin: np.ndarray
    hair: np.ndarray

    @classmethod
    def learn(
        cls, cover: np.ndarray, crops: np.ndarray, weights: np.ndarray, points: np.ndarray, reference: np.ndarray,
        head: np.ndarray | None = None,
    ) -> Beard | None:  # fmt: skip
        """Of a known density, of the colour that goes with the skin of the video, from frames spread over it.

        cover, reference: see above; crops: (n, S, S, 3), RGB in 8-bit levels; weights: (n, S, S) in [0, 1], of the skin
        on which beards grow; points: (n, 68, 2), sides of the crop; head: (3,) Lab, the colour of the hair of the head,
        which the beard takes on. None where no skin shows.
        """
        anchors = cls.anchors
        before, weight = medians([crops], weights, points[:, anchors], reference[anchors])
        small = cv2.resize(cover, weight.shape, interpolation=cv2.INTER_AREA)
        under = (weight > 0.5) & (small > small.max() / 2)
        if not under.any():
            return None
        skin = np.median(before[under], axis=0)
        return cls(cover.astype(np.float32), reference, skin, _colour(skin, head))

    def coloured(self, name: str) -> Beard:
        """The same of a colour of ``COLOURS``, in the light on this skin."""
        light, chroma, hue = COLOURS[name]
        return replace(self, hair=lab_of(light * exposure(self.skin), chroma, np.radians(hue)))

    @cached_property
    def strands(self) -> Drawing:
        """See :func:`draw_strands`."""
        return Drawing(draw_strands(self.reference))

    def patch(self, rgb: np.ndarray, mask: np.ndarray, quad: np.ndarray, offset: np.ndarray) -> Patch:
        """What the beard adds to a frame: a box (x0, y0, x1, y1) and the difference, float32, 8-bit levels.

        rgb: uint8 (H, W, 3); mask: float32 (M, M) in [0, 1], where the lower face shows, of the square ``quad``;
        offset: float (S, S, 2), see :func:`dvaedit.face.anchor.offsets`.
        """
        box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        skin = rgb[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        places = in_box(offset, quad, box)
        height, streak = self.strands.at(places, quad)
        cover = fetch(self.cover, places)
        strand = smoothstep((cover - 0.75 * (1 - height)) / SOFT + 0.15) * np.clip(3 * cover, 0, 1)
        (strand,) = softened([strand], softness(skin, weights))
        alpha = weights * np.clip(UNDER * cover + (1 - UNDER) * strand, 0, OPAQUE)
        streaks = STREAKS * min(DULL * (1 - float(self.hair[0]) / max(float(self.skin[0]), 1)), 1)
        shade = (light_on(skin, quad) / max(self.skin[0], 1)) ** SHADE * (1 + max(streaks, FLAT) * (streak - 0.5))
        hair = self.hair * np.dstack([shade, *[np.clip(shade, 0.5, 1.5)] * 2])
        hair[..., 0] = np.clip(hair[..., 0], 0, 100)
        return box, alpha[..., None] * (from_lab(hair) - skin)


def draw_strands(reference: np.ndarray, seed: int = 0) -> np.ndarray:
    """Short hair all over the lower half of a face: height, evenly spread over [0, 1], and light of each strand.

    reference: (68, 2), sides of the drawing. float32 (SIDE, SIDE, 2). Down, a little outwards, and to the sides above
    the mouth; later strands lie on earlier ones. Much of the light is shared by tufts, which are still there where a
    frame shows no strands.
    """
    rng = np.random.default_rng(seed)
    height, light = _drawn(reference, STRANDS, LENGTH, WIDTH, rng)
    _, tufts = _drawn(reference, *TUFTS, rng)
    rank = np.empty(height.size, np.float32)
    rank[np.argsort(height.ravel() + rng.random(height.size))] = np.linspace(0, 1, height.size)
    return np.dstack([rank.reshape(SIDE, SIDE), (light + TUFT * (tufts.astype(np.float32) - light)) / 255])


def _drawn(reference: np.ndarray, count: int, length: float, width: int, rng: np.random.Generator) -> np.ndarray:
    """Strands in the order in which they lie on each other, each of two values: uint8 (2, SIDE, SIDE)."""
    lines = np.rint(_lines(reference, count, length, rng) * SIDE * 8).astype(np.int32)
    drawn = np.zeros((2, SIDE, SIDE), np.uint8)
    for part in np.array_split(lines, 256):
        for canvas, value in zip(drawn, rng.integers(0, 256, 2).tolist(), strict=True):
            cv2.polylines(canvas, list(part), False, value, width, cv2.LINE_AA, 3)
    return drawn


def _lines(reference: np.ndarray, count: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """(count, 4, 2) points of slightly bent strands of about this ``length``, sides of the drawing."""
    nose, chin, mouth = reference[33], reference[8], reference[LIPS].mean(axis=0)
    half = max((reference[16, 0] - reference[0, 0]) / 2, 0.05)
    low = reference[:, 0].min() - 0.05, nose[1] - 0.12
    high = reference[:, 0].max() + 0.05, min(chin[1] + 0.1, 1)
    roots = rng.uniform(low, high, (count, 2))
    aside = (roots[:, 0] - mouth[0]) / half
    down = (roots[:, 1] - (nose[1] + mouth[1]) / 2) / max(0.5 * (mouth[1] - nose[1]), 0.01)
    moustache = np.exp(-(down**2) - (aside / 0.45) ** 2)
    sideways = 0.25 * aside + 1.6 * moustache * np.clip(8 * aside, -1, 1)
    direction = np.stack([sideways, 1 - 0.3 * moustache], axis=1) + rng.normal(0, 0.22, (count, 2))
    direction *= length * rng.uniform(0.5, 1.3, (count, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    bend = rng.normal(0, 0.17, (count, 1)) * np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    along = np.linspace(0, 1, 4)[None, :, None]
    return roots[:, None] + along * direction[:, None] + along**2 * bend[:, None]


def off_the_lips(reference: np.ndarray, size: int, gap: float = MOUTH_GAP) -> np.ndarray:
    """(size, size) in [0, 1]: zero on the lips and up to ``gap`` around them, a share of the side, with a soft edge."""
    lips = inside(reference[LIPS], size)
    grown = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(size * gap) + 1,) * 2)
    return 1 - cv2.GaussianBlur(cv2.dilate(lips, grown).astype(np.float32), (0, 0), 1)


def inside(outline: np.ndarray, size: int) -> np.ndarray:
    """uint8 (size, size): one inside an outline, (k, 2), sides of the drawing."""
    fixed = np.rint((outline * size - 0.5) * 16).astype(np.int32)
    return cv2.fillPoly(np.zeros((size, size), np.uint8), [fixed], 1, shift=4)


def _colour(skin: np.ndarray, head: np.ndarray | None) -> np.ndarray:
    """Lab of a beard beside skin and hair of these colours.

    Measured on portraits: the hue of beards is that of skin, whatever the hair; those of fair hair have more colour.
    """
    light, own, hair = DARKEST * float(skin[0]), max(saturation(skin), 1e-3), NEUTRAL
    if head is not None:
        hair = saturation(head, BLACK) / own
        light += FAIR * max(float(head[0]) - light, 0)
    vivid = BEARD + PER_HAIR * np.clip(hair, *HAIRS)
    if head is not None and hair < GRAYISH and head[0] > max(LIT * skin[0], LIGHT):
        light, vivid = GRIZZLED * float(skin[0]), GRAY  # as light as skin, and of its colour, none is seen
    chroma = light * own * vivid
    hue = np.arctan2(skin[2], skin[1]) + YELLOWER
    return np.array([light, chroma * np.cos(hue), chroma * np.sin(hue)])
