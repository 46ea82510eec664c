"""What every training run has: a folder with checkpoints, a CSV log and sample sheets, and a clean way to stop."""

from __future__ import annotations

import csv
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


class Run:
    """A run's folder: ``checkpoint.pt`` (with the one before it), ``log.csv``, ``sheets/*.png``."""

    def __init__(self, folder: Path, save_every: float = 240.0) -> None:
        self.folder, self.save_every = folder, save_every
        self._saved, self._sums, self._count = time.monotonic(), {}, 0
        (folder / "sheets").mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint, or None where the run starts."""
        path = self.folder / "checkpoint.pt"
        return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint under a temporary name, keep the one before it, rename."""
        path, partial = self.folder / "checkpoint.pt", self.folder / "checkpoint.partial"
        torch.save(dict(state), partial)
        if path.exists():
            path.replace(self.folder / "checkpoint.previous.pt")
        partial.replace(path)
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved > self.save_every

    def log(self, step: int, values: Mapping[str, float], every: int) -> None:
        """Average ``values`` over ``every`` calls, then write one CSV row and print it."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1
        if self._count < every:
            return
        means = {name: round(total / self._count, 5) for name, total in self._sums.items()}
        row = {"step": step, "time": round(time.time(), 1), **means}
        append_row(self.folder / "log.csv", row)
        print(" ".join(f"{k}={v}" for k, v in row.items() if k != "time"), flush=True)
        self._sums, self._count = {}, 0

    def sheet(self, name: str, rows: list[Tensor]) -> None:
        """Write rows of images, each (N, 3, H, W) RGB in [-1, 1], as one PNG."""
        strips = [np.hstack([to_uint8(image) for image in row]) for row in rows]
        cv2.imwrite(str(self.folder / "sheets" / f"{name}.png"), np.vstack(strips)[:, :, ::-1])


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row to a CSV file; the first one writes the header too."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)


def drive(
    run: Run,
    trainer: Any,
    steps: Iterable[Callable[[], dict[str, float]]],
    *,
    log_every: int,
    check_every: int,
    check: Callable[[], None],
) -> None:
    """Take ``steps``, each a call that gives its loss terms, until they end or a stop is asked for; then save.

    ``trainer`` has ``step``, ``state()`` and ``config.batch_size``; ``check`` is called every ``check_every`` steps.
    """
    with stop_requests() as stop:
        for take in steps:
            started = time.monotonic()
            terms = take()
            terms["images_per_s"] = trainer.config.batch_size / (time.monotonic() - started)
            run.log(trainer.step, terms, log_every)
            if run.due:
                run.save(trainer.state())
            if trainer.step % check_every == 0:
                check()
            if stop:
                break
    run.save(trainer.state())


def to_uint8(image: Tensor) -> np.ndarray:
    """(3, H, W) in [-1, 1] to uint8 (H, W, 3)."""
    return ((image.detach().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list that is empty until SIGINT or SIGTERM arrives: the loop looks at it and ends after its step."""
    seen: list[int] = []
    before = {number: signal.signal(number, lambda n, _: seen.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
