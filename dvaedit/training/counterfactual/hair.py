"""The same hair in another colour."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.mask import refine
from dvaedit.training.counterfactual.library import Library
from dvaedit.training.pseudo_labels import BACKGROUND, HAIR, L_BROW, R_BROW, SKIN

BROW_SHARE = 0.35
OUTLINE = 14.0  # pixels inside the hair's outline that may be background seen through strands
MAX_CHROMA = 45.0  # Lab; dyed hair is stronger


def hair_mask(image: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(S, S) float32 in [0, 1]: hair, down to its strands."""
    mask = cv2.GaussianBlur((classes == HAIR).astype(np.float32), (0, 0), 1.5)
    return refine(mask, (image * 255).astype(np.uint8)) * _unlike_background(image, classes)


def _unlike_background(image: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: near the outline against the background, how far colour has come from there to the hair's."""
    hair, behind = (cv2.erode((classes == kind).astype(np.uint8), np.ones((9, 9))) for kind in (HAIR, BACKGROUND))
    nearby = [_mean_around(image, part.astype(np.float32)) for part in (hair, behind)]
    apart = nearby[0] - nearby[1]
    squared = (apart**2).sum(axis=-1)
    share = ((image - nearby[1]) * apart).sum(axis=-1) / np.maximum(squared, 1e-4)
    clear = np.clip(squared / 0.03, 0, 1)  # where both have one colour, colour says nothing
    outline = np.exp(
        -((cv2.distanceTransform((classes != BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5) / OUTLINE) ** 2)
    )
    return 1 - outline * clear * (1 - np.clip(1.2 * share - 0.1, 0, 1))


def _mean_around(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean colour of ``image`` over the pixels of ``weight`` that are near, (S, S, 3)."""
    total = cv2.GaussianBlur(image * weight[..., None], (0, 0), 12)
    return total / (cv2.GaussianBlur(weight, (0, 0), 12) + 1e-4)[..., None]


def recolour(library: Library, index: int, donor: int, rng: np.random.Generator) -> np.ndarray:
    """Face ``index`` with the hair colour of face ``donor``: means and spread of Lab carried over, strands kept.

    Lightness follows the donor's relative to its skin half way, as the two may stand in different light.
    """
    image, classes = library.image(index), library.classes[index]
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    mean, spread = library.hair[index, :3], library.hair[index, 3:]
    target, target_spread = library.hair[donor, :3].copy(), library.hair[donor, 3:]
    chroma = np.hypot(*target[1:])
    target[1:] *= min(1.0, MAX_CHROMA / max(chroma, 1e-3))
    target[0] += 0.5 * (library.skin[index, 0] - library.skin[donor, 0])
    target[0] = np.clip(target[0], 4, 92)
    gain = np.clip(target_spread / np.maximum(spread, 1.0), [0.6, 0.3, 0.3], [1.8, 1.2, 1.2])
    moved = lab + (target + (lab - mean) * gain - lab) * _room(lab[..., 0], mean[0], target[0])
    moved[..., 0] = np.clip(moved[..., 0], 0, 98)
    recoloured = np.clip(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)
    brows = cv2.GaussianBlur(np.isin(classes, (L_BROW, R_BROW)).astype(np.float32), (0, 0), 1.5)
    mask = hair_mask(image, classes) * _unlike_skin(lab, classes, mean, library.skin[index])
    mask = np.maximum(mask, BROW_SHARE * rng.uniform(0, 1) * brows)[..., None]
    return image + mask * (recoloured - image)


def _room(light: np.ndarray, mean: float, target: float) -> np.ndarray:
    """(S, S, 1) in [0, 1]: 0 for pixels lighter than hair made lighter would be: they are background or skin."""
    if target <= mean:
        return np.ones((*light.shape, 1), np.float32)
    top = target + 15
    return np.clip((top - light) / (top - mean), 0, 1)[..., None]


def _unlike_skin(lab: np.ndarray, classes: np.ndarray, hair: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: near the face, 0 where the colour is the skin's and not the hair's."""
    weights = np.float32([0.7, 1, 1])
    apart = np.linalg.norm((hair - skin) * weights)
    if apart < 15:
        return np.ones(lab.shape[:2], np.float32)
    blurred = cv2.GaussianBlur(lab, (0, 0), 1)
    to_skin, to_hair = (np.linalg.norm((blurred - c) * weights, axis=-1) for c in (skin, hair))
    hairness = 1 / (1 + np.exp(-8 * (to_skin - to_hair) / apart))
    near_face = np.exp(-cv2.distanceTransform((classes != SKIN).astype(np.uint8), cv2.DIST_L2, 5) / 10)
    return 1 - near_face * (1 - hairness)
