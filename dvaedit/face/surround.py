"""Beyond the crop: the hair that an edit dyes goes on outside the square that the model sees.

Face parsers know aligned crops only. Outside, hair is what belongs to the person, has the colour that the hair inside
has and nothing else inside, and hangs together with the hair inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.align import crop_to_frame, frame_to_crop, transform
from dvaedit.face.regions import CLASS_ID, TRAINING_FACE, ids

REACH, FAR = 2.0, 3.0  # side of the wide square, in sides of the crop; and where hair hangs farther down
TOP = 0.35  # how far it goes above the crop, in the same unit
BELOW = (0.7, 1.65)  # how far below the crop, in the same unit, a parser looks for hair that hangs there
ASIDE = 0.3  # how far to its sides, in the same unit
FALL = 0.5  # pixels to the side that hair may go for each it hangs down, below the crop
FAINT = 0.1  # likelihood of a colour that hair hanging there has at least
TOUCHING = 64  # part of the wide square below the crop's upper edge in which hair touches it
SCALP = 0.25  # likelihood of hair over that of the head, from which on what is above the crop is hair
MORE = 1.3  # times what colours tell of the hair that a parser finds below the crop, from which on it is believed
TOO_MUCH = 2.0  # times what both find, from which on colours have found cloth
BINS = 24  # of each channel of Lab
MAIN = 0.9  # share of the hair whose colours, the most frequent ones, tell where more of it is
GLIMPSE = 0.02  # of cloth, relative to the hair seen, that is enough to know its colours
HAIR, FACE, CLOTH, BEHIND = (CLASS_ID[name] for name in ("hair", "skin", "cloth", "background"))
FACE_CLASSES = sorted(TRAINING_FACE - {HAIR})
FEATURES = sorted(set(FACE_CLASSES) - ids("skin", "neck"))
FEATURE = FEATURES[0]
UNSURE = sorted(ids("background", "l_ear", "r_ear", "ear_r", "neck", "cloth"))  # what parsers take hanging hair for
OUTSIDE = 255
SHOULDERS = 0.75  # share of the crop's height below which what is hair to the parser may be cloth by its colour
FRINGE = 0.42  # share of the crop's height, about that of the eyes, above which what is skin to the parser may be hair
BORDER = 1 / 24  # of the wide square: so near the frame's border a person goes on to it
HAIRLINE = 8  # part of the crop's side near the face in which what is hair to the parser may be skin by its colour


def wide_quads(quads: np.ndarray, reach: float = REACH) -> np.ndarray:
    """The squares around crop squares in which hair is looked for; (n, 4, 2), frame pixels, NW SW SE NE."""
    centre = quads.mean(axis=1, keepdims=True)
    down = quads[:, 1:2] - quads[:, 0:1]
    return centre + _drop(reach) * down + reach * (quads - centre)


def _drop(reach: float) -> float:
    """How far below the crop's the centre of the wide square lies, in sides of the crop."""
    return reach / 2 - 0.5 - TOP


@dataclass(frozen=True)
class HairColours:
    """How likely each colour is hair, something else, and of that the head: ``tables``, (3, BINS, BINS, BINS) in
    [0, 1], over Lab. All are small for colours not seen.
    """

    tables: np.ndarray

    @classmethod
    def learn(cls, crops: np.ndarray, class_maps: np.ndarray) -> HairColours:
        """From crops, uint8 (n, S, S, 3) RGB, and their class maps, uint8 (n, S, S).

        Crops show little of the cloth there is: if they show some, it counts as if there were as much of it as of hair.
        """
        counts = np.zeros((4, BINS**3))
        for crop, classes in zip(crops, class_maps, strict=True):
            bins, kinds = _bins(crop), np.stack([classes == kind for kind in (HAIR, CLOTH, BEHIND)])
            for row, inside in zip(counts, (*kinds, ~kinds.any(axis=0)), strict=True):
                row += np.bincount(bins[inside], minlength=BINS**3)
        hair, cloth, behind, head = counts
        hair *= _main(hair)
        if cloth.sum() > GLIMPSE * hair.sum():
            cloth *= max(hair.sum() / cloth.sum(), 1)
        hair, other, head = (_blur(row.reshape(BINS, BINS, BINS)) for row in (hair, cloth + behind + head, head))
        return cls(np.stack([hair, other, head]) / (hair + other + 1e-4 * counts.sum() / BINS))

    def __call__(self, rgb: np.ndarray) -> tuple[np.ndarray, ...]:
        """The likelihoods at each pixel of ``rgb``, uint8 (H, W, 3): float32 (H, W) each."""
        bins = _bins(rgb)
        return tuple(table.ravel()[bins].astype(np.float32) for table in self.tables)


def _main(counts: np.ndarray) -> np.ndarray:
    """Which of the bins hold most of all there is: what a parser takes for hair by mistake is of other colours."""
    order = np.argsort(-counts)
    before = np.cumsum(counts[order]) - counts[order]
    chosen = np.zeros(len(counts), bool)
    chosen[order] = before < MAIN * counts.sum()
    return chosen


def _bins(rgb: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 1:] = (lab[..., 1:] - 128) * 2 + 128  # hair, skin and cloth differ by little chroma
    level = np.clip(lab * (BINS / 256), 0, BINS - 1).astype(np.int64)
    return (level[..., 0] * BINS + level[..., 1]) * BINS + level[..., 2]


def _blur(counts: np.ndarray) -> np.ndarray:
    kernel = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    kernel /= kernel.sum()
    for axis in range(3):
        counts = np.apply_along_axis(np.convolve, axis, counts, kernel, mode="same")
    return counts


def wide_map(
    wide: np.ndarray, shown: np.ndarray, person: np.ndarray, classes: np.ndarray, colours: HairColours,
    reach: float = REACH, hanging: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """A class map of a wide square, uint8 (S, S): HAIR, inside the crop and what hangs together with it; FACE, the
    bare skin of face and neck; FEATURE, all else of the face; 0.

    wide: uint8 (S, S, 3) RGB; shown: bool (S, S), see :func:`in_frame`; person: float (S, S) in [0, 1]; classes:
    (M, M), the crop's own class map; reach: of the square, see :func:`wide_quads`; hanging: bool (S, S), what a parser
    takes for hair below the crop, if that is to be believed rather than colours alone.
    """
    size = len(wide)
    u, v = (at * len(classes) for at in _crop_places(size, reach))
    inside = (u >= 0) & (v >= 0) & (u < len(classes)) & (v < len(classes))
    column, row = (np.clip(at, 0, len(classes) - 1).astype(int) for at in (u, v))
    seen = np.where(inside, classes[row, column], OUTSIDE)
    person = (person > 0.5) & shown  # parsers take dark things behind for hair
    likelihood, other, head = colours(wide)
    face = np.isin(seen, FACE_CLASSES)
    hairline = np.ones((round(size / reach / HAIRLINE),) * 2, np.uint8)
    skin = (other > 0.85) & (cv2.dilate(face.astype(np.uint8), hairline) > 0)
    cloth = (v > SHOULDERS * len(classes)) & (likelihood < 0.3)
    found, likelihood = (seen == HAIR) & _to_border(person, shown) & ~skin & ~cloth, likelihood * person
    fringe = (seen == FACE) & (v < FRINGE * len(classes))
    possible = ~inside | np.isin(seen, UNSURE) | fringe
    likely = possible & (likelihood > np.where(inside, 0.8, 0.55))
    over = likelihood > np.maximum(FAINT, SCALP * head)  # up there a person wears no cloth
    likely = np.where((v < 0) & _cut_off(found, v), over, likely)
    below = v >= len(classes)
    if hanging is not None:
        hanging = hanging & (likelihood > FAINT)
        likely = np.where(below, hanging, likely | (hanging & ~inside))
    likely = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    likely = cv2.morphologyEx(likely, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    hair = found | (likely & possible)
    hair = hair if hanging is None else _falling(hair, int(np.argmax(below[:, 0])))
    _, labels = cv2.connectedComponents(hair.astype(np.uint8), connectivity=4)
    connected = np.isin(labels, np.unique(labels[found])) & hair
    kinds = np.where(np.isin(seen, FEATURES), FEATURE, np.where(face, FACE, 0))
    return np.where(connected, HAIR, kinds).astype(np.uint8)


def _to_border(person: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Where a person is, bool (S, S), who goes on to the frame's border if the border is near: its own last pixels tell
    little, what is repeated beyond it less."""
    near = np.ones((2 * round(len(shown) * BORDER) + 1,) * 2, np.uint8)
    reached, bordering = (cv2.dilate(each.astype(np.uint8), near) > 0 for each in (person, ~shown))
    return (person | (reached & bordering)) & shown


def _cut_off(found: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Columns, bool (S,), in which hair goes on where the crop ends. v: (S, S), how far down the crop pixels lie."""
    top = int(np.argmax(v[:, 0] >= 0))
    return found[top : top + len(found) // TOUCHING].any(axis=0)


def windows(size: int) -> list[tuple[slice, slice]]:
    """Rows and columns of crop squares below the crop, in a wide square with the reach ``FAR``, of ``size`` pixels."""
    lefts = [0.5 + (aside - 0.5) / FAR for aside in (-ASIDE, ASIDE)]
    return [tuple(_share(low, size) for low in ((TOP + below) / FAR, left)) for below in BELOW for left in lefts]


def _share(low: float, size: int) -> slice:
    return slice(round(low * size), round((low + 1 / FAR) * size))


def missed(looks: Sequence[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether colours miss hair below the crop that a parser finds there, or find much that is none to the parser.

    looks: pairs of class maps of :func:`wide_map` with the reach ``FAR``, by colours alone and by the parser.
    """
    told, parsed, both = 0, 0, 0
    for found in looks:
        by_colour, by_parser = ((one == HAIR) & (_crop_places(len(one), FAR)[1] >= 1) for one in found)
        told, parsed, both = told + by_colour.sum(), parsed + by_parser.sum(), both + (by_colour & by_parser).sum()
    return bool(parsed > MORE * both or (parsed > 0 and told > TOO_MUCH * both))


def _falling(hair: np.ndarray, low: int) -> np.ndarray:
    """Hair, bool (S, S), without what spreads from the row ``low`` on: cloth of its colour."""
    hair, rows = hair.copy(), round(1 / FALL)
    for row in range(low, len(hair)):
        above = hair[row - 1]
        if (row - low) % rows == 0:
            beside = np.pad(above, 1)
            above = above | beside[:-2] | beside[2:]
        hair[row] &= above
    return hair


def in_frame(quad: np.ndarray, size: int, frame_size: tuple[int, int]) -> np.ndarray:
    """(size, size) bool: which pixels of the square ``quad`` lie in the frame; beyond it a crop shows reflections."""
    places = _places(quad, size)
    return ((places >= -0.5) & (places < np.array(frame_size) - 0.5)).all(axis=-1)


def continued(kinds: np.ndarray, shown: np.ndarray, quad: np.ndarray, frame_size: tuple[int, int]) -> np.ndarray:
    """A class map of the square ``quad``, (S, S), that goes on beyond the frame as it is at the frame's border.

    Otherwise the border would be an outline, and hair would fade towards it. shown: see :func:`in_frame`.
    """
    size = len(kinds)
    pixel = np.linalg.norm(quad[1] - quad[0]) / size  # of the square, in the frame's
    within = np.clip(_places(quad, size), pixel, np.array(frame_size) - 1 - pixel)
    nearest = transform(within, frame_to_crop(quad, size))
    column, row = np.moveaxis(np.clip(nearest, 0, size - 1).astype(int), -1, 0)
    return np.where(shown, kinds, kinds[row, column])


def _places(quad: np.ndarray, size: int) -> np.ndarray:
    """Where in the frame the pixels of a square of ``size`` pixels a side lie, (size, size, 2)."""
    at = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), axis=-1)
    return transform(at, crop_to_frame(quad, size))


def _crop_places(size: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Where in the crop, in [0, 1] if inside, each pixel of a wide square lies: x and y, float32 (S, S)."""
    x, y = np.meshgrid(*[(np.arange(size, dtype=np.float32) + 0.5) / size - 0.5] * 2)
    return x * reach + 0.5, y * reach + 0.5 + _drop(reach)
