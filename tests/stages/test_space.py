from dataclasses import replace
from pathlib import Path

import pytest

import dvaedit
from dvaedit import api, comparing
from dvaedit.errors import StorageError
from dvaedit.pipeline import store
from dvaedit.pipeline.run import StagePlan
from dvaedit.pipeline.store import Cache, check_free
from dvaedit.stages.estimate import COSTS, bytes_to_come, few_frames, output_bytes
from dvaedit.video.probe import probe
from tests.stages.test_chain import BLOND, pipeline


def test_the_estimate_is_near_what_is_written(clip, model, tmp_path):
    """Of the stages whose size does not hang on the model; the tiny one's crops are smaller than the compact one's."""
    run = pipeline(clip, model, tmp_path)
    before = {plan.label: plan for plan in run.plan()}
    run.execute()
    written = {entry.stage: entry.size for entry in run.cache.entries()}
    for stage, low in (("decode", 0.4), ("export", 0.1)):
        promised = bytes_to_come([before[stage]], 8, 512 * 512)
        assert low * promised < written[stage] < 1.3 * promised + 5000, stage
    assert bytes_to_come(run.plan(), 8, 512 * 512) == 0


def test_lossless_output_takes_more():
    plan = StagePlan("export", "export", "0" * 64, "absent", 0, None, True)
    assert bytes_to_come([plan], 100, 10_000, lossless=True) > 10 * bytes_to_come([plan], 100, 10_000)


def absent(*labels):
    stages = {"few": "pick", "drawn": "sample", "shaded": "sample"}
    names = [label.split("-")[0] for label in labels]
    return [
        StagePlan(label, stages.get(name, name), "0" * 64, "absent", 0, None, True)
        for label, name in zip(labels, names, strict=True)
    ]


@pytest.mark.parametrize(
    ("labels", "few"),
    [
        (("align", "few", "invert", "sample", "few-2", "invert-2", "sample-2", "paste"),
         ("few", "invert", "sample", "few-2", "invert-2", "sample-2")),
        (("invert", "sample", "drawn", "drawn-2", "shaded", "paste"), ("drawn", "drawn-2", "shaded")),
        (("invert", "sample"), ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("faces", "count"), [(100, 16), (5, 5)])
def test_which_stages_take_how_few_frames(labels, few, faces, count):
    assert few_frames(absent(*labels), faces) == dict.fromkeys(few, count)


def test_a_few_drawn_frames_take_little_space():
    each = COSTS["sample"].bytes
    assert bytes_to_come(absent("sample", "drawn"), 100, 10_000) == 116 * each
    assert bytes_to_come(absent("sample", "drawn"), 5, 10_000) == 10 * each


def test_a_full_disk_is_told_before_the_work(clip, model, tmp_path, monkeypatch):
    cache = Cache(tmp_path / "c")
    monkeypatch.setattr(store, "free_space", lambda path: 1_000_000)
    with pytest.raises(StorageError, match=r"needs about 5\.0 MB.* 1\.0 MB free") as raised:
        cache.make_room(5_000_000, None, ())
    assert "--cache-dir" in raised.value.hint
    cache.make_room(900_000, None, ())


def test_older_entries_make_room_but_never_those_of_the_run(clip, model, tmp_path):
    run = pipeline(clip, model, tmp_path)
    run.execute()
    other = pipeline(clip, model, tmp_path, BLOND.__class__(attributes=BLOND.attributes[:1], steps=4))
    other.execute()
    size = sum(entry.size for entry in run.cache.entries())
    mine = set(other.keys.values())
    kept = sum(entry.size for entry in run.cache.entries() if entry.key in mine)
    with pytest.raises(StorageError, match="may hold"):
        run.cache.make_room(1000, kept, mine)
    assert sum(entry.size for entry in run.cache.entries()) == size  # nothing was removed
    run.cache.make_room(1000, kept + 1000, mine)
    assert {entry.key for entry in run.cache.entries()} == mine


def test_the_disk_of_the_output_is_looked_at_too(clip, model, tmp_path, monkeypatch):
    """The cache's disk is large, the output's is full: refused before anything is computed or written."""
    cache, folder = tmp_path / "cache", tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(api, "load_model", lambda name, runtime: model)
    monkeypatch.setattr(store, "free_space", lambda path: 10_000 if folder in path.parents else 10**12)
    monkeypatch.setattr(store, "_disk", lambda path: 1 if folder in path.parents else 2)
    options = dvaedit.Options(steps=3, cache_dir=cache)
    with pytest.raises(StorageError, match=r"the output needs about .* and .*results has 0\.0 MB free") as raised:
        dvaedit.edit(clip, attributes="Male", lossless=True, output=folder / "out.mkv", options=options)
    assert raised.value.exit_code == 6 and "-o" in raised.value.hint
    plan = api.prepare_edit(clip, attributes="Male", lossless=True, output=folder / "out.mkv", options=options)
    with pytest.raises(StorageError, match="the output needs about"):
        plan.check_disks()
    with pytest.raises(StorageError, match="the output needs about"):
        dvaedit.reconstruct(clip, output=folder / "again.mp4", options=options)
    assert list(folder.iterdir()) == []
    assert [path for path in cache.rglob("*") if path.is_file() and path.parent.name != ".locks"] == []
    result = dvaedit.edit(clip, attributes="Male", output=tmp_path / "out.mp4", options=options)
    assert result.output.is_file()


def test_the_disks_of_sweeps_and_reports_are_looked_at(clip, model, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(comparing, "load_model", lambda name, runtime: model)
    monkeypatch.setattr(store, "free_space", lambda path: 1_000 if folder in path.parents else 10**12)
    monkeypatch.setattr(store, "_disk", lambda path: 1 if folder in path.parents else 2)
    options = dvaedit.Options(steps=3, cache_dir=tmp_path / "cache")
    with pytest.raises(StorageError, match="the output needs about"):
        dvaedit.sweep(clip, each=["Male"], strengths=[1, 2], output=folder / "choose.mp4", options=options)
    with pytest.raises(StorageError, match="the output needs about"):
        dvaedit.report(clip, clip, output=folder / "page.html", options=options)
    assert list(folder.iterdir()) == []


def test_cache_and_output_of_one_disk_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "free_space", lambda path: 1_000_000)
    out, beside = tmp_path / "out.mp4", tmp_path / "compare.mp4"
    check_free({out: 600_000}, tmp_path / "cache", 300_000)
    check_free({}, tmp_path / "cache", 10**12)  # the cache has a check of its own
    with pytest.raises(StorageError, match=r"needs about 0\.6 MB, 1\.1 MB with the cache, .* has 1\.0 MB free"):
        check_free({out: 600_000}, tmp_path / "cache", 500_000)
    with pytest.raises(StorageError, match=r"needs about 1\.2 MB, and"):
        check_free({out: 600_000, beside: 600_000}, tmp_path / "cache")
    monkeypatch.setattr(store, "_disk", lambda path: len(path.parts) if path.suffix else 0)
    check_free({out: 600_000}, tmp_path / "cache", 10**12)


def test_the_estimate_of_the_output_is_above_what_is_written(clip, model, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: model)
    options = dvaedit.Options(steps=3, cache_dir=tmp_path / "cache")
    info = probe(clip)
    for name, lossless in (("out.mp4", False), ("out.mkv", True)):
        written = dvaedit.edit(
            clip, attributes="Male", lossless=lossless, output=tmp_path / name, options=options
        ).output
        assert 0.5 * written.stat().st_size < output_bytes(info, 8, lossless) < 10 * written.stat().st_size
    assert output_bytes(info, 800, True, times=2) > 199 * output_bytes(replace(info, audio=()), 8, True)
    lying = replace(info, duration=1e12)
    assert output_bytes(lying, 8, False) <= output_bytes(replace(info, audio=()), 8, False) + Path(clip).stat().st_size
