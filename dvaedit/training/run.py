"""What every training run has: a folder with checkpoints, logs and sample sheets, and a clean way to stop."""

from __future__ import annotations

import csv
import io
import json
import logging
import pickle
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.foreign import DAMAGE, refused
from dvaedit.checkpoints.store import find_card, load_tensors
from dvaedit.errors import StorageError, UsageError
from dvaedit.files import make_folder, storage_errors, sync_file, sync_folder, write_durably
from dvaedit.training.distributed import ALONE, World

Progress = Callable[[int, int], None]
"""Called with (samples seen, samples in all)."""

CHECKPOINT, PREVIOUS, SNAPSHOTS, LOG = "checkpoint.pt", "checkpoint.previous.pt", "snapshots", "log.csv"
STARTED_FROM = "started_from.json"

logger = logging.getLogger(__name__)


class Run:
    """A run's folder.

    ``checkpoint.pt`` (with the one before it), ``log.csv``, ``sheets/*.png``, and on request ``snapshots/*.pt``,
    checkpoints that stay, and ``tensorboard/``.

    ``save_every``: seconds between checkpoints; ``keep``: how many snapshots stay, the newest (0: all of them);
    ``say``: where a line of the log goes as well; ``tensorboard``: raises UsageError where the package is missing.
    """

    def __init__(
        self, folder: Path, save_every: float = 240.0, *, keep: int = 3, say: Callable[[str], None] | None = None,
        tensorboard: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.save_every, self.keep = folder, save_every, keep
        self._say = say or _print
        self._saved, self._sums = time.monotonic(), {}
        make_folder(folder / "sheets")
        self._board = _board(folder / "tensorboard") if tensorboard else None

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint, or None where the run starts; rows of the log that lie after it are dropped.

        A checkpoint that cannot be read is named and the one before it taken. Raises StorageError if both are bad.
        """
        paths = [path for path in (self.folder / CHECKPOINT, self.folder / PREVIOUS) if path.exists()]
        for path in paths:
            try:
                state = torch.load(path, map_location="cpu", weights_only=True)
            except pickle.UnpicklingError as error:
                logger.warning("the checkpoint cannot be used: %s", refused(path, str(error)).message)
                continue
            except (OSError, *DAMAGE) as error:
                logger.warning("the checkpoint %s cannot be read: %s", path, _first_line(error))
                continue
            if not isinstance(state, dict) or not isinstance(state.get("step"), int):
                logger.warning("the checkpoint %s cannot be read: it is none of a training run", path)
                continue
            _trim(self.folder / LOG, state["step"])
            return state
        if paths:
            raise StorageError(f"no checkpoint in {self.folder} can be read", "Move them away to start the run anew.")
        return None

    @contextmanager
    def fitting(self) -> Iterator[None]:
        """Turn what goes wrong where a checkpoint of another network is taken up into a StorageError."""
        try:
            yield
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            what = " ".join(str(error).split())[:200]
            hint = "Use the settings it was made with, or move it away to start anew."
            raise StorageError(f"the checkpoint in {self.folder} does not fit this run: {what}", hint) from error

    def start_from(self, card: Card) -> None:
        """Note, once, whose weights the run starts from: what they have seen counts for what comes of it."""
        path = self.folder / STARTED_FROM
        if not path.exists():
            record = {"name": card.name, "sha256": card.sha256, "metrics": card.metrics}
            write_durably(path, json.dumps(record, indent=1).encode())

    def initial(self, name: str) -> dict[str, Tensor]:
        """The weights, float32, of the card ``name``, for a new run to start from; they are noted."""
        card = find_card(name)
        tensors = load_tensors(card, dtype=torch.float32)
        self.start_from(card)
        return tensors

    def started_from(self) -> dict[str, float]:
        """The metrics of the weights the run started from; empty where it started at random ones."""
        path = self.folder / STARTED_FROM
        return json.loads(path.read_text())["metrics"] if path.exists() else {}

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint under a temporary name, keep the one before it, rename. Raises StorageError."""
        path = self.folder / CHECKPOINT
        with storage_errors("write", path):
            partial = _written(self.folder, state)
            if path.exists():
                path.replace(self.folder / PREVIOUS)
            partial.replace(path)
            sync_folder(self.folder)
        self._saved = time.monotonic()

    def snapshot(self, name: str, state: Mapping[str, Any]) -> None:
        """Write a checkpoint that stays, and remove the oldest of more than ``keep``."""
        folder = make_folder(self.folder / SNAPSHOTS)
        with storage_errors("write", folder):
            _written(folder, state).replace(folder / f"{name}.pt")
            present = sorted(folder.glob("*.pt"))
            for path in present[: -self.keep] if self.keep else []:
                path.unlink()

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved > self.save_every

    def log(self, step: int, values: Mapping[str, float], every: int) -> None:
        """Average ``values`` over the calls since the last row, then write a row and say it, every ``every`` steps."""
        for name, value in values.items():
            self._sums.setdefault(name, []).append(float(value))
        if step % every:
            return
        means = {name: round(sum(seen) / len(seen), 5) for name, seen in self._sums.items()}
        row = {"step": step, "time": round(time.time(), 1), **means}
        append_row(self.folder / LOG, row)
        self._say(" ".join(f"{k}={v}" for k, v in row.items() if k != "time"))
        if self._board is not None:
            for name, value in means.items():
                self._board.add_scalar(f"train/{name}", value, step)
            self._board.flush()
        self._sums = {}

    def sheet(self, name: str, rows: list[Tensor]) -> None:
        """Write rows of images, each (N, 3, H, W) RGB in [-1, 1], as one PNG. Raises StorageError."""
        picture = np.vstack([np.hstack([to_uint8(image) for image in row]) for row in rows])
        write_durably(self.folder / "sheets" / f"{name}.png", cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
        if self._board is not None:
            step = int(name) if name.isdigit() else None
            self._board.add_image("sheet", picture, step, dataformats="HWC")
            self._board.flush()


def _written(folder: Path, state: Mapping[str, Any]) -> Path:
    """The state in a temporary file of ``folder``, flushed to disk."""
    partial = folder / f".{CHECKPOINT}.partial"  # one name: a killed run's remains are written over
    try:
        torch.save(dict(state), partial)
        sync_file(partial)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, RuntimeError):  # what torch makes of a disk that is full
            raise OSError(_first_line(error)) from error
        raise
    return partial


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "TensorBoard is not installed", "pip install 'dvaedit[tensorboard]', or leave out --tensorboard."
        ) from error
    return SummaryWriter(str(folder))


def _print(line: str) -> None:
    print(line, flush=True)


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row to a CSV file; the first one writes the header too."""
    new = not path.exists()
    with storage_errors("write", path), path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)


def _trim(path: Path, step: int) -> None:
    """Drop the rows of steps that will be taken again."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows, names = list(reader), reader.fieldnames or []
    kept = [row for row in rows if row.get("step", "").isdigit() and int(row["step"]) <= step]
    if len(kept) < len(rows):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        write_durably(path, text.getvalue().encode())


def drive(
    run: Run,
    trainer: Any,
    steps: Iterable[Callable[[], dict[str, float]]],
    *,
    log_every: int,
    check_every: int,
    check: Callable[[], None],
    world: World = ALONE,
    snapshot_every: int = 0,
    progress: Callable[[int], None] = lambda step: None,
) -> int:
    """Take ``steps``, each a call that gives its loss terms, until they end or a stop is asked for; then save.

    Gives the number of the signal that has asked for the stop, else 0.

    ``trainer`` has ``step``, ``state()`` and ``config.batch_size``, or ``crops_per_step`` where a step takes more;
    ``check`` is called every ``check_every`` steps (0: never), a snapshot written every ``snapshot_every``.
    ``progress`` is called with the step. Of several processes only the first writes.
    """
    device = getattr(trainer, "device", torch.device("cpu"))
    crops = getattr(trainer, "crops_per_step", None) or trainer.config.batch_size
    with stop_requests() as stop:
        for take in steps:
            started = time.monotonic()
            terms = take()
            terms["images_per_s"] = crops / (time.monotonic() - started)
            if world.main:
                run.log(trainer.step, terms, log_every)
                if run.due:
                    run.save(trainer.state())
                if snapshot_every and trainer.step % snapshot_every == 0:
                    run.snapshot(f"{trainer.step:09d}", trainer.state())
                if check_every and trainer.step % check_every == 0:
                    check()
                progress(trainer.step)
            if world.any(bool(stop), device):
                break
    if world.main:
        run.save(trainer.state())
    world.wait()
    return stop[0] if stop else 0


def to_uint8(image: Tensor) -> np.ndarray:
    """(3, H, W) in [-1, 1] to uint8 (H, W, 3)."""
    return ((image.detach().float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list that is empty until SIGINT or SIGTERM arrives: the loop looks at it and ends after its step."""
    seen: list[int] = []
    try:
        before = {
            number: signal.signal(number, lambda n, _: seen.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
        }
    except ValueError:  # not in the main thread: whoever has called us has the signals
        yield seen
        return
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
