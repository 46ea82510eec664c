"""Crops that are not aligned are found out before hours go into training on them."""

import cv2
import numpy as np
import pytest

from dvaedit.errors import UsageError
from dvaedit.training.alignment import check, measure
from dvaedit.training.prepare import PrepareSettings, prepare
from dvaedit.training.video_set import open_split
from dvaedit.video.reader import read_frames
from tests.stages.conftest import EXAMPLE, clip  # noqa: F401


def test_prepared_crops_are_aligned(clip, tmp_path):  # noqa: F811
    prepare([clip], tmp_path, PrepareSettings(size=128, test_share=0.0))
    found = check(open_split(tmp_path, "train", 128), count=3)
    assert found.faces == found.frames == 3 and found.offset < 0.04


def test_other_crops_are_refused(tmp_path):
    folder = tmp_path / "train" / "v"
    folder.mkdir(parents=True)
    for frame in read_frames(EXAMPLE, 0, 3):
        cv2.imwrite(str(folder / f"{frame.index}.png"), cv2.resize(frame.rgb()[:, :, ::-1], (128, 128)))
    data = open_split(tmp_path, "train", 128)
    assert measure(data, 2).offset > 0.15
    with pytest.raises(UsageError, match=r"are not aligned: their corners are off by \d+% of the side"):
        check(data, 2)


def test_crops_without_faces_are_refused(tmp_path):
    folder = tmp_path / "train" / "v"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "0.png"), np.full((128, 128, 3), 128, np.uint8))
    with pytest.raises(UsageError, match=r"only 0 of 1 crops .* show a face"):
        check(open_split(tmp_path, "train", 128), 2)
