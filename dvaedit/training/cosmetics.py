"""Where make-up lies on the mean face."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.beard import inside
from dvaedit.training.counterfactual.features import make_up
from dvaedit.training.counterfactual.library import Library
from dvaedit.training.pseudo_labels import SIZE

COUNT, LIPSTICK = 100, 1.35  # faces that are painted; times what that changes, for their paints are of all hues
LIDS = (np.r_[36:40], np.r_[42:46])  # of the 68 points, along the upper lids
BROWS = (np.r_[17:22], np.r_[22:27])
LIFTED, LIDDED = 0.5, np.float32([-15, 3, -2])  # how far up to the brow shadow goes; Lab that it changes
LASHES, LINED = 0.012, np.float32([-30, 0, -4])  # width of the line along the lid, in sides of the crop; Lab
CHEEKS, SPREAD = ((1, 31, 36), (15, 35, 45)), (0.06, 0.042)  # points around each; sigmas, along and across, in sides
BLUSH, ROSY = np.float32([-1.5, 8, 2]), np.float32([-2, 14, 4])  # Lab: of make-up, and of rosy cheeks


def lipstick(library: Library, faces: np.ndarray, seed: int = 0) -> np.ndarray:
    """What lipstick changes, (S, S, 3) Lab over the mean face: mean of faces with and without."""
    rng, raster = np.random.default_rng(seed), library.raster(library.canonical)
    changes = []
    for face in rng.choice(faces, min(COUNT, len(faces)), replace=False):
        image, points = library.image(face), library.points[face]
        painted = make_up(image, points, rng, heavy=False)
        changes.append(
            np.subtract(*(cv2.cvtColor(raster.pull(one, points), cv2.COLOR_RGB2LAB) for one in (painted, image)))
        )
    return LIPSTICK * _evened(np.mean(changes, axis=0))


def eyes_made_up(reference: np.ndarray) -> np.ndarray:
    """What eye shadow and a line along the lashes change, (S, S, 3) Lab. reference: (68, 2), sides of the crop."""
    lids, lines = np.zeros((2, SIZE, SIZE), np.float32)
    for lid, brow in zip(LIDS, BROWS, strict=True):
        upper, above = reference[lid], reference[brow]
        ends = np.linspace(0, len(above) - 1, len(upper))
        above = np.stack([np.interp(ends, np.arange(len(above)), above[:, k]) for k in (0, 1)], axis=1)
        lids += inside(np.vstack([upper, (upper + LIFTED * (above - upper))[::-1]]), SIZE)
        cv2.polylines(lines, [_fixed(upper)], False, 1.0, max(round(LASHES * SIZE), 1), cv2.LINE_8, 4)
    soft, fine = (cv2.GaussianBlur(one, (0, 0), sigma) for one, sigma in ((lids, 3.0), (lines, 0.8)))
    return _evened(soft[..., None] * LIDDED + fine[..., None] * LINED)


def blush(reference: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """What blush of a colour, (3,) Lab, changes, (S, S, 3): along both cheekbones, towards the temples."""
    at = (np.stack(np.meshgrid(*[np.arange(SIZE)] * 2), axis=-1) + 0.5) / SIZE
    spots = np.zeros((SIZE, SIZE))
    for cheek in CHEEKS:
        temple, nose, eye = reference[list(cheek)]
        centre = 0.45 * temple + 0.25 * nose + 0.3 * eye + [0, 0.03]
        along = temple - nose
        along = along / np.hypot(*along)
        away = at - centre
        far, across = away @ along, away @ np.array([-along[1], along[0]])
        spots += np.exp(-((far / SPREAD[0]) ** 2 + (across / SPREAD[1]) ** 2) / 2)
    return _evened(spots[..., None] * colour).astype(np.float32)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint((points * SIZE - 0.5) * 16).astype(np.int32)


def _evened(image: np.ndarray) -> np.ndarray:
    return (image + image[:, ::-1]) / 2
