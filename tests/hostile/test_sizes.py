"""The smallest and the largest pictures, through the real detector and the whole tool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dvaedit import api
from dvaedit.cli import main
from dvaedit.video.probe import probe
from tests.stages.conftest import EXAMPLE, tiny_model
from tests.video.conftest import run_ffmpeg

ROOT = Path(__file__).parents[2]
MOST_MEGABYTES = 3700  # for an edit of hair, whose patches are as large as the head; 3200 to 3420 measured


@pytest.mark.parametrize("size", ["16:16", "2:2", "16:2160"])
def test_a_clip_too_small_for_a_face_says_so(tmp_path, monkeypatch, capfd, size):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    source = tmp_path / "in.mp4"
    run_ffmpeg("-i", EXAMPLE, "-frames:v", "3", "-an", "-vf", f"scale={size}", "-c:v", "libx264", source)
    code = main(
        ["edit", str(source), "-a", "Male", "-o", str(tmp_path / "out.mp4"), "--cache-dir", str(tmp_path / "c")]
    )
    out, err = capfd.readouterr()
    assert (code, out) == (4, "")
    said = " ".join(err.split())
    assert "error: no face found in this video" in said and "hint: " in said and "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "in.mp4"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_8k_stays_within_memory(tmp_path):
    """A face as high as the frame: 4320 pixels."""
    source = tmp_path / "8k.mp4"
    wide = "scale=4320:4320,pad=7680:4320:1680:0"
    run_ffmpeg("-i", EXAMPLE, "-frames:v", "3", "-an", "-vf", wide, "-c:v", "libx264", "-preset", "ultrafast", source)
    command = [sys.executable, "-m", "tests.slow.memory_worker", source, tmp_path / "cache"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=1100
    )
    assert done.returncode == 0, done.stderr
    frames, megabytes = done.stdout.split()
    print(f"8K: {megabytes} MB")
    assert int(frames) == 3
    assert float(megabytes) < MOST_MEGABYTES
    result = probe(tmp_path / "8k.out.mp4")
    assert (result.width, result.height) == (7680, 4320)
