"""What an edit adds, calmed over time: each frame's difference averaged with its neighbours' along the motion.

Every frame is sampled from its own noise code, so differences tremble where the frames themselves do not. Motion is
followed from frame to frame, in steps small enough for optical flow to be right, through turns of the head.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

RADIUS = 16  # frames to either side that a frame's difference is averaged with
TIME_SIGMA = 9.0  # frames
COLOUR_SIGMA = 20.0  # 8-bit levels: a neighbour that shows something else at a place has no say there


def steady(differences: np.ndarray, crops: np.ndarray, frames: np.ndarray, wanted: slice) -> np.ndarray:
    """The differences of the ``wanted`` frames, float32 (n, S, S, C), averaged along the crops' optical flow.

    differences: float (m, S, S, C); crops: uint8 (m, S, S, 3) RGB; frames: (m,) rising frame numbers, of which only
    those next to each other in time are averaged: nothing crosses a gap.
    """
    onward, back = _flows(crops)
    blurred = [cv2.GaussianBlur(crop, (3, 3), 0).astype(np.float32) for crop in crops]
    differences = np.asarray(differences, np.float32)
    calm = []
    for at in range(len(crops))[wanted]:
        total, weight = differences[at].copy(), np.ones(crops.shape[1:3], np.float32)
        for steps, flows in ((1, onward), (-1, back)):
            for other, shift in _path(flows, frames, at, steps):
                share = np.exp(-((other - at) ** 2) / (2 * TIME_SIGMA**2))
                apart = magnitude(follow(blurred[other], shift) - blurred[at])
                share = share * np.exp(-((apart / COLOUR_SIGMA) ** 2))
                total += share[..., None] * follow(differences[other], shift)
                weight += share
        calm.append(total / weight[..., None])
    return np.stack(calm)


def magnitude(difference: np.ndarray) -> np.ndarray:
    """The mean over the channels of its absolute values, (h, w), of (h, w, C); fast over so short an axis."""
    channels = difference.shape[2]
    return cv2.transform(np.abs(difference), np.full((1, channels), 1 / channels))


def flow_engine() -> cv2.DISOpticalFlow:
    """Dense optical flow by inverse search (Kroeger et al. 2016), as fine as small pictures need it."""
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    engine.setFinestScale(0)  # the preset's own is a quarter of the size: on so small crops tenths of a pixel matter
    return engine


def _flows(crops: np.ndarray) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """By place: where each pixel of a crop lies in the next one, and where in the one before, (S, S, 2) shifts."""
    engine = flow_engine()
    gray = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    onward = {at: engine.calc(gray[at], gray[at + 1], None) for at in range(len(gray) - 1)}
    return onward, {at: engine.calc(gray[at], gray[at - 1], None) for at in range(1, len(gray))}


def _path(flows: dict[int, np.ndarray], frames: np.ndarray, at: int, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """The places up to RADIUS after ``at`` (``step`` 1) or before (-1), and where its pixels lie there."""
    place, shift = at, 0.0
    while abs(place + step - at) <= RADIUS and place in flows and frames[place + step] == frames[place] + step:
        flow = flows[place]
        shift = flow if place == at else shift + follow(flow, shift)
        place += step
        yield place, shift


def follow(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``image`` fetched from where the flow leads, borders repeated."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
