"""Reading the frames a stage needs, however they are spread, in one pass over the video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np

from dvaedit.errors import VideoError
from dvaedit.face.align import crop
from dvaedit.pipeline.artifact import ShardReader
from dvaedit.video.reader import Frame, read_frames


def frames_at(video: Path, numbers: np.ndarray) -> Iterator[Frame]:
    """The frames with the given rising numbers, in one pass over the stretch that holds them."""
    wanted = iter(numbers.tolist())
    number = next(wanted, None)
    if number is None:
        return
    with closing(read_frames(video, number, int(numbers[-1]) + 1)) as frames:
        for frame in frames:
            if frame.index == number:
                yield frame
                number = next(wanted, None)
    if number is not None:
        raise VideoError(f"{video.name} ends before frame {number}", hint="Has the file changed since it was decoded?")


def crops_at(
    video: Path,
    track: ShardReader,
    size: int,
    shards: list[tuple[int, int]],
    cut: Callable[[np.ndarray, np.ndarray, int], np.ndarray] = crop,
    quads: np.ndarray | None = None,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(start, stop, crops) for each of the rising ``shards`` of a track: uint8 (stop - start, size, size, 3) RGB.

    ``track`` holds ``frames`` and ``quads``. The video is read once, up to where the crops asked for end: formats
    that cannot seek would else be decoded from the beginning for every shard. ``cut``: makes the crop of a frame;
    ``quads``: other squares to cut.
    """
    numbers = track.read("frames")
    quads = track.read("quads") if quads is None else quads
    places = np.array([place for start, stop in shards for place in range(start, stop)], np.int64)
    images = frames_at(video, numbers[places])
    for start, stop in shards:
        pairs = zip(islice(images, stop - start), quads[start:stop], strict=True)
        yield start, stop, np.stack([cut(frame.rgb(), quad, size) for frame, quad in pairs])
