"""The labelled faces as material for counterfactuals: who can lend what to whom, and how groups differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.training import faces
from dvaedit.training.arrays import read_array
from dvaedit.training.counterfactual.mesh import Raster, skin_tone, triangulate
from dvaedit.training.pseudo_labels import HAIR, HAT, SIZE

Row = dict[str, str]
Test = Callable[[Row], bool]
EYES, NOSE_TIP, MOUTH = (33, 263), 1, (61, 291)


@dataclass(frozen=True)
class Library:
    """N faces of 256 pixels.

    ``images``: uint8 (N, S, S, 3) RGB; ``classes``: uint8 (N, S, S), as ``pseudo_labels`` makes them; ``points``:
    (N, 468, 2) pixels; ``pose``: (N, 2), turn and nod, 0 where frontal; ``skin``, ``hair``: (N, 3) and (N, 6), Lab mean
    of the skin, mean and deviation of the hair (NaN without); ``held_out``: (N,) bool, faces that lend nothing.
    """

    rows: list[Row]
    images: np.ndarray
    classes: np.ndarray
    points: np.ndarray
    pose: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    held_out: np.ndarray
    triangles: np.ndarray
    canonical: np.ndarray

    @classmethod
    def load(cls, root: Path, work: Path) -> Library:
        """Read the face set at ``root``; ``work`` holds ``classes256.npy`` and keeps the decoded pictures."""
        rows, kept = faces.read_rows(root), work / "images256.npy"
        points = faces.facemesh_of(root, rows)
        if not kept.exists():
            partial = kept.with_suffix(".partial.npy")
            np.save(partial, np.stack([faces.read_image(root / "images" / row["file"], SIZE) for row in rows]))
            partial.replace(kept)
        images = read_array(kept, (len(rows), SIZE, SIZE, 3), mmap=True)
        classes = read_array(work / "classes256.npy", images.shape[:3], mmap=True)
        pose = _pose(points)
        canonical = points[np.abs(pose).max(axis=1) < 0.1].mean(axis=0)
        measured = [_colours(images[k], classes[k], points[k]) for k in range(len(rows))]
        skin, hair = (np.stack(part) for part in zip(*measured, strict=True))
        held_out = np.array([faces.is_held_out(row["file"]) for row in rows])
        triangles = triangulate(canonical)
        return cls(rows, images, classes, points, pose, skin, hair, held_out, triangles, canonical)

    def image(self, index: int) -> np.ndarray:
        """float32 (S, S, 3) RGB in [0, 1]."""
        return self.images[index].astype(np.float32) / 255

    def raster(self, points: np.ndarray) -> Raster:
        """The mesh at ``points``."""
        return Raster(points, self.triangles, SIZE)

    def donors(self, test: Test, frontal: float = 0.5) -> np.ndarray:
        """Faces that may lend what ``test`` asks for."""
        fits = [test(row) for row in self.rows]
        return np.flatnonzero(np.array(fits) & ~self.held_out & (np.abs(self.pose[:, 0]) < frontal))

    def choose(
        self, pool: np.ndarray, index: int, rng: np.random.Generator, nearest: int = 24, hair: float = 0.0
    ) -> int:
        """One of the donors in ``pool`` nearest in pose and skin tone (and hair) to face ``index``."""
        distance = 4 * np.abs(self.pose[pool] - self.pose[index]).sum(axis=1)
        distance += np.abs(self.skin[pool] - self.skin[index]) @ [0.02, 0.02, 0.02]
        if hair and not np.isnan(self.hair[index, 0]):
            distance += hair * 0.02 * np.nan_to_num(np.abs(self.hair[pool, 0] - self.hair[index, 0]), nan=60.0)
        return int(rng.choice(pool[np.argsort(distance)[:nearest]]))

    def contrast(self, present: Test, absent: Test, count: int = 250, seed: int = 0) -> Contrast:
        """How frontal faces with ``present`` differ on average from those with ``absent``."""
        rng = np.random.default_rng(seed)
        groups = [self.donors(test, frontal=0.12) for test in (present, absent)]
        chosen = [rng.choice(pool, min(count, len(pool)), replace=False) for pool in groups]
        with_, without = ([self.canonical_lab(k) for k in pool] for pool in chosen)
        shape = self.points[groups[0]].mean(axis=0) - self.points[groups[1]].mean(axis=0)
        return Contrast(np.mean(with_, axis=0) - np.mean(without, axis=0), shape)

    def evenly_lit(self, pool: np.ndarray, share: float) -> np.ndarray:
        """The ``share`` of ``pool`` whose faces are lit alike from both sides and free of hair, best first."""
        return pool[np.argsort([self.unevenness(face) for face in pool])[: max(1, round(share * len(pool)))]]

    def unevenness(self, index: int) -> float:
        """By how much the halves of a face differ in lightness, Lab, and whether hair hides any of it."""
        light = cv2.GaussianBlur(self.canonical_lab(index)[..., 0], (0, 0), 6)
        inside = cv2.erode(self.raster(self.canonical).inside.astype(np.uint8), np.ones((21, 21))) > 0
        hidden = self.raster(self.points[index]).inside & np.isin(self.classes[index], (HAIR, HAT))
        mirrored = np.abs(light - light[:, ::-1])[inside & inside[:, ::-1]]
        return float(mirrored.mean()) + 100 * float(hidden.mean())

    def canonical_lab(self, index: int) -> np.ndarray:
        """Lab of a face in canonical geometry, relative to its own skin tone."""
        flat = self.raster(self.canonical).pull(self.image(index), self.points[index])
        lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB)
        return lab - np.mean([skin_tone(lab, self.canonical, side) for side in ("left", "right")], axis=0)


@dataclass(frozen=True)
class Contrast:
    """``texture``: (S, S, 3), change of Lab in canonical geometry; ``shape``: (468, 2), of the points, pixels."""

    texture: np.ndarray
    shape: np.ndarray


def _pose(points: np.ndarray) -> np.ndarray:
    """Turn: where the nose tip lies between the eyes' outer corners; nod: between eyes and mouth; about -1..1."""
    left, right = points[:, EYES[0]], points[:, EYES[1]]
    across = right - left
    width = np.maximum(np.hypot(*across.T), 1.0)
    tip = points[:, NOSE_TIP] - (left + right) / 2
    turn = (tip * across).sum(axis=1) / width**2 * 2
    down = points[:, MOUTH].mean(axis=1) - (left + right) / 2
    nod = (tip * down).sum(axis=1) / np.maximum((down**2).sum(axis=1), 1.0)
    return np.stack([turn, nod - np.median(nod)], axis=1).astype(np.float32)


def _colours(image: np.ndarray, classes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    skin = np.mean([skin_tone(lab, points, side) for side in ("left", "right")], axis=0)
    hair = lab[cv2.erode((classes == HAIR).astype(np.uint8), np.ones((5, 5))) > 0]
    stats = np.concatenate([hair.mean(axis=0), hair.std(axis=0)]) if len(hair) > 500 else np.full(6, np.nan)
    return skin.astype(np.float32), stats.astype(np.float32)
