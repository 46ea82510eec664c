"""Progress of the stages: a bar for each on a terminal, a plain line now and then elsewhere. Both on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dvaedit.cli.text import duration, size

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Reporter = Callable[[str, int, int], None]
"""Called with (stage, frames done, frames in all), as ``dvaedit.api`` does."""

EVERY = 5.0  # seconds between two plain lines of a stage
INSTANT = 0.05  # seconds: a stage that takes less was in the cache and is not worth a line
BYTES = "bytes"
COUNTED = {"edit": "steps", "prepare": "videos"}  # what a stage counts, if not what the others of the run do


@dataclass
class Step:
    """How one stage gets on. Rates start at its first report: what a resumed stage already had is not counted."""

    label: str
    began: float
    first: tuple[float, int]
    now: float
    done: int
    total: int
    unit: str = "frames"

    @property
    def finished(self) -> bool:
        return self.done >= self.total

    @property
    def instant(self) -> bool:
        return self.finished and self.now - self.began < INSTANT

    @property
    def rate(self) -> float | None:
        """Frames per second, None before the second report."""
        seconds, frames = self.now - self.first[0], self.done - self.first[1]
        return frames / seconds if seconds > 0 and frames > 0 else None

    @property
    def speed(self) -> str:
        if not self.rate:
            return ""
        return f"{size(self.rate)}/s" if self.unit == BYTES else f"{self.rate:.1f} {self.unit}/s"

    @property
    def left(self) -> str:
        return f"{duration((self.total - self.done) / self.rate)} left" if self.rate else ""

    @property
    def gone(self) -> str:
        """What is done: "12 frames", "3.1 MB"."""
        return size(self.done) if self.unit == BYTES else f"{self.done} {self.unit}"

    def part(self, between: str) -> str:
        """What is done of how much: "12 of 40 frames", "3.1 MB of 7.0 MB"."""
        if self.unit == BYTES:
            return f"{size(self.done)}{between}{size(self.total)}"
        return f"{self.done}{between}{self.total} {self.unit}"


@dataclass
class Track:
    """Turns reports into steps. A stage that has finished is opened again and again: only the first time counts."""

    clock: Callable[[], float] = time.monotonic
    unit: str = "frames"
    steps: dict[str, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last = self.clock()

    def update(self, label: str, done: int, total: int) -> Step | None:
        """The stage's step; None if there is nothing new to say."""
        now, before = self.clock(), self.last
        self.last = now
        step = self.steps.get(label)
        if step is None:
            step = self.steps[label] = Step(label, before, (now, done), now, done, total, COUNTED.get(label, self.unit))
            return step
        if done <= step.done:
            return None
        step.now, step.done, step.total = now, done, total
        return step


class Lines:
    """A line when a stage is done, and while it runs one every few seconds."""

    def __init__(self, write: Callable[[str], None], track: Track | None = None) -> None:
        self._write, self._track = write, track or Track()
        self._written = self._track.last

    def __call__(self, label: str, done: int, total: int) -> None:
        step = self._track.update(label, done, total)
        if step is None or step.instant:
            return
        if step.finished:
            count = f"{step.gone} in " if step.done else ""
            self._say(step, f"{label}: {count}{duration(step.now - step.began)}")
        elif step.now - self._written >= EVERY:
            parts = [f"{label}: {step.part(' of ')}", step.speed, step.left]
            self._say(step, ", ".join(part for part in parts if part))

    def _say(self, step: Step, text: str) -> None:
        self._written = step.now
        self._write(text)


class Bars:
    """A bar for each stage that computes something."""

    def __init__(self, progress: Progress, track: Track | None = None) -> None:
        self._progress, self._track = progress, track or Track()
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, label: str, done: int, total: int) -> None:
        step = self._track.update(label, done, total)
        if step is None or step.instant:
            return
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=total, count="", speed="", left="")
        left = duration(step.now - step.began) if step.finished else step.left
        self._progress.update(
            self._tasks[label],
            completed=done,
            total=total,
            count=step.part("/"),
            speed=step.speed,
            left=left,
            refresh=True,
        )


@contextmanager
def reporting(console: Console, quiet: bool, title: str, unit: str = "frames") -> Iterator[Reporter]:
    """The reporter that fits a run's console on stderr; ``unit``: what is counted."""
    if quiet:
        yield lambda label, done, total: None
    elif not console.is_interactive:
        yield Lines(console.print, Track(unit=unit))
    else:
        with _bars(console) as progress:
            whole = progress.add_task(title, total=None, count="", speed="", left="")
            yield Bars(progress, Track(unit=unit))
            progress.remove_task(whole)


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    texts = [TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("count", "speed", "left")]
    title = TextColumn("{task.description}", markup=False)
    columns = [SpinnerColumn(finished_text=" "), title, BarColumn(30), *texts]
    # stdout stays as it is: it is for results, and already redirected while stages run
    return Progress(*columns, console=console, redirect_stdout=False)
