"""How well a frame shows a face: what counts in averages, and where an edit would not hold."""

from __future__ import annotations

import cv2
import numpy as np

MIN_FACE = 48.0  # pixels, side of the face; below it an edit has too little to go by
YAW_LIMITS = (
    42.0,
    56.0,
)  # degrees by FaceMesh, which says too little in profile: full edit up to the first, none from the second on
PITCH_LIMITS = 38.0, 50.0
FULL_SIZE = 128.0  # pixels of a face's side from which size no longer counts
LEAST = 1e-4  # every frame counts a little, so that there always is an average
_SHARPNESS_SIDE = 96
_MEDIAN = 5  # frames


def sharpness(rgb: np.ndarray, box: np.ndarray) -> float:
    """Share of fine detail in a face's picture: variance of the Laplacian over the variance, at 96 pixels.

    rgb: uint8 (H, W, 3). box: (4,), frame pixels. 0 where the box has no pixels or no contrast.
    """
    low = np.clip(np.floor(box[:2]), 0, rgb.shape[1::-1]).astype(int)
    high = np.clip(np.ceil(box[2:]), 0, rgb.shape[1::-1]).astype(int)
    if (high - low).min() < 2:
        return 0.0
    gray = cv2.cvtColor(rgb[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    gray = cv2.resize(gray, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = float(gray.var())
    return float(cv2.Laplacian(gray, cv2.CV_32F).var()) / spread if spread > 1 else 0.0


def frame_quality(pose: np.ndarray, sharp: np.ndarray, score: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Weight of each frame in the person's average, float64 (n,) in (0, 1].

    pose: (n, 3) degrees; sharp: (n,), as ``sharpness``, taken relative to the person's own sharp frames; score: (n,)
    of the detector; size: (n,) pixels. Blurred, turned, small and doubtful (half hidden) frames count less.
    """
    yaw, pitch = np.radians(np.asarray(pose, np.float64)[:, :2]).T
    frontal = np.clip(np.cos(yaw) * np.cos(pitch), 0, 1) ** 3
    best = np.percentile(sharp, 90) if len(sharp) else 1.0
    crisp = np.clip(np.asarray(sharp, np.float64) / best, 0, 1) if best > 0 else np.ones(len(sharp))
    return np.maximum(frontal * crisp * np.clip(score, 0, 1) * np.clip(size / FULL_SIZE, 0, 1), LEAST)


def pose_weight(pose: np.ndarray) -> np.ndarray:
    """How much of an edit a head pose bears, float64 (n,) in [0, 1]: 1 to the front, 0 in profile."""
    yaw, pitch = np.abs(np.asarray(pose, np.float64)[:, :2]).T
    return np.minimum(_fall(_median(yaw), *YAW_LIMITS), _fall(_median(pitch), *PITCH_LIMITS))


def size_weight(size: np.ndarray, least: float = MIN_FACE) -> np.ndarray:
    """1.0 where the face, (n,) pixels, is large enough to be edited, else 0.0; single frames do not decide."""
    return (_median(np.asarray(size, np.float64)) >= least).astype(np.float64)


def _fall(values: np.ndarray, start: float, end: float) -> np.ndarray:
    return np.clip((end - values) / (end - start), 0, 1)


def _median(values: np.ndarray) -> np.ndarray:
    """Running median over five frames, ends repeated."""
    padded = np.pad(values, _MEDIAN // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN), axis=-1)
