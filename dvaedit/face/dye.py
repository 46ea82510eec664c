"""Dyed hair: an edit says which colour hair takes on; the frame keeps its own strands, down to the finest.

A network that sees a crop of a few pixels a strand paints hair as a fog of the right colour, each frame's a little
different. Its colour is worth having, its drawing is not: the colours of hair before and after the edit, over the whole
video, give one curve (in the manner of Reinhard et al., Color Transfer between Images, 2001), which is applied to the
frame's own pixels as far as they are hair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.lab import from_lab, lab_of, saturation, to_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.matte import matte
from dvaedit.face.paste import Box, Patch, into_frame, support

SURE = 0.8  # weight from which a pixel counts as hair when colours are compared
# How contrast goes with lightness, exponents (0 not, 1 in proportion): of strands, of locks, of the light on them.
# Measured on portraits, black hair against blond.
CONTRAST = (0.3, 0.5, 0.85)
RAISED = 6.0  # times; contrast grows as if hair became no lighter than this: black has little of it but noise
ADDED = (14.0, 12.0)  # lightness, Lab, that contrast adds and takes away at most
TURN = 20.0  # Lab; the distance over which one colour becomes another
KEPT = 0.25  # share of the deviations of chroma that another colour keeps, if it is as light
SHADE = (0.7, 1.1)  # times the lightness of dyed hair, between which its colour fades with it
LIGHTEST = 1.15  # lightness of white hair over that of the skin, which tells how much light there is
DARKEST = 0.1  # and of the blackest hair
PIGMENT = 100.0  # chroma, Lab, of hair that is 1 / e times as light as white hair
DARK, BLACK = (0.18, 0.28), 0.4  # lightness over the skin's below which hair is black, and the chroma this leaves it
YELLOWEST = 44.0, 0.5  # hue of hair, degrees, where skin's is 0, and what a degree of skin's adds: no hair is greener
DYED = (40.0, 60.0)  # degrees beyond it; hair so much greener is meant to be
PALE, YELLOW = 1.4, (-8.0, 0.0)  # saturation, relative to the skin's, at most; degrees beyond where it holds
GRAYISH, LIT = 0.6, 0.55  # the same of hair that counts as gray, at most; lightness over the skin's, from which it may
GRAYING = 0.45  # the latter, if it is to lose its gray: 78 % of 183 gray heads are so, 5 % of 199 black ones
COOL = 0.22  # saturation of gray hair in cool light, at most
WHITE = 100.0
# Hair beside skin, where it gets lighter: how far off, sigma in sides of the wide square, and the shares of the way
# that gray and other hair do not go. Portraits, blond: 3 to 5 of Lab's lightness darker there than elsewhere; gray: 2.
ROOTS, KEEPING = 0.016, (0.3, 0.5)
COLOURLESS = 6.0  # chroma, Lab, of what is black, at most; in the dark less of it may be warm
COLOURED = 0.1, 0.3  # saturation of hair between which it is no longer gray


@dataclass(frozen=True)
class Nature:
    """Hair of a named colour beside ``MEAN_SKIN``: the least and greatest ``light``, Lab lightness, and ``chroma``,
    saturation; ``hue``, degrees at most, if above ``WARM``: where skin's is 0, and what a degree of skin's adds;
    ``rise``: how much lighter than before it is at least, up to the greatest; so light hair may stay so light."""

    light: tuple[float, float]
    chroma: tuple[float, float] = (0.0, np.inf)
    hue: tuple[float, float] = (np.inf, 0.0)
    rise: float = -np.inf


NATURES = {  # the middle half of 150 to 400 portraits of each, but for what is bounded elsewhere
    "black": Nature((5.0, 11.0)),
    "blond": Nature((33.0, 50.0), (0.38, np.inf), rise=0.0),  # portraits: from 0.3, which was gray hair still
    "brown": Nature((11.0, 21.0), (0.5, 0.8), (8.0, 1.0)),
    "gray": Nature((39.0, 55.0), (0.0, 0.08), (80.0, 0.0), rise=22.0),  # portraits: to 64, which looks bald
    "red": Nature((22.0, 35.0), (0.7, 1.1), (20.0, 0.6)),  # portraits: 0.7, which in yellow light is golden
}
VIVID = {  # colours that hair is dyed: lightness beside ``MEAN_SKIN``, chroma over lightness, and hue, degrees
    "pink": (52.0, 0.7, 355.0), "magenta": (42.0, 1.1, 340.0), "purple": (33.0, 1.1, 312.0),
    "violet": (33.0, 1.1, 312.0), "lavender": (58.0, 0.5, 308.0), "lilac": (58.0, 0.5, 308.0),
    "blue": (36.0, 0.95, 272.0), "turquoise": (48.0, 0.65, 205.0), "teal": (38.0, 0.65, 205.0),
    "green": (42.0, 0.75, 148.0),
}  # fmt: skip
MEAN_SKIN, EXPOSED, TINTED = (60.0, 0.4), 0.25, 0.5  # its lightness and saturation; how hair's go with them, exponents
BLACK_NAME, GRAY, YOUNG, UNGRAYED = "black", "gray", "young", "brown"  # what gray hair was once, is not to be known
# Saturation of gray hair that goes with what skin's is more than on average, as yellow light makes it; and how much
# more that is, and the hues of skin, degrees, between which it comes to be so.
LIGHTS, LIT_WARM, LIT_YELLOW = 0.2, (0.0, 0.3), (35.0, 50.0)
WARM = 52.0  # hue, degrees: redder hair is red in any light
REDDER = 15.0  # degrees that hair of a named colour may be redder than the skin


@dataclass(frozen=True)
class Dye:
    """The colour of hair before and after an edit: ``before`` and ``after``, (3,) each, Lab."""

    before: np.ndarray
    after: np.ndarray

    @classmethod
    def learn(
        cls, crops: np.ndarray, edited: np.ndarray, weights: np.ndarray, skin: np.ndarray,
        turns: Mapping[str, float] | None = None,
    ) -> Dye | None:  # fmt: skip
        """From crops and edited crops, (n, S, S, 3) RGB in 8-bit levels, where weights (n, S, S) are sure of hair.

        None where no pixel is. Medians: what an edit has missed has no say. skin: bool (n, S, S), tells what light
        there is. turns: names of ``NATURES`` that hair is to be of, and how far, in [0, 1]; or one of ``VIVID``; or
        "young": hair keeps its colour unless that is gray, then it is brown. Hair that is to be black and is so stays.
        """
        chosen = weights >= SURE
        if not chosen.any():
            return None
        before, after = (np.median(to_lab(pictures[chosen]), axis=0) for pictures in (crops, edited))
        if not skin.any():
            return cls(before, after)
        beside = np.median(to_lab(crops[skin]), axis=0)
        turns = turns or {}
        if vivid := VIVID.keys() & turns.keys():
            return cls(before, _vivid(vivid.pop(), beside))
        if BLACK_NAME in turns and _black(before, beside):
            return cls(before, before)
        if YOUNG in turns:
            if not _gray(before, beside, GRAYING):
                return cls(before, before)
            turns = {UNGRAYED: turns[YOUNG]}
        return cls(before, _natural(before, _named(before, after, beside, turns), beside, GRAY in turns))

    def __call__(
        self, rgb: np.ndarray, near: np.ndarray, far: np.ndarray, roots: np.ndarray | None = None,
        strands: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Hair of the colours ``rgb`` dyed; the same where the dye's colours are the same.

        near, far: the mean colours of the hair next to it and around it; all float (n, 3), RGB in 8-bit levels. roots:
        (n,) in [0, 1], how near to skin it is: there what gets lighter does so less. strands: (n,), lightness that is
        added, see :mod:`dvaedit.face.combed`.
        """
        lab = to_lab(rgb)
        (before, after), turned = self._lightness, _turned(self.before, self.after)
        kept = (1 - (1 - KEPT) * turned) * min(after / before, 1.0)
        chroma = self.after[1:] + kept * (lab[:, 1:] - self.before[1:])
        light = self._light(*(each[:, :1] for each in (lab, to_lab(near), to_lab(far))))
        if roots is not None:
            light -= self.keeping * roots[:, None] * np.clip(light - lab[:, :1], 0, None)
        if strands is not None:
            light = np.clip(light + strands[:, None], 0, WHITE)
        share = np.clip(light / after, *SHADE)
        return from_lab(np.concatenate([light, chroma * (1 + turned * (share - 1))], axis=1))

    @property
    def keeping(self) -> float:
        """The share of the way that hair beside skin does not go as it gets lighter."""
        gray, other = KEEPING
        return float(gray + (other - gray) * smoothstep(saturation(self.after), *COLOURED))

    @property
    def _lightness(self) -> tuple[float, float]:
        """Of hair before and after, at least 1."""
        return max(float(self.before[0]), 1.0), max(float(self.after[0]), 1.0)

    def _light(self, light: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Lighter hair gains contrast and darker hair loses some, of shading more than of strands; within 0 and 100."""
        before, after = self._lightness
        bands, ratio = (light - near, near - far, far - before), min(after / before, RAISED)
        added = sum((ratio**power - 1) * band for power, band in zip(CONTRAST, bands, strict=True))
        if ratio > 1:
            most = np.where(added > 0, *ADDED)
            added = most * np.tanh(added / most)
        change = light - before + added
        greatest = WHITE - before + ADDED[0] * max(1 - 1 / ratio, 0)
        up, down = _bend(change, greatest, WHITE - after), _bend(-change, before, after)
        return after + np.where(change > 0, up, -down)


def _bend(values: np.ndarray, most: float, room: float) -> np.ndarray:
    """Values up to about ``most`` bent so that they stay below ``room``; the same where there is room enough."""
    bent = max(most / max(room, 1.0) - 1, 0) / most
    return values / (1 + bent * np.maximum(values, 0))


def _named(before: np.ndarray, after: np.ndarray, skin: np.ndarray, turns: Mapping[str, float]) -> np.ndarray:
    """The colour ``after``, Lab, moved towards those of the names in ``turns``, beside skin of the colour ``skin``."""
    light, chroma, hue = after[0], saturation(after), np.degrees(np.arctan2(after[2], after[1]))
    exposed = exposure(skin)
    tinted = (saturation(skin) / MEAN_SKIN[1]) ** TINTED
    for name in turns.keys() & NATURES.keys():
        nature, share = NATURES[name], turns[name]
        least, greatest = exposed * np.array(nature.light)
        if np.isfinite(nature.rise) and not (name == GRAY and _gray(before, skin)):
            greatest = max(greatest, before[0])
            least = max(least, min(before[0] + nature.rise, greatest))
        light += share * (np.clip(light, least, greatest) - light)
        chroma += share * (np.clip(chroma, *(tinted * np.array(nature.chroma))) - chroma)
        own = np.degrees(np.arctan2(skin[2], skin[1]))
        most = nature.hue[0] + nature.hue[1] * own
        hue -= share * max(hue - max(most, WARM), 0.0)
        redder = max(min(most, own) - REDDER - hue, 0.0) if np.isfinite(most) else 0.0
        hue += share * redder
        chroma *= 1 - share * (1 - max(np.cos(np.radians(redder)), 0.0))  # what is bluish turns gray, not yellow
        if name == GRAY:
            vivid = max(saturation(skin) - MEAN_SKIN[1], 0.0)  # so is the light: what is neutral in it looks blue
            warm = share * smoothstep(vivid, *LIT_WARM) * smoothstep(own, *LIT_YELLOW)
            chroma += warm * max(nature.chroma[1] + LIGHTS * vivid - chroma, 0.0)
            hue += warm * (nature.hue[0] - hue)
    return lab_of(light, chroma, np.radians(hue))


def _vivid(name: str, skin: np.ndarray) -> np.ndarray:
    """The colour of ``VIVID``, (3,) Lab, in the light in which skin has the colour ``skin``."""
    light, chroma, hue = VIVID[name]
    return lab_of(light * exposure(skin), chroma, np.radians(hue))


def exposure(skin: np.ndarray) -> float:
    """How light hair is in the light in which skin has the colour ``skin``: that of fair people is no lighter."""
    return (max(float(skin[0]), 1.0) / MEAN_SKIN[0]) ** EXPOSED


def _natural(before: np.ndarray, after: np.ndarray, skin: np.ndarray, gray: bool) -> np.ndarray:
    """A colour of hair made one that hair has in the light in which skin has the colour ``skin``; (3,) each, Lab."""
    tint, level = after[1:] if gray else _tint(before, after, skin), max(float(skin[0]), 1.0)
    most = max(LIGHTEST * level * np.exp(-np.hypot(*tint) / PIGMENT), before[0])
    least = min(DARKEST * level, before[0])
    share = np.clip(after[0], least, most) / max(after[0], 1.0)
    black = 1 - smoothstep(after[0] / level, *DARK) if after[0] < before[0] else 0.0
    faded = min(share, 1.0) ** 0.5 * (1 - (1 - BLACK) * black)
    return np.array([after[0] * share, *(tint * faded)], np.float32)


def _tint(before: np.ndarray, after: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(2,): a and b of the colour ``after``, no greener and no more vivid than those of hair in this light.

    Measured on portraits: hair is a little yellower than skin, what is yellower has about its chroma.
    """
    chroma, skins = np.hypot(*after[1:]), saturation(skin) * after[0]
    hue, own = (np.degrees(np.arctan2(colour[2], colour[1])) for colour in (after, skin))
    beyond = hue - (YELLOWEST[0] + YELLOWEST[1] * own)
    meant = smoothstep(beyond, *DYED)
    hue = np.radians(hue - _turned(before, after) * (1 - meant) * max(beyond, 0.0))
    yellow = smoothstep(beyond, *YELLOW) * (1 - meant)
    chroma = min(chroma, max(PALE * skins / max(yellow, 1e-3), np.hypot(*before[1:])))
    return chroma * np.array([np.cos(hue), np.sin(hue)])


def _gray(hair: np.ndarray, skin: np.ndarray, lit: float = LIT) -> bool:
    """Whether a colour is that of gray hair, beside skin of the colour ``skin``: in cool light it is bluish."""
    warm, most = _warmth(hair, skin) / max(float(hair[0]), 1.0), GRAYISH * saturation(skin)
    return bool(warm < most and saturation(hair) < max(most, COOL) and hair[0] > lit * skin[0])


def _black(hair: np.ndarray, skin: np.ndarray) -> bool:
    """Whether a colour is that of black hair, beside skin of the colour ``skin``: brown is warm, even in the dark."""
    most, light = exposure(skin) * NATURES[BLACK_NAME].light[1], min(float(skin[0]) / MEAN_SKIN[0], 1.0)
    colourless = np.hypot(*hair[1:]) <= COLOURLESS and _warmth(hair, skin) <= light * COLOURLESS
    return bool(hair[0] <= most and colourless)


def _warmth(hair: np.ndarray, skin: np.ndarray) -> float:
    """How much of the skin's hue hair has: chroma, Lab, at least 0."""
    return max(float(hair[1:] @ skin[1:]) / max(np.hypot(*skin[1:]), 1e-3), 0.0)


def _turned(before: np.ndarray, after: np.ndarray) -> float:
    """How far one colour has become another: in [0, 1]."""
    return float(1 - np.exp(-np.linalg.norm(after - before) / TURN))


def dyed_patch(
    rgb: np.ndarray, hair: np.ndarray, face: np.ndarray, quad: np.ndarray, dye: Dye,
    steady: Callable[[Patch], Patch] | None = None, strands: Callable[[Box], np.ndarray] | None = None,
) -> Patch:  # fmt: skip
    """What dyeing adds to a frame: a box (x0, y0, x1, y1) and the difference, float32, 8-bit levels.

    rgb: uint8 (H, W, 3). hair, face: float32 (M, M) in [0, 1], of the square ``quad``: see
    :func:`dvaedit.face.matte.matte`. A pixel that is hair in part is composed of hair and what lies behind; only
    the hair changes. steady: averages shares of hair, (h, w, 1) in a box, with those of frames before; it has a say as
    far as outlines tell them and not colours, whose noise they follow. strands: lightness added to the pixels of a box.
    """
    box = x0, top, x1, bottom = support(hair, quad, rgb.shape[1::-1])
    shape, roots = (bottom - top, x1 - x0), cv2.GaussianBlur(face, (0, 0), len(face) * ROOTS)
    change, alpha, told = (np.zeros((shape[0] * shape[1], channels), np.float32) for channels in (3, 1, 1))
    for found in matte(rgb, hair, face, quad):
        at = (found.box[1] - top) * (x1 - x0) + found.places
        near = into_frame(roots, quad, found.box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT).ravel()[found.places]
        drawn = None if strands is None else strands(found.box).ravel()[found.places]
        change[at] = dye(found.strand, found.near, found.far, np.minimum(2 * near, 1), drawn) - found.strand
        alpha[at], told[at] = found.alpha[:, None], found.told[:, None]
    if steady is not None:
        alpha += (1 - told) * (steady((box, alpha.reshape(*shape, 1).copy()))[1].reshape(-1, 1) - alpha)
    return box, (alpha * change).reshape(*shape, 3)
