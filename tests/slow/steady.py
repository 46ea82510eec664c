"""A face detector for tests that are not about detection: it always finds what it found in a video's first frame."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from dvaedit.stages import decode


def steady(video: Path) -> None:
    """Replace the detector of the decode stage, in this process.

    The real one runs in another process: its threads would not survive a fork of this one.
    """
    command = [sys.executable, "-m", "tests.slow.steady", str(video)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    faces = pickle.loads(done.stdout)
    assert faces, "no face in the first frame"

    class SteadyMesher:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def detect(self, rgb):
            return list(faces)

    decode.FaceMesher = SteadyMesher


if __name__ == "__main__":
    from dvaedit.face.mesh import FaceMesher
    from dvaedit.video.reader import read_frames

    with FaceMesher() as mesher:
        found = mesher.detect(next(iter(read_frames(Path(sys.argv[1])))).rgb())
    sys.stdout.buffer.write(pickle.dumps(found))
