"""Where chroma samples lie: read off a file, written into one, and assumed where a file does not tell."""

import numpy as np
import pytest

from dvaedit.video.codecs import get_codec
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.siting import assumed_locations, cell, chroma_location, read_sited
from dvaedit.video.writer import VideoWriter, mux, write_rgb_video, write_video

COLOURS = ("color_range", "color_matrix", "color_primaries", "color_transfer")


def make(run, path, location="left", range_="tv", pix_fmt="yuv420p"):
    told = f"format={pix_fmt},setparams=chroma_location={location}:range={range_}"
    tags = ("-chroma_sample_location", location, "-color_range", range_)
    moving = "testsrc2=size=64x48:rate=25:duration=0.16,noise=alls=20:allf=t"
    run("-f", "lavfi", "-i", moving, "-vf", told, "-c:v", "ffv1", *tags, path)
    return path


def pairs(path):
    return ((frame.native, frame.pts) for frame in read_frames(path))


@pytest.mark.parametrize("location", ["left", "center", "topleft"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", ".mkv"), ("h264", ".mp4"), ("hevc", ".mkv"), ("vp9", ".webm")])
def test_range_and_chroma_location_are_kept(run, tmp_path, location, range_, codec, suffix):
    source, out = make(run, tmp_path / "in.mkv", location, range_), tmp_path / f"out{suffix}"
    write_video(out, probe(source), pairs(source), codec)
    assert chroma_location(out) == chroma_location(source) == location
    before, after = probe(source), probe(out)
    if range_ == "pc" or codec == "ffv1":  # limited range need not be said
        assert [getattr(after, name) for name in COLOURS] == [getattr(before, name) for name in COLOURS]
    if codec == "ffv1":
        for a, b in zip(read_frames(source), read_frames(out), strict=True):
            np.testing.assert_array_equal(a.rgb(), b.rgb())


def test_what_a_working_file_had_no_place_for_is_told_by_the_output(run, tmp_path):
    source, working = make(run, tmp_path / "in.mkv", "topleft", "pc"), tmp_path / f"v{get_codec('ffv1').working}"
    with VideoWriter(working, probe(source), "ffv1", lossless=True) as writer:
        for native, pts in pairs(source):
            writer.write(native, pts)
    assert (chroma_location(working), probe(working).color_range) == ("", 0)
    mux(working, source, tmp_path / "out.mkv")
    assert (chroma_location(tmp_path / "out.mkv"), probe(tmp_path / "out.mkv").color_range) == ("topleft", 2)


def test_nothing_of_the_source_is_told_of_other_pictures(run, tmp_path, picture):
    source = make(run, tmp_path / "in.mkv", "topleft", "pc")
    write_rgb_video(tmp_path / "out.mkv", (picture(n, 64, 48) for n in range(4)), info=probe(source))
    assert (chroma_location(tmp_path / "out.mkv"), probe(tmp_path / "out.mkv").color_range) == ("left", 1)


def test_a_file_without_chroma_tells_nothing(run, tmp_path):
    path = tmp_path / "in.mkv"
    run("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.1", "-pix_fmt", "bgra", "-c:v", "ffv1", path)
    assert chroma_location(path) == ""


def test_frames_are_read_under_an_assumed_location(run, tmp_path):
    told, untold = make(run, tmp_path / "in.mkv", "topleft"), tmp_path / "untold.mp4"
    run("-i", told, "-c", "copy", untold)
    before, plain = next(read_frames(told)), next(read_frames(untold))
    assert np.abs(before.rgb().astype(int) - plain.rgb()).max() > 0
    for frame, again in zip(read_frames(told), read_sited(untold, "topleft"), strict=True):
        np.testing.assert_array_equal(frame.rgb(), again.rgb())
        assert (frame.index, frame.time) == (again.index, again.time)


def test_what_a_video_does_not_tell_is_taken_from_the_first_that_does():
    assert assumed_locations(["left", "", "topleft"]) == ["", "left", ""]
    assert assumed_locations(["", "topleft", "left", ""]) == ["topleft", "", "", "topleft"]
    assert assumed_locations(["", ""]) == ["", ""]


def test_cells():
    assert [cell(name) for name in ("yuv420p", "yuv422p10le", "yuv444p", "gbrp")] == [(2, 2), (2, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le"])
def test_full_range_becomes_limited_where_a_codec_knows_no_other(make_clip, tmp_path, caplog, pix_fmt):
    source = make_clip(tmp_path / "in.mkv", range(4), codec="ffv1", pix_fmt=pix_fmt, tags=(2, 1, 1, 1))
    write_video(tmp_path / "out.mov", probe(source), pairs(source), "prores")
    assert "in.mkv: prores video is written in limited range" in caplog.text
    assert probe(tmp_path / "out.mov").color_range == 1
    for before, after in zip(read_frames(source), read_frames(tmp_path / "out.mov"), strict=True):
        assert np.abs(before.rgb().astype(int) - after.rgb()).mean() < 2
