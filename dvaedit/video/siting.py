"""Where chroma samples lie between the pixels: PyAV does not say it of a file, the ffmpeg binary does."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
from av.filter import Graph

from dvaedit.video import ffmpeg as binary
from dvaedit.video.colour import is_rgb
from dvaedit.video.probe import VideoInfo
from dvaedit.video.reader import Frame, read_frames

LOCATIONS = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def chroma_location(path: Path, stream: int = 0) -> str:
    """One of ``LOCATIONS``, "" where the file does not tell; ``stream``: index of the pictures in the file."""
    stat = path.stat()
    return _location(path.absolute(), stream, stat.st_mtime_ns, stat.st_size)


def kept_location(info: VideoInfo, pix_fmt: str) -> str:
    """Where chroma lies in the pictures of a video turned into another format, if it stays there; "" as above."""
    return chroma_location(info.path, info.stream) if cell(info.pix_fmt) == cell(pix_fmt) else ""


def assumed_locations(told: Sequence[str]) -> list[str]:
    """Per video, what is to be taken for what it does not tell ("" where it does): what the first one does tell."""
    known = next(filter(None, told), "")
    return ["" if location else known for location in told]


def read_sited(path: Path, location: str) -> Iterator[Frame]:
    """The frames of a video, marked with where their chroma lies; ``location`` "": as the video itself tells."""
    with closing(read_frames(path)) as frames:
        if not location:
            yield from frames
            return
        marker = _Marker(location)
        for frame in frames:
            yield frame if is_rgb(frame.native.format) else replace(frame, native=marker.mark(frame.native))


class _Marker:
    """Sets the location of frames, which PyAV can only through a filter; no sample is copied."""

    def __init__(self, location: str) -> None:
        self.location, self.kind = location, None

    def mark(self, native: av.VideoFrame) -> av.VideoFrame:
        kind = native.width, native.height, native.format.name
        if kind != self.kind:
            self._build(native)
            self.kind = kind
        self.inlet.push(native)
        return self.outlet.pull()

    def _build(self, native: av.VideoFrame) -> None:
        graph = self.graph = Graph()
        size = {"width": native.width, "height": native.height}
        self.inlet = graph.add_buffer(**size, format=native.format, time_base=native.time_base)
        setting, self.outlet = graph.add("setparams", f"chroma_location={self.location}"), graph.add("buffersink")
        self.inlet.link_to(setting)
        setting.link_to(self.outlet)
        graph.configure()


def cell(pix_fmt: str) -> tuple[int, int]:
    """Luma pixels (across, down) to a chroma sample; (1, 1) without subsampling."""
    form = av.VideoFormat(pix_fmt)
    return 64 // form.chroma_width(64), 64 // form.chroma_height(64)


@functools.lru_cache(maxsize=64)
def _location(path: Path, stream: int, mtime: int, size: int) -> str:
    """mtime and size key the memo only."""
    line = re.compile(rf"\s*Stream #0:{stream}\D.*Video: .*\w\(([^()]*)\), \d+x\d+")
    found = next(filter(None, map(line.match, binary.describe(path).splitlines())), None)
    said = found[1].split(", ") if found else []
    return next((word for word in said if word in LOCATIONS), "")
