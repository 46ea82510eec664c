"""Shards, blobs, whole arrays, files: what is written is what is read, and the journal survives what it must."""

import errno
import os

import numpy as np
import pytest

from dvaedit.errors import StorageError
from dvaedit.pipeline.store import Cache
from dvaedit.pipeline.writer import JOURNAL

KEY = "0" * 64


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def begin(cache):
    return cache.begin("stage", 1, KEY, {}, "clip.mp4")


def rows(start, stop):
    return np.arange(start * 3, stop * 3, dtype=np.float32).reshape(-1, 3)


def fill(out, total=10, shard=4):
    for start, stop in out.missing(total, shard):
        out.write(start, stop, {"x": rows(start, stop), "png": [b"p" * frame for frame in range(start, stop)]})


def test_reads_any_range_across_shards(cache):
    fill(out := begin(cache))
    artifact = cache.commit("stage", KEY, out)
    assert artifact.frames == 10
    assert artifact.names == {"x", "png"}
    for start in range(11):
        for stop in range(start, 11):
            np.testing.assert_array_equal(artifact.read("x", start, stop), rows(start, stop))
            assert artifact.read_blobs("png", start, stop) == [b"p" * frame for frame in range(start, stop)]
    assert artifact.read("x").dtype == np.float32
    assert [(a, b, x[0, 0]) for a, b, x in artifact.batches("x", 6)] == [(0, 6, 0.0), (6, 10, 18.0)]


def test_reading_what_is_not_there(cache):
    fill(out := begin(cache))
    artifact = cache.commit("stage", KEY, out)
    with pytest.raises(KeyError, match="no 'y'"):
        artifact.read("y")
    for start, stop in [(-1, 2), (3, 2), (0, 11)]:
        with pytest.raises(IndexError):
            artifact.read("x", start, stop)


def test_whole_arrays_files_and_meta(cache):
    out = begin(cache)
    out.save({"codes": np.eye(3), "count": np.int64(7)})
    with out.new_file("video.mp4") as path:
        assert path.suffix == ".mp4"
        path.write_bytes(b"film")
    out.meta = {"tracks": [{"id": 1}], "rate": 2.0}
    cache.commit("stage", KEY, out)
    artifact = cache.open("stage", KEY)
    np.testing.assert_array_equal(artifact.read("codes"), np.eye(3))
    assert artifact.read("count") == 7
    assert artifact.file("video.mp4").read_bytes() == b"film"
    assert artifact.meta == {"tracks": [{"id": 1}], "rate": 2.0}
    assert (artifact.frames, artifact.key, artifact.stage, artifact.video) == (0, KEY, "stage", "clip.mp4")
    with pytest.raises(IndexError):
        artifact.read("codes", 0, 1)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "int64", "float16", "float64"])
def test_dtypes_and_layouts(cache, dtype):
    array = (np.arange(24).reshape(4, 2, 3) % 2).astype(dtype)
    out = begin(cache)
    out.write(0, 4, {"a": array, "b": array.transpose(0, 2, 1), "c": array[:, 0, 0]})
    artifact = cache.commit("stage", KEY, out)
    for name, want in {"a": array, "b": array.transpose(0, 2, 1), "c": array[:, 0, 0]}.items():
        got = artifact.read(name)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_no_frames_at_all(cache):
    out = begin(cache)
    assert out.missing(0, 8) == []
    assert cache.commit("stage", KEY, out).frames == 0


def test_empty_blobs(cache):
    out = begin(cache)
    out.write_blobs(0, 3, "png", [b"", b"", b""])
    assert cache.commit("stage", KEY, out).read_blobs("png", 1, 3) == [b"", b""]


def test_resumes_with_another_shard_size(cache):
    out = begin(cache)
    fill(out, 10, 4)
    (out.path / "000004-000008.safetensors").unlink()
    again = begin(cache)
    assert again.done == 6
    assert again.first_missing == 4
    assert again.missing(10, 3) == [(4, 7), (7, 8)]
    fill(again, 10, 3)
    np.testing.assert_array_equal(cache.commit("stage", KEY, again).read("x"), rows(0, 10))


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "gone"])
def test_a_torn_shard_is_missing(cache, harm):
    fill(out := begin(cache))
    path = out.path / "000004-000008.safetensors"
    data = path.read_bytes()
    harmed = {"cut": data[:-1], "flip": data[:-1] + bytes([data[-1] ^ 1]), "empty": b""}
    path.unlink() if harm == "gone" else path.write_bytes(harmed[harm])
    assert begin(cache).missing(10, 4) == [(4, 8)]


def test_a_torn_journal_line_is_a_missing_shard(cache):
    fill(out := begin(cache))
    journal = out.path / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-10])
    again = begin(cache)
    assert again.missing(10, 4) == [(8, 10)]
    fill(again)
    np.testing.assert_array_equal(cache.commit("stage", KEY, again).read("x"), rows(0, 10))


def test_sweeps_what_it_does_not_know(cache):
    fill(out := begin(cache))
    (out.path / "tmp-video.mp4").write_bytes(b"half")
    (out.path / "folder").mkdir()
    begin(cache)
    assert sorted(path.name for path in out.path.iterdir()) == [
        "000000-000004.safetensors",
        "000004-000008.safetensors",
        "000008-000010.safetensors",
        JOURNAL,
    ]


def test_frame_count_may_be_unknown_beforehand(cache):
    out = begin(cache)
    out.write(0, 4, {"x": rows(0, 4)})
    again = begin(cache)
    assert again.first_missing == 4
    again.write(4, 5, {"x": rows(4, 5)})
    assert cache.commit("stage", KEY, again).frames == 5


def test_a_hole_when_the_frame_count_is_unknown(cache):
    out = begin(cache)
    for start in (0, 4, 8):
        out.write(start, start + 4, {"x": rows(start, start + 4)})
    (out.path / "000004-000008.safetensors").write_bytes(b"torn")
    again = begin(cache)
    assert (again.first_missing, again.done) == (4, 4)
    again.write(4, 9, {"x": rows(4, 9)})
    np.testing.assert_array_equal(cache.commit("stage", KEY, again).read("x"), rows(0, 9))


def test_writing_what_does_not_fit(cache):
    out = begin(cache)
    out.write(0, 4, {"x": rows(0, 4)})
    out.save({"table": np.zeros(3)})
    for start, stop, arrays, problem in [
        (2, 6, {"x": rows(2, 6)}, "already written"),
        (0, 4, {"y": rows(0, 4)}, "already written"),
        (4, 8, {"x": rows(4, 7)}, "3 values for 4 frames"),
        (4, 8, {"x": rows(4, 8).astype(np.float64)}, "shards differ"),
        (4, 8, {"y": rows(4, 8)}, "shards differ"),
        (4, 4, {"x": rows(4, 4)}, "frames 4 to 4"),
    ]:
        with pytest.raises(ValueError, match=problem):
            out.write(start, stop, arrays)
    with pytest.raises(ValueError, match="already written"):
        out.save({"x": np.zeros(3)}, group="other")
    with pytest.raises(ValueError, match="good name"), out.new_file("../x"):
        pass


def test_incomplete_work_is_not_committed(cache):
    out = begin(cache)
    out.missing(10, 4)
    out.write(4, 8, {"x": rows(4, 8)})
    with pytest.raises(ValueError, match=r"left out frames \[\(0, 4\), \(8, 10\)\]"):
        cache.commit("stage", KEY, out)
    assert cache.open("stage", KEY) is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_fails_leaves_work_to_resume(cache, monkeypatch, code):
    out = begin(cache)
    out.missing(10, 4)
    out.write(0, 4, {"x": rows(0, 4)})

    def fail(handle):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError) as caught:
            out.write(4, 8, {"x": rows(4, 8)})
    assert os.strerror(code) in caught.value.message
    assert caught.value.hint
    assert [path.name for path in out.path.glob(".*")] == []
    assert begin(cache).missing(10, 4) == [(4, 8), (8, 10)]


def test_a_file_where_the_cache_should_be(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(StorageError, match="cannot create"):
        begin(Cache(tmp_path / "cache"))


def test_a_failed_file_is_not_kept(cache):
    out = begin(cache)
    with pytest.raises(RuntimeError), out.new_file("video.mp4") as path:
        path.write_bytes(b"half")
        raise RuntimeError
    assert not out.has("video.mp4")
    artifact = cache.commit("stage", KEY, out)
    assert [path.name for path in artifact.path.iterdir()] == ["manifest.json"]
