"""The cache: damaged entries are set aside, listings, garbage collection."""

import json
import logging
import os
import time

import numpy as np
import pytest

from dvaedit.pipeline.store import Cache, default_root

from .worker import Noise, Shift, pipeline


def entry_path(line, label):
    return line.cache.path(line.nodes[label].stage.name, line.keys[label])


def damage(path, how):
    shard = path / "000004-000008.safetensors"
    if how == "cut":
        shard.write_bytes(shard.read_bytes()[:-1])
    elif how == "gone":
        shard.unlink()
    elif how == "flip":
        data = shard.read_bytes()
        shard.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "manifest":
        (path / "manifest.json").write_text("{")
    elif how == "meta":
        manifest = json.loads((path / "manifest.json").read_text())
        manifest["meta"]["frames"] = 31
        (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("how", ["cut", "gone", "manifest", "meta"])
def test_a_damaged_entry_is_set_aside_and_computed_anew(tmp_path, caplog, how):
    first = pipeline(tmp_path)
    good = first.artifact("noise").read("x")
    damage(entry_path(first, "noise"), how)
    assert first.plan(["noise"])[0].state == "absent"
    again = pipeline(tmp_path)
    np.testing.assert_array_equal(again.artifact("noise").read("x"), good)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "set aside" in caplog.text
    assert entry_path(first, "noise").with_name(f"{first.keys['noise']}.bad-1").is_dir()
    assert sorted(entry.state for entry in again.cache.entries()) == ["bad", "complete"]


def test_verify_finds_a_flipped_bit(tmp_path):
    line = pipeline(tmp_path)
    line.execute()
    path = entry_path(line, "noise")
    damage(path, "flip")
    assert line.cache.open("noise", line.keys["noise"]) is not None  # sizes alone do not show it
    for number in (1, 2):
        ((entry, problem),) = line.cache.verify(set_aside=number == 2)
        assert entry.stage == "noise"
        assert "another content" in problem
    assert list(line.cache.verify()) == []
    stage = Noise()
    pipeline(tmp_path, stage).artifact("noise")
    assert len(stage.log) == 8


def test_bad_names_count_up(tmp_path):
    for _ in range(3):
        line = pipeline(tmp_path)
        line.artifact("noise")
        damage(entry_path(line, "noise"), "gone")
    pipeline(tmp_path).artifact("noise")
    assert sorted(path.suffix for path in (tmp_path / "noise").iterdir()) == ["", ".bad-1", ".bad-2", ".bad-3"]


def test_entries(tmp_path):
    line = pipeline(tmp_path)
    before = time.time() - 1
    line.execute()
    entries = {entry.stage: entry for entry in line.cache.entries()}
    assert set(entries) == {"noise", "shift"}
    for entry in entries.values():
        assert entry.video == "clip.mp4"
        assert entry.key == line.keys[entry.stage]
        assert before < entry.created <= entry.used + 0.1 <= time.time() + 0.1
        assert entry.size == sum(path.stat().st_size for path in entry.path.iterdir())


def age(cache, stage, days):
    then = time.time() - days * 86400
    (entry,) = [entry for entry in cache.entries() if entry.stage == stage]
    for path in entry.path.iterdir():
        os.utime(path, (then, then))


def test_gc_by_age_counts_from_the_last_use(tmp_path):
    line = pipeline(tmp_path)
    line.execute()
    age(line.cache, "noise", 9)
    age(line.cache, "shift", 9)
    line.artifact("shift")
    assert [entry.stage for entry in line.cache.gc(max_age=8 * 86400)] == ["noise"]
    assert [entry.stage for entry in line.cache.entries()] == ["shift"]
    stage = Noise()
    pipeline(tmp_path, stage).execute()
    assert stage.log == []  # what only a cached stage needs is not computed again


def test_gc_by_size_removes_the_least_recently_used(tmp_path):
    line = pipeline(tmp_path)
    line.execute()
    age(line.cache, "shift", 1)
    sizes = {entry.stage: entry.size for entry in line.cache.entries()}
    assert line.cache.gc(max_size=sum(sizes.values())) == []
    assert [entry.stage for entry in line.cache.gc(max_size=sizes["noise"])] == ["shift"]
    assert [entry.stage for entry in line.cache.entries()] == ["noise"]


def test_clear_spares_work_and_its_inputs(tmp_path):
    line = pipeline(tmp_path)
    line.artifact("noise")
    key = line.keys["shift"]
    with line.cache.lock("shift", key):
        line.cache.begin("shift", 1, key, {"noise": line.keys["noise"]})
        assert line.cache.clear() == []
    assert len(line.cache.clear()) == 2
    assert line.cache.entries() == []


def test_clear_touches_nothing_else(tmp_path):
    (tmp_path / "photos" / "2020").mkdir(parents=True)
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    pipeline(tmp_path).execute()
    assert len(Cache(tmp_path).clear()) == 2
    assert (tmp_path / "photos" / "2020").is_dir()
    assert (tmp_path / "photos" / "a.jpg").is_file()


def test_looking_creates_nothing(tmp_path):
    line = pipeline(tmp_path / "cache")
    assert [plan.state for plan in line.plan()] == ["absent", "absent"]
    assert line.cache.entries() == []
    assert list(line.cache.verify()) == []
    assert line.cache.gc(max_age=0) == []
    assert not (tmp_path / "cache").exists()


def test_default_root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVAEDIT_CACHE", str(tmp_path))
    assert default_root() == Cache().root == tmp_path
    monkeypatch.delenv("DVAEDIT_CACHE")
    assert "dvaedit" in str(default_root())


def test_shift_reads_only_what_it_asks_for(tmp_path):
    line = pipeline(tmp_path, Noise(), Shift())
    made = line.execute()["shift"]
    noise = line.artifact("noise")
    np.testing.assert_array_equal(made.read("x", 9, 11), noise.read("x", 9, 11) - noise.read("x").mean(0))
    assert made.file("note.txt").read_text() == "30 frames"
