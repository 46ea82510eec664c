"""Frames, their times and their colours."""

import itertools
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dvaedit.errors import VideoError
from dvaedit.video.planes import copy_frame
from dvaedit.video.reader import Frame, read_frames


def _luma(frame: Frame) -> np.ndarray:
    return frame.native.to_ndarray(format="gray")


def test_vfr_times_are_exact(rich):
    frames = list(read_frames(rich))
    assert [frame.pts for frame in frames] == [1200, 1600, 2000, 2100, 3300, 3301, 5000, 5400, 5800, 6200, 7000, 7777]
    assert [frame.index for frame in frames] == list(range(12))
    assert frames[-1].time == Fraction(7777, 12000)


def test_rgb_matches_what_was_encoded(tmp_path, make_clip, picture):
    path = make_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuv444p", size=(63, 47))
    for frame in read_frames(path):
        error = np.abs(frame.rgb().astype(int) - picture(frame.index, 63, 47))
        assert error.max() <= 2


@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize(("full", "offset", "scale"), [(False, 16, 219), (True, 0, 255)])
def test_rgb_honours_matrix_and_range(matrix, full, offset, scale):
    red = {1: 0.2126, 5: 0.299, 9: 0.2627}[matrix]
    frame = av.VideoFrame(16, 16, "yuv444p")
    chroma = 224 if not full else 255
    values = offset + red * scale, 128 - red / (2 * (1 - {1: 0.0722, 5: 0.114, 9: 0.0593}[matrix])) * chroma
    for plane, value in zip(frame.planes, (*values, 128 + 0.5 * chroma), strict=True):
        np.frombuffer(plane, np.uint8)[:] = min(255, round(value))
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    pixel = Frame(0, 0, Fraction(1), frame).rgb()[8, 8].astype(int)
    assert np.abs(pixel - (255, 0, 0)).max() <= 2


def test_untagged_hd_is_bt709_and_sd_is_bt601():
    def red_of(height: int) -> int:
        frame = av.VideoFrame(64, height, "yuv444p")
        for plane, value in zip(frame.planes, (100, 128, 180), strict=True):
            np.frombuffer(plane, np.uint8)[:] = value
        return int(Frame(0, 0, Fraction(1), frame).rgb()[0, 0, 0])

    assert red_of(720) == round((84 / 219 + 2 * (1 - 0.2126) * 52 / 224) * 255)
    assert red_of(480) == round((84 / 219 + 2 * (1 - 0.299) * 52 / 224) * 255)


@pytest.mark.parametrize(("counter_clockwise", "turns"), [(270, -1), (180, 2), (90, 1)])
def test_rotation_is_honoured(tmp_path, make_clip, run, counter_clockwise, turns):
    flat = make_clip(tmp_path / "flat.mp4", range(3))
    run("-display_rotation:v:0", counter_clockwise, "-i", flat, "-c", "copy", tmp_path / "turned.mp4")
    for plain, turned in zip(read_frames(flat), read_frames(tmp_path / "turned.mp4"), strict=True):
        assert np.array_equal(turned.rgb(), np.rot90(plain.rgb(), turns))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mpg", ".gif", ".avi"])
def test_any_start_gives_the_same_frames(tmp_path, make_clip, run, suffix):
    groups = {"g": "8", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}
    clip = make_clip(tmp_path / "a.mp4", tuple(range(40)), options=groups)
    path = tmp_path / f"b{suffix}"
    run("-i", clip, *(["-c", "copy"] if suffix in (".mp4", ".mkv") else []), path)
    frames = list(read_frames(path))
    assert len(frames) == 40
    assert all(a.pts < b.pts for a, b in itertools.pairwise(frames))
    for start in (0, 1, 17, 24, 33, 39):
        part = list(read_frames(path, start, start + 3))
        assert [(f.index, f.pts) for f in part] == [(f.index, f.pts) for f in frames[start : start + 3]]
        assert all(np.array_equal(_luma(a), _luma(b)) for a, b in zip(part, frames[start:], strict=False))
    assert list(read_frames(path, 40)) == []


def test_h264_in_avi_has_rising_times(tmp_path, make_clip, run):
    run("-i", make_clip(tmp_path / "a.mp4", options={"bf": "3"}), "-c", "copy", tmp_path / "a.avi")
    steps = np.diff([frame.pts for frame in read_frames(tmp_path / "a.avi")])
    assert steps.tolist() == [1] * 11


def _until_error(path) -> tuple[int, str]:
    frames = read_frames(path)
    count = 0
    with pytest.raises(VideoError) as caught:
        for _ in frames:
            count += 1
    assert caught.value.hint
    return count, caught.value.message


def test_truncation_is_told_after_the_last_good_frame(tmp_path, make_clip, run):
    run(
        "-i",
        make_clip(tmp_path / "a.mp4", options={"bf": "0"}),
        "-c",
        "copy",
        "-movflags",
        "faststart",
        tmp_path / "b.mp4",
    )
    with av.open(str(tmp_path / "b.mp4")) as container:
        place = container.streams.video[0].index_entries[9].pos
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "b.mp4").read_bytes()[:place])
    assert _until_error(tmp_path / "cut.mp4") == (9, "cut.mp4 is truncated or damaged after frame 9.")
    assert len(list(read_frames(tmp_path / "cut.mp4", 0, 9))) == 9


def test_damage_in_the_middle(tmp_path, make_clip):
    path = make_clip(tmp_path / "a.mp4", tuple(range(40)), size=(128, 96), options={"crf": "5"})
    with av.open(str(path)) as container:
        entries = [(entry.pos, entry.size) for entry in container.streams.video[0].index_entries]
    data = bytearray(path.read_bytes())
    for place, size in entries[20:24]:
        data[place : place + size] = b"\xff" * size
    path.write_bytes(data)
    count, message = _until_error(path)
    assert 5 <= count <= 24
    assert message == f"a.mp4 is truncated or damaged after frame {count}."


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_the_file_is_closed_when_reading_stops(rich):
    def is_open() -> bool:
        return any(os.path.realpath(entry) == str(rich.resolve()) for entry in Path("/proc/self/fd").iterdir())

    frames = read_frames(rich)
    next(frames)
    assert is_open()
    frames.close()
    assert not is_open()


def test_frames_stay_valid_after_the_file_is_closed(rich):
    first = next(iter(read_frames(rich)))
    again = copy_frame(first.native)
    assert np.array_equal(again.to_ndarray(format="gray"), _luma(first))
