import pytest

from dvaedit.errors import StorageError
from dvaedit.pipeline import store
from dvaedit.pipeline.run import StagePlan
from dvaedit.pipeline.store import Cache
from dvaedit.stages.estimate import bytes_to_come
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
