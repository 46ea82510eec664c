"""Who somebody is: identity embeddings by SFace (Zhong et al. 2021) through OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dvaedit.errors import UsageError, WeightsError
from dvaedit.face.align import LEFT_EYE, RIGHT_EYE
from dvaedit.face.points import landmarks_68

NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = 30, 48, 54


class SFace:
    """SFace's embedding of a face. Not thread-safe: OpenCV's networks keep their activations."""

    def __init__(self, path: Path) -> None:
        """Read the network from the ONNX file ``path``. Raises WeightsError."""
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
