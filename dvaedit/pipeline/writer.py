"""Writing an artifact: durable shards, a journal of them, and a manifest that is written last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from dvaedit.files import (
    append_durably,
    sha256_bytes,
    sha256_file,
    storage_errors,
    sync_file,
    sync_folder,
    write_durably,
)
from dvaedit.pipeline.artifact import BYTES, ENDS, MANIFEST, FileRecord, ShardReader, seal

JOURNAL = "journal.jsonl"
Values = np.ndarray | Sequence[bytes]


class Journal:
    """What a partial entry has: its beginning (stage, key, inputs, video), its frame count if known, its files."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self.begin: dict[str, Any] = {}
        self.total: int | None = None
        self.files: dict[str, FileRecord] = {}
        self.torn = False
        if self.path.is_file():
            for line in self.path.read_bytes().splitlines():
                self._take(line)

    def _take(self, line: bytes) -> None:
        """Read one line; what is no entry is a torn tail after a crash or a full disk, its file counts as unwritten."""
        try:
            entry = json.loads(line)
            record = FileRecord(**entry["file"]) if "file" in entry else None
            begin, total = entry.get("begin", self.begin), entry.get("total", self.total)
            if not (isinstance(begin, dict) and isinstance(total, int | None)):
                raise TypeError("not an entry")
            if record is not None and Path(record.name).name != record.name:
                raise ValueError("a file elsewhere")
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.torn = True
            return
        self.begin, self.total = begin, total
        if record is not None:
            self.files[record.name] = record

    def append(self, entry: dict[str, Any]) -> None:
        append_durably(self.path, _line(entry))

    def rewrite(self) -> None:
        """Write the journal anew with exactly what this object knows."""
        entries = [{"begin": self.begin}, {"total": self.total}]
        entries += [{"file": record.to_json()} for record in self.files.values()]
        write_durably(self.path, b"".join(_line(entry) for entry in entries))
        self.torn = False

    def frames(self, folder: Path) -> int:
        """How many frames have a shard of the right size."""
        shards = [record for record in self.files.values() if record.sharded]
        return sum(record.stop - record.start for record in shards if not record.problem(folder, digest=False))


class ArtifactWriter(ShardReader):
    """The work in progress of one stage, in ``<key>.partial``; only the process that holds the lock has one.

    ``meta``: a dict for the manifest (JSON); it starts empty in every run, so set it whole each time, from
    the written arrays (:meth:`read` works on the writer too) where work was resumed.
    """

    def __init__(self, path: Path, begin: Mapping[str, Any]) -> None:
        self.meta: dict[str, Any] = {}
        self._begin = dict(begin)
        with storage_errors("resume", path):
            self._journal = Journal(path)
            bad = [name for name, record in self._journal.files.items() if record.problem(path, digest=True)]
            for name in bad:
                del self._journal.files[name]
            super().__init__(path, [])
            self._files = self._journal.files  # one dict: what is journalled is what can be read
            bad += self._drop_after_gap()
            self._sweep()
        if bad or self._journal.torn or self._journal.begin != self._begin:
            self._journal.begin = self._begin
            self._journal.rewrite()

    def _drop_after_gap(self) -> list[str]:
        """Without a frame count a stage goes on from :attr:`first_missing` to the end: it must find nothing there."""
        if self._journal.total is not None:
            return []
        after = [record.name for record in self.shards if record.start >= self.first_missing]
        for name in after:
            del self._files[name]
        return after

    def _sweep(self) -> None:
        """Remove what a crash has left behind: anything the journal does not know."""
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != JOURNAL and path.name not in self._files:
                path.unlink()

    @property
    def done(self) -> int:
        """Frames written so far, those of earlier runs included."""
        return sum(record.stop - record.start for record in self.shards)

    @property
    def first_missing(self) -> int:
        """The first frame not yet written: where a stage that cannot know its frame count goes on."""
        return next((start for start, _ in self._gaps(self.frames)), self.frames)

    def missing(self, total: int, shard: int) -> list[tuple[int, int]]:
        """The ranges (start, stop) of at most ``shard`` frames still to be computed of ``total`` frames."""
        if total < 0 or shard < 1:
            raise ValueError(f"{total} frames in shards of {shard}")
        beyond = [record.name for record in self.shards if record.stop > total]
        if beyond or total != self._journal.total:
            for name in beyond:
                del self._files[name]
            self._journal.total = total
            self._journal.rewrite()
        cuts = ((first, stop) for start, stop in self._gaps(total) for first, stop in _cut(start, stop, shard))
        return list(cuts)

    def _gaps(self, total: int) -> list[tuple[int, int]]:
        gaps, at = [], 0
        for record in self.shards:
            if record.start > at:
                gaps.append((at, record.start))
            at = record.stop
        return gaps + ([(at, total)] if at < total else [])

    def write(self, start: int, stop: int, arrays: Mapping[str, Values]) -> None:
        """Write frames ``start`` to ``stop`` (exclusive) as one durable shard; when this returns, they are kept.

        Each value is an array whose first axis is the frame, or a list of bytes, one per frame. All that belongs
        to a range of frames goes into one call, so that it is either all there or not at all.
        Raises StorageError, and ValueError for a range that overlaps, or values that do not fit it.
        """
        if not 0 <= start < stop:
            raise ValueError(f"frames {start} to {stop}")
        if any(record.start < stop and start < record.stop for record in self.shards):
            raise ValueError(f"frames {start} to {stop} are already written (write all arrays of a range in one call)")
        tensors: dict[str, np.ndarray] = {}
        for name, values in arrays.items():
            tensors.update(_pack(name, values, stop - start))
        specs = {name: [array.dtype.str, list(array.shape[1:])] for name, array in tensors.items()}
        self._check_alike(specs)
        self._write(f"{start:06d}-{stop:06d}.safetensors", tensors, specs, start, stop)

    def write_blobs(self, start: int, stop: int, name: str, blobs: Sequence[bytes]) -> None:
        """Write one blob (bytes of any length, a PNG for instance) per frame; :meth:`write` takes blobs as well."""
        self.write(start, stop, {name: list(blobs)})

    def save(self, arrays: Mapping[str, np.ndarray], group: str = "tensors") -> None:
        """Write whole arrays of any shape, those of a table for instance, as one durable file ``group``."""
        tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        self._check_new(tensors, [record for record in self._files.values() if record.name != f"{group}.safetensors"])
        specs = {name: [array.dtype.str, list(array.shape)] for name, array in tensors.items()}
        self._write(f"{group}.safetensors", tensors, specs)

    def has(self, name: str) -> bool:
        """Whether a group of :meth:`save` or a file of :meth:`new_file` is there already, from an earlier run."""
        return name in self._files or f"{name}.safetensors" in self._files

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """A path to write a file of any kind to, a video for instance; it is kept if the block ends well."""
        if name in (JOURNAL, MANIFEST) or Path(name).name != name:
            raise ValueError(f"not a good name for a file: {name!r}")
        temporary = self.path / f"tmp-{name}"  # the suffix stays last: encoders go by it
        yield temporary
        with storage_errors("write", temporary):
            sync_file(temporary)
            record = FileRecord(name, temporary.stat().st_size, sha256_file(temporary))
            temporary.replace(self.path / name)
        self._note(record)

    def _check_alike(self, specs: dict[str, list[Any]]) -> None:
        first = next((record for record in self._files.values() if record.sharded), None)
        if first is not None and first.arrays != specs:
            raise ValueError(f"shards differ: {specs} here, {first.arrays} in {first.name}")
        self._check_new(specs, [record for record in self._files.values() if not record.sharded])

    @staticmethod
    def _check_new(names: Iterable[str], others: list[FileRecord]) -> None:
        if clash := set(names) & {name for record in others for name in record.arrays}:
            raise ValueError(f"already written: {sorted(clash)}")

    def _write(self, name: str, tensors: dict[str, np.ndarray], specs: dict, *frames: int) -> None:
        data = save(tensors)
        write_durably(self.path / name, data)
        self._note(FileRecord(name, len(data), sha256_bytes(data), *frames, arrays=specs))

    def _note(self, record: FileRecord) -> None:
        self._journal.append({"file": record.to_json()})
        self._files[record.name] = record

    def commit(self, target: Path) -> None:
        """Write the manifest and rename the folder to ``target``: from then on the entry is complete.

        Raises ValueError if frames are missing, or if ``meta`` is not plain JSON.
        """
        total = self.frames if self._journal.total is None else self._journal.total
        if gaps := self._gaps(total):
            raise ValueError(f"the stage {self._begin['stage']} has left out frames {gaps}")
        self._sweep()
        files = [self._files[name].to_json() for name in sorted(self._files)]
        write_durably(self.path / MANIFEST, seal({**self._begin, "meta": self.meta, "files": files}))
        with storage_errors("complete", target):
            sync_folder(self.path)
            self.path.rename(target)
            sync_folder(target.parent)
            (target / JOURNAL).unlink(missing_ok=True)  # the manifest says it all; a leftover would do no harm


def _line(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, sort_keys=True) + "\n").encode("utf-8")


def _cut(start: int, stop: int, shard: int) -> Iterator[tuple[int, int]]:
    for first in range(start, stop, shard):
        yield first, min(first + shard, stop)


def _pack(name: str, values: Values, frames: int) -> dict[str, np.ndarray]:
    """The tensors to store for ``values``: an array as it is, blobs as bytes in a row and their ends."""
    if "#" in name:
        raise ValueError(f"{name!r}: # is not for names")
    if len(values) != frames:
        raise ValueError(f"{name}: {len(values)} values for {frames} frames")
    if isinstance(values, np.ndarray):
        return {name: np.asarray(values, order="C")}
    ends = np.cumsum([len(blob) for blob in values], dtype=np.int64)
    return {name + BYTES: np.frombuffer(b"".join(values), np.uint8), name + ENDS: ends}
