"""Shot boundaries: where the picture cuts, so that nothing is smoothed or averaged across."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

THUMB = (64, 36)  # width, height of the picture that cuts are told by
MIN_SHOT = 5  # frames
MIN_CONTENT = 12.0  # mean change of hue, saturation and luma of a cut, 8-bit levels
_RATE = Fraction(25)  # the detector counts frames; the rate only names them


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """uint8 (36, 64, 3) RGB of a frame of any size, area means."""
    return cv2.resize(rgb, THUMB, interpolation=cv2.INTER_AREA)


def shot_starts(thumbs: Iterable[np.ndarray]) -> np.ndarray:
    """First frame of each shot, int64, rising from 0, by PySceneDetect's adaptive detector.

    thumbs: the ``thumbnail`` of every frame in order. The detector compares each change with those around it, so
    that fast motion is no cut. Dissolves are none either: there the tracks end by themselves.
    """
    detector = AdaptiveDetector(min_scene_len=MIN_SHOT, min_content_val=MIN_CONTENT)
    starts = [0]
    for index, thumb in enumerate(thumbs):
        found = detector.process_frame(FrameTimecode(index, _RATE), cv2.cvtColor(thumb, cv2.COLOR_RGB2BGR))
        starts += [cut.frame_num for cut in found]
    return np.array(sorted(set(starts)), np.int64)
