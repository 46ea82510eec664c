"""Flicker of an edited video: what changes from frame to frame beyond the motion, relative to its source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import cv2
import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.steady import follow, magnitude


@dataclass(frozen=True)
class Flicker:
    """Mean absolute difference of a frame and its motion-compensated predecessor, in 8-bit levels, of both videos."""

    edited: float
    source: float

    @property
    def ratio(self) -> float:
        """Edited over source: 1 is as calm as the source, more is flicker. An edit that lowers contrast lowers it."""
        if self.source > 0:
            return self.edited / self.source
        return 1.0 if self.edited == 0 else math.inf


def flicker(source: Iterable[np.ndarray], edited: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> Flicker:
    """The warping error (Lai et al. 2018, eq. 9) of both videos inside the masks, along the source's optical flow.

    ``source``, ``edited``: frames (H, W, 3) uint8; ``masks``: (H, W) in [0, 1], weights of a frame's pixels. Errors of
    the flow, occlusions and noise are in the source's value as well as in the edit's; the ratio takes them out.
    Raises UsageError for different lengths or sizes, fewer than two frames or empty masks.
    """
    engine = flow_engine()
    sums, weight = np.zeros(2), 0.0
    for (before, edited_before, _), (after, edited_after, mask) in pairwise(_together(source, edited, masks)):
        flow = backward_flow(engine, before, after)
        sums[0] += warping_error(edited_before, edited_after, flow, mask)
        sums[1] += warping_error(before, after, flow, mask)
        weight += float(mask.sum())
    if weight == 0:
        raise UsageError(
            "there is nothing to measure flicker on", hint="Two or more frames and masks that are not empty."
        )
    return Flicker(*(sums / weight).tolist())


def flow_engine() -> cv2.DISOpticalFlow:
    """Dense optical flow by inverse search (Kroeger et al. 2016)."""
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def backward_flow(engine: cv2.DISOpticalFlow, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where each pixel of ``after`` was in ``before``: (H, W, 2) float32 shifts, pixels. Frames: (H, W, 3) uint8."""
    return engine.calc(_gray(after), _gray(before), None)


def warping_error(before: np.ndarray, after: np.ndarray, flow: np.ndarray, mask: np.ndarray) -> float:
    """Sum over the mask of the absolute difference of a frame and its motion-compensated predecessor, levels."""
    return float((_difference(before, after, flow) * mask).sum())


def _together(
    source: Iterable[np.ndarray], edited: Iterable[np.ndarray], masks: Iterable[np.ndarray]
) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for frame, edit, mask in zip_longest(source, edited, masks):
        if frame is None or edit is None or mask is None:
            raise UsageError("source, edited video and masks differ in length", hint="Give the same frames of all.")
        if frame.shape != edit.shape or frame.shape[:2] != mask.shape:
            raise UsageError(f"sizes differ: frames of {frame.shape} and {edit.shape}, a mask of {mask.shape}")
        yield frame, edit, mask.astype(np.float32)


def _difference(before: np.ndarray, after: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """|after(p) - before(p + flow(p))|, mean over the colours, (H, W) float32."""
    moved = follow(before.astype(np.float32), flow)
    return magnitude(after.astype(np.float32) - moved)


def _gray(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
