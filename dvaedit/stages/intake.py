"""Inputs that are not plain progressive video, made into lossless video first: pictures, and interlaced video."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import ClassVar

import av
from av.filter import Graph

from dvaedit.errors import VideoError
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.video.pictures import is_pictures, picture_files, picture_frames, pictures_info, read_pictures
from dvaedit.video.probe import VideoInfo, file_digest, probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter

DEFAULT_RATE = Fraction(25)
WORKING = "video.mp4"  # an mp4 keeps any time base, and holds ffv1


@dataclass(frozen=True)
class Intake(Stage):
    """Makes the file ``video.mp4``, ffv1, sample for sample what the input shows; silent.

    rate: of a folder of pictures. deinterlace: merge the fields of each frame (bwdif), one frame out for one in.
    """

    name: ClassVar[str] = "intake"
    version: ClassVar[int] = 1
    rate: Fraction = DEFAULT_RATE
    deinterlace: bool = False
    source: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        info, frames = self._pictures() if is_pictures(self.source) else self._fields()
        with out.new_file(WORKING) as path, VideoWriter(path, info, "ffv1", lossless=True) as writer:
            for native, pts in frames:
                writer.write(native, pts)
                progress(writer.frames, max(info.frames, writer.frames))

    def _pictures(self) -> tuple[VideoInfo, Iterator[tuple[av.VideoFrame, int]]]:
        frames = picture_frames(read_pictures(self.source, self.rate), self.source)
        first = next(frames, None)
        if first is None:
            raise VideoError(f"{self.source.name} holds no picture.", "Get a complete copy of it.")
        info = pictures_info(self.source, first[0], first[2])
        return info, ((native, time) for native, time, _ in chain([first], frames))

    def _fields(self) -> tuple[VideoInfo, Iterator[tuple[av.VideoFrame, int]]]:
        info = probe(self.source)
        if info.rotation or info.mirrored:
            hint = "Deinterlace it with ffmpeg first: -vf bwdif."
            raise VideoError(f"{self.source.name} is interlaced and rotated, which is not supported.", hint)
        return replace(info, interlaced=False), deinterlaced(self.source, info)


def needs_intake(path: Path, deinterlace: bool) -> bool:
    """Whether an input must be made into another video before it is worked on."""
    return is_pictures(path) or deinterlace


def input_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of a folder of pictures."""
    if not path.is_dir():
        return file_digest(path)
    parts = [f"{file.name}:{file_digest(file)}" for file in picture_files(path)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def deinterlaced(path: Path, info: VideoInfo) -> Iterator[tuple[av.VideoFrame, int]]:
    """(frame, pts) with the fields of each frame merged; frames that are flagged progressive pass as they are."""
    graph = Graph()
    width, height = info.stored_size
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat(info.pix_fmt), time_base=info.time_base)
    merge = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(merge)
    merge.link_to(sink)
    graph.configure()
    times: list[int] = []
    for frame in read_frames(path):
        times.append(frame.pts)
        frame.native.pts, frame.native.time_base = frame.pts, frame.time_base
        source.push(frame.native)
        yield from _pulled(sink, times)
    source.push(None)
    yield from _pulled(sink, times)


def _pulled(sink: av.filter.context.FilterContext, times: list[int]) -> Iterator[tuple[av.VideoFrame, int]]:
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield frame, times.pop(0)
