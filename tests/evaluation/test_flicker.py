import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from skimage import data

from dvaedit.errors import UsageError
from dvaedit.evaluation.flicker import Flicker, backward_flow, flicker, flow_engine, warping_error

FACE = cv2.resize(data.astronaut()[40:200, 140:300], (192, 192), interpolation=cv2.INTER_AREA)
MASK = np.zeros((192, 192), np.float32)
MASK[32:160, 32:160] = 1


def moving(picture, count=4, speed=2.5):
    """The picture shifted by ``speed`` more pixels in each frame."""
    return [
        cv2.warpAffine(picture, np.float32([[1, 0, speed * i], [0, 1, 0]]), (192, 192), borderMode=cv2.BORDER_REFLECT)
        for i in range(count)
    ]


def lit(frames, levels):
    return [
        np.clip(frame.astype(int) + level, 0, 255).astype(np.uint8) for frame, level in zip(frames, levels, strict=True)
    ]


def test_an_edit_that_moves_along_does_not_flicker():
    frames = moving(FACE)
    result = flicker(frames, moving(255 - FACE), [MASK] * 4)
    uncompensated = [np.abs(a.astype(float) - b)[MASK > 0].mean() for a, b in pairwise(frames)]
    assert result.source < np.mean(uncompensated) / 3
    assert result.ratio == pytest.approx(1, abs=0.1)


def test_an_edit_that_moves_otherwise_is_calm_along_its_own_motion():
    (before, after), (ours_before, ours_after) = moving(FACE, 2), moving(255 - FACE, 2, speed=-2.5)
    engine = flow_engine()
    along = [backward_flow(engine, *pair) for pair in ((before, after), (ours_before, ours_after))]
    theirs, own = (warping_error(ours_before, ours_after, flow, MASK) for flow in along)
    assert own < theirs / 3


def test_flicker_in_levels_and_only_inside_the_mask():
    still = [np.full((64, 64, 3), 100, np.uint8)] * 5
    blinking = lit(still, (0, 6, 0, 6, 0))
    half = np.zeros((64, 64), bool)
    half[:, :32] = True
    assert flicker(still, blinking, [half] * 5) == Flicker(edited=6, source=0)
    for frame in blinking:
        frame[:, :32] = 100
    assert flicker(still, blinking, [half] * 5) == Flicker(edited=0, source=0)


def test_flicker_raises_the_ratio():
    frames = moving(FACE)
    assert flicker(frames, lit(frames, (0, 12, 0, 12)), [MASK] * 4).ratio > 3


def test_ratio_of_a_perfectly_still_source():
    assert Flicker(0, 0).ratio == 1
    assert Flicker(1, 0).ratio == math.inf


@pytest.mark.parametrize(
    ("edited", "masks", "message"),
    [
        (2, [MASK] * 3, "differ in length"),
        (3, [MASK[:9]] * 3, "sizes differ"),
        (3, [MASK * 0] * 3, "nothing to measure"),
    ],
)
def test_what_cannot_be_compared_is_refused(edited, masks, message):
    frames = moving(FACE, 3)
    with pytest.raises(UsageError, match=message):
        flicker(frames, frames[:edited], masks)
