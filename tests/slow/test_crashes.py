"""An edit that is killed, stopped, short of disk or bereft of power goes on to the very result it would have had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stages.conftest import EXAMPLE
from tests.video.conftest import run_ffmpeg

ROOT = Path(__file__).parents[2]
STAGES = {"decode", "people", "align", "encode", "invert", "parse", "edit", "sample", "paste", "export"}
PARTS = 6
ENV = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Path:
    """Seventy frames: each stage writes several shards. DVAEDIT_TEST_FRAMES takes fewer, or more."""
    path = tmp_path_factory.mktemp("short") / "in.mp4"
    run_ffmpeg(
        "-i",
        EXAMPLE,
        "-frames:v",
        os.environ.get("DVAEDIT_TEST_FRAMES", "70"),
        "-an",
        "-vf",
        "scale=160:160",
        "-c:v",
        "libx264",
        path,
    )
    return path


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_kill_9_in_all_stages(short, tmp_path, part):
    """In each part a kill in each of the ten stages, at a lock, and while the output is written: 72 in all."""
    command = [sys.executable, "-m", "tests.slow.crash_worker", short, tmp_path, str(part), str(PARTS)]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    print(result)
    assert set(result["stages"]) >= STAGES | {"output", ".locks"}
    assert result["killed"] == result["points"] >= 12
    assert result["different"] == []


STOPPED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
from pathlib import Path
from dvaedit import api
from dvaedit.cli import main
from tests.slow.steady import steady
from tests.stages.conftest import tiny_model
import time
def slow_model(name, runtime):
    model = tiny_model()
    denoise = model.autoencoder.denoise
    def slower(*args):
        time.sleep(0.3)
        return denoise(*args)
    object.__setattr__(model.autoencoder, "denoise", slower)
    return model
api.load_model = slow_model if sys.argv[4] == "slow" else (lambda name, runtime: tiny_model())
steady(Path(sys.argv[1]))
print("ready", file=sys.stderr, flush=True)
sys.exit(main(["edit", sys.argv[1], "-a", "Male", "--steps", "3", "-o", sys.argv[2], "--cache-dir", sys.argv[3]]))
"""


def start(short, tmp_path, speed):
    command = [sys.executable, "-c", STOPPED, short, tmp_path / "out.mp4", tmp_path / "cache", speed]
    return subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stage", ["invert", "sample"])
def test_signals_stop_within_seconds_and_leave_work_to_resume(short, tmp_path, number, code, stage):
    run = start(short, tmp_path, "slow")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(f"cache/{stage}/*.partial")):
        assert run.poll() is None and time.monotonic() < deadline, run.communicate()
        time.sleep(0.02)
    asked = time.monotonic()
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == code, err
    assert time.monotonic() - asked < 10  # under a second, unless the machine is busy
    assert "run the same command again to resume" in err and "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]
    again = start(short, tmp_path, "fast")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0 and out.strip() == str(tmp_path / "out.mp4"), err
