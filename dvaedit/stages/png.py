"""Grey pictures as PNG: how masks and class maps are kept."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.pipeline.artifact import unreadable


def encode_png(picture: np.ndarray) -> bytes:
    """A uint8 (H, W) picture as PNG."""
    return cv2.imencode(".png", picture)[1].tobytes()


def decode_png(blob: bytes) -> np.ndarray:
    """The uint8 (H, W) picture of :func:`encode_png`. Raises StorageError for any other bytes."""
    picture = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_GRAYSCALE) if blob else None
    if picture is None:
        raise unreadable("an entry of the cache holds a picture that cannot be decoded")
    return picture
