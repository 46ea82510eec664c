"""Another expression, age or sex: the frame's own pixels moved and shaded as such faces differ on average.

A network that sees a crop of 128 pixels answers a smile with a blur where lips should move. How a smile moves the
points of a face and shades its skin is the mean of many faces (Rowland & Perrett, 1995); carried along by the landmarks
of each frame it moves the frame's own lips, which stay as sharp as they are. Where lips part that were closed, teeth
are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from dvaedit.face.align import affine, crop_to_frame, side, smooth
from dvaedit.face.anchor import fetch, in_box, offsets, pixels
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.lips import SMILES, closed, held, pressed, spoken
from dvaedit.face.lipstick import beside, in_light, painted
from dvaedit.face.mask import border_window
from dvaedit.face.mouth import Mouth, narrowed, open_mouth, smiling
from dvaedit.face.paste import Box, Patch, into_frame, mask_in_frame, patched
from dvaedit.face.shading import shading
from dvaedit.face.softness import softened, softness
from dvaedit.face.teeth import ABOVE_SKIN, above_skin, inside_shown, lips_alone
from dvaedit.face.wrinkles import evened

POINTS_SIGMA, TURN_SIGMA = 1.0, 3.0  # frames
SIDE = 128  # of the grid on which displacements are told
STEADY = np.r_[0:3, 14:17, 27:36, 36, 39, 42, 45]  # points that no expression moves much: temples, nose, eyes' corners
UPPER = np.r_[0:55, 60:65]  # points that move what lies above the line between the lips
LOWER = np.r_[0:49, 54:61, 64:68]
OUTLINE, BEYOND = slice(17), 1.25  # points; how much farther out, as a multiple, all moves as they do
BROWS, CHIN, CROWN = slice(17, 27), 8, 0.42  # how far above them a head ends, as a share of how far the chin is below
SLACK = 1 / 24  # of the crop's side: how far around the face the picture is moved with it
MARGIN = 1 / 128  # of the side too: by how much the outline of a head may be off
SATURATED = 0.5  # chroma over lightness of skin from which on shade takes some of it
LEFT = 0.35  # of a pixel's lightness, at least
LIGHT, WHITE = 55.0, 115.0  # Lab lightness at which shades are as learnt, and none
DARKEST, BRIGHTEST = 0.3, 1.2  # bounds of their scale
SOON = 2.5  # times as far as a face smiles: how far its smile is taken off, at most all of it
NOWHERE = np.zeros((1, 1), np.float32)


@dataclass(frozen=True)
class Morph:
    """``reference``: (68, 2), points of the mean face, sides of the crop; ``shape``: (68, 2), how far they move;
    ``texture``: float32 (S, S, 3), change of Lab over the mean face; ``own``: float32 (S, S, 3), that of this face's
    own skin besides, and of it ``eyes`` and ``darkens``: (), shares, see :func:`dvaedit.face.shading.shading`;
    ``smooth``: float32 (S, S) in [0, 1], how much of wrinkles and folds goes there, see
    :func:`dvaedit.face.wrinkles.evened`; ``teeth``: float32 (h, w, 3), Lab, what lips that part uncover, from corner to
    corner and from the upper lip down, or (0, 0, 3); ``above_skin``: (), see :func:`dvaedit.face.teeth.above_skin`;
    ``closes``: (), the share of a smile's gap by which lips close; ``coat``: float32 (S, S), how much lipstick lies
    where; ``paint``: (3,), its colour, see :func:`dvaedit.face.lipstick.in_light`; ``painted``: (2, 3), Lab, of the
    lips before and after in the light of a video, or (0, 3)."""

    reference: np.ndarray
    shape: np.ndarray
    texture: np.ndarray
    smooth: np.ndarray
    teeth: np.ndarray
    above_skin: np.ndarray | float = ABOVE_SKIN[0]
    closes: np.ndarray | float = 0.0
    coat: np.ndarray = field(default_factory=lambda: NOWHERE)
    paint: np.ndarray = field(default_factory=lambda: np.zeros(3))
    painted: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    own: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 3), np.float32))
    eyes: np.ndarray | float = 0.0
    darkens: np.ndarray | float = 1.0

    def lit(self, crops: np.ndarray, points: np.ndarray) -> Morph:
        """The same in the light of a video; arguments as of :func:`dvaedit.face.teeth.above_skin`."""
        lit = replace(self, above_skin=above_skin(crops, points)) if self.teeth.size else self
        if not self.coat.any() or (colours := beside(crops, points)) is None:
            return lit
        return replace(lit, painted=np.stack([colours[0], in_light(self.paint, *colours)]))

    def shaded(self, before: np.ndarray, after: np.ndarray, goals: np.ndarray) -> Morph:
        """The same with the shades that the network gives this face; arguments as of
        :func:`dvaedit.face.shading.shading`, ``goals`` being the points."""
        own = shading(before, after, goals, self.reference, float(self.eyes), float(self.darkens))
        return replace(self, own=own)

    def goals(self, points: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points of a face in each frame, (n, 68, 2), sides of the crop, made calm; and where they go.

        frames: (n,) rising numbers; nothing is averaged across a gap.
        """
        points = smooth(points, POINTS_SIGMA, frames)
        turned = smooth(np.stack([_turn(self.reference, own) for own in points]), TURN_SIGMA, frames)
        wanted = np.array([self.wanted(own) for own in points])
        goals = points + wanted[:, None, None] * (self.shape @ turned)
        if self.teeth.size:
            closing = pressed(points, frames)
            goals = np.stack([spoken(*each) for each in zip(points, goals, closing, strict=True)])
        if self.closes:
            by = float(self.closes) * held(points)
            goals = np.stack([closed(*pair, by) for pair in zip(points, goals, strict=True)])
        return points, goals

    def wanted(self, points: np.ndarray) -> float:
        """How much of it a face in this frame needs, in [0, 1]: smiles are taken off only of those who smile.

        points: (68, 2), in any unit.
        """
        return min(SOON * smiling(points, SMILES), 1.0) if self.closes else 1.0

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
        goal: np.ndarray, offset: np.ndarray, below: Patch | None = None,
    ) -> Patch:  # fmt: skip
        """What the change adds to a frame: a box (x0, y0, x1, y1) and the difference, float32, 8-bit levels.

        rgb: uint8 (H, W, 3), upon which comes what is ``below``, as hair that grows: the bare frame tells what is teeth
        and what is lips, all of it is moved and shaded. reach, face: float32 (M, M) in [0, 1], where the picture is
        moved and where it is shaded, of the square ``quad``; points, goal: (68, 2), sides of the square, see
        :meth:`goals`; offset: float (S, S, 2), see :func:`dvaedit.face.anchor.offsets`.
        """
        box, weights = mask_in_frame(reach, quad, rgb.shape[1::-1])
        if not weights.size:
            return box, np.zeros((0, 0, 3), np.float32)
        around = slice(box[1], box[3]), slice(box[0], box[2])
        shown = into_frame(face, quad, box, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        teeth, inside = inside_shown(rgb[around].astype(np.float32), points, quad, box)
        picture = patched(rgb, below)[around].astype(np.float32)
        skin, lips = (shown * (1 - mouth) for mouth in (teeth, inside))
        soft = softness(picture, weights) if self.texture.any() else 0.0
        skin = self.wanted(points) * skin
        shaded = self._shaded(picture, skin, lips, in_box(offset, quad, box), side(quad), soft)
        out = self._reshaped(shaded, teeth, shown, quad, box, points, goal)
        return box, weights[..., None] * (out - picture)

    def _shaded(
        self, picture: np.ndarray, shown: np.ndarray, lips: np.ndarray, places: np.ndarray, size: float, soft: float
    ) -> np.ndarray:  # fmt: skip
        """``lips``: where lipstick may show; ``size``: of the crop's side, pixels; ``soft``: the picture's own, see
        :func:`softness`."""
        lab = to_lab(picture)
        light, tint = lab[..., :1], lab[..., 1:]
        (texture,) = softened([fetch(self.texture, places)], soft)
        change = shown[..., None] * texture
        change[..., :1] *= depth(light)
        change[..., 1:] *= np.clip(light / LIGHT, DARKEST, BRIGHTEST)
        change += shown[..., None] * fetch(self.own, places)
        if self.smooth.any():
            change += evened(lab, shown * fetch(self.smooth, places), size)
        after = np.clip(light + change[..., :1], LEFT * light, 100)
        shaded = np.dstack([after, _kept(lab, after) * tint + change[..., 1:]])
        if len(self.painted):
            shaded = painted(shaded, lips * fetch(self.coat, places), *self.painted)
        shaded = from_lab(shaded)
        return np.clip(picture + shaded - from_lab(lab), 0, 255)  # exactly the same where nothing changes

    def _reshaped(
        self, picture: np.ndarray, seen: np.ndarray, shown: np.ndarray, quad: np.ndarray, box: Box, points: np.ndarray,
        goal: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """A box of the frame with the face's points moved to ``goal``, float32 (h, w, 3); seen: where teeth show."""
        if not self.teeth.size and not self.closes:
            return _fetched(picture, _shift(points, goal, quad, box))
        mouth = Mouth.of(points, goal, quad, box)
        upper, lower = (_shift(points[use], goal[use], quad, box) for use in (UPPER, LOWER))
        if self.closes:  # between two shifts there are teeth
            above, beneath = (_fetched(picture, shift) for shift in (upper, lower))
            below = mouth.below[..., None].astype(np.float32)
            return narrowed(above + below * (beneath - above), picture, mouth, shown)
        lips = lips_alone(picture, seen, points, quad, box)
        warped = _fetched(lips, upper + mouth.below[..., None] * (lower - upper))
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


def _shift(points: np.ndarray, goal: np.ndarray, quad: np.ndarray, box: Box) -> np.ndarray:
    """From each pixel of the box to where it lay before ``points`` went to ``goal``: float32 (h, w, 2) pixels.

    The first points are the face's outline; beyond it all moves as it does. The top of the head stays.
    """
    top = points[BROWS] + CROWN * (points[BROWS].mean(axis=0) - points[CHIN])
    ring = points.mean(axis=0) + BEYOND * (points[OUTLINE] - points.mean(axis=0))
    gone = ring + goal[OUTLINE] - points[OUTLINE]
    moved = offsets(np.vstack([goal, gone, top]), np.vstack([points, ring, top]), SIDE)
    moved = into_frame(moved, quad, box, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    return moved @ crop_to_frame(quad, 1)[:, :2].T.astype(np.float32)


def _fetched(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``picture``, (h, w, 3), each pixel from where ``shift``, (h, w, 2), leads."""
    x, y = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in picture.shape[1::-1]))
    at = np.dstack([x, y]) + shift
    moved = cv2.remap(picture, at.astype(np.float32), None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved, 0, 255)
