"""Long hair on average: where it hangs beside a face, which way its strands run, how light it is where."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.anchor import seen
from dvaedit.face.locks import ANCHORS, into_room
from dvaedit.face.points import landmarks_68
from dvaedit.training.counterfactual.library import Library, Row
from dvaedit.training.pseudo_labels import HAIR, SIZE

COUNT, TURNED = 700, 0.12  # faces at most; how far they may be
SEEN = 0.7  # share of hair beside both corners of the jaw
JAWS = (5, 11)
NOISE, STRUCTURE = 0.8, 3.0  # pixels, sigma: of what is no strand; over which directions are averaged


def long_haired(row: Row) -> bool:
    """Straight and long, and nothing before it."""
    plain = row["headwear"] == row["occluded"] == "0" and row["age"] in ("young", "middle")
    return plain and row["sex"] == "f" and (row["hair_length"], row["hair_texture"]) == ("long", "straight")


def learn_locks(library: Library, reference: np.ndarray, seed: int = 0) -> np.ndarray:
    """float32 (S, S, 4) over the mean face's wide square: see :attr:`dvaedit.face.locks.Locks.maps`."""
    pool = np.random.default_rng(seed).permutation(library.donors(long_haired, TURNED))[:COUNT]
    found = [_seen(library, face, reference) for face in pool]
    hair, cos, sin, core, light = np.moveaxis(np.mean([one for one in found if _hangs(one, reference)], axis=0), -1, 0)
    weight = np.maximum(core, 1e-3)
    hair, cos, light = (_mirrored(one, 1) for one in (hair, cos / weight, light / weight))
    return into_room(np.dstack([hair, cos, _mirrored(sin / weight, -1), light]).astype(np.float32))


def _seen(library: Library, face: int, reference: np.ndarray) -> np.ndarray:
    """Of one face, over the mean one, (S, S, 5): hair; twice the angle of its strands, as cosine and sine; hair well
    inside; its lightness there, relative to its median."""
    hair = (library.classes[face] == HAIR).astype(np.float32)
    core = cv2.erode(hair, np.ones((5, 5)))
    lab = cv2.cvtColor(cv2.GaussianBlur(library.image(face), (0, 0), NOISE), cv2.COLOR_RGB2LAB)
    light = lab[..., 0] - (np.median(lab[core > 0][:, 0]) if core.any() else 0)
    double = core[..., None] * _directions(lab[..., 0], core)
    points = landmarks_68(library.points[face])[ANCHORS] / SIZE
    return seen(np.dstack([hair, double, core, core * light]), points, reference[ANCHORS])


def _directions(light: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Twice the angle along which lightness changes least, as a vector as long as that is sure, (h, w, 2)."""
    x, y = (cv2.Sobel(light, cv2.CV_32F, *order) * inside for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(each, (0, 0), STRUCTURE) for each in (x * x, y * y, x * y))
    return -np.dstack([xx - yy, 2 * xy]) / (xx + yy + 1e-3)[..., None]


def _hangs(seen_: np.ndarray, reference: np.ndarray) -> bool:
    """Whether hair hangs beside both corners of the jaw."""
    left, right = (np.rint(reference[jaw] * SIZE).astype(int) for jaw in JAWS)
    rows = slice(left[1] - 6, left[1] + 6)
    sides = seen_[rows, : left[0], 0], seen_[rows, right[0] :, 0]
    return min(float(side.mean(axis=0).max()) for side in sides) >= SEEN


def _mirrored(image: np.ndarray, sign: int) -> np.ndarray:
    return (image + sign * image[:, ::-1]) / 2
