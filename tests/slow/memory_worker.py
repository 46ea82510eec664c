"""Edit a video in a process of its own and print the peak of its memory, in MB. Arguments: video, cache folder.

Networks are tiny and the face is always found in the same place: what is measured is how memory grows with frames.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from dvaedit import api
from tests.slow.steady import steady
from tests.stages.conftest import tiny_model


def main(video: Path, cache: Path) -> None:
    steady(video)
    api.load_model = lambda name, runtime: tiny_model()
    options = api.Options(steps=3, cache_dir=cache)
    output = cache.parent / f"{video.stem}.out.mp4"
    result = api.edit(
        video, attributes=("Blond_Hair=2", "Male=2"), output=output, preset="ultrafast", overwrite=True, options=options
    )
    print(result.edited_frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


main(Path(sys.argv[1]), Path(sys.argv[2]))
