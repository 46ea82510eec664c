"""Reading numpy files that may come from elsewhere: plain arrays only, of the wanted shape."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dvaedit.errors import UsageError

_DAMAGE = (OSError, ValueError, EOFError, KeyError, SyntaxError, MemoryError, OverflowError, zipfile.BadZipFile)


def read_array(path: Path, shape: tuple[int | None, ...], mmap: bool = False) -> np.ndarray:
    """The array of a .npy file; None in ``shape`` allows any length. mmap: left on the disk, for reading.

    Raises UsageError for a file that is damaged, holds Python objects (a pickle, which is not run), or another shape.
    """
    try:
        found = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, np.ndarray):
        raise _unreadable(path, ValueError("it is an archive"))
    if len(found.shape) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found.shape, strict=True)):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise UsageError(f"{path} has the shape {found.shape}, not ({wanted})", "Make it again for these data.")
    return found


def read_archive(path: Path, *names: str) -> dict[str, np.ndarray]:
    """All arrays of a .npz file, which must hold those ``names``. Raises UsageError as :func:`read_array`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = dict(archive)
    except (*_DAMAGE, AttributeError, TypeError) as error:  # the last two: a .npy under that name
        raise _unreadable(path, error) from error
    if not all(isinstance(value, np.ndarray) for value in found.values()):
        raise _unreadable(path, ValueError("it is an archive of something else"))
    if missing := [name for name in names if name not in found]:
        raise UsageError(f"{path} has no array {missing[0]}", "Make it again.")
    return found


def _unreadable(path: Path, error: Exception) -> UsageError:
    reason = "it holds Python objects, which are not read" if "pickle" in str(error) else str(error)
    return UsageError(f"{path} is damaged or no file of arrays: {reason}", "Make it again.")
