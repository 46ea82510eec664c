"""What an edit adds, calmed over time: each frame's difference averaged with its neighbours' along the motion.

Every frame is sampled from its own noise code, so differences tremble where the frames themselves do not.
"""

from __future__ import annotations

import cv2
import numpy as np

RADIUS = 6  # frames to either side that a frame's difference is averaged with
TIME_SIGMA = 4.0  # frames
COLOUR_SIGMA = 20.0  # 8-bit levels: a neighbour that shows something else at a place has no say there


def steady(differences: np.ndarray, crops: np.ndarray, frames: np.ndarray, wanted: slice) -> np.ndarray:
    """The differences of the ``wanted`` frames, float32 (n, S, S, 3), averaged along the crops' optical flow.

    differences: float (m, S, S, 3); crops: uint8 (m, S, S, 3) RGB; frames: (m,) rising frame numbers, of which only
    those next to each other in time are averaged: nothing crosses a gap.
    """
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    gray = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    blurred = [cv2.GaussianBlur(crop, (3, 3), 0).astype(np.float32) for crop in crops]
    differences = np.asarray(differences, np.float32)
    calm = []
    for at in range(len(crops))[wanted]:
        total, weight = differences[at].copy(), np.ones(gray[at].shape, np.float32)
        for other in _neighbours(frames, at):
            flow = engine.calc(gray[at], gray[other], None)
            share = np.exp(-((frames[other] - frames[at]) ** 2) / (2 * TIME_SIGMA**2))
            apart = np.abs(follow(blurred[other], flow) - blurred[at]).mean(axis=2)
            share = share * np.exp(-((apart / COLOUR_SIGMA) ** 2))
            total += share[..., None] * follow(differences[other], flow)
            weight += share
        calm.append(total / weight[..., None])
    return np.stack(calm)


def _neighbours(frames: np.ndarray, at: int) -> list[int]:
    """Places of the frames within RADIUS of ``at`` between which and it no frame is missing."""
    near = range(max(at - RADIUS, 0), min(at + RADIUS + 1, len(frames)))
    return [other for other in near if other != at and abs(frames[other] - frames[at]) == abs(other - at)]


def follow(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``image`` fetched from where the flow leads, borders repeated."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
