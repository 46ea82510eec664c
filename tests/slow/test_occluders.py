"""What passes in front of an edited face stays as it is."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

import dvaedit
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video
from tests.stages.conftest import EXAMPLE

COUNT = 16


def microphone(size: tuple[int, int], at: float) -> np.ndarray:
    """A stick with a head, held from the lower left; bool (H, W). at: in [0, 1], from before the chin to the mouth."""
    canvas = np.zeros(size, np.uint8)
    head = np.array([0.42 + 0.05 * at, 0.56 - 0.1 * at]) * size[::-1]
    cv2.line(canvas, (int(0.1 * size[1]), size[0]), tuple(head.astype(int).tolist()), 1, size[1] // 30)
    cv2.circle(canvas, tuple(head.astype(int).tolist()), size[1] // 16, 1, -1)
    return canvas > 0


@pytest.mark.slow
def test_a_microphone_before_the_mouth_gets_no_beard(tmp_path):
    """Shipped model, the example's face, a dark stick with a head drawn over it in each frame."""
    video, frames, things = tmp_path / "in.mp4", [], []
    for number, frame in enumerate(read_frames(EXAMPLE, 0, COUNT)):
        rgb, thing = frame.rgb().copy(), microphone(frame.rgb().shape[:2], number / COUNT)
        rgb[thing] = (60, 60, 70)
        frames.append(rgb)
        things.append(thing)
    write_rgb_video(video, frames, rate=Fraction(24), crf=4)
    options = dvaedit.Options(steps=5, cache_dir=tmp_path / "cache")
    result = dvaedit.edit(video, attributes="No_Beard=-1", output=tmp_path / "out.mkv", lossless=True, options=options)
    assert result.edited_frames == COUNT
    change, thing = [], np.stack([cv2.erode(each.astype(np.uint8), np.ones((7, 7))) > 0 for each in things])
    for before, after in zip(read_frames(video), read_frames(result.output), strict=True):
        change.append(np.abs(after.rgb().astype(int) - before.rgb()).mean(axis=2))
    change = np.stack(change)
    bearded = change[~np.stack(things)]
    bearded = bearded[bearded > 20]
    assert len(bearded) > 1000 * COUNT  # there is a beard beside it
    assert change[thing].mean() < 0.1 * bearded.mean()
