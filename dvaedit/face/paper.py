"""The paper's crop and paste to the letter: Pillow's resampling, a JPEG between crop and network, a hard square.

For the ``paper`` recipe and the parity checks; :mod:`dvaedit.face.align` and :mod:`dvaedit.face.paste` do better.
Source: METHOD 2 and 9.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

CROP_PIXELS = 1024  # the size crops are kept at
_MIN_BORDER = 3  # pixels


def paper_crop(rgb: np.ndarray, quad: np.ndarray, size: int = CROP_PIXELS) -> np.ndarray:
    """The aligned crop; what lies outside the frame is black.

    rgb: uint8 (H, W, 3). quad: (4, 2), frame pixels. Returns uint8 (size, size, 3).
    """
    image, quad = Image.fromarray(rgb), np.array(quad, np.float64)
    length = float(np.hypot(*(quad[3] - quad[1])))  # the diagonal, which the released code takes for the side
    shrink = int(np.floor(length / size * 0.5))
    if shrink > 1:
        smaller = tuple(int(np.rint(side / shrink)) for side in image.size)
        image = image.resize(smaller, Image.Resampling.LANCZOS)
        quad, length = quad / shrink, length / shrink
    border = max(int(np.rint(length * 0.1)), _MIN_BORDER)
    low = np.maximum(np.floor(quad.min(0)).astype(int) - border, 0)
    high = np.minimum(np.ceil(quad.max(0)).astype(int) + border, image.size)
    if (high - low < image.size).any():
        image, quad = image.crop((*low.tolist(), *high.tolist())), quad - low
    data = (quad + 0.5).flatten().tolist()  # Pillow's pixel centres lie at half-integers
    return np.asarray(image.transform((size, size), Image.Transform.QUAD, data, Image.Resampling.BILINEAR))


def encode_jpeg(rgb: np.ndarray) -> bytes:
    """A uint8 (H, W, 3) picture as the released code stores crops: Pillow's defaults, quality 75, 4:2:0."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG")
    return file.getvalue()


def decode_image(data: bytes) -> np.ndarray:
    """The uint8 (H, W, 3) RGB picture in a JPEG or PNG file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def network_crop(stored: np.ndarray, size: int = 256) -> np.ndarray:
    """The stored crop, uint8 (1024, 1024, 3), at the network's size (Pillow's antialiased bilinear filter)."""
    return np.asarray(Image.fromarray(stored).resize((size, size), Image.Resampling.BILINEAR))


def dataset_crop(rgb: np.ndarray, quad: np.ndarray, size: int = 256) -> np.ndarray:
    """What the paper's network sees of a frame: crop at 1024, a JPEG there and back, reduced. uint8 (size, size, 3)."""
    return network_crop(decode_image(encode_jpeg(paper_crop(rgb, quad))), size)


def inverse_coefficients(quad: np.ndarray, size: int = 256) -> np.ndarray:
    """The perspective map from frame to crop as eight numbers a..h, float64.

    Frame point (X, Y), pixel centres at half-integers, lands on crop point ((aX + bY + c)/(gX + hY + 1),
    (dX + eY + f)/(gX + hY + 1)). Normal equations, as in the released code: exact but for rounding.
    """
    corners = np.asarray(quad, np.float64) + 0.5
    targets = np.array([(0, 0), (0, size), (size, size), (size, 0)], np.float64)
    rows = []
    for (x, y), (u, v) in zip(corners, targets, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
    matrix = np.array(rows)
    return np.linalg.inv(matrix.T @ matrix) @ matrix.T @ targets.reshape(8)


def paper_paste(rgb: np.ndarray, crop: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """The frame with its whole crop square replaced, bilinear, hard edges: uint8 (H, W, 3).

    rgb: uint8 (H, W, 3). crop: uint8 (S, S, 3). coefficients: (8,), see :func:`inverse_coefficients`.
    """
    frame = Image.fromarray(rgb).convert("RGBA")
    data = np.asarray(coefficients).tolist()
    square = Image.fromarray(crop).convert("RGBA")
    projected = square.transform(frame.size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BILINEAR)
    return np.asarray(Image.alpha_composite(frame, projected).convert("RGB"))


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Images in [-1, 1], float (..., 3, H, W), as 8-bit levels (..., H, W, 3), rounded half to even."""
    levels = np.clip(np.rint(255 * (np.asarray(image) + 1) / 2), 0, 255).astype(np.uint8)
    return np.moveaxis(levels, -3, -1)
