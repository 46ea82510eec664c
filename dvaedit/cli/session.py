"""What one run of the command line shares: how much it says, where it says it, and the warnings it has given."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dvaedit.cli.progress import Reporter, reporting

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_CLOSED = 128 + 13  # what a program that SIGPIPE ends gives; signal.SIGPIPE is not on every system
INTERRUPTED = 128 + signal.SIGINT


class Stopped(BaseException):
    """The run ends early, for no fault of ours; unwinds like KeyboardInterrupt, with an exit code of its own."""

    def __init__(self, exit_code: int, message: str = "") -> None:
        super().__init__(message)
        self.exit_code, self.message = int(exit_code), message


@dataclass
class Session:
    """One run. Results go to stdout through :func:`emit`; everything else goes to stderr through this object."""

    quiet: bool = False
    verbose: bool = False
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def err(self) -> Console:
        """The console on stderr."""
        return _console(stderr=True)

    def note(self, text: str, style: str = "") -> None:
        """A line on stderr, unless the run is quiet."""
        if not self.quiet:
            self.err.print(text, style=style)

    def warn(self, text: str) -> None:
        """A warning on stderr; it is also kept for ``--json``."""
        self.warnings.append(text)
        self.note(f"warning: {text}", "yellow")

    def listen(self) -> None:
        """Take the package's log records, and let only -v see the warnings of other packages."""
        logger = logging.getLogger("dvaedit")
        logger.handlers = [handler for handler in logger.handlers if not isinstance(handler, _LogHandler)]
        logger.addHandler(_LogHandler(self))
        logger.setLevel(logging.DEBUG if self.verbose else logging.INFO)
        if not self.verbose:
            warnings.simplefilter("ignore")
            os.environ.setdefault("GLOG_minloglevel", "2")  # mediapipe's own log
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    @contextmanager
    def working(self, title: str, unit: str = "frames") -> Iterator[Reporter]:
        """The block computes something: gives what reports its progress, and keeps stdout for the result.

        ``unit``: what is counted.
        """
        with redirect_stdout(sys.stderr), reporting(self.err, self.quiet, title, unit) as reporter:
            yield reporter


def session_of(ctx: typer.Context) -> Session:
    """The run's session, made on first use."""
    return ctx.ensure_object(Session)


def emit(text: str) -> None:
    """Write a line of the result to stdout. A reader that has gone (``| head``) ends the run, quietly."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        raise Stopped(PIPE_CLOSED) from None


def emit_json(data: Any) -> None:
    """Write one JSON value to stdout: dataclasses as objects, paths as strings, infinite numbers as null."""
    emit(plain_json(data))


def plain_json(data: Any) -> str:
    """The text :func:`emit_json` writes."""
    return json.dumps(_plain(data), indent=2, allow_nan=False)


def emit_table(table: Table) -> None:
    """Write a table to stdout, as wide as the terminal or, into a file or pipe, as it needs."""
    console = _console()
    if not console.is_terminal:
        console.width = 200
    with console.capture() as captured:
        console.print(table)
    emit("\n".join(line.rstrip() for line in captured.get().splitlines()))


def report(line: str, hint: str = "") -> None:
    """The last words of a run that failed or was stopped, on stderr."""
    console = _console(stderr=True)
    if line:
        console.print(line, style="bold red")
    if hint:
        console.print(f"hint: {hint}", style="cyan")


class _LogHandler(logging.Handler):
    """Shows log records on the session's stderr."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.session.warn(text)
        else:
            self.session.note(text, "dim")


def _console(stderr: bool = False) -> Console:
    """Plain text only: nothing in a path or message is taken for markup, and lines are not broken."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _silence_stdout() -> None:
    """Python flushes stdout once more when it ends: let that go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is not a file of the system (a test's)
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
