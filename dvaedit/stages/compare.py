"""Videos to look at: source and result side by side, and the plain reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dvaedit.face.paste import replace_square
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.sample import to_levels
from dvaedit.video.probe import VideoInfo
from dvaedit.video.reader import read_frames, to_rgb, upright
from dvaedit.video.writer import write_rgb_video

Progress = Callable[[str, int, int], None]


def write_comparison(
    source: Path, result: Path, output: Path, decoded: Artifact, info: VideoInfo, comment: str = ""
) -> None:
    """Write ``source`` (left) and ``result`` (right), at the source's times, to ``output``.

    result: the exported pictures, stored as the source's are. info: of the source; its sound is that of ``info.path``.
    comment: goes into the metadata.
    """
    pairs = zip(read_frames(source), read_frames(result), strict=True)
    frames = (np.hstack([before.rgb(), upright(to_rgb(after.native), before.rotation)]) for before, after in pairs)
    write_rgb_video(output, frames, pts=decoded.read("pts").tolist(), info=info, comment=comment)


def write_reconstruction(
    source: Path,
    decoded: Artifact,
    people: Sequence[tuple[Artifact, Artifact]],
    output: Path,
    progress: Progress,
    info: VideoInfo,
    comment: str = "",
) -> None:
    """Write ``source`` with each person's whole crop square replaced by the sampled crop: nothing is hidden.

    people: (align, sampled) of each person. info: as in ``write_comparison``.
    """
    frames = _reconstructed(source, people, decoded.frames, progress)
    write_rgb_video(output, frames, pts=decoded.read("pts").tolist(), info=info, comment=comment)


def _reconstructed(
    source: Path, people: Sequence[tuple[Artifact, Artifact]], total: int, progress: Progress
) -> Iterator[np.ndarray]:
    places = [{int(frame): place for place, frame in enumerate(align.read("frames"))} for align, _ in people]
    quads = [align.read("quads") for align, _ in people]
    for frame in read_frames(source):
        rgb = frame.rgb()
        for place, corners, (_, sampled) in zip(places, quads, people, strict=True):
            if (at := place.get(frame.index)) is not None:
                rgb = replace_square(rgb, to_levels(sampled, at, at + 1)[0], corners[at])
        yield rgb
        progress("write", frame.index + 1, total)
