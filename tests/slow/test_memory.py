"""Memory does not grow with the length of a video."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.conftest import EXAMPLE
from tests.video.conftest import run_ffmpeg

ROOT = Path(__file__).parents[2]


def peak(folder: Path, minutes: float, size: str) -> float:
    """Peak memory of an edit of so many minutes at 25 frames a second, MB."""
    video = folder / f"{minutes:g}.mp4"
    loop = ("-stream_loop", "-1", "-i", EXAMPLE, "-t", f"{60 * minutes:g}", "-an")
    run_ffmpeg(*loop, "-vf", f"scale={size},fps=25", "-c:v", "libx264", "-preset", "ultrafast", video)
    command = [sys.executable, "-m", "tests.slow.memory_worker", video, folder / "cache"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=3600
    )
    assert done.returncode == 0, done.stderr
    frames, megabytes = done.stdout.split()
    assert int(frames) == round(1500 * minutes)
    shutil.rmtree(folder / "cache")
    return float(megabytes)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_one_two_and_four_minutes(tmp_path):
    size = os.environ.get("DVAEDIT_TEST_SIZE", "320:320")
    one, two, four = (peak(tmp_path, minutes, size) for minutes in (1, 2, 4))
    print(f"peak memory at 1, 2, 4 minutes of {size}: {one:.0f}, {two:.0f}, {four:.0f} MB")
    assert max(two, four) <= 1.05 * one
