"""Durable files: a written file is either the old one or the whole new one, and errors of the disk speak plainly."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvaedit.errors import StorageError

CHUNK = 1 << 20  # bytes read at a time when a file is digested

_HINTS = {
    errno.ENOSPC: "Free some space (or choose another folder) and run again: finished work is kept and resumed.",
    errno.EDQUOT: "Your quota is used up: free some space and run again: finished work is kept and resumed.",
    errno.EROFS: "The disk is read-only: choose another folder (DVAEDIT_CACHE sets that of the cache).",
    errno.EACCES: "You may not write there: choose another folder (DVAEDIT_CACHE sets that of the cache).",
    errno.EPERM: "You may not write there: choose another folder (DVAEDIT_CACHE sets that of the cache).",
    errno.ENOTDIR: "A file stands where a folder is needed: choose another folder.",
    errno.EEXIST: "A file stands where a folder is needed: choose another folder.",
}


@contextmanager
def storage_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`StorageError` that says what failed, where and what to do.

    ``doing`` completes "cannot ...", for instance "write".
    """
    try:
        yield
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "Check the disk and its permissions, then run again.")
        raise StorageError(f"cannot {doing} {path}: {error.strerror or error}", hint) from error


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` in hex."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file in hex, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_durably(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``: temporary file beside it, fsync, then one atomic rename. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors("write", path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)  # an interrupt too must not leave half a file to fill the disk
            raise


def append_durably(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` and fsync it. A crash may leave a torn tail, never touch what was there before."""
    with storage_errors("write", path), path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Flush to disk a file that something else has written."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder; its renames are journalled by the file system
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents where absent. Raises StorageError."""
    with storage_errors("create", path):
        path.mkdir(parents=True, exist_ok=True)
    return path
