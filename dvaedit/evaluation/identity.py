"""Is it still the same person: identity embeddings by SFace (Zhong et al. 2021) through OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.checkpoints.store import find_card, verify
from dvaedit.errors import UsageError, WeightsError
from dvaedit.face.align import LEFT_EYE, RIGHT_EYE
from dvaedit.face.points import landmarks_68

SAME_PERSON = 0.363  # cosine above which OpenCV's model zoo calls two photographs the same person
NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = 30, 48, 54


class SFace:
    """SFace's embedding of a face. Not thread-safe: OpenCV's networks keep their activations."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the network from the ONNX file ``path``, by default the shipped one. Raises WeightsError."""
        path = verify(find_card("sface")) if path is None else path
        try:
            self._network = cv2.FaceRecognizerSF.create(str(path), "")
        except cv2.error as error:
            hint = "Restore the file; reading it needs OpenCV 4.11 or newer."
            raise WeightsError(f"OpenCV cannot read {path}", hint) from error

    def embed(self, rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The face's embedding, (128,) float32 of unit L2 norm.

        ``rgb``: (H, W, 3) uint8. ``points``: (68, 2), or FaceMesh's (468, 2), pixels, x right, y down. Their eye
        centres, nose tip and mouth corners are brought to SFace's 112 x 112 template by a similarity.
        """
        row = np.zeros((1, 15), np.float32)  # box, five points, score: alignCrop reads the points only
        row[0, 4:14] = five_points(points).ravel()
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        embedding = self._network.feature(self._network.alignCrop(bgr, row))[0]
        return embedding / np.linalg.norm(embedding)


def five_points(points: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip and mouth corners, left in the picture first, (5, 2), of (68, 2) or (468, 2) points."""
    if points.shape not in ((68, 2), (468, 2)):
        raise UsageError(f"{points.shape} is not the shape of a face's points", hint="Give (68, 2) or (468, 2).")
    p = points if len(points) == 68 else landmarks_68(points)
    eyes = p[LEFT_EYE].mean(axis=0), p[RIGHT_EYE].mean(axis=0)
    return np.stack([*eyes, p[NOSE_TIP], p[MOUTH_LEFT], p[MOUTH_RIGHT]]).astype(np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two embeddings in [-1, 1]: frames of one clip about 0.9, different people about 0.07."""
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


@dataclass(frozen=True)
class TemporalIdentity:
    """How steady an edited video's identity is relative to its source's (Tzaban et al. 2022); 1 is as steady."""

    tl_id: float
    tg_id: float


def temporal_identity(
    edited: Sequence[np.ndarray], source: Sequence[np.ndarray], frames: Sequence[int] | None = None
) -> TemporalIdentity:
    """TL-ID, from the cosines of adjacent frames, and TG-ID, from those of all pairs, each edited over source.

    ``edited``, ``source``: unit-norm embeddings of the same two or more frames; ``frames``: their rising numbers
    (default: consecutive), so that the two sides of a gap do not count as adjacent. TL-ID is NaN where none are.
    """
    if len(edited) != len(source) or len(source) < 2:
        raise UsageError(f"cannot compare {len(edited)} with {len(source)} frames", hint="The same 2 or more of both.")
    adjacent = np.diff(np.arange(len(source)) if frames is None else np.asarray(frames)) == 1
    (local_edited, all_edited), (local_source, all_source) = (
        _self_similarity(np.stack(codes).astype(np.float64), adjacent) for codes in (edited, source)
    )
    return TemporalIdentity(local_edited / local_source, all_edited / all_source)


def _self_similarity(codes: np.ndarray, adjacent: np.ndarray) -> tuple[float, float]:
    """Mean cosine of adjacent frames and of all pairs. codes: (n, D), unit norm; adjacent: bool (n - 1,)."""
    local = (codes[1:] * codes[:-1]).sum(axis=1)[adjacent]
    n = len(codes)
    # The sum over all pairs, without the n x n table: that of a long video would not fit.
    pairs = (np.square(codes.sum(axis=0)).sum() - np.square(codes).sum()) / (n * (n - 1))
    return float(local.mean()) if len(local) else float("nan"), float(pairs)
