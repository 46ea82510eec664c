"""RGB in 8-bit levels to CIE Lab and back, for arrays of any shape that ends in the three channels."""

from __future__ import annotations

import cv2
import numpy as np


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """RGB, 0..255, clipped, as Lab: lightness 0..100, a and b about -128..127; float32."""
    return _convert(np.asarray(rgb, np.float32) / 255, cv2.COLOR_RGB2LAB)


def from_lab(lab: np.ndarray) -> np.ndarray:
    """Lab as RGB, 0..255, float32; colours that RGB does not have are clipped."""
    return np.clip(_convert(np.asarray(lab, np.float32), cv2.COLOR_LAB2RGB) * 255, 0, 255)


def saturation(lab: np.ndarray, darkest: float = 1.0) -> float:
    """Chroma over lightness of one colour, (3,) Lab; below the lightness ``darkest`` over that."""
    return float(np.hypot(*lab[1:])) / max(float(lab[0]), darkest)


def lab_of(light: float, chroma: float, hue: float) -> np.ndarray:
    """(3,) Lab of a lightness, a chroma over lightness, see :func:`saturation`, and a hue, radians."""
    return light * np.array([1, chroma * np.cos(hue), chroma * np.sin(hue)])


def _convert(values: np.ndarray, code: int) -> np.ndarray:
    if not values.size:
        return values
    values = np.clip(values, 0, 1) if code == cv2.COLOR_RGB2LAB else values
    return cv2.cvtColor(np.ascontiguousarray(values.reshape(1, -1, 3)), code).reshape(values.shape)
