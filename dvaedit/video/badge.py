"""The visible mark: a small label in the lower right corner of a frame."""

from __future__ import annotations

import functools

import cv2
import numpy as np

TEXT = "AI edited"
_FONT, _THICK = cv2.FONT_HERSHEY_SIMPLEX, 2
_HEIGHT = 1 / 26  # of the frame's shorter side
_INK, _GROUND, _GROUND_ALPHA = 255.0, 0.0, 0.45


def badge_patch(rgb: np.ndarray) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """Where the label goes and what to add there, as ``planes.apply_delta`` takes it.

    rgb: uint8 (H, W, 3). Returns the box (x0, y0, x1, y1) and float32 (y1 - y0, x1 - x0, 3), 8-bit levels.
    """
    height, width = rgb.shape[:2]
    label = _label(width, height)
    rows, columns = label.shape
    x0, y0 = width - columns, height - rows
    under = rgb[y0:, x0:].astype(np.float32)
    shaded = under + (_GROUND - under) * _GROUND_ALPHA
    wanted = shaded + (_INK - shaded) * label[..., None]
    return (x0, y0, width, height), wanted - under


@functools.lru_cache(maxsize=4)
def _label(width: int, height: int) -> np.ndarray:
    """Coverage of the letters, float32 (h, w) in [0, 1], no larger than the frame."""
    (across, down), below = cv2.getTextSize(TEXT, _FONT, 1.0, _THICK)
    pad = down // 2
    canvas = np.zeros((down + below + 2 * pad, across + 2 * pad), np.uint8)
    cv2.putText(canvas, TEXT, (pad, pad + down), _FONT, 1.0, 255, _THICK, cv2.LINE_AA)
    zoom = min(max(14.0, min(width, height) * _HEIGHT) / down, width / canvas.shape[1], height / canvas.shape[0])
    size = (max(1, int(canvas.shape[1] * zoom)), max(1, int(canvas.shape[0] * zoom)))
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
