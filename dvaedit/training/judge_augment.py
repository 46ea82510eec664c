"""Random views of a crop for the judge: what video does to a face, and never what an attribute would look like."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.training.parser_augment import Strength, degrade, geometric

# Smaller turns than the parser's: the judge sees aligned crops. Blur, loss of resolution, noise and JPEG are frequent,
# because edited frames are soft and compressed.
STRENGTH = Strength(rotation=0.12, scale=0.1, shift=0.04, blur=0.5, jpeg=0.5, noise=0.25)
COVERED = 0.15  # how often something hides a part of the picture


def judge_view(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """One view, uint8 (size, size, 3) RGB, of a crop, uint8 (S, S, 3) RGB."""
    image, _ = geometric((image, np.zeros(image.shape[:2], np.uint8)), size, rng, STRENGTH)
    image = safe_light(image, rng)
    if rng.random() < COVERED:
        image = cover(image, rng)
    return degrade(image, rng, STRENGTH)


def safe_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast and a slight cast, so small that hair keeps the colour it has. uint8 in and out."""
    x = (image.astype(np.float32) / 255) ** np.exp(rng.uniform(-0.22, 0.22))
    x = (x - 0.5) * rng.uniform(0.85, 1.12) + 0.5 + rng.uniform(-0.05, 0.05)
    gray = x.mean(axis=2, keepdims=True)
    x = gray + rng.uniform(0.85, 1.15) * (x - gray)
    x *= np.exp(rng.uniform(-0.04, 0.04, 3)).astype(np.float32)
    return np.clip(x * 255, 0, 255).astype(np.uint8)


def cover(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An ellipse of one colour over a part of the picture."""
    out, size = image.copy(), len(image)
    centre, axes = rng.uniform(0, size, 2), rng.uniform(0.08, 0.36, 2) * size
    colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    cv2.ellipse(out, (tuple(centre.tolist()), tuple(axes.tolist()), float(rng.uniform(0, 180))), colour, -1)
    return out
