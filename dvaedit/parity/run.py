"""All comparisons of one fixture folder, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dvaedit.errors import UsageError
from dvaedit.parity import align, classifier, clip_loss, ddim, encoders, losses, unet
from dvaedit.parity.folder import Folder
from dvaedit.parity.report import MissingArrayError, Report, Row
from dvaedit.parity.weights import check_manifest

WEIGHTS = "weights"
CHECKS: dict[str, Callable[[Folder, Report], None]] = {
    "align": align.check,
    "encoders": encoders.check,
    "unet": unet.check,
    "ddim": ddim.check,
    "losses": losses.check,
    "classifier": classifier.check,
    "clip_loss": clip_loss.check,
}
PARTS = (WEIGHTS, *CHECKS)


@dataclass(frozen=True)
class Part:
    """What came of one file: its rows, and the names of arrays in it that no check knows."""

    name: str
    rows: list[Row]
    extra: list[str]


def run(path: Path, only: Sequence[str] = ()) -> Iterator[Part]:
    """Compare the folder's files one after the other (all, or those of ``only``). Raises UsageError.

    Deterministic on one machine: nothing is drawn but from the folder's salt.
    """
    if unknown := sorted(set(only) - set(PARTS)):
        raise UsageError(f"there is no part {unknown[0]!r}", f"Parts: {', '.join(PARTS)}.")
    folder = Folder(path)
    for name in PARTS:
        if not only or name in only:
            yield _part(folder, name)


def _part(folder: Folder, name: str) -> Part:
    if name == WEIGHTS:
        return Part(name, check_manifest(folder), folder.unknown_files())
    report, reason = folder.report(name), ""
    try:
        CHECKS[name](folder, report)
    except MissingArrayError as error:
        reason = error.message
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:  # inputs of no sensible shape or kind
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return Part(name, report.finish(reason), report.extra)
