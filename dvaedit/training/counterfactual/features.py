"""The same face with another beard, mouth, skin or make-up, borrowed from other faces or from group averages."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.align import affine
from dvaedit.training.counterfactual.library import Contrast, Library
from dvaedit.training.counterfactual.mesh import Raster, relight
from dvaedit.training.pseudo_labels import GLASSES, L_LIP, NOSE, POLYGONS, U_LIP, fill

NOSE_BASE, CHIN = 2, 152
INSET = 0.045
FOREHEAD, BROWS = 10, 9
STROKE = -0.1  # of a forehead's relief; deeper than wrinkles
HAIR_TINT = np.float32([3, 5])  # Lab; a mean change times an amount would lead beyond it, to blue beards
TYPICAL_LIGHT = 60.0  # Lab, of skin
LIPS = sorted(set(POLYGONS[U_LIP]) | set(POLYGONS[L_LIP]))
STABLE = (33, 133, 362, 263, 168, 6, 4, 10, 151, 127, 356)  # what a smile does not move


def beard_weight(canonical: np.ndarray, moustache_only: bool = False) -> np.ndarray:
    """(468,) in [0, 1]: where beards grow."""
    y = (canonical[:, 1] - canonical[NOSE_BASE, 1]) / (canonical[CHIN, 1] - canonical[NOSE_BASE, 1])
    x = np.abs(canonical[:, 0] - canonical[NOSE_BASE, 0]) / np.abs(canonical[234, 0] - canonical[NOSE_BASE, 0])
    below, jaw = np.clip((y - 0.02) / 0.12, 0, 1), np.clip((x - 0.72) / 0.12, 0, 1) * np.clip((y + 0.55) / 0.2, 0, 1)
    weight = np.maximum(below * np.clip(1.5 - 1.6 * x * np.clip(0.75 - y, 0, 1), 0, 1), jaw)
    if moustache_only:
        lip_top = (canonical[0, 1] - canonical[NOSE_BASE, 1]) / (canonical[CHIN, 1] - canonical[NOSE_BASE, 1])
        weight = below * (y < lip_top + 0.12) * (x < 0.45)
    weight[LIPS] = 0
    return weight


def grow_beard(
    library: Library, index: int, contrast: Contrast, amount: float, moustache_only: bool = False
) -> np.ndarray:
    """Face ``index`` with the beard (or moustache) that bearded faces have on average over shaven ones."""
    image, points = library.image(index), library.points[index]
    raster = library.raster(points)
    weight = raster.weight(beard_weight(library.canonical, moustache_only), 2.0)
    lips = _lips(points, 1)
    weight = np.clip(1.25 * weight, 0, 1) * (1 - lips[..., None])
    return _recolour(image, amount * weight * raster.pull(contrast.texture.astype(np.float32), library.canonical))


def _lips(points: np.ndarray, sigma: float) -> np.ndarray:
    """(S, S) in [0, 1]: the lips, with soft edges."""
    inside = fill(points, POLYGONS[U_LIP]) | fill(points, POLYGONS[L_LIP])
    return cv2.GaussianBlur(inside.astype(np.float32), (0, 0), sigma)


def _recolour(image: np.ndarray, change: np.ndarray) -> np.ndarray:
    """``image`` moved by ``change``, (S, S, 3) Lab; darkening takes a share of the light there is."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    light = lab[..., 0]
    change = change.copy()
    change[..., 0] *= np.where(change[..., 0] < 0, np.clip(light / TYPICAL_LIGHT, 0, 1.3), 1)
    moved = lab + change
    moved[..., 0] = np.clip(moved[..., 0], 2, 100)
    moved[..., 1:] = np.maximum(moved[..., 1:], np.minimum(lab[..., 1:], HAIR_TINT))
    return np.clip(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def graft_smile(library: Library, index: int, donor: int) -> tuple[np.ndarray, np.ndarray]:
    """Face ``index`` with the smiling mouth and cheeks of ``donor``; and its new points."""
    image, points = library.image(index), library.points[index]
    fit = affine(library.points[donor][list(STABLE)], points[list(STABLE)])
    aligned = library.points[donor] @ fit[:2] + fit[2]
    weight = smile_weight(library.canonical)[:, None]
    moved = points + weight * (aligned - points)
    raster = library.raster(moved)
    reshaped = raster.reshape(image, points)
    lent = relight(raster.pull(library.image(donor), library.points[donor], INSET), reshaped, moved)
    blend = raster.weight(np.clip(1.6 * weight[:, 0] - 0.3, 0, 1), 4.0)
    return np.clip(reshaped + blend * (lent - reshaped), 0, 1), moved


def smile_weight(canonical: np.ndarray) -> np.ndarray:
    """(468,) in [0, 1]: mouth, cheeks and chin, falling off towards eyes and ears."""
    mouth = canonical[LIPS].mean(axis=0)
    reach = np.array([0.75, 0.62]) * np.abs(canonical[234, 0] - canonical[NOSE_BASE, 0])
    distance = np.hypot(*((canonical - mouth) / reach).T)
    return np.clip(1.5 - 1.1 * distance, 0, 1) * (canonical[:, 1] > canonical[4, 1] - 4)


def shift_towards(
    library: Library, index: int, contrast: Contrast, texture: float, shape: float, parts: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Face ``index`` moved along the mean difference of two groups, ``texture`` and ``shape`` times; new points.

    ``parts``: share of the texture's change that eyes, brows, lips and mouth take, whose mean is a blur.
    """
    image, points = library.image(index), library.points[index]
    moved = (points + shape * contrast.shape).astype(np.float32)
    raster = library.raster(moved)
    reshaped = np.clip(raster.reshape(image, points), 0, 1).astype(np.float32)
    change = raster.pull(contrast.texture.astype(np.float32), library.canonical)
    weight = raster.weight(np.ones(len(points)), 5.0)
    if parts < 1:
        weight = parts * weight + (1 - parts) * skin_weight(raster)
    lab = cv2.cvtColor(reshaped, cv2.COLOR_RGB2LAB) + texture * weight * change
    lab[..., 0] = np.clip(lab[..., 0], 0, 100)
    return np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1), moved


def skin_weight(raster: Raster) -> np.ndarray:
    """(S, S, 1): the face's skin without eyes, brows, lips and mouth."""
    free = np.ones((raster.size, raster.size), np.float32)
    for part, vertices in POLYGONS.items():
        if part != NOSE:
            free[fill(raster.points, vertices) > 0] = 0
    return raster.weight(np.ones(len(raster.points)), 4.0) * cv2.GaussianBlur(free, (0, 0), 1.5)[..., None]


def lend_wrinkles(
    library: Library,
    image: np.ndarray,
    points: np.ndarray,
    index: int,
    donor: int,
    gain: float = 1.0,
    keep: float = 0.4,
) -> np.ndarray:
    """``image``, made of face ``index``, with the fine relief of the skin of ``donor``; ``gain`` 0: with little."""
    raster = library.raster(points)
    lent = relight(raster.pull(library.image(donor), library.points[donor], INSET), image, points)
    relief, own = (_relief(picture) for picture in (lent, image))
    change = gain * np.clip(relief, -0.13, 0.09) - (1 - keep) * own
    bare = cv2.GaussianBlur((library.classes[index] != GLASSES).astype(np.float32), (0, 0), 2)[..., None]
    return np.clip(image + skin_weight(raster) * bare * change, 0, 1)


def most_wrinkled(library: Library, pool: np.ndarray) -> int:
    """The face of ``pool`` with the strongest relief of the skin; strokes of hair on the forehead are none."""
    skin = cv2.erode(library.raster(library.canonical).inside.astype(np.uint8), np.ones((25, 25))) > 0
    top, brows = (int(library.canonical[point, 1]) for point in (FOREHEAD, BROWS))
    forehead = np.zeros_like(skin)
    forehead[top + 6 : brows - 4, int(library.canonical[104, 0]) : int(library.canonical[333, 0])] = True

    def depth(index: int) -> float:
        flat = library.raster(library.canonical).pull(library.image(index), library.points[index], INSET)
        relief = _relief(flat)[..., 0]
        return -1.0 if np.percentile(relief[forehead], 2) < STROKE else float(relief[skin].std())

    return int(max(pool, key=depth))


def _relief(image: np.ndarray, sigma: float = 7.0) -> np.ndarray:
    light = image @ np.float32([0.299, 0.587, 0.114])
    return (light - cv2.GaussianBlur(light, (0, 0), sigma))[..., None]


def make_up(image: np.ndarray, points: np.ndarray, rng: np.random.Generator, heavy: bool) -> np.ndarray:
    """Lipstick; ``heavy``: eye shadow, lashes and blush too."""
    lips = _lips(points, 1.2)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    hue, chroma = rng.uniform(0.25, 0.45), rng.uniform(46, 54)
    tone = np.stack([lab[..., 0] * rng.uniform(0.65, 0.75), np.full_like(lab[..., 1], chroma * np.cos(hue)),
                     np.full_like(lab[..., 2], chroma * np.sin(hue))], axis=-1)  # fmt: skip
    lab = lab + (lips * 0.9)[..., None] * (tone - lab)
    if heavy:
        lab = lab + _eye_shadow(points, len(image), rng) + _blush(points, len(image), rng)
    return np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def _eye_shadow(points: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    for lid, brow in (((33, 246, 161, 160, 159, 158, 157, 173, 133), (55, 65, 52, 53, 46)),
                      ((263, 466, 388, 387, 386, 385, 384, 398, 362), (285, 295, 282, 283, 276))):  # fmt: skip
        upper = points[list(lid)][::-1] if lid[0] == 263 else points[list(lid)]
        toward = 0.55 * points[list(brow)] + 0.45 * points[[lid[4]]]
        cv2.fillPoly(mask, [np.rint(np.vstack([upper, toward]) * 16).astype(np.int32)], 1, shift=4)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)[..., None]
    return soft * np.float32([-rng.uniform(12, 26), rng.uniform(-2, 10), rng.uniform(-8, 4)])


def _blush(points: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:size, :size].astype(np.float32)
    width = 0.16 * np.hypot(*(points[234] - points[454]))
    spots = sum(np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))) for cx, cy in points[[50, 280]])
    return spots[..., None] * np.float32([0, rng.uniform(4, 12), rng.uniform(0, 4)])
