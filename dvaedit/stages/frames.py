"""Reading the frames a shard needs, however they are spread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from dvaedit.errors import VideoError
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
