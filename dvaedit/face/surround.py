"""Beyond the crop: the hair that an edit recolours goes on outside the square that the model sees.

Face parsers know aligned crops only. Outside, hair is what belongs to the person, has the colour that the hair inside
has and nothing else inside, and hangs together with the hair inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.mask import border_window, refine, soft_mask
from dvaedit.face.regions import CLASS_ID

REACH = 1.7  # side of the wide square, in sides of the crop
DROP = 0.15  # how far its centre lies below the crop's, in sides: hair falls
SURE = 0.8  # weight from which a pixel counts as hair when colours are compared
BINS = 24  # of each channel of Lab
STRIP = 1 << 20  # pixels recoloured at a time, in float64: an 8K frame would take 2 GB at once
HAIR = CLASS_ID["hair"]


def wide_quads(quads: np.ndarray) -> np.ndarray:
    """The squares around crop squares in which hair is looked for; (n, 4, 2), frame pixels, NW SW SE NE."""
    centre = quads.mean(axis=1, keepdims=True)
    down = quads[:, 1:2] - quads[:, 0:1]
    return centre + DROP * down + REACH * (quads - centre)


@dataclass(frozen=True)
class HairColours:
    """How likely each colour is hair: ``table``, (BINS, BINS, BINS) in [0, 1], over Lab."""

    table: np.ndarray

    @classmethod
    def learn(cls, crops: np.ndarray, class_maps: np.ndarray) -> HairColours:
        """From crops, uint8 (n, S, S, 3) RGB, and their class maps, uint8 (n, S, S). Colours not seen are not hair."""
        counts = np.zeros((2, BINS**3))
        for crop, classes in zip(crops, class_maps, strict=True):
            bins = _bins(crop)
            for row, inside in zip(counts, (classes == HAIR, classes != HAIR), strict=True):
                row += np.bincount(bins[inside], minlength=BINS**3)
        hair, other = (_blur(row.reshape(BINS, BINS, BINS)) for row in counts)
        return cls(hair / (hair + other + 1e-4 * counts.sum() / BINS))

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """The likelihood at each pixel of ``rgb``, uint8 (H, W, 3): float32 (H, W)."""
        return self.table.ravel()[_bins(rgb)].astype(np.float32)


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


def wide_map(wide: np.ndarray, person: np.ndarray, classes: np.ndarray, colours: HairColours) -> np.ndarray:
    """A class map of a wide square with hair alone: uint8 (S, S), the hair inside and what hangs together with it.

    wide: uint8 (S, S, 3) RGB; person: float (S, S) in [0, 1]; classes: (M, M), the crop's own class map.
    """
    size = len(wide)
    u, v = (at * len(classes) for at in _crop_places(size))
    inside = (u >= 0) & (v >= 0) & (u < len(classes)) & (v < len(classes))
    column, row = (np.clip(at, 0, len(classes) - 1).astype(int) for at in (u, v))
    likely = (colours(wide) > 0.55) & (person > 0.5)
    likely = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    likely = cv2.morphologyEx(likely, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    hair_inside = inside & (classes[row, column] == HAIR)
    hair = np.where(inside, hair_inside, likely)
    _, labels = cv2.connectedComponents(hair.astype(np.uint8), connectivity=4)
    return np.where(np.isin(labels, np.unique(labels[hair_inside])) & hair, HAIR, 0).astype(np.uint8)


def hair_around(class_maps: np.ndarray, guides: np.ndarray, frames: np.ndarray, wanted: slice) -> np.ndarray:
    """The hair outside the crop: float32 (n, S, S), in the wide squares.

    class_maps: uint8 (m, S, S), from :func:`wide_map`; guides: uint8 (m, S, S, 3), the pictures; frames: (m,) rising
    numbers. wanted: which of the m to make; the others steady them over time. Towards the crop the mask falls as the
    crop's own rises, so that both together are one.
    """
    masks = soft_mask(class_maps, "hair", frames)[wanted]
    outside = 1 - crop_window(masks.shape[-1])
    refined = (refine(mask, guide) for mask, guide in zip(masks, guides[wanted], strict=True))
    return np.stack([mask * outside for mask in refined])


def crop_window(size: int) -> np.ndarray:
    """float32 (S, S): the crop's own window, seen in a wide square of ``size``."""
    u, v = (at * (size - 1) for at in _crop_places(size))
    return cv2.remap(border_window(size), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _crop_places(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where in the crop, in [0, 1] if inside, each pixel of a wide square lies: x and y, float32 (S, S)."""
    x, y = np.meshgrid(*[(np.arange(size, dtype=np.float32) + 0.5) / size - 0.5] * 2)
    return x * REACH + 0.5, y * REACH + 0.5 + DROP


def fit_recolouring(crops: np.ndarray, differences: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The affine map from colour to change of colour that an edit made of the hair: (4, 3) float64.

    crops, differences: float (n, S, S, 3), RGB in 8-bit levels; weights: (n, S, S), how surely a pixel is hair.
    Least squares, with a slight pull towards a change that is the same for all colours.
    """
    chosen = weights >= SURE
    if not chosen.any():
        return np.zeros((4, 3))
    colours, change = np.asarray(crops[chosen], np.float64), np.asarray(differences[chosen], np.float64)
    design = _design(colours - colours.mean(axis=0))
    gram = design.T @ design / len(design) + np.diag([0, 20.0, 20.0, 20.0])
    fitted = np.linalg.solve(gram, design.T @ change / len(design))
    fitted[0] -= colours.mean(axis=0) @ fitted[1:]
    return fitted


def recolour(rgb: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """The change of colours ``rgb``, (..., 3) in 8-bit levels, by :func:`fit_recolouring`'s map; float32."""
    values = np.asarray(rgb, np.float32)
    flat, change = values.reshape(-1, 3), np.empty((values.size // 3, 3), np.float32)
    for at in range(0, len(flat), STRIP):
        some = flat[at : at + STRIP]
        change[at : at + STRIP] = np.clip(some + _design(some) @ fitted, 0, 255).astype(np.float32) - some
    return change.reshape(values.shape)


def _design(colours: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(colours)), colours])
