"""A full disk and a read-only cache, in every stage; what a power cut leaves behind."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest

from dvaedit.errors import StorageError
from dvaedit.pipeline.artifact import MANIFEST, USED
from dvaedit.pipeline.writer import JOURNAL
from tests.faults import FULL, READ_ONLY, watch
from tests.stages.test_chain import finished, pipeline  # noqa: F401

STAGES = ("decode", "people", "align", "encode", "invert", "parse", "edit", "sample", "paste", "export")


@pytest.fixture
def faults():
    hook = watch()
    yield hook
    hook.reset()


def contents(run):
    return {label: [(f.name, f.sha256) for f in run.artifact(label).files] for label in run.nodes}


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_in_each_stage(clip, model, finished, faults, tmp_path, stage):  # noqa: F811
    run = pipeline(clip, model, tmp_path)
    key = next(run.keys[label] for label, node in run.nodes.items() if node.stage.name == stage)
    faults.reset(root=tmp_path, fail=FULL, where=f"{stage}/{key}")
    with pytest.raises(StorageError) as raised:
        run.execute()
    assert raised.value.exit_code == 6 and "space" in raised.value.hint.lower()
    faults.reset()
    resumed = pipeline(clip, model, tmp_path)
    resumed.execute()
    assert contents(resumed) == contents(finished)


def test_a_read_only_cache_still_serves_what_it_has(clip, model, finished, faults):  # noqa: F811
    faults.reset(root=finished.cache.root, fail=READ_ONLY)
    again = pipeline(clip, model, finished.cache.root)
    again.execute()
    assert contents(again) == contents(finished)
    assert set(map(os.path.basename, faults.seen)) <= {USED}


def test_a_read_only_cache_that_lacks_something_says_so(clip, model, faults, tmp_path):
    faults.reset(root=tmp_path, fail=READ_ONLY)
    with pytest.raises(StorageError) as raised:
        pipeline(clip, model, tmp_path).execute()
    assert "read-only" in raised.value.hint.lower()
    faults.reset()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def entry(run, label="invert"):
    return run.cache.path(run.nodes[label].stage.name, run.keys[label])


@pytest.mark.parametrize("harm", ["shard cut", "shard gone", "no manifest", "manifest cut", "manifest zeros"])
@pytest.mark.parametrize("label", ["decode", "invert", "export"])
def test_a_power_cut_that_spoilt_a_complete_entry(clip, model, finished, tmp_path, harm, label):  # noqa: F811
    run = pipeline(clip, model, tmp_path)
    run.execute()
    folder = entry(run, label)
    shard = max(folder.glob("*.mp4" if label == "export" else "*.safetensors"), key=lambda path: path.stat().st_size)
    target = shard if harm.startswith("shard") else folder / MANIFEST
    data = target.read_bytes()
    if harm in ("shard gone", "no manifest"):
        target.unlink()
    else:
        target.write_bytes(data[: len(data) // 2] if harm.endswith("cut") else bytes(len(data)))
    again = pipeline(clip, model, tmp_path)
    again.execute()
    assert contents(again) == contents(finished)


@pytest.mark.parametrize(
    "harm", ["journal cut", "journal empty", "journal gone", "shard zeros", "shard cut", "leftovers"]
)
def test_a_power_cut_in_the_middle_of_a_stage(clip, model, finished, tmp_path, harm):  # noqa: F811
    run = pipeline(clip, model, tmp_path)
    run.execute()
    folder = entry(run)
    partial = folder.rename(folder.with_name(folder.name + ".partial"))
    manifest = json.loads((partial / MANIFEST).read_text())
    (partial / MANIFEST).unlink()
    begin = {name: manifest[name] for name in ("stage", "version", "key", "inputs", "video")}
    entries = [{"begin": begin}, {"total": 8}, *({"file": record} for record in manifest["files"])]
    journal = "".join(json.dumps(line) + "\n" for line in entries).encode()
    (partial / JOURNAL).write_bytes(journal[:-40] if harm == "journal cut" else b"" if "empty" in harm else journal)
    shard = next(partial.glob("*.safetensors"))
    if harm == "journal gone":
        (partial / JOURNAL).unlink()
    elif harm.startswith("shard"):
        size = shard.stat().st_size
        shard.write_bytes(bytes(size) if harm.endswith("zeros") else shard.read_bytes()[: size // 2])
    elif harm == "leftovers":
        (partial / ".000000-000016.safetensors.99.tmp").write_bytes(b"x" * 100)
        (partial / "tmp-video.mp4").write_bytes(b"y")
    again = pipeline(clip, model, tmp_path)
    again.execute()
    assert contents(again) == contents(finished)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_stale_lock_of_a_dead_process_blocks_nobody(clip, model, finished, tmp_path):  # noqa: F811
    run = pipeline(clip, model, tmp_path)
    locks = tmp_path / ".locks"
    locks.mkdir(parents=True)
    for label, node in run.nodes.items():
        name = f"{node.stage.name}-{run.keys[label]}"
        (locks / f"{name}.lock").touch()
        (locks / f"{name}.holder").write_text(json.dumps({"pid": 2**22 - 3, "host": socket.gethostname()}))
    began = time.monotonic()
    run.execute()
    assert contents(run) == contents(finished) and time.monotonic() - began < 60


@pytest.mark.parametrize("shift", [-10 * 365 * 86400, 10 * 365 * 86400])
def test_a_clock_that_jumps_changes_nothing(clip, model, finished, tmp_path, shift):  # noqa: F811
    run = pipeline(clip, model, tmp_path)
    run.artifact("encode")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() + shift, time.time() + shift))
    resumed = pipeline(clip, model, tmp_path)
    resumed.execute()
    assert contents(resumed) == contents(finished)
    assert resumed.cache.gc(max_age=5 * 365 * 86400) == []  # all of it has just been used
