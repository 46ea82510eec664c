"""What a stage has made, as read back: named arrays in shards over frames, whole arrays, blobs, files and a dict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from dvaedit.errors import StorageError
from dvaedit.files import sha256_bytes, sha256_file
from dvaedit.pipeline.keys import canonical_json

MANIFEST = "manifest.json"
USED = "used"  # an empty file whose time says when the entry was last opened
FORMAT = 1  # of the manifest
BYTES, ENDS = "#bytes", "#ends"  # blobs of a shard: all bytes in a row (uint8), and where each ends (int64)


@dataclass(frozen=True)
class FileRecord:
    """A durable file of an entry: its size and digest, its frames if it is a shard, its arrays if it has some.

    ``arrays``: name -> [dtype, shape]; the shape of an array in a shard leaves out the first axis, the frame.
    """

    name: str
    size: int
    sha256: str
    start: int | None = None
    stop: int | None = None
    arrays: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def sharded(self) -> bool:
        return self.start is not None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, {})}

    def problem(self, folder: Path, digest: bool) -> str:
        """What is wrong with the file ("" if nothing): by its size, and by its content too if ``digest``."""
        path = folder / self.name
        if not path.is_file():
            return f"{self.name} is missing"
        if (size := path.stat().st_size) != self.size:
            return f"{self.name} has {size} bytes, not {self.size}"
        if digest and sha256_file(path) != self.sha256:
            return f"{self.name} has another content than was written"
        return ""

    def misfit(self, name: str, shape: list[int]) -> str:
        """How an array's shape differs from what was written under that name; "" if it does not."""
        wanted = self.arrays[name][1]
        rows = [self.stop - self.start] if self.sharded and not name.endswith(BYTES) else shape[:1]
        whole = [*rows, *wanted] if self.sharded else list(wanted)
        return "" if shape == whole else f"{name} is of shape {tuple(shape)}, not {tuple(whole)}"


class ShardReader:
    """Reads arrays and blobs of one entry; never holds more than what is asked for."""

    def __init__(self, path: Path, files: Iterable[FileRecord]) -> None:
        self.path = path
        self._files: dict[str, FileRecord] = {record.name: record for record in files}

    @property
    def shards(self) -> list[FileRecord]:
        """The shards, first frame first."""
        shards = [record for record in self._files.values() if record.sharded]
        return sorted(shards, key=lambda record: record.start)

    @property
    def frames(self) -> int:
        """How many frames the shards reach to; 0 for an artifact without shards."""
        return max((record.stop for record in self.shards), default=0)

    @property
    def names(self) -> set[str]:
        """The names of all arrays and blobs."""
        stored = (name for record in self._files.values() for name in record.arrays)
        return {name.removesuffix(BYTES).removesuffix(ENDS) for name in stored}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The array ``name``: frames ``start`` to ``stop`` (exclusive) of a sharded one, a whole one as it is.

        For a whole array, ``start`` and ``stop`` must be left alone. Raises KeyError, IndexError, StorageError.
        """
        whole = [record for record in self._files.values() if not record.sharded and name in record.arrays]
        if whole:
            if start != 0 or stop is not None:
                raise IndexError(f"{name!r} is a whole array, not one of frames")
            return self._load(whole[0], name)
        parts = self._parts(name, start, stop)
        if len(parts) == 1:
            return self._load(parts[0][0], name, *parts[0][1:])
        return self._join(name, parts)

    def _join(self, name: str, parts: list[tuple[FileRecord, int, int]]) -> np.ndarray:
        dtype, shape = next(record.arrays[name] for record in self.shards if name in record.arrays)
        result = np.empty((sum(last - first for _, first, last in parts), *shape), np.dtype(dtype))
        at = 0
        for record, first, last in parts:
            result[at : at + last - first] = self._load(record, name, first, last)
            at += last - first
        return result

    def read_blobs(self, name: str, start: int = 0, stop: int | None = None) -> list[bytes]:
        """The blobs ``name`` of frames ``start`` to ``stop`` (exclusive). Raises as :meth:`read`."""
        blobs: list[bytes] = []
        for record, first, last in self._parts(name + ENDS, start, stop):
            bounds = np.concatenate([[0], self._load(record, name + ENDS)])[first : last + 1]
            if bounds[0] == bounds[-1]:  # safetensors refuses an empty slice at the end
                blobs += [b""] * (last - first)
                continue
            data = self._load(record, name + BYTES, int(bounds[0]), int(bounds[-1])).tobytes()
            bounds = bounds - bounds[0]
            blobs += [data[a:b] for a, b in pairwise(bounds)]
        return blobs

    def batches(self, name: str, size: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """(start, stop, frames of the array ``name``) for the whole artifact, at most ``size`` frames at a time."""
        for start in range(0, self.frames, size):
            stop = min(start + size, self.frames)
            yield start, stop, self.read(name, start, stop)

    def file(self, name: str) -> Path:
        """The path of a file the stage has made. Raises KeyError."""
        return self.path / self._files[name].name

    def _parts(self, name: str, start: int, stop: int | None) -> list[tuple[FileRecord, int, int]]:
        """The shards that hold frames of ``name``, each with the first and last + 1 row wanted of it."""
        if not any(name in record.arrays for record in self.shards):
            raise KeyError(f"{self.path.parent.name} has no {name.removesuffix(ENDS)!r}, only {sorted(self.names)}")
        stop = self.frames if stop is None else stop
        if not 0 <= start <= stop <= self.frames:
            raise IndexError(f"frames {start} to {stop} of {self.frames}")
        cuts = [(record, max(start, record.start), min(stop, record.stop)) for record in self.shards]
        parts = [(record, a - record.start, b - record.start) for record, a, b in cuts if a < b]
        if sum(b - a for _, a, b in parts) != stop - start:
            raise IndexError(f"frames {start} to {stop} are not all written yet")
        return parts

    def _load(self, record: FileRecord, name: str, first: int = 0, last: int | None = None) -> np.ndarray:
        path = self.path / record.name
        try:
            with safe_open(path, framework="numpy") as file:
                part = file.get_slice(name)
                shape = list(part.get_shape())
                if problem := record.misfit(name, shape):
                    raise unreadable(f"cannot read {path}: {problem}")
                array = file.get_tensor(name) if last is None else part[first:last]
        except (OSError, SafetensorError) as error:
            raise unreadable(f"cannot read {path}: {error}") from error
        if array.dtype != (wanted := np.dtype(record.arrays[name][0])):
            raise unreadable(f"cannot read {path}: {name} is {array.dtype}, not {wanted}")
        return array


def unreadable(message: str) -> StorageError:
    """The error for an entry that holds something else than its stage has written."""
    return StorageError(message, "Run `dvaedit cache verify`, or remove the entry: the next run computes it anew.")


class Artifact(ShardReader):
    """A complete entry of the cache, opened for reading.

    ``key``: its key; ``stage``: the name of the stage; ``meta``: the dict the stage has left; ``path``: its folder.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        super().__init__(path, [FileRecord(**record) for record in manifest["files"]])
        self.stage: str = manifest["stage"]
        self.key: str = manifest["key"]
        self.inputs: dict[str, str] = manifest["inputs"]
        self.video: str = manifest["video"]
        self.meta: dict[str, Any] = manifest["meta"]

    @property
    def files(self) -> list[FileRecord]:
        return list(self._files.values())

    def problem(self, digest: bool = False) -> str:
        """What is wrong with the entry's files, "" if nothing; digests are compared only if asked for."""
        problems = (record.problem(self.path, digest) for record in self._files.values())
        return next((problem for problem in problems if problem), "")

    def __repr__(self) -> str:
        return f"Artifact({self.stage}, {self.key[:12]}, {self.frames} frames)"


def seal(manifest: dict[str, Any]) -> bytes:
    """The manifest as written: with its own digest, so that a changed byte in it is noticed."""
    whole = {"format": FORMAT, **manifest}
    sealed = {"sha256": _manifest_digest(whole), **whole}
    return (json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False) + "\n").encode("utf-8")


def open_manifest(folder: Path) -> Artifact:
    """Open the entry in ``folder`` by its manifest alone. Raises ValueError or OSError where it is unreadable."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError("the manifest is not one of this version")
    if manifest.pop("sha256", "") != _manifest_digest(manifest):
        raise ValueError("the manifest is damaged")
    try:
        artifact = Artifact(folder, manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the manifest is not one of this program: {error!r}") from error
    if odd := [record.name for record in artifact.files if Path(record.name).name != record.name]:
        raise ValueError(f"the manifest names a file elsewhere: {odd[0]!r}")
    return artifact


def _manifest_digest(manifest: dict[str, Any]) -> str:
    return sha256_bytes(canonical_json(manifest).encode("ascii"))
