"""One process computes an entry, the others wait for it; a process that died blocks nobody."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dvaedit.files import make_folder, storage_errors

POLL = 0.2  # seconds between two looks at a lock that is held
GRACE = 2.0  # seconds a lock may outlive the process that took it before it is broken

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` during the block; wait, with one line in the log, while another process has it.

    The system frees a lock when its process ends, however it ends. A child that has outlived the process may keep
    it, though, so a lock whose owner is gone is broken after a moment. Raises StorageError.
    """
    make_folder(path.parent)
    lock = FileLock(path)
    with storage_errors("lock", path):
        _acquire(lock, path, what)
    holder = _holder_file(path)
    try:
        _write_holder(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` during the block if nobody else does; yields whether it is held. Never waits."""
    make_folder(path.parent)
    lock = FileLock(path)
    with storage_errors("lock", path), suppress(Timeout):  # a Timeout is an OSError, hence suppressed first
        lock.acquire(timeout=0)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock file ``path`` now."""
    if not path.exists():
        return False
    with try_locked(path) as mine:
        return not mine


def holder_alive(path: Path) -> bool | None:
    """Whether the process that took the lock runs; None if that is not known (no note, or another machine)."""
    try:
        note = json.loads(_holder_file(path).read_text("utf-8"))
        pid, host = int(note["pid"]), str(note["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _alive(pid) if host == socket.gethostname() else None


def _acquire(lock: FileLock, path: Path, what: str) -> None:
    orphan_since: float | None = None
    said = False
    while True:
        try:
            lock.acquire(timeout=POLL if said else 0, poll_interval=POLL / 2)
            return
        except Timeout:
            pass
        if not said:
            logger.info("waiting for %s: another process is computing it", what)
            said = True
        if holder_alive(path) is not False:
            orphan_since = None
        elif orphan_since is None:
            orphan_since = time.monotonic()
        elif time.monotonic() - orphan_since > GRACE:
            _break(path, what)
            orphan_since = None


def _break(path: Path, what: str) -> None:
    """Remove a lock file whose owner is gone; a second lock keeps two waiting processes from doing it at once."""
    with FileLock(path.with_suffix(".break")):
        if holder_alive(path) is False:
            logger.warning("the process that was computing %s is gone: its lock is removed", what)
            _holder_file(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _holder_file(path: Path) -> Path:
    return path.with_suffix(".holder")


def _write_holder(path: Path) -> None:
    with storage_errors("write", path):
        path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), "utf-8")


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there os.kill(pid, 0) would end the process; Windows frees locks by itself
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
