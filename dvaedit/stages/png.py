"""Gray pictures as PNG: how masks and class maps are kept."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.pipeline.artifact import Artifact, unreadable


def encode_png(picture: np.ndarray) -> bytes:
    """A uint8 (H, W) picture as PNG."""
    return cv2.imencode(".png", picture)[1].tobytes()


def decode_png(blob: bytes) -> np.ndarray:
    """The uint8 (H, W) picture of :func:`encode_png`. Raises StorageError for any other bytes."""
    picture = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_GRAYSCALE) if blob else None
    if picture is None:
        raise unreadable("an entry of the cache holds a picture that cannot be decoded")
    return picture


def encode_masks(masks: np.ndarray) -> list[bytes]:
    """Weights in [0, 1], (n, M, M), as PNGs."""
    return [encode_png(np.rint(mask * 255).astype(np.uint8)) for mask in masks]


def read_mask(artifact: Artifact, name: str, position: int) -> np.ndarray:
    """The weights ``name`` of one frame, float32 (M, M) in [0, 1], in multiples of 1 / 255."""
    return decode_png(artifact.read_blobs(name, position, position + 1)[0]).astype(np.float32) / 255
