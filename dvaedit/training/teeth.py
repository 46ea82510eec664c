"""The teeth of broad smiles, brought to one place: what lips that part uncover."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.mouth import between, gap, inner_lips
from dvaedit.face.points import landmarks_68
from dvaedit.training.counterfactual.library import Library

HEIGHT, WIDTH = 32, 96  # of the picture, from the upper lip to the lower one and from corner to corner
GAPS = 0.06, 0.22  # of the lips, outside which a smile is too slight or a laugh
MIDDLE = slice(8, 20), slice(24, 72)  # where teeth show in all of them
KEPT = 60, 40, 60  # percentiles: the most even, the lightest and the least coloured
SIZES, SHIFTS = np.linspace(0.86, 1.16, 11), range(-4, 5)  # tried when teeth are laid upon each other
LEAST = 20  # smiles
ROUNDS, BEST = 4, 50  # of laying; percentile of those whose fit counts
FINE = 4.0  # sigma of what is not the shape of teeth but shade


def learn_teeth(library: Library, faces: np.ndarray) -> np.ndarray:
    """The median of the teeth of ``faces``, (HEIGHT, WIDTH, 3) Lab, even, tooth upon tooth."""
    pictures = np.array([mouth for mouth in (_inside(library, face) for face in faces) if mouth is not None])
    if len(pictures) < LEAST:
        raise UsageError(f"{len(pictures)} smiles are too few", hint=f"{LEAST} that show teeth are needed.")
    light, middle = pictures[..., 0], (slice(None), *MIDDLE)
    uneven = np.abs(light - light[:, :, ::-1])[middle].mean(axis=(1, 2))
    white = np.median(light[middle], axis=(1, 2))
    colour = np.median(np.hypot(pictures[..., 1], pictures[..., 2])[middle], axis=(1, 2))
    bounds = [np.percentile(values, at) for values, at in zip((uneven, white, colour), KEPT, strict=True)]
    pictures = pictures[(uneven < bounds[0]) & (white > bounds[1]) & (colour < bounds[2])]
    return _laid(np.concatenate([pictures, pictures[:, :, ::-1]]))


def _inside(library: Library, face: int) -> np.ndarray | None:
    """What shows between the lips of a face, (HEIGHT, WIDTH, 3) Lab; None where they are open too little or too far."""
    image = library.image(face)
    points = landmarks_68(library.points[face]).astype(np.float64)
    if not GAPS[0] <= gap(points) <= GAPS[1]:
        return None
    along, down = np.linspace(0, 1, WIDTH)[None], ((np.arange(HEIGHT) + 0.5) / HEIGHT)[:, None]
    at = (between(*inner_lips(points), along, down) - 0.5).astype(np.float32)
    return cv2.remap(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), at, None, cv2.INTER_LINEAR)


def _laid(pictures: np.ndarray) -> np.ndarray:
    """The median of pictures of teeth that are stretched and shifted sideways until they fit it."""
    median = np.median(pictures, axis=0)
    for _ in range(ROUNDS):
        shape = _fine(median[..., 0])
        fits = [
            max(((_fit(moved, shape), moved) for moved in _moved(one)), key=lambda pair: pair[0]) for one in pictures
        ]
        scores = np.array([score for score, _ in fits])
        best = np.stack([moved for _, moved in fits])[scores > np.percentile(scores, BEST)]
        median = np.median(best, axis=0)
        median = (median + median[:, ::-1]) / 2
    return median.astype(np.float32)


def _moved(picture: np.ndarray):
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    for size in SIZES:
        for shift in SHIFTS:
            at = ((x - WIDTH / 2) / size + WIDTH / 2 - shift).astype(np.float32)
            yield cv2.remap(picture, at, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _fit(picture: np.ndarray, shape: np.ndarray) -> float:
    own = _fine(picture[..., 0])
    return float((own * shape).sum() / np.sqrt((own**2).sum() * (shape**2).sum() + 1e-6))


def _fine(light: np.ndarray) -> np.ndarray:
    fine = (light - cv2.GaussianBlur(light, (0, 0), FINE))[4:24, 14:82]
    return fine - fine.mean()
