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


SIZE = os.environ.get("DVAEDIT_TEST_SIZE", "320:320")
LENGTHS = [pytest.param(n, 0.2, "192:192", marks=pytest.mark.slow, id=f"{12 * n}s") for n in (1, 2, 4)]
LENGTHS += [pytest.param(n, 1.0, SIZE, marks=pytest.mark.soak, id=f"{n}min") for n in (1, 2, 4)]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("times", "unit", "size"), LENGTHS)
def test_memory_is_flat(tmp_path, request, times, unit, size):
    """Each length can be run by itself: pytest's cache keeps what the shortest took. DVAEDIT_TEST_SIZE: in the soak."""
    place = f"dvaedit/memory-{size.replace(':', 'x')}-{unit:g}"
    found = peak(tmp_path, times * unit, size)
    print(f"peak memory at {times * unit:g} minutes of {size}: {found:.0f} MB")
    if times == 1:
        request.config.cache.set(place, found)
    first = request.config.cache.get(place, None)
    if first is None:
        first = peak(tmp_path, unit, size)
        request.config.cache.set(place, first)
    if found > 1.05 * first:  # once in a while a run peaks a fifth higher at any length; growth would do so always
        found = min(found, peak(tmp_path, times * unit, size))
    assert found <= 1.05 * first
