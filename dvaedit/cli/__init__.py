"""The command line: turns arguments into calls of :mod:`dvaedit.api`, and errors into lines and exit codes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dvaedit.cli.app import app
from dvaedit.cli.session import Stopped
from dvaedit.cli.session import report as say  # `report` is a command's module
from dvaedit.errors import DvaEditError

BUG = 1  # exit code of an exception that is none of ours
TERMINATED = 128 + signal.SIGTERM


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; ``args`` defaults to the process's own.

    The only place that catches :class:`DvaEditError`. With DVAEDIT_DEBUG=1 errors are raised again, with traceback.
    """
    try:
        with _terminable():
            app(args=None if args is None else list(args), prog_name="dvaedit")
    except SystemExit as stop:  # how Typer ends a command, and what it does after a wrong option (2)
        return stop.code if isinstance(stop.code, int) else 0
    except Stopped as stop:
        say(stop.message)
        return stop.exit_code
    except DvaEditError as error:
        _debug(error)
        say(f"error: {error.message}", error.hint)
        return error.exit_code
    except Exception as error:
        _debug(error)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        say(f"error: {what} (this is a bug)", "Run again with DVAEDIT_DEBUG=1 and report what it prints.")
        return BUG
    return 0


def _debug(error: Exception) -> None:
    if os.environ.get("DVAEDIT_DEBUG", "") not in ("", "0"):
        raise error


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that temporary files go and locks are released."""

    def stop(signum: int, frame: object) -> None:
        raise Stopped(TERMINATED, "terminated; run the same command again to resume")

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: whoever has called us has the signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
