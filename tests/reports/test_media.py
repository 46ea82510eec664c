import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from dvaedit.evaluation.measure import Edited, Original
from dvaedit.evaluation.pairing import fit_size, pair_frames
from dvaedit.reports import media
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video

SIZE = (96, 64)
QUAD = np.array([[20, 10], [20, 50], [60, 50], [60, 10]], float)


@pytest.fixture
def pair(tmp_path):
    """Twelve grey frames and an edit that adds 40 levels; the face is in frames 2 to 9."""
    for name, plus in (("in.mkv", 0), ("out.mkv", 40)):
        frames = (np.full((64, 96, 3), 60 + 10 * n + plus, np.uint8) for n in range(12))
        write_rgb_video(tmp_path / name, frames, rate=20, crf=1)
    times, faces = np.arange(12) / 20, np.arange(2, 10)
    original = Original(tmp_path / "in.mkv", SIZE, times, faces, np.tile(QUAD, (8, 1, 1)), np.zeros((8, 68, 2)))
    pairing, fit = pair_frames(times, times, "out"), fit_size(SIZE, SIZE, "out")
    return original, Edited(tmp_path / "out.mkv", pairing, fit, np.zeros((12, 68, 2)), None)


def decoded(uri, path):
    path.write_bytes(base64.b64decode(uri.split(",", 1)[1]))
    return path


def test_clip_shows_both_in_step_at_the_originals_times(pair, tmp_path):
    seen = []
    clip, keys = media.make_media(*pair, [2, 5, 9], 5, lambda done, total: seen.append((done, total)))
    frames = list(read_frames(decoded(clip.uri, tmp_path / "clip.mp4")))
    assert [float(frame.time) for frame in frames] == pytest.approx(np.arange(12) / 20, abs=1e-3)
    for number, frame in enumerate(frames):
        rgb = frame.rgb()
        assert rgb.shape == (64, 192, 3)
        assert rgb[:, 8:88].mean() == pytest.approx(60 + 10 * number, abs=3)
        assert rgb[:, 104:184].mean() == pytest.approx(100 + 10 * number, abs=3)
    assert (clip.width, clip.height) == SIZE and "96 x 64" in clip.note
    assert seen[-1] == (12, 12)
    assert [(key.frame, key.label) for key in keys] == [(2, ""), (5, "least like the person"), (9, "")]
    difference = cv2.imread(str(decoded(keys[0].difference, tmp_path / "key.jpg")))
    assert difference.mean() == pytest.approx(40 * media.GAIN, abs=8)


def test_a_large_video_is_encoded_again_smaller(pair, monkeypatch):
    monkeypatch.setattr(media, "LARGEST", 10)
    monkeypatch.setattr(media, "LEAST_SIDE", 48)
    monkeypatch.setattr(media, "SIDE", 96)
    clip, keys = media.make_media(*pair, [3], None, lambda done, total: None)
    assert (clip.width, clip.height) == (48, 32)
    assert "reduced from 96 x 64" in clip.note
    assert len(keys) == 1


def test_key_frames_are_spread_and_hold_the_worst(pair):
    original, edit = pair
    identity = [None] * 2 + [0.9, 0.9, 0.3, 0.9, 0.9, 0.9, 0.9, 0.9] + [None] * 2
    chosen, worst = media.choose_frames(original, edit, identity)
    assert worst == 4 and 4 in chosen
    assert chosen == sorted(chosen) and len(chosen) == media.KEY_FRAMES and {2, 9} <= set(chosen)
    assert media.choose_frames(original, edit, [None] * 12)[1] is None


def test_times_that_round_to_the_same_tick_still_rise(tmp_path):
    times = np.array([0.0, 0.0004, 0.0008, 0.5])
    frames = ((np.zeros((32, 32, 3), np.uint8),) * 2 for _ in times)
    media.write_pair_video(tmp_path / "x.mp4", times, frames, (32, 32))
    found = [float(frame.time) for frame in read_frames(Path(tmp_path / "x.mp4"))]
    assert found == pytest.approx([0, 0.001, 0.002, 0.5])
