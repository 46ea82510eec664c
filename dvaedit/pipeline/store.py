"""The cache on disk: ``<root>/<stage>/<key>/`` complete, ``<key>.partial/`` in work, ``<key>.bad-<n>/`` set aside."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from dvaedit.errors import StorageError
from dvaedit.files import make_folder, storage_errors
from dvaedit.pipeline.artifact import MANIFEST, USED, Artifact, FileRecord, ShardReader, open_manifest
from dvaedit.pipeline.lock import is_locked, locked, try_locked
from dvaedit.pipeline.writer import JOURNAL, ArtifactWriter, Journal

__all__ = ["Artifact", "ArtifactWriter", "Cache", "Entry", "FileRecord", "Progress", "ShardReader", "default_root"]

LOCKS = ".locks"
_FOLDER = re.compile(r"([0-9a-f]{64})(\.partial|\.bad-\d+)?")

logger = logging.getLogger(__name__)


def default_root() -> Path:
    """Where the cache is: the folder DVAEDIT_CACHE names, else the user's cache folder."""
    named = os.environ.get("DVAEDIT_CACHE", "")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("dvaedit", appauthor=False))


@dataclass(frozen=True)
class Progress:
    """How far an entry is. ``done`` of ``total`` frames; ``total`` is None where the stage has not said it yet."""

    state: Literal["cached", "partial", "absent"]
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class Entry:
    """One folder of the cache. ``size`` in bytes, ``created`` and ``used`` in seconds since 1970."""

    stage: str
    key: str
    state: Literal["complete", "partial", "bad"]
    size: int
    created: float
    used: float
    video: str
    path: Path


class Cache:
    """All artifacts under one folder. Nothing is created before something is written."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = default_root() if root is None else Path(root)

    def path(self, stage: str, key: str) -> Path:
        """Where the complete entry is, or will be."""
        return self.root / stage / key

    def lock(self, stage: str, key: str) -> AbstractContextManager[None]:
        """Hold the entry's lock; waits for another process that has it."""
        return locked(self._lock_path(stage, key), stage)

    def open(self, stage: str, key: str, touch: bool = True) -> Artifact | None:
        """The complete entry, with file sizes checked; None if it is absent or damaged. ``touch`` notes the use."""
        path = self.path(stage, key)
        if not path.is_dir():
            return None
        artifact, problem = _inspect(path, digest=False)
        if problem or artifact is None:
            return None
        if touch:
            with suppress(OSError):  # a cache that may only be read still serves
                (path / USED).touch()
        return artifact

    def progress(self, stage: str, key: str) -> Progress:
        """How far the entry is, without changing anything."""
        if (artifact := self.open(stage, key, touch=False)) is not None:
            return Progress("cached", artifact.frames, artifact.frames)
        partial = _partial(self.path(stage, key))
        if not (partial / JOURNAL).is_file():
            return Progress("absent")
        with storage_errors("read", partial):
            journal = Journal(partial)
            return Progress("partial", journal.frames(partial), journal.total)

    def begin(self, stage: str, version: int, key: str, inputs: Mapping[str, str], video: str = "") -> ArtifactWriter:
        """Begin an entry, or resume it. The caller holds its lock. A damaged complete entry is set aside first.

        ``inputs``: key by input name; ``video``: the video's name, for listings. Raises StorageError.
        """
        path = self.path(stage, key)
        if path.exists():
            _set_aside(path, _inspect(path, digest=False)[1])
        begin = {"stage": stage, "version": version, "key": key, "inputs": dict(inputs), "video": video}
        return ArtifactWriter(make_folder(_partial(path)), begin)

    def commit(self, stage: str, key: str, writer: ArtifactWriter) -> Artifact:
        """Complete what :meth:`begin` began, and open it."""
        writer.commit(path := self.path(stage, key))
        return open_manifest(path)

    def entries(self) -> list[Entry]:
        """Everything in the cache, the least recently used first."""
        with storage_errors("read", self.root):
            folders = [path for path in self.root.glob("*/*") if _FOLDER.fullmatch(path.name) and path.is_dir()]
            entries = [_entry(path) for path in folders if not path.parent.name.startswith(".")]
        return sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.used)

    def verify(self, set_aside: bool = True) -> Iterator[tuple[Entry, str]]:
        """Compare every complete entry with its digests; yields the bad ones and what is wrong with them.

        Bad entries are set aside, if asked for, so that they are computed anew; entries in work are skipped.
        """
        for entry in self.entries():
            if entry.state == "complete" and (problem := self._verify(entry, set_aside)):
                yield entry, problem

    def _verify(self, entry: Entry, set_aside: bool) -> str:
        with storage_errors("verify", entry.path), try_locked(self._lock_path(entry.stage, entry.key)) as mine:
            if not mine or not entry.path.is_dir():
                return ""
            problem = _inspect(entry.path, digest=True)[1]
            if problem and set_aside:
                _set_aside(entry.path, problem)
            return problem

    def gc(self, max_age: float | None = None, max_size: int | None = None, keep: Collection[str] = ()) -> list[Entry]:
        """Remove entries unused for ``max_age`` seconds, then the least recently used beyond ``max_size`` bytes.

        Entries in work, the inputs of entries in work, and those whose key is in ``keep`` stay. Returns what was
        removed. Raises StorageError.
        """
        entries = self.entries()
        needed = self._needed(entries) | set(keep)
        kept = sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            old = max_age is not None and time.time() - entry.used > max_age
            much = max_size is not None and kept > max_size
            if (old or much) and entry.key not in needed and self._remove(entry):
                kept -= entry.size
                removed.append(entry)
        return removed

    def make_room(self, wanted: int, limit: int | None, keep: Collection[str]) -> None:
        """See to it that ``wanted`` more bytes fit: on the disk, and with what is there within ``limit``.

        What was used longest ago goes, except the entries whose key is in ``keep``. Raises StorageError where that
        is not enough; nothing is removed then.
        """
        if limit is not None:
            entries = self.entries()
            kept = sum(entry.size for entry in entries if entry.key in keep)
            if kept + wanted > limit:
                what = f"about {_size(wanted)} more are needed, with the {_size(kept)} this run has there already"
                hint = "Raise --max-cache; a shorter --range, or fewer people, take less."
                raise StorageError(f"the cache may hold {_size(limit)}: {what}", hint)
            if sum(entry.size for entry in entries) + wanted > limit:
                self.gc(max_size=limit - wanted, keep=keep)
        free = free_space(self.root)
        if wanted > free:
            hint = "`dvaedit cache gc` makes room; --cache-dir chooses another disk; a shorter --range takes less."
            raise StorageError(f"the cache needs about {_size(wanted)} and {self.root} has {_size(free)} free", hint)

    def clear(self) -> list[Entry]:
        """Remove all that is not in work. Returns what was removed. Raises StorageError."""
        return self.gc(max_size=-1)

    def _needed(self, entries: list[Entry]) -> set[str]:
        """The keys of entries that a process is working on, and of their inputs."""
        needed: set[str] = set()
        for entry in entries:
            if entry.state == "partial" and is_locked(self._lock_path(entry.stage, entry.key)):
                needed |= {entry.key, *Journal(entry.path).begin.get("inputs", {}).values()}
        return needed

    def _remove(self, entry: Entry) -> bool:
        """Remove an entry unless it is locked. It is renamed first, so that half an entry never looks like one."""
        with storage_errors("remove", entry.path), try_locked(self._lock_path(entry.stage, entry.key)) as mine:
            if not mine or not entry.path.is_dir():
                return False
            path = entry.path if entry.state == "bad" else entry.path.rename(_free_name(entry.path.parent / entry.key))
            shutil.rmtree(path)
            return True

    def _lock_path(self, stage: str, key: str) -> Path:
        return self.root / LOCKS / f"{stage}-{key}.lock"


def free_space(path: Path) -> int:
    """Bytes free on the disk of a folder that exists, or of the nearest parent that does."""
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    with storage_errors("look at", folder):
        return shutil.disk_usage(folder).free


def check_free(outputs: Mapping[Path, int], cache: Path, cached: int = 0) -> None:
    """Raises StorageError where the disk of an output will not hold it, together with what else goes there.

    outputs: files or folders to be written, with their bytes; cached: bytes that are still to go to the ``cache``.
    """
    for path in outputs:
        disk = _disk(path)
        needed = sum(size for other, size in outputs.items() if _disk(other) == disk)
        total = needed + (cached if _disk(cache) == disk else 0)
        if total > (free := free_space(path)):
            folder, also = path.absolute().parent, "" if total == needed else f", {_size(total)} with the cache"
            hint = "Free some space, or choose a folder on another disk with -o."
            raise StorageError(
                f"the output needs about {_size(needed)}{also}, and {folder} has {_size(free)} free", hint
            )


def _disk(path: Path) -> int:
    """The number of the disk that a path is, or would be, on."""
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    with storage_errors("look at", folder):
        return folder.stat().st_dev


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _inspect(path: Path, digest: bool) -> tuple[Artifact | None, str]:
    """The entry in ``path`` and what is wrong with it ("" if nothing)."""
    try:
        artifact = open_manifest(path)
        return artifact, artifact.problem(digest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, f"{MANIFEST}: {error}"


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.bad-{number}") for number in range(1, 1_000_000))
    return next(name for name in names if not name.exists())


def _set_aside(path: Path, problem: str) -> None:
    with storage_errors("set aside", path):
        aside = path.rename(_free_name(path))
    logger.warning("damaged cache entry %s (%s): set aside as %s", path, problem, aside.name)


def _entry(path: Path) -> Entry | None:
    """What the folder is; None if another process has just removed it."""
    key, suffix = _FOLDER.fullmatch(path.name).groups()
    state = "complete" if suffix is None else "partial" if suffix == ".partial" else "bad"
    try:
        stats = {file.name: file.stat() for file in path.iterdir()}
        folder_time = path.stat().st_mtime
        video = Journal(path).begin.get("video", "") if state == "partial" else _video(path)
    except FileNotFoundError:
        return None
    times = {name: stat.st_mtime for name, stat in stats.items()}
    created = times.get(MANIFEST, folder_time)
    used = times.get(USED, times.get(JOURNAL, created))
    size = sum(stat.st_size for stat in stats.values())
    return Entry(path.parent.name, key, state, size, created, used, video, path)


def _video(path: Path) -> str:
    artifact, _ = _inspect(path, digest=False)
    return artifact.video if artifact is not None else ""
