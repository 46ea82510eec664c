"""Clips made on the spot: small, with known pictures, times, sound and tags."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from dvaedit.video.ffmpeg import find_ffmpeg

META = """;FFMETADATA1
title=A title
artist=Somebody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=One
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1000
title=Two
"""
SUBTITLES = "1\n00:00:00,100 --> 00:00:00,600\nhello\n"
VFR_PTS = (1200, 1600, 2000, 2100, 3300, 3301, 5000, 5400, 5800, 6200, 7000, 7777)


def ramp(index: int, width: int, height: int) -> np.ndarray:
    """A smooth picture that differs from frame to frame: uint8, (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [60 + 100 * x / width, 60 + 100 * y / height, np.full_like(x, 60 + 9 * index, float)]
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)


def encode(
    path: Path,
    pts=tuple(range(12)),
    time_base=Fraction(1, 25),
    size=(64, 48),
    codec="libx264",
    pix_fmt="yuv420p",
    options=None,
    tags=(1, 1, 1, 1),
    sar=Fraction(1),
) -> Path:
    """Write a silent clip whose frames are ``ramp``; tags: range, matrix, primaries, transfer."""
    ticks = str(time_base.denominator)
    exact = {"video_track_timescale": ticks, "movie_timescale": ticks} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", container_options=exact) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        context.time_base = stream.time_base = time_base
        context.sample_aspect_ratio = sar
        context.flags |= Flags.frame_duration
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = tags
        for index, time in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(ramp(index, *size), format="rgb24")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=tags[1], dst_color_range=tags[0])
            frame.pts, frame.time_base = time, time_base
            frame.duration = (pts[index + 1] if index + 1 < len(pts) else 2 * time - pts[index - 1]) - time
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def run_ffmpeg(*arguments: object) -> None:
    command = [find_ffmpeg(), "-y", "-v", "error", "-nostdin", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=600)


def packets(path: Path, kinds=("audio",)) -> list[list[tuple[str, Fraction]]]:
    """Per stream of those kinds, per packet: digest of its bytes and its time in seconds."""
    result: dict[int, list] = {}
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type in kinds]
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                digest = hashlib.sha256(bytes(packet)).hexdigest()
                result.setdefault(packet.stream.index, []).append((digest, packet.pts * packet.time_base))
    return [result[index] for index in sorted(result)]


@pytest.fixture(scope="session")
def make_clip():
    return encode


@pytest.fixture(scope="session")
def run():
    return run_ffmpeg


@pytest.fixture(scope="session")
def read_packets():
    return packets


@pytest.fixture(scope="session")
def picture():
    return ramp


@pytest.fixture(scope="session")
def rich(tmp_path_factory) -> Path:
    """VFR pictures from 0.1 s on (time base 1/12000), two AAC tracks, a subtitle, two chapters, metadata, SAR 4:3."""
    folder = tmp_path_factory.mktemp("rich")
    silent = encode(folder / "silent.mp4", VFR_PTS, Fraction(1, 12000), sar=Fraction(4, 3))
    (folder / "meta.txt").write_text(META)
    (folder / "sub.srt").write_text(SUBTITLES)
    sounds = [part for tone in (440, 880) for part in ("-f", "lavfi", "-i", f"sine={tone}:d=1")]
    texts = ["-i", folder / "sub.srt", "-i", folder / "meta.txt"]
    maps = [part for index in range(4) for part in ("-map", index)]
    kept = ["-map_metadata", 4, "-map_chapters", 4, "-copyts", "-c:v", "copy", "-c:a", "aac", "-c:s", "mov_text"]
    names = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", "-metadata:s:v", "language=deu"]
    ticks = ["-video_track_timescale", 12000, "-movie_timescale", 12000]
    run_ffmpeg("-i", silent, *sounds, *texts, *maps, *kept, *names, *ticks, folder / "rich.mp4")
    return folder / "rich.mp4"
