"""Running and resuming: computed once, by one process, the same whatever interrupts it."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import dvaedit
from dvaedit.errors import StorageError
from dvaedit.pipeline import lock as locks
from dvaedit.pipeline.run import Node, Pipeline, execute, plan
from dvaedit.pipeline.store import Cache

from .worker import ROOT_KEY, Noise, Shift, pipeline

WORKER = Path(__file__).with_name("worker.py")
posix = pytest.mark.skipif(os.name == "nt", reason="kills and forks")


def start(*arguments) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(Path(dvaedit.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(WORKER), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def tree(root: Path) -> dict[str, bytes]:
    """Every file of the cache but locks and the marks of use."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != "used" and ".locks" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_runs_once_and_reports(tmp_path):
    noise, shift, seen = Noise(), Shift(), []
    for _ in range(2):
        made = pipeline(tmp_path, noise, shift, lambda *step: seen.append(step)).execute()
    assert list(made) == ["shift"]
    assert len(noise.log) == 8
    assert len(shift.log) == 4
    assert seen[:2] == [("noise", 4, 30), ("noise", 8, 30)]
    assert seen[-1] == ("shift", 30, 30)


def test_plan(tmp_path):
    noise, shift = Noise(), Shift()
    line = pipeline(tmp_path, noise, shift)
    assert [(p.label, p.state, p.done, p.total, p.needed) for p in line.plan()] == [
        ("noise", "absent", 0, None, True),
        ("shift", "absent", 0, None, True),
    ]
    with pytest.raises(KeyboardInterrupt):
        pipeline(tmp_path, noise, shift, interrupt_at(3)).execute()
    assert [(p.state, p.done, p.total) for p in line.plan()] == [("partial", 12, 30), ("absent", 0, None)]
    line.execute()
    assert [(p.state, p.done, p.total, p.needed) for p in line.plan()] == [
        ("cached", 30, 30, False),
        ("cached", 30, 30, True),
    ]
    assert [p.key for p in line.plan()] == list(line.keys.values())
    assert noise.log == [(a, min(a + 4, 30)) for a in range(0, 30, 4)]


def interrupt_at(step):
    left = [step]

    def progress(label, done, total):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("step", [1, 5, 8, 9, 10, 11])
def test_an_interrupt_leaves_work_to_resume(tmp_path, step):
    noise = Noise()
    with pytest.raises(KeyboardInterrupt):
        pipeline(tmp_path / "a", noise, progress=interrupt_at(step)).execute()
    pipeline(tmp_path / "a", noise).execute()
    assert len(noise.log) == 8
    pipeline(tmp_path / "b").execute()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@posix
def test_kill_9_anywhere_then_resume_equals_uninterrupted(tmp_path):
    pipeline(tmp_path / "whole").execute()
    chance, kills = random.Random(5), 0
    while (process := start("die", tmp_path / "killed", chance.randint(2, 14))).wait(timeout=60) != 0:
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
        kills += 1
        assert kills < 30
    process.stdout.close()
    assert kills >= 3
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_leave_work_to_resume(tmp_path, number):
    process = start("hang", tmp_path / "a")
    wait_for(lambda: any('"file"' in path.read_text() for path in tmp_path.glob("a/noise/*.partial/journal.jsonl")))
    process.send_signal(number)
    assert process.wait(timeout=60) != 0
    process.stdout.close()
    noise = Noise()
    pipeline(tmp_path / "a", noise).execute()
    assert 0 < len(noise.log) < 8
    pipeline(tmp_path / "b").execute()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@posix
def test_two_processes_compute_once(tmp_path, caplog):
    caplog.set_level("INFO")
    other = start("compute", tmp_path)
    wait_for(lambda: list(tmp_path.glob("noise/*.partial/*.safetensors")))
    noise = Noise()
    made = pipeline(tmp_path, noise).artifact("noise")
    assert noise.log == []
    assert made.frames == 30
    assert other.communicate(timeout=10)[0] == "8\n"
    assert [record.message for record in caplog.records if record.levelname == "INFO"] == [
        "waiting for noise: another process is computing it"
    ]


@posix
def test_a_lock_whose_owner_died_is_broken(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(locks, "GRACE", 0.3)
    path = tmp_path / "locks" / "a.lock"
    process = start("orphan", path)
    child = int(process.stdout.readline())
    try:
        process.wait(timeout=10)
        assert locks.is_locked(path)
        assert locks.holder_alive(path) is False
        with locks.locked(path, "noise"):
            assert locks.is_locked(path)
            assert locks.holder_alive(path) is True
        assert "is gone" in caplog.text
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_a_lock_excludes_and_frees(tmp_path):
    path = tmp_path / "a.lock"
    assert not locks.is_locked(path)
    with pytest.raises(RuntimeError), locks.locked(path, "x"):
        with locks.try_locked(path) as mine:
            assert not mine
        raise RuntimeError
    with locks.try_locked(path) as mine:
        assert mine
    assert not locks.is_locked(path)


def test_a_full_disk_in_the_middle(tmp_path, monkeypatch):
    noise, fsync, left = Noise(), os.fsync, [9]

    def full(handle):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left") as caught:
            pipeline(tmp_path / "a", noise).execute()
    assert "resumed" in caught.value.hint
    done = len(noise.log)
    pipeline(tmp_path / "a", noise).execute()
    assert 3 <= done <= 6
    assert len(noise.log) == 9  # all eight, and once more the one that did not fit
    pipeline(tmp_path / "b").execute()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_the_same_stage_twice_with_two_inputs(tmp_path):
    source, edited = Noise(), Noise(scale=2.0)
    first, second = Shift(), Shift()  # equal, yet two nodes
    nodes = [
        Node(source, label="source"),
        Node(edited, label="edited"),
        Node(first, {"noise": source}, "of source"),
        (second, {"noise": "edited"}),
    ]
    made = execute(nodes, Cache(tmp_path), ROOT_KEY)
    assert list(made) == ["of source", "shift"]
    np.testing.assert_allclose(made["shift"].read("x"), 2 * made["of source"].read("x"), rtol=1e-4, atol=1e-6)


def test_targets_run_only_what_they_need(tmp_path):
    noise, other = Noise(), Noise(frames=5)
    nodes = [Node(noise), Node(other, label="other"), Node(Shift(), {"noise": noise})]
    assert list(execute(nodes, Cache(tmp_path), ROOT_KEY, targets=[noise])) == ["noise"]
    assert [p.state for p in plan(nodes, Cache(tmp_path), ROOT_KEY)] == ["cached", "absent", "absent"]
    assert other.log == []


def test_one_stage_alone(tmp_path):
    assert execute(Noise(frames=3), Cache(tmp_path), ROOT_KEY)["noise"].frames == 3
    assert plan(Noise(frames=3), Cache(tmp_path), ROOT_KEY)[0].state == "cached"


def test_wrong_wiring(tmp_path):
    noise = Noise()
    for nodes, problem in [
        ([noise, Noise()], "two nodes are called"),
        ([Node(Shift(), {"noise": noise}), noise], "not among the nodes before"),
        ([Node(Shift(), {"noise": "nois"})], "not among the nodes before"),
        ([Node(noise, label="a"), Node(noise, label="b"), Node(Shift(), {"noise": noise})], "several nodes"),
    ]:
        with pytest.raises(ValueError, match=problem):
            Pipeline(nodes, Cache(tmp_path), ROOT_KEY)


def test_the_pipeline_needs_no_torch():
    code = "import sys; import dvaedit.pipeline.run, dvaedit.checkpoints.store; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(dvaedit.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
