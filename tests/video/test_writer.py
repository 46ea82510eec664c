"""Writing: exact times, formats, sound, tags, and nothing left behind."""

import dataclasses
import errno
import logging
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dvaedit.errors import StorageError, UsageError, VideoError
from dvaedit.video.codecs import CODECS, available, choose_pix_fmt, default_codec, encoder_options, get_codec
from dvaedit.video.probe import VideoInfo, probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter, check_writable, mux, write_rgb_video, write_video

SAME = ("width", "height", "rotation", "mirrored", "time_base", "sar", "pix_fmt")
TAGS = ("color_range", "color_matrix", "color_primaries", "color_transfer")


def _pairs(path: Path):
    return ((frame.native, frame.pts) for frame in read_frames(path))


def _rewrite(path: Path, out: Path, **settings) -> Path:
    write_video(out, probe(path), _pairs(path), **settings)
    return out


def _times(path: Path) -> list[Fraction]:
    return [frame.time for frame in read_frames(path)]


def _left(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def _differences(before: Path, after: Path, names=SAME) -> dict:
    old, new = probe(before), probe(after)
    return {n: (getattr(old, n), getattr(new, n)) for n in names if getattr(old, n) != getattr(new, n)}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v"])
def test_times_sound_and_tags_are_kept(rich, tmp_path, read_packets, suffix):
    out = _rewrite(rich, tmp_path / f"o{suffix}")
    assert _times(out) == _times(rich)
    assert len(read_packets(rich)) == 2
    assert read_packets(out, ("audio", "subtitle")) == read_packets(rich, ("audio", "subtitle"))
    assert _differences(rich, out, SAME + TAGS) == {}
    assert [a.language for a in probe(out).audio] == ["eng", "fra"]
    assert _left(tmp_path) == {f"o{suffix}"}


def test_mkv_keeps_times_to_the_millisecond(rich, tmp_path, read_packets):
    out = _rewrite(rich, tmp_path / "o.mkv")
    # 3300 and 3301 / 12000 s fall on one millisecond: the second moves on to the next
    assert all(abs(a - b) < Fraction(1, 1000) for a, b in zip(_times(rich), _times(out), strict=True))
    digests = [[[digest for digest, _ in stream] for stream in read_packets(path)] for path in (rich, out)]
    assert digests[0] == digests[1]
    assert _differences(rich, out, ("width", "height", "sar", "pix_fmt", *TAGS)) == {}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_chapters_and_metadata_are_kept(rich, tmp_path, suffix):
    with av.open(str(_rewrite(rich, tmp_path / f"o{suffix}"))) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert (tags["title"], tags["artist"]) == ("A title", "Somebody")
        chapters = container.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["One", "Two"]
        assert [float(chapter["start"] * chapter["time_base"]) for chapter in chapters] == [0, 0.5]
        assert container.streams.video[0].metadata["language"] in ("deu", "ger")


def test_metadata_keys_unknown_to_mp4_are_kept(tmp_path, make_clip, run):
    source = tmp_path / "a.mp4"
    keys = ["-metadata", "com.apple.quicktime.make=Maker", "-movflags", "use_metadata_tags"]
    run("-i", make_clip(tmp_path / "s.mp4", range(3)), *keys, "-metadata", "title=T", "-c", "copy", source)
    with av.open(str(_rewrite(source, tmp_path / "o.mp4"))) as container:
        assert container.metadata["com.apple.quicktime.make"] == "Maker"
        assert container.metadata["title"] == "T"


@pytest.mark.parametrize(("counter_clockwise", "flip"), [(90, False), (180, False), (270, False), (270, True)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rotation_is_kept(tmp_path, make_clip, run, counter_clockwise, flip, suffix):
    turn = ["-display_rotation:v:0", counter_clockwise, *(["-display_hflip:v:0"] if flip else [])]
    run(*turn, "-i", make_clip(tmp_path / "flat.mp4", range(3)), "-c", "copy", tmp_path / "a.mp4")
    out = _rewrite(tmp_path / "a.mp4", tmp_path / f"o{suffix}", preset="ultrafast")
    assert _differences(tmp_path / "a.mp4", out, ("width", "height", "rotation", "mirrored")) == {}
    assert probe(out).rotation == (360 - counter_clockwise) % 360
    for before, after in zip(read_frames(tmp_path / "a.mp4"), read_frames(out), strict=True):
        assert np.abs(before.rgb().astype(int) - after.rgb()).mean() < 2


@pytest.mark.parametrize("suffix", [".gif", ".mpg", ".avi", ".mkv"])
def test_other_inputs(rich, tmp_path, run, read_packets, suffix):
    source = tmp_path / f"a{suffix}"
    sound = ["-map", "0:a:0", "-c:a", "mp2"] if suffix in (".mpg", ".avi") else []
    rate = ["-r", 25] if suffix in (".mpg", ".avi") else []
    run("-i", rich, "-map", "0:v", *sound, *rate, source)
    out = _rewrite(source, tmp_path / "o.mp4", preset="ultrafast")
    before, after = _times(source), _times(out)
    # an MPEG program stream's clock starts anywhere: it is moved to zero
    start = probe(source).start if suffix == ".mpg" else 0
    assert len(before) == len(after) >= 11
    assert len({b - a for a, b in zip(after, before, strict=True)}) == 1
    assert abs(before[0] - after[0] - start) < Fraction(1, 45000)
    assert [[d for d, _ in s] for s in read_packets(out)] == [[d for d, _ in s] for s in read_packets(source)]


@pytest.mark.parametrize(
    ("codec", "suffix", "pix_fmt", "kept"),
    [
        ("h264", ".mp4", "yuv420p10le", "yuv420p10le"),
        ("h264", ".mp4", "yuv422p", "yuv422p"),
        ("hevc", ".mp4", "yuv420p10le", "yuv420p10le"),
        ("av1", ".mkv", "yuv420p10le", "yuv420p10le"),
        ("av1", ".webm", "yuv420p", "yuv420p"),
        ("vp9", ".webm", "yuv444p", "yuv444p"),
        ("prores", ".mov", "yuv420p", "yuv422p10le"),
        ("prores", ".mov", "yuv444p", "yuv444p12le"),  # decoded with 12 bits
    ],
)
def test_codecs(tmp_path, make_clip, codec, suffix, pix_fmt, kept):
    source = make_clip(tmp_path / "a.mkv", range(6), size=(96, 64), codec="ffv1", pix_fmt=pix_fmt, tags=(1, 9, 9, 16))
    out = _rewrite(source, tmp_path / f"o{suffix}", codec=codec)
    info = probe(out)
    assert (info.codec, info.pix_fmt, info.rate) == (codec, kept, 25)
    assert [getattr(info, tag) for tag in TAGS] == [1, 9, 9, 16]
    assert _times(out) == _times(source)
    for before, after in zip(read_frames(source), read_frames(out), strict=True):
        assert np.abs(before.rgb().astype(int) - after.rgb()).mean() < 2


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "gray", "bgra", "rgb24", "gbrp10le", "yuva420p"])
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_ffv1_is_lossless_for_every_format(tmp_path, picture, pix_fmt, size):
    frames = [av.VideoFrame.from_ndarray(picture(i, *size), format="rgb24").reformat(format=pix_fmt) for i in range(3)]
    info = dataclasses.replace(_blank(tmp_path, *size), pix_fmt=pix_fmt)
    with VideoWriter(tmp_path / "o.mkv", info, "ffv1") as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, index)
    for before, after in zip(frames, read_frames(tmp_path / "o.mkv"), strict=True):
        again = after.native if after.native.format.name == pix_fmt else after.native.reformat(format=pix_fmt)
        assert all(np.array_equal(old, new) for old, new in zip(_visible(before), _visible(again), strict=True))


def _visible(frame: av.VideoFrame) -> list[np.ndarray]:
    """The planes' bytes without the padding of their rows."""
    depth = 1 if frame.format.components[0].bits == 8 else 2
    step = {"rgb24": 3, "bgra": 4}.get(frame.format.name, depth)
    rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in frame.planes]
    return [row[:, : plane.width * step] for row, plane in zip(rows, frame.planes, strict=True)]


def _blank(folder: Path, width: int, height: int) -> VideoInfo:
    untagged = {"color_range": 0, "color_matrix": 2, "color_primaries": 2, "color_transfer": 2}
    return VideoInfo(
        path=folder / "none.mkv",
        width=width,
        height=height,
        rotation=0,
        pix_fmt="yuv420p",
        time_base=Fraction(1, 25),
        rate=Fraction(25),
        frames=0,
        duration=0,
        **untagged,
        sar=Fraction(1),
        codec="",
        audio=(),
        format_name="",
    )


@pytest.mark.parametrize(
    ("codec", "source", "size", "kept"),
    [
        ("h264", "yuv420p", (64, 48), "yuv420p"),
        ("h264", "yuvj420p", (64, 48), "yuv420p"),
        ("h264", "bgra", (64, 48), "yuv420p"),
        ("h264", "bgra", (63, 47), "yuv444p"),
        ("h264", "yuv420p", (63, 48), "yuv444p"),
        ("h264", "yuv411p", (64, 48), "yuv422p"),
        ("h264", "yuv440p", (64, 48), "yuv444p"),
        ("h264", "yuva420p", (64, 48), "yuv420p"),
        ("h264", "gray", (64, 48), "gray"),
        ("hevc", "yuv420p12le", (64, 48), "yuv420p12le"),
        ("av1", "gray10le", (64, 48), "yuv420p10le"),
        ("prores", "yuva420p", (64, 48), "yuva444p10le"),
        ("ffv1", "rgb24", (63, 47), "bgr0"),
    ],
)
def test_choice_of_pixel_format(codec, source, size, kept):
    assert choose_pix_fmt(CODECS[codec], source, size) == kept


def test_pixel_formats_and_codecs_that_do_not_fit(monkeypatch):
    for codec, source in (("h264", "yuv420p12le"), ("av1", "yuv422p"), ("prores", "yuv422p12le")):
        with pytest.raises(UsageError, match=f"{codec} cannot hold {source}") as caught:
            choose_pix_fmt(CODECS[codec], source, (64, 48))
        assert "ffv1" in caught.value.hint
    with pytest.raises(UsageError, match="no codec mpeg9"):
        get_codec("mpeg9")
    monkeypatch.setattr(av, "codecs_available", {"libx264"})
    assert available() == ["h264"]
    with pytest.raises(UsageError, match="libsvtav1"):
        get_codec("av1")


def test_containers_that_do_not_fit(rich, tmp_path):
    for name, codec in (("o.webm", "h264"), ("o.mp4", "prores"), ("o.mp4", "ffv1"), ("o.mov", "av1")):
        with pytest.raises(UsageError, match=f"cannot hold {codec}") as caught:
            _rewrite(rich, tmp_path / name, codec=codec)
        assert caught.value.hint
    assert (default_codec("a.webm"), default_codec("a.mp4"), default_codec("a.mkv")) == ("av1", "h264", "h264")
    assert _left(tmp_path) == set()


def test_settings_that_do_not_exist(rich, tmp_path):
    for settings in ({"codec": "ffv1", "preset": "fast"}, {"preset": "nice"}, {"codec": "av1", "preset": "medium"}):
        with pytest.raises(UsageError, match="has no preset"):
            _rewrite(rich, tmp_path / "o.mkv", **settings)
    for settings in ({"crf": 52}, {"crf": -1}, {"codec": "av1", "crf": 64}):
        with pytest.raises(UsageError, match="out of range"):
            _rewrite(rich, tmp_path / "o.mkv", **settings)
    assert encoder_options(CODECS["h264"]) == {"crf": "16", "preset": "medium"}
    assert encoder_options(CODECS["h264"], 23, "slow") == {"crf": "23", "preset": "slow"}
    assert _left(tmp_path) == set()


def test_full_range_stays_full(tmp_path, make_clip):
    source = make_clip(tmp_path / "a.mp4", pix_fmt="yuvj420p", tags=(2, 6, 6, 6), options={"crf": "1"})
    for codec, name in (("h264", "o.mp4"), ("av1", "o.mkv"), ("ffv1", "f.mkv")):
        out = _rewrite(source, tmp_path / name, codec=codec)
        assert probe(out).color_range == 2
        for before, after in zip(read_frames(source), read_frames(out), strict=True):
            assert np.abs(before.rgb().astype(int) - after.rgb()).mean() < 2.5


def test_a_stream_the_container_cannot_hold_is_converted_with_a_warning(rich, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        out = _rewrite(rich, tmp_path / "o.webm", codec="vp9")
    assert [(a.codec, a.language) for a in probe(out).audio] == [("opus", "eng"), ("opus", "fra")]
    assert [record.message for record in caplog.records] == [
        "rich.mp4: stream 1 (audio) is converted to libopus for this container.",
        "rich.mp4: stream 2 (audio) is converted to libopus for this container.",
        "rich.mp4: stream 3 (subtitle) is converted to webvtt for this container.",
    ]


def test_converted_sound_stays_in_time(tmp_path, make_clip, run):
    silent = make_clip(tmp_path / "s.mp4", range(25))
    run("-i", silent, "-f", "lavfi", "-i", "sine=440:d=1", "-c:v", "copy", "-c:a", "wmav2", tmp_path / "a.mkv")
    out = _rewrite(tmp_path / "a.mkv", tmp_path / "o.mp4", preset="ultrafast")
    assert [a.codec for a in probe(out).audio] == ["aac"]
    with av.open(str(out)) as container:
        sound = container.streams.audio[0]
        assert abs(float(sound.start_time * sound.time_base)) < 0.05
        assert abs(float(sound.duration * sound.time_base) - 1) < 0.1


def test_output_names(tmp_path, rich):
    with pytest.raises(UsageError, match=r'"\.xyz" is not') as caught:
        check_writable(tmp_path / "a.xyz")
    assert ".mkv" in caught.value.hint
    with pytest.raises(UsageError, match="no suffix"):
        check_writable(tmp_path / "a")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match="is a directory"):
        check_writable(tmp_path / "folder.mp4")
    with pytest.raises(UsageError, match="input video itself"):
        check_writable(rich, rich)
    with pytest.raises(StorageError, match="does not exist") as caught:
        check_writable(tmp_path / "none" / "a.mp4")
    assert caught.value.hint
    check_writable(tmp_path / "fine.mp4")
    assert _left(tmp_path) == {"folder.mp4"}


def test_a_folder_that_cannot_be_written(tmp_path, rich, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    asked = []
    with pytest.raises(StorageError, match="permission denied") as caught:
        write_video(tmp_path / "o.mp4", probe(rich), (asked.append(1) for _ in range(3)))
    assert caught.value.hint and not asked


@pytest.mark.skipif(os.name != "posix", reason="limits the file size")
@pytest.mark.parametrize("at", ["encoding", "muxing"])
def test_a_full_disk(rich, tmp_path, at):
    """A limit on the size of files stands in for a full disk."""
    import resource

    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(10)]
    write_rgb_video(tmp_path / "a.mp4", frames, rate=Fraction(25), crf=8)
    assert (tmp_path / "a.mp4").stat().st_size > 60_000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageError, match="disk is full") as caught:
            if at == "encoding":
                write_rgb_video(tmp_path / "o.mp4", frames, rate=Fraction(25), crf=8)
            else:
                mux(tmp_path / "a.mp4", rich, tmp_path / "o.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.hint
    assert _left(tmp_path) == {"a.mp4"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, VideoError("no", "hint"), OSError(errno.ENOSPC, "No space")])
def test_nothing_is_left_after_a_failure(rich, tmp_path, error):
    (tmp_path / "o.mp4").write_text("the file before")

    def frames():
        yield from list(_pairs(rich))[:3]
        raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        write_video(tmp_path / "o.mp4", probe(rich), frames())
    assert _left(tmp_path) == {"o.mp4"}
    assert (tmp_path / "o.mp4").read_text() == "the file before"


def test_frames_of_another_size_times_that_fall_and_no_frames(rich, tmp_path):
    info, native = probe(rich), next(iter(read_frames(rich))).native
    with pytest.raises(VideoError, match="32x32"), VideoWriter(tmp_path / "o.mp4", info) as writer:
        writer.write(av.VideoFrame(32, 32, "yuv420p"), 0)
    with pytest.raises(VideoError, match="does not rise"), VideoWriter(tmp_path / "o.mp4", info) as writer:
        writer.write(native, 5)
        writer.write(native, 5)
    with pytest.raises(VideoError, match="no frame"), VideoWriter(tmp_path / "o.mp4", info):
        pass
    assert _left(tmp_path) == set()


def test_mux_refuses_a_source_that_is_gone(rich, tmp_path):
    with pytest.raises(VideoError, match="does not exist"):
        mux(rich, tmp_path / "none.mp4", tmp_path / "o.mp4")
    assert _left(tmp_path) == set()


def test_rgb_video(tmp_path, picture):
    write_rgb_video(tmp_path / "o.mp4", (picture(i, 63, 47) for i in range(8)), rate=Fraction(30000, 1001))
    info = probe(tmp_path / "o.mp4")
    assert (info.width, info.height, info.pix_fmt, info.rate) == (64, 48, "yuv420p", Fraction(30000, 1001))
    assert [getattr(info, tag) for tag in TAGS] == [1, 1, 1, 1]
    assert _times(tmp_path / "o.mp4") == [Fraction(1001 * i, 30000) for i in range(8)]
    for frame in read_frames(tmp_path / "o.mp4"):
        assert np.abs(frame.rgb()[:47, :63].astype(int) - picture(frame.index, 63, 47)).mean() < 2


def test_rgb_video_with_times_and_sound_of_a_source(rich, tmp_path, picture, read_packets):
    info = probe(rich)
    pts = [frame.pts for frame in read_frames(rich)]
    write_rgb_video(tmp_path / "o.mp4", (picture(i, 128, 48) for i in range(12)), pts=pts, info=info)
    assert _times(tmp_path / "o.mp4") == _times(rich)
    assert read_packets(tmp_path / "o.mp4") == read_packets(rich)
    assert probe(tmp_path / "o.mp4").width == 128
