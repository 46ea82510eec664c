"""Add the edit to the decoded frames, in their own pixel format, and encode the video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import av
import numpy as np

from dvaedit.face.paste import Patch
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.paste import Patches
from dvaedit.video.badge import badge_patch
from dvaedit.video.codecs import Encoding, get_codec
from dvaedit.video.planes import apply_delta
from dvaedit.video.probe import VideoInfo, probe
from dvaedit.video.reader import Frame, read_frames, to_rgb, upright
from dvaedit.video.writer import VideoWriter


@dataclass(frozen=True)
class Export(Stage):
    """Makes the file ``video``: every frame of the source with its time stamp, no other streams.

    Inputs: ``align`` and ``paste``, and for each further person ``align-2``, ``paste-2`` and so on.
    """

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 13
    encoding: Encoding = field(default_factory=Encoding)
    visible_mark: bool = False
    video: Path = unkeyed(Path())

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        info = probe(self.video)
        patches = Overlay.of(inputs)
        name = self.file_name
        with out.new_file(name) as path, self._writer(path, info) as writer:
            for frame, pts in edited_frames(self.video, patches, (info.width, info.height), self.visible_mark):
                writer.write(frame, pts)
                progress(writer.frames, max(info.frames, writer.frames))
        out.meta["frames"] = writer.frames

    def _writer(self, path: Path, info: VideoInfo) -> VideoWriter:
        how = self.encoding
        return VideoWriter(path, info, how.codec, how.crf, how.preset, pix_fmt=how.pix_fmt, lossless=how.lossless)

    @property
    def file_name(self) -> str:
        """The name of the file in the artifact; its container suits the codec, not the final output."""
        return f"video{get_codec(self.encoding.codec).working_for(self.encoding.pix_fmt)}"


class Overlay:
    """What to add to the frames for all people together, each with the strength of its presence."""

    def __init__(self, people: Sequence[tuple[Artifact, Artifact]]) -> None:
        """people: (paste, align) of each person."""
        self.patches = [Patches(pasted, align) for pasted, align in people]
        self.weights = [
            dict(zip(a.read("frames").tolist(), a.read("weights").tolist(), strict=True)) for _, a in people
        ]

    @classmethod
    def of(cls, inputs: Mapping[str, Artifact]) -> Overlay:
        """From a stage's inputs, named as those of :class:`Export`."""
        places = [name.removeprefix("align") for name in inputs if name.startswith("align")]
        return cls([(inputs[f"paste{place}"], inputs[f"align{place}"]) for place in places])

    def at(self, frame: Frame, size: tuple[int, int]) -> list[Patch]:
        """Boxes and float32 RGB differences, 8-bit levels, for the upright frame of ``size`` (width, height)."""
        found = []
        for patches, weights in zip(self.patches, self.weights, strict=True):
            patch = patches.patch(frame, size) if weights.get(frame.index, 0) > 0 else None
            if patch is not None and patch[1].any():
                found.append((patch[0], patch[1] * np.float32(weights[frame.index])))
        return found


def edited_frames(
    video: Path, overlay: Overlay, size: tuple[int, int], visible_mark: bool = False
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Every frame of ``video`` with its time stamp, the edit added; one without the face is passed on untouched.

    visible_mark: label every frame in its lower right corner.
    """
    for frame in read_frames(video):
        native = frame.native
        for box, difference in overlay.at(frame, size):
            native = apply_delta(native, box, difference, frame.rotation)
        if visible_mark:
            native = apply_delta(native, *badge_patch(upright(to_rgb(native), frame.rotation)), frame.rotation)
        yield native, frame.pts
