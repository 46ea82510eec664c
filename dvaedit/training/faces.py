"""The labelled face set as arrays, prepared once and read by every trainer of the compact model."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.points import landmarks_68
from dvaedit.training.arrays import read_archive, read_array
from dvaedit.training.attributes import NAMES, label_matrix, sampling_weights

HELD_OUT_SHARE = 0.06


@dataclass(frozen=True)
class FaceSet:
    """N aligned faces.

    ``images``: uint8 (N, S, S, 3) RGB; ``masks``: uint8 (N, S, S), 255 on the head (face, hair, neck), 0 elsewhere;
    ``points``: float32 (N, 68, 2), crop pixels; ``labels``: float32 (N, A) in {0, 1, NaN}; ``weights``: (N,) draw
    weights; ``held_out``: bool (N,), never trained on; ``names``: of the A attributes.
    """

    rows: list[dict[str, str]]
    images: np.ndarray
    masks: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    held_out: np.ndarray
    names: tuple[str, ...] = NAMES

    @property
    def image_size(self) -> int:
        return self.images.shape[1]


def is_held_out(file_name: str) -> bool:
    """A fixed share of the files, chosen by the digest of the name, is kept for testing."""
    return int(hashlib.sha256(file_name.encode()).hexdigest()[:8], 16) < HELD_OUT_SHARE * 2**32


def read_rows(root: Path) -> list[dict[str, str]]:
    """The rows of ``root/faces.csv``."""
    table = root / "faces.csv"
    if not table.is_file():
        raise UsageError(f"no face set at {root}", hint="It needs faces.csv, landmarks468.npz and images/.")
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def read_image(path: Path, size: int) -> np.ndarray:
    """(size, size, 3) uint8 RGB, reduced by area averaging."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UsageError(f"cannot read {path}", hint="Is the face set complete?")
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)[:, :, ::-1]


def facemesh_of(root: Path, rows: list[dict[str, str]]) -> np.ndarray:
    """(N, 468, 2) float32, pixels of the 256 px crops, in the order of ``rows``."""
    archive = read_archive(root / "landmarks468.npz", "name", "xy")
    place = {name: index for index, name in enumerate(archive["name"])}
    return archive["xy"][[place[row["file"]] for row in rows]].astype(np.float32)


def load(root: Path, work: Path, size: int = 128, masks: Path | None = None) -> FaceSet:
    """Read the face set at ``root``; decoded images are kept in ``work`` for the next start.

    ``masks`` is an .npy file of head masks, (N, size, size) uint8, as ``dvaedit.training.pseudo_labels`` writes it;
    without it the whole crop counts as face.
    """
    rows = read_rows(root)
    work.mkdir(parents=True, exist_ok=True)
    cached = work / f"images{size}.npy"
    if not cached.exists():
        images = np.stack([read_image(root / "images" / row["file"], size) for row in rows])
        partial = cached.with_suffix(".partial.npy")
        np.save(partial, images)
        partial.replace(cached)
    images = read_array(cached, (len(rows), size, size, 3))
    head = read_array(masks, images.shape[:3]) if masks else np.full(images.shape[:3], 255, np.uint8)
    points = landmarks_68(facemesh_of(root, rows)) * (size / 256)
    held_out = np.array([is_held_out(row["file"]) for row in rows])
    return FaceSet(rows, images, head, points, label_matrix(rows), sampling_weights(rows), held_out)
