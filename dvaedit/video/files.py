"""Output files: checked before the work, written under a temporary name, renamed when complete."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvaedit.errors import DvaEditError, StorageError, UsageError, VideoError

# suffix -> the muxer's name in ffmpeg
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
CONTAINERS |= {".gif": "gif", ".webp": "webp", ".apng": "apng"}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def container_of(path: str | Path) -> str:
    """Name of the ffmpeg muxer for an output path. Raises UsageError if its suffix is not one of CONTAINERS."""
    suffix = Path(path).suffix.lower()
    if suffix in CONTAINERS:
        return CONTAINERS[suffix]
    what = f'"{suffix}" is not a video format that can be written' if suffix else "The output has no suffix"
    raise UsageError(f"{what}: {path}", f"Name the output with one of {', '.join(CONTAINERS)}.")


def check_writable(path: str | Path, source: str | Path | None = None) -> None:
    """Find out before the work starts whether an output can be written.

    Raises UsageError for an unknown suffix, a directory, or the source itself, and StorageError for a folder that is
    missing or cannot be written.
    """
    path = Path(path)
    container_of(path)
    if path.is_dir():
        raise UsageError(f"The output {path} is a directory.", "Give the name of a video file.")
    if source is not None and path.exists() and path.samefile(source):
        raise UsageError(f"The output {path} is the input video itself.", "Give the output another name.")
    check_folder(path.absolute().parent)


def check_folder(folder: Path) -> None:
    """Raises StorageError if no file can be made in the folder."""
    if not folder.is_dir():
        raise StorageError(f"The folder {folder} does not exist.", "Make it first, or choose another output.")
    trial = folder / _temporary_name(".tmp")
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise write_error(error, folder) from error


@contextmanager
def temporary(path: Path, suffix: str | None = None) -> Iterator[Path]:
    """A name for a file in the folder of ``path``; what is left under it at the end is removed, whatever happens."""
    name = path.absolute().parent / _temporary_name(suffix or path.suffix.lower())
    try:
        yield name
    finally:
        name.unlink(missing_ok=True)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A folder that is renamed to ``path`` (absent, or an empty folder) if the block ends without an error."""
    folder = path.absolute().parent / _temporary_name("")
    try:
        folder.mkdir()
        yield folder
        folder.replace(path)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Like ``temporary``, but the file is renamed to ``path`` if the block ends without an error."""
    with temporary(path) as name:
        yield name
        try:
            name.replace(path)
        except OSError as error:
            raise write_error(error, path) from error


def write_error(error: Exception, path: Path) -> DvaEditError:
    """What an error of the system or of libav means to the user who is writing ``path``."""
    code = getattr(error, "errno", None)
    if code in _FULL:
        where = path if path.is_dir() else path.absolute().parent
        return StorageError(f"The disk is full: {where} takes no more data.", "Free some space, or write elsewhere.")
    if code in _DENIED:
        return StorageError(f"{path} cannot be written: permission denied.", "Choose a folder you may write to.")
    if code == errno.ENOENT:
        return StorageError(f"{path} cannot be written: its folder is gone.", "Choose another output.")
    reason = str(getattr(error, "strerror", None) or error).rstrip(".")
    if isinstance(error, OSError) and code:
        return StorageError(f"{path} cannot be written: {reason}.", "Check the disk, or choose another output.")
    return VideoError(f"{path} cannot be written as a video: {reason}.", "Try another codec, or an .mkv output.")


def _temporary_name(suffix: str) -> str:
    return f".dvaedit-{uuid.uuid4().hex[:12]}{suffix}"
