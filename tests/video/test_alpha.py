"""Transparency that lies beside the packets is read and written; what cannot be read is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from dvaedit.errors import UsageError, VideoError
from dvaedit.video.alpha import hidden
from dvaedit.video.codecs import Encoding, choose_alpha, choose_codec, get_codec
from dvaedit.video.ffmpeg import find_ffmpeg
from dvaedit.video.probe import packets, probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter

SIZE = (64, 48)
STRIPES = (
    "testsrc2=size=64x48:rate=25:duration=0.4,format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='X*4'"
)
CODECS = {
    "vp9": ("-c:v", "libvpx-vp9"),
    "vp8": ("-c:v", "libvpx", "-auto-alt-ref", "0"),
    "hevc": ("-c:v", "libx265", "-x265-params", "log-level=error"),
}
RAMP = np.tile(4 * np.arange(64), (48, 1))


def transparent(path: Path, codec: str, *more: object) -> Path:
    """Ten frames whose alpha rises from left to right, from 0 to 252."""
    source = ("-f", "lavfi", "-i", STRIPES, "-pix_fmt", "yuva420p", *CODECS[codec], *more)
    done = subprocess.run([find_ffmpeg(), "-y", "-v", "error", *map(str, source), path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this ffmpeg cannot encode transparent {codec}: {done.stderr.strip()[-200:]}")
    return path


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in frame.planes]
    return [row[:, : plane.width] for row, plane in zip(rows, frame.planes, strict=True)]


def opaque_planes(path: Path) -> list[list[np.ndarray]]:
    """What libav's own decoder makes of it."""
    with av.open(str(path)) as container:
        return [[plane.copy() for plane in planes(frame)] for frame in container.decode(video=0)]


@pytest.mark.parametrize("codec", ["vp8", "vp9"])
@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_transparency_beside_the_pictures_is_read(tmp_path, codec, suffix):
    path = transparent(tmp_path / f"in{suffix}", codec)
    info, frames, plain = probe(path), list(read_frames(path)), opaque_planes(path)
    assert info.pix_fmt == "yuva420p" and info.hidden == ""
    assert len(frames) == len(plain) == 10
    for frame, expected in zip(frames, plain, strict=True):
        *picture, alpha = planes(frame.native)
        assert all(np.array_equal(a, b) for a, b in zip(picture, expected, strict=True))
        assert np.abs(alpha.astype(int) - RAMP).max() <= 24 and np.abs(alpha - RAMP).mean() < 4


def test_frames_from_the_middle_are_those_of_the_whole(tmp_path):
    """The keyframes of transparency need not be those of the pictures: nothing is sought."""
    path = transparent(tmp_path / "in.webm", "vp9", "-g", "2")
    whole = [planes(frame.native) for frame in read_frames(path)]
    part = [planes(frame.native) for frame in read_frames(path, 6, 9)]
    assert all(
        np.array_equal(a, b) for one, two in zip(whole[6:9], part, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_rotation_and_times_go_with_it(run, tmp_path):
    path = transparent(tmp_path / "in.mkv", "vp9")
    turned = tmp_path / "turned.mkv"
    run("-display_rotation", "90", "-i", path, "-c", "copy", turned)
    assert probe(turned).rotation == 270 and probe(turned).pix_fmt == "yuva420p"
    before, after = list(read_frames(path)), list(read_frames(turned))
    assert [frame.pts for frame in before] == [frame.pts for frame in after]
    assert after[0].rgb().shape == (64, 48, 3)


def test_a_frame_without_transparency_of_its_own_is_opaque(tmp_path):
    """As in recordings of browsers, which leave it out where nothing is transparent."""
    path, other = transparent(tmp_path / "in.mkv", "vp9", "-g", "1"), tmp_path / "gaps.mkv"
    with av.open(str(path)) as source, av.open(str(other), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        copy.metadata["alpha_mode"] = "1"
        for packet in source.demux(stream):
            if packet.size:
                index = round(packet.pts * packet.time_base * 25)
                kept = packet if index % 2 else _bare(packet)
                kept.stream = copy
                target.mux(kept)
    alphas = [planes(frame.native)[3] for frame in read_frames(other)]
    assert len(alphas) == 10
    assert all((alpha == 255).all() for alpha in alphas[::2])
    assert all(np.abs(alpha.astype(int) - RAMP).mean() < 4 for alpha in alphas[1::2])


def _bare(packet: av.Packet) -> av.Packet:
    """The packet without what lies beside it."""
    bare = av.Packet(bytes(packet))
    bare.pts, bare.dts, bare.time_base, bare.is_keyframe = packet.pts, packet.dts, packet.time_base, True
    return bare


def test_damaged_transparency_is_damage(tmp_path):
    path = transparent(tmp_path / "in.webm", "vp9")
    with av.open(str(path)) as source:
        beside = [bytes(item)[8:] for packet in source.demux(video=0) for item in packet.iter_sidedata()]
    data, at = bytearray(path.read_bytes()), 0
    for number, coded in enumerate(beside):
        at = data.find(coded, at + 1)
        assert at > 0
        if number >= 4:
            data[at : at + len(coded)] = b"\xff" * len(coded)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="damaged after frame 4"):
        list(read_frames(path))


def test_vp9_writes_it_where_the_container_can_hold_it(tmp_path):
    source = transparent(tmp_path / "in.webm", "vp9")
    info = probe(source)
    codec = get_codec("vp9")
    encoding = choose_alpha(codec, "o.webm", info.pix_fmt, info.stored_size, Encoding("vp9", lossless=True), True)
    assert encoding.pix_fmt == "yuva420p" and codec.working_for(encoding.pix_fmt) == ".mkv"
    with VideoWriter(tmp_path / "out.mkv", info, "vp9", pix_fmt=encoding.pix_fmt, lossless=True) as writer:
        for frame in read_frames(source):
            writer.write(frame.native, frame.pts)
    for before, after in zip(read_frames(source), read_frames(tmp_path / "out.mkv"), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(planes(before.native), planes(after.native), strict=True))


def test_where_transparency_goes():
    vp9 = get_codec("vp9")
    assert choose_codec("o.webm", None, "vp9", alpha=True) == "vp9" and choose_codec("o.webm", None, "vp9") == "av1"
    assert choose_alpha(vp9, "o.mp4", "yuva420p", SIZE, Encoding("vp9"), True).pix_fmt is None
    assert choose_alpha(vp9, "o.webm", "bgra", SIZE, Encoding("vp9"), False).pix_fmt is None
    assert vp9.working_for(None) == vp9.working_for("yuv420p") == ".mp4"
    with pytest.raises(UsageError, match="no place for the transparency"):
        choose_alpha(vp9, "o.mp4", "yuva420p", SIZE, Encoding("vp9", pix_fmt="yuva420p"), True)


def test_a_codec_without_transparency_says_that_it_goes(tmp_path, caplog):
    info = probe(transparent(tmp_path / "in.webm", "vp9"))
    with VideoWriter(tmp_path / "out.mp4", info, "h264") as writer:
        for frame in read_frames(info.path):
            writer.write(frame.native, frame.pts)
    assert "written without its transparency" in caplog.text
    assert probe(tmp_path / "out.mp4").pix_fmt == "yuv420p"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_layers_of_hevc_that_are_not_read_are_noticed(tmp_path, suffix):
    assert probe(transparent(tmp_path / f"in{suffix}", "hevc")).hidden == "transparency"


def test_an_unknown_layer_of_hevc_is_noticed(tmp_path):
    path = transparent(tmp_path / "in.ts", "hevc")
    data = path.read_bytes()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packet = next(iter(container.demux(stream)))
        without = av.Packet(bytes(packet).replace(b"\x4e\x01\xa5", b"\x4e\x01\x06"))
        assert bytes(without) != bytes(packet) and data
        assert hidden(stream, without).startswith("second layer")


@pytest.mark.parametrize("options", [("-c:v", "libx265", "-x265-params", "log-level=error"), ("-c:v", "libx264"),
                                     ("-c:v", "libvpx-vp9"), ("-c:v", "mpeg4")])  # fmt: skip
def test_nothing_is_hidden_in_plain_video(run, tmp_path, options):
    run("-f", "lavfi", "-i", STRIPES, "-pix_fmt", "yuv420p", *options, tmp_path / "in.mkv")
    assert probe(tmp_path / "in.mkv").hidden == ""


def test_alpha_of_dnxhd_and_of_h264_is_noticed(run, tmp_path):
    """Neither can be encoded here: one bit says it in DNxHD, a kind of unit in H.264."""
    run("-f", "lavfi", "-i", "testsrc2=size=256x128:duration=0.1", "-pix_fmt", "yuv422p", "-c:v", "dnxhd", "-profile:v",
        "dnxhr_hq", tmp_path / "d.mov")  # fmt: skip
    run("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.1", "-c:v", "libx264", tmp_path / "h.ts")
    assert probe(tmp_path / "d.mov").hidden == probe(tmp_path / "h.ts").hidden == ""
    for name, change in (("d.mov", lambda data: data[:7] + bytes([data[7] | 1]) + data[8:]),
                         ("h.ts", lambda data: data + b"\0\0\1\x13\x80\0")):  # fmt: skip
        with av.open(str(tmp_path / name)) as container:
            stream = container.streams.video[0]
            packet = next(iter(packets(container, stream, tmp_path / name)))
            assert hidden(stream, av.Packet(change(bytes(packet)))) == "transparency"
