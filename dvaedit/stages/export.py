"""Add the edit to the decoded frames, in their own pixel format, and encode the video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import av
import numpy as np

from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.paste import Patches
from dvaedit.video.planes import apply_delta
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter


@dataclass(frozen=True)
class Export(Stage):
    """Makes the file ``video`` + ``suffix``: every frame of the source with its time stamp, no other streams."""

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 1
    codec: str = "h264"
    crf: int = 16
    suffix: str = ".mp4"
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        info = probe(self.video)
        with out.new_file(f"video{self.suffix}") as path, VideoWriter(path, info, self.codec, self.crf) as writer:
            for number, (frame, pts) in enumerate(edited_frames(self.video, inputs["align"], inputs["paste"])):
                writer.write(frame, pts)
                progress(number + 1, max(info.frames, number + 1))


def edited_frames(video: Path, align: Artifact, pasted: Artifact) -> Iterator[tuple[av.VideoFrame, int]]:
    """Every frame of ``video`` with its time stamp, the edit added; frames without the face come through untouched."""
    info = probe(video)
    place = {int(frame): position for position, frame in enumerate(align.read("frames"))}
    patches = Patches(pasted, align.read("quads"), (info.height, info.width))
    for frame in read_frames(video):
        native = frame.native
        if (position := place.get(frame.index)) is not None:
            box, delta = patches[position]
            if np.any(delta):
                native = apply_delta(native, box, delta, info.rotation)
        yield native, frame.pts
