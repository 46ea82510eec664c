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
from dvaedit.face.anchor import SIDE, Drawing, fetch, in_box, offsets, pixels
from dvaedit.face.dye import Dye
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.mask import smoothstep
from dvaedit.face.paste import Patch, mask_in_frame, revise
from dvaedit.face.softness import softened, softness
from dvaedit.face.surround import TOP, wide_quads
from dvaedit.face.textures import fine, relief, textures, well_inside

PLACES = 64  # pixels a side of where it lies
ROOM = 1.6  # side of the square it is drawn in, in sides of the crop; it begins ``TOP`` above that
ANCHORS = np.r_[0:5, 12:17, 27:36, 36, 39, 42, 45]  # upper jaw, nose, corners of the eyes: of the 68 points
END, ROUND, HEM = 0.98, 0.05, (0.31, 0.14)  # where it ends, in sides of the crop; how much higher beside its middle
TIPS = (0.016, 0.016, 0.012)  # by how much strands and locks of them end earlier or later
CURL, CURLED = 0.05, (0.7, 0.98)  # how far its tips bend towards the neck, between which rows
OUTLINE, EDGE = (0.42, 0.56), (0.03, 0.04, 0.03)  # of the mean hair's share; by how much strands change it
CROWN = (0.16, 0.22)  # rows, in the same unit, above which there is none: heads have hair of their own there
KEPT = (0.34, 0.46), (0.46, 0.52)  # rows in which own hair, and skin, give way to it
CLOSE, APART, BELOW = 0.04, 0.26, (0.3, 0.5)  # how far it stands off the head above these rows, and comes to below
VEIL = 0.008  # half the width of that edge, in the same unit
FILLED, INNER, JAW = 0.05, (0.28, 0.32), (0.76, 0.88)  # how far it goes on behind the jaw; where that ends
SOFT = 2.0  # pixels, sigma: of the edge of what lies before it
FRINGE, BEFORE = 9, (0.6, 1.0)  # pixels of own hair's edge that it hides; shares of own hair that it does not
SEEN = (0.15, 0.5)  # mean share of hair from which on anything is drawn
SHORT, BESIDE = 0.3, (0.58, 0.9)  # share of own hair beside the jaw, in those rows, that is long hair
GLOSS, GLOSSY, DIM = 0.25, (0.4, 0.12), 0.15  # of the lightness: light across it, in which rows; how it fades downwards
CORE = 7  # pixels of the crop: well inside of hair
DARKER = 0.6  # share of it, the darkest, whose median is its colour: shine is of the crown
SPARSE, THIN = 0.02, 0.3  # share of the crop that is, up to which skin shows through; of the chroma that is hair's own
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
        core = well_inside(hair, CORE)
        full = THIN + (1 - THIN) * float(smoothstep(core.mean(), 0, SPARSE))
        core = core if core.any() else hair
        lab, square = to_lab(crops), room(own_quad(crops.shape[1])[None])[0]
        sure = lab[core][np.argsort(lab[core][:, 0])]
        colour = np.median(sure[: max(round(DARKER * len(sure)), 1)], axis=0)
        colour = np.array([max(colour[0], 1), *(full * colour[1:])])
        contrast = np.stack([fine(light) for light in lab[..., 0]])[core].std() / colour[0]
        light = np.mean([_light(face_of(crop, square)) for crop in crops])
        return cls(maps, colour, np.asarray(np.clip(MORE * contrast, *CONTRAST) * colour[0]), np.asarray(light), dye)

    @cached_property
    def drawing(self) -> Drawing:
        """How much of the hair there is, its lightness, and the shadow it casts."""
        at = _in_crop(pixels(SIDE))
        aside, down = np.abs(at[..., 0] - 0.5), at[..., 1]
        curled = in_room(_curled(at))
        cover, light = (fetch(self.maps[..., which], curled) for which in (0, 3))
        strands = [fetch(one, curled) for one in textures(self.maps[..., 1:3])]
        shown = smoothstep(_filled(cover, at) + np.tensordot(EDGE, strands, 1), *OUTLINE)
        tips = np.tensordot(TIPS, strands, 1)
        ends = END - ROUND * ((aside - HEM[0]) / HEM[1]) ** 2 + tips
        shown *= smoothstep(ends - down, -0.015, 0.015) * smoothstep(down + tips, *CROWN)
        strand = relief(strands)
        beside = 1 - smoothstep(aside, *NECK)
        shade = np.clip(cv2.GaussianBlur(light, (0, 0), SIDE / 200), *SHADES) / DARK
        shade += GLOSS * np.exp(-(((down - GLOSSY[0] - 0.02 * strands[2]) / GLOSSY[1]) ** 2))
        shade -= DEEP * smoothstep(down, 0.45, 0.75) * beside + DIM * smoothstep(down, 0.7, END)
        lightness = self.hair[0] * (1 + shade) + self.contrast * strand
        shadow = cv2.GaussianBlur(shown, (0, 0), SIDE * CAST) * smoothstep(down, 0.35, 0.5) * beside
        return Drawing(np.dstack([shown, np.clip(lightness, DARKEST * self.hair[0], 100), shadow]).astype(np.float32))

    def patch(self, rgb: np.ndarray, mask: np.ndarray, quad: np.ndarray, offset: np.ndarray) -> Patch:
        """What the hair adds to a frame; arguments and result as of :meth:`dvaedit.face.beard.Beard.patch`, but of the
        wide square of :func:`room`."""
        box, weights = mask_in_frame(mask, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        face, patch = face_of(rgb, quad), (box, np.zeros((*weights.shape, 3), np.float32))
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


def lying(own: np.ndarray, goal: np.ndarray, reference: np.ndarray, steady: np.ndarray) -> np.ndarray:
    """Where the mean face's wide square lies in a frame's, (S, S, 2): see :func:`dvaedit.face.anchor.offsets`.

    own: (68, 2), points of the face, sides of the crop; goal: where they go; reference: of the mean face; steady:
    (M, M, 2), where the crop lies on that, calmed along the motion.
    """
    anchors = own[ANCHORS].astype(np.float32)
    target = anchors + fetch(steady.astype(np.float32), anchors[None])[0]
    return offsets(in_room(goal[ANCHORS]), in_room(target), PLACES)


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
    away = cv2.distanceTransform((np.maximum(hair, bare) < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    beyond = np.minimum(away, len(hair)) * (ROOM / len(hair)) - _apart(rows)
    close = np.maximum(1 - smoothstep(beyond, -VEIL, VEIL), rows > BELOW[1])
    return close * np.maximum(before, behind) * (1 - np.max([*kept, hat], axis=0))


def _apart(rows: np.ndarray) -> np.ndarray:
    """How far hair stands off the head at most, in some rows, both in sides of the crop: ever more from the crown."""
    near, far = ((rows - top) / (end - top) for top, end in ((CROWN[0], BELOW[0]), BELOW))
    return CLOSE * np.clip(near, 0, 1) + APART * np.clip(far, 0, 1) ** 2


def _curled(at: np.ndarray) -> np.ndarray:
    """Where hair that hangs straight shows what it shows at ``at``, (..., 2), places in the crop: its tips bend in."""
    bent = CURL * np.clip((at[..., 1] - CURLED[0]) / (CURLED[1] - CURLED[0]), 0, 1.5) ** 2
    return np.stack([at[..., 0] + np.sign(at[..., 0] - 0.5) * bent, at[..., 1]], axis=-1).astype(np.float32)


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


def face_of(rgb: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The part of a frame, (h, w, 3), that shows the middle of the face; quad: the wide square."""
    corners = transform(in_room(FACE), crop_to_frame(quad, 1))
    last = np.array(rgb.shape[1::-1]) - 1
    (x0, y0), (x1, y1) = (np.clip(np.rint(at(corners, axis=0)).astype(int), 0, last) for at in (np.min, np.max))
    return rgb[y0 : y1 + 1, x0 : x1 + 1].astype(np.float32)


def _light(face: np.ndarray) -> float:
    """Its mean lightness, Lab."""
    return float(to_lab(cv2.resize(face, (LOOK, LOOK), interpolation=cv2.INTER_AREA))[..., 0].mean())


def _corner() -> np.ndarray:
    """How far left of the crop, and above it, the wide square begins, in sides of the crop."""
    return np.array([ROOM / 2 - 0.5, TOP])
