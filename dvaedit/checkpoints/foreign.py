"""Reading checkpoints of other programs: tensors and plain data only, whatever the file says it is.

A pickle is a program. Nothing here runs one: torch's restricted reader knows tensors, numbers, strings and containers
and refuses everything else by name, before it is built.
"""

from __future__ import annotations

import pickle
import re
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from dvaedit.errors import WeightsError

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")  # how torch names what it refuses
# What torch.load raises for files that are cut off, damaged or none of its own; MemoryError: absurd sizes.
DAMAGE = (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
          OverflowError, UnicodeDecodeError, MemoryError, RecursionError, zipfile.BadZipFile)  # fmt: skip


def read_foreign(path: Path) -> Any:
    """What ``torch.save`` (zip or legacy format) or safetensors has put into a file, on the CPU.

    Tensors of the zip format are mapped, not read. Raises WeightsError for a file that is missing, damaged, or holds
    anything but tensors and plain data.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}", "Check the path.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about files that it refuses anyhow
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise refused(path, str(error)) from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}", "Download it again.") from error
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}", "Check the file.") from error
    except DAMAGE as error:
        raise _unreadable(path, error) from error


def tensors_of(data: Any, path: Path, key: str = "state_dict") -> dict[str, torch.Tensor]:
    """The tensors by name in ``data[key]``, or in ``data`` itself where it has no such entry. Raises WeightsError."""
    found = data.get(key, data) if isinstance(data, Mapping) else data
    if not isinstance(found, Mapping):
        raise WeightsError(f"{path} holds a {type(found).__name__}, not tensors by name", "Is it the right file?")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            where = f"{key}[{name!r}]" if found is not data else repr(name)
            raise WeightsError(f"{where} in {path} is a {type(value).__name__}, not a tensor", "Is it the right file?")
    return dict(found)


def refused(path: Path, message: str) -> WeightsError:
    """The error for a file that torch's restricted reader has refused with ``message``."""
    found = _GLOBAL.search(message)
    what = found[1].rstrip(".") if found else "instructions that torch does not write"
    if not found and not _is_pickle(path):
        return _unreadable(path, ValueError("it is no pickle"))
    return WeightsError(
        f"{path} holds more than tensors and plain data ({what}): refused, nothing of it was run",
        "Where you trust the file, load it there and save its state_dict alone: torch.save({'state_dict': ...}, FILE).",
    )


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return zipfile.is_zipfile(path) or file.read(1) == b"\x80"


def _unreadable(path: Path, error: BaseException) -> WeightsError:
    if tarfile.is_tarfile(path):
        hint = "Save it again with a torch between 0.4 and 1.5: torch.save(torch.load(FILE), NEW)."
        return WeightsError(f"{path} is in the tar format of torch before 0.1.10, which cannot be read safely", hint)
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return WeightsError(f"{path} is damaged or not a checkpoint: {reason}", "Download it again.")
