"""Add the edit to the decoded frames, in their own pixel format, and encode the video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import av

from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.paste import Patches
from dvaedit.video.codecs import get_codec
from dvaedit.video.planes import apply_delta
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter


@dataclass(frozen=True)
class Export(Stage):
    """Makes the file ``video``: every frame of the source with its time stamp, no other streams."""

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 1
    codec: str = "h264"
    crf: int | None = None
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        info = probe(self.video)
        patches = Patches(inputs["paste"], inputs["align"])
        name = self.file_name
        with out.new_file(name) as path, VideoWriter(path, info, self.codec, self.crf) as writer:
            for frame, pts in edited_frames(self.video, patches, (info.width, info.height)):
                writer.write(frame, pts)
                progress(writer.frames, max(info.frames, writer.frames))
        out.meta["frames"] = writer.frames

    @property
    def file_name(self) -> str:
        """The name of the file in the artifact; its container suits the codec, not the final output."""
        return f"video{get_codec(self.codec).working}"


def edited_frames(video: Path, patches: Patches, size: tuple[int, int]) -> Iterator[tuple[av.VideoFrame, int]]:
    """Every frame of ``video`` with its time stamp, the edit added; one without the face is passed on untouched."""
    for frame in read_frames(video):
        native, found = frame.native, patches.patch(frame, size)
        if found is not None and found[1].any():
            native = apply_delta(native, *found, frame.rotation)
        yield native, frame.pts
