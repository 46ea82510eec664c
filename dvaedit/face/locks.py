"""Long hair, put on heads whose own is short: hangs beside the face, drawn strand by strand, in the hair's colour.

Where long hair hangs on average, and which way its strands run, is learnt beforehand. Noise that is averaged along
these directions (Cabral & Leedom, Imaging vector fields using line integral convolution, 1993) looks like strands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import cv2
import numpy as np

from dvaedit.face.align import crop_to_frame, own_quad, transform
from dvaedit.face.anchor import SIDE, Drawing, fetch, in_box, pixels
from dvaedit.face.dye import Dye
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Patch, mask_in_frame, revise
from dvaedit.face.softness import softened, softness
from dvaedit.face.surround import TOP, wide_quads

ROOM = 1.6  # side of the square it is drawn in, in sides of the crop; it begins ``TOP`` above that
ANCHORS = np.r_[0:5, 12:17, 27:36, 36, 39, 42, 45]  # upper jaw, nose, corners of the eyes: of the 68 points
END, ROUND = 0.97, 0.5  # where it ends below the temples, in sides of the crop; how much higher by the way outwards
OUTLINE, EDGE = (0.42, 0.62), 0.04  # of the mean hair's share; by how much strands change it
CROWN = (0.05, 0.12)  # rows, in the same unit, above which there is none: heads have hair of their own there
KEPT = (0.34, 0.46), (0.46, 0.52)  # rows in which own hair, and skin, give way to it
CLOSE, BELOW = 0.08, (0.2, 0.36)  # how far it stands off the head, in the same unit; rows in which it may be farther
FILLED, INNER, JAW = 0.05, (0.28, 0.32), (0.76, 0.88)  # how far it goes on behind the jaw; where that ends
SOFT = 2.0  # pixels, sigma: of the edge of what lies before it
FRINGE, BEFORE = 5, (0.6, 1.0)  # pixels of own hair's edge that it hides; shares of own hair that it does not
SEEN = (0.15, 0.5)  # mean share of hair from which on anything is drawn
SHORT, BESIDE = 0.3, (0.58, 0.9)  # share of own hair beside the jaw, in those rows, that is long hair
TEXTURES = ((1, 0.8, 4), (2, 1.5, 4), (4, 2.2, 3))  # of strands and locks: pixels of the drawing, sigma, passes
AMOUNTS = (0.75, 0.6, 0.45)  # of their share in the contrast
CROP, FINE, CORE = 205, 3.2, 7  # pixels of the square where the crop has 128; sigma of what is fine there; well inside
DARKER = 0.6  # share of it, the darkest, whose median is its colour: shine is of the crown
CONTRAST, MORE = (0.06, 0.24), 1.5  # of the lightness: bounds of the deviation of its own strands; times as deep drawn
SHADES, DARK = (-15.0, 8.0), 55.0  # Lab lightness of the mean shade, at most; of hair that is shaded so
DEEP, NECK = 0.35, (0.26, 0.36)  # how dark it is beside the neck; how far from the middle
SHADOW, CAST = 0.4, 1 / 60  # on face and neck; its sigma as a share of the square
FACE = np.array([[0.3, 0.4], [0.3, 0.8], [0.7, 0.8], [0.7, 0.4]])  # corners of the middle of a face in its crop
LOOK, LIT = 32, (0.2, 2.0)  # pixels a side at which its light is told; bounds of what that changes
DARKEST, REACH = 0.25, 8  # of its median lightness; pixels that softening needs around


@dataclass(frozen=True)
class Locks:
    """``maps``: float32 (S, S, 4), over the mean face's wide square: share of faces with hair there; cosine and sine of
    twice its strands' angle, shorter where they differ; lightness beside the median. ``hair``: (3,), Lab;
    ``contrast``: deviation of the lightness of its strands; ``light``: of the face beside it; ``dye``: (2, 3), Lab, the
    colours of hair between which it is dyed, as of :class:`dvaedit.face.dye.Dye`."""

    anchors: ClassVar[np.ndarray] = ANCHORS
    maps: np.ndarray
    hair: np.ndarray
    contrast: np.ndarray
    light: np.ndarray
    dye: np.ndarray

    @classmethod
    def learn(cls, maps: np.ndarray, crops: np.ndarray, hair: np.ndarray, dye: np.ndarray) -> Locks:
        """From frames spread over the video: crops, (n, S, S, 3), RGB in 8-bit levels; hair: bool (n, S, S), where it
        is. dye: see :class:`Locks`."""
        core = np.stack([cv2.erode(one.astype(np.uint8), np.ones((CORE, CORE))) for one in hair]) > 0
        core = core if core.any() else hair
        lab, square = to_lab(crops), room(own_quad(crops.shape[1])[None])[0]
        sure = lab[core][np.argsort(lab[core][:, 0])]
        colour = np.median(sure[: max(round(DARKER * len(sure)), 1)], axis=0)
        colour[0] = max(colour[0], 1)
        contrast = np.stack([_fine(light) for light in lab[..., 0]])[core].std() / colour[0]
        light = np.mean([_light(_face(crop, square)) for crop in crops])
        return cls(maps, colour, np.asarray(np.clip(MORE * contrast, *CONTRAST) * colour[0]), np.asarray(light), dye)

    @cached_property
    def drawing(self) -> Drawing:
        """How much of the hair there is, its lightness, and the shadow it casts."""
        cover, light = (_enlarged(self.maps[..., at]) for at in (0, 3))
        strands = textures(self.maps[..., 1:3])
        at = _in_crop(pixels(SIDE))
        aside = np.abs(at[..., 0] - 0.5)
        fine, middle, coarse = strands
        ends = END - ROUND * np.clip(aside - NECK[0], 0, None) + 0.01 * (coarse + middle) + 0.006 * fine
        shown = smoothstep(_filled(cover, at) + EDGE * (coarse + middle + 0.75 * fine), *OUTLINE)
        shown *= smoothstep(ends - at[..., 1], -0.012, 0.012) * smoothstep(at[..., 1], *CROWN)
        relief = np.tensordot(AMOUNTS, strands, 1)
        relief /= _fine(cv2.resize(relief, (CROP,) * 2, interpolation=cv2.INTER_AREA)).std()
        deep = DEEP * smoothstep(at[..., 1], 0.45, 0.75) * (1 - smoothstep(aside, *NECK))
        shade = self.hair[0] * np.clip(cv2.GaussianBlur(light, (0, 0), SIDE / 200), *SHADES) / DARK
        lightness = self.hair[0] * (1 - deep) + shade + self.contrast * relief
        behind = smoothstep(at[..., 1], 0.35, 0.5) * (1 - smoothstep(aside, *NECK))
        shadow = cv2.GaussianBlur(shown, (0, 0), SIDE * CAST) * behind
        return Drawing(np.dstack([shown, np.clip(lightness, DARKEST * self.hair[0], 100), shadow]).astype(np.float32))

    def patch(self, rgb: np.ndarray, mask: np.ndarray, quad: np.ndarray, offset: np.ndarray) -> Patch:
        """What the hair adds to a frame; arguments and result as of :meth:`dvaedit.face.beard.Beard.patch`, but of the
        wide square of :func:`room`."""
        box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        face, patch = _face(rgb, quad), (box, np.zeros((*weights.shape, 3), np.float32))
        lit = float(np.clip(_light(face) / max(float(self.light), 1.0), *LIT))
        sigma = softness(face, np.ones(face.shape[:2]))

        def added(rows: slice) -> np.ndarray:
            part = box[0], box[1] + rows.start, box[2], box[1] + rows.stop
            before = rgb[part[1] : part[3], part[0] : part[2]].astype(np.float32)
            after = self._over(before, softened(self.drawing.at(in_box(offset, quad, part), quad), sigma), lit)
            return weights[rows, :, None] * (after - before)

        revise(patch, REACH, added)
        return patch

    def _over(self, before: np.ndarray, layers: list[np.ndarray], lit: float) -> np.ndarray:
        """A picture with the hair before it; lit: how many times as light as the one it was learnt from."""
        shown, light, shadow = layers
        tint = np.clip(light / self.hair[0], 0.5, 1.3) * lit
        hair = from_lab(np.dstack([np.clip(light * lit, 0, 100), self.hair[1] * tint, self.hair[2] * tint]))
        if (self.dye[0] != self.dye[1]).any():
            around = np.broadcast_to(from_lab(self.hair[None] * lit), (hair.size // 3, 3))
            hair = Dye(*self.dye)(hair.reshape(-1, 3), around, around).reshape(hair.shape)
        after = before * (1 - SHADOW * np.clip(shadow - shown, 0, 1))[..., None]
        return after + shown[..., None] * (hair - after)


def room(quads: np.ndarray) -> np.ndarray:
    """The squares in which it is drawn, of crop squares, (n, 4, 2), frame pixels."""
    return wide_quads(quads, ROOM)


def in_room(places: np.ndarray) -> np.ndarray:
    """Places in the crop, (..., 2), sides of it, as places in the wide square, sides of that."""
    return (places + _corner()) / ROOM


def _in_crop(places: np.ndarray) -> np.ndarray:
    """The inverse of :func:`in_room`."""
    return places * ROOM - _corner()


def into_room(image: np.ndarray) -> np.ndarray:
    """A picture over the crop, (S, S, C), over the wide square; its borders are repeated."""
    return fetch(image, _in_crop(pixels(len(image))))


def allowed(
    maps: np.ndarray, places: np.ndarray, hair: np.ndarray, skin: np.ndarray, hat: np.ndarray, bare: np.ndarray
) -> np.ndarray:
    """Where it may be drawn, float32 (S, S) in [0, 1]: beside the face, from the temples on over hair that is there.

    places: (S, S, 2), in the mean face's wide square; hair, skin, hat: (S, S) in [0, 1], of the frame; bare: skin of
    face and neck, beside which it hangs behind; all over the wide square.
    """
    rows, cover = _in_crop(places)[..., 1], cv2.GaussianBlur(maps[..., 0], (0, 0), SOFT)
    shown = smoothstep(cv2.erode(hair, np.ones((FRINGE, FRINGE))), *BEFORE), skin
    kept = [share * (1 - smoothstep(rows, *where)) for share, where in zip(shown, KEPT, strict=True)]
    filled = _filled(cover, _in_crop(pixels(len(cover))))
    before, behind = (smoothstep(fetch(each, places), *SEEN) for each in (cover, filled))
    behind = behind * (1 - cv2.GaussianBlur(bare, (0, 0), SOFT))
    wide = 2 * round(CLOSE * len(hair) / ROOM) + 1
    head = cv2.dilate(np.maximum(hair, bare), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    close = np.maximum(cv2.GaussianBlur(head, (0, 0), SOFT), smoothstep(rows, *BELOW))
    return close * np.maximum(before, behind) * (1 - np.max([*kept, hat], axis=0))


def _filled(cover: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``cover``, (S, S), with what of it lies behind jaw and neck; at: (S, S, 2), places in the crop."""
    wide = 2 * round(FILLED * len(cover) / ROOM) + 1
    behind = smoothstep(at[..., 1], *KEPT[0]) * (1 - smoothstep(at[..., 1], *JAW))
    behind *= 1 - smoothstep(np.abs(at[..., 0] - 0.5), *INNER)
    return cover + behind * (cv2.dilate(cover, np.ones((1, wide))) - cover)


def is_long(maps: np.ndarray, hair: np.ndarray) -> bool:
    """Whether a head's hair hangs beside its jaw: hair, (S, S) in [0, 1], as the mean face shows it, wide square."""
    rows = _in_crop(pixels(len(hair)))[..., 1]
    beside = (cv2.resize(maps[..., 0], hair.shape) > OUTLINE[1]) & (rows > BESIDE[0]) & (rows < BESIDE[1])
    return bool(hair[beside].mean() > SHORT)


def textures(directions: np.ndarray, seed: int = 0) -> np.ndarray:
    """Strands, locks of them and what these hang together in: float32 (3, SIDE, SIDE), of mean 0 and deviation 1.

    directions: (S, S, 2), cosine and sine of twice the angle along which they run.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_enlarged(_strands(directions, SIDE // scale, *how, rng)) for scale, *how in TEXTURES])


def _strands(directions: np.ndarray, size: int, sigma: float, passes: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of (size, size), averaged along the directions over 3 ** ``passes`` pixels."""
    smooth = cv2.GaussianBlur(cv2.resize(directions, (size, size)), (0, 0), size / 64)
    angle = np.arctan2(smooth[..., 1], smooth[..., 0]) / 2
    along = np.dstack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    here = pixels(size)
    outwards = here - np.float32([0.5, 0])
    along *= np.where((along * outwards).sum(axis=2) < 0, -1, 1)[..., None].astype(np.float32)
    ways = [sign * along / size for sign in (1, -1)]
    noise = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), sigma)
    for _ in range(passes):
        noise = (noise + sum(fetch(noise, here + way) for way in ways)) / 3
        ways = [_thrice(way, here) for way in ways]
    return (noise - noise.mean()) / noise.std()


def _thrice(way: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Where one comes to by going three times the way, (S, S, 2)."""
    twice = way + fetch(way, here + way)
    return twice + fetch(way, here + twice)


def _enlarged(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _face(rgb: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The part of a frame, (h, w, 3), that shows the middle of the face; quad: the wide square."""
    corners = transform(in_room(FACE), crop_to_frame(quad, 1))
    last = np.array(rgb.shape[1::-1]) - 1
    (x0, y0), (x1, y1) = (np.clip(np.rint(at(corners, axis=0)).astype(int), 0, last) for at in (np.min, np.max))
    return rgb[y0 : y1 + 1, x0 : x1 + 1].astype(np.float32)


def _fine(light: np.ndarray) -> np.ndarray:
    """What is fine in a crop of ``CROP`` pixels or so, (S, S)."""
    return light - cv2.GaussianBlur(light, (0, 0), FINE)


def _light(face: np.ndarray) -> float:
    """Its mean lightness, Lab."""
    return float(to_lab(cv2.resize(face, (LOOK, LOOK), interpolation=cv2.INTER_AREA))[..., 0].mean())


def _corner() -> np.ndarray:
    """How far left of the crop, and above it, the wide square begins, in sides of the crop."""
    return np.array([ROOM / 2 - 0.5, TOP])
