"""Exit codes and last words."""

import logging
import os
import signal

import pytest

from dvaedit import errors
from dvaedit.cli.session import Stopped, emit

EDIT = ("edit", "in.mp4", "--text", "blond hair")


@pytest.mark.parametrize(
    ("kind", "code"),
    [("UsageError", 2), ("VideoError", 3), ("NoFaceError", 4), ("WeightsError", 5), ("StorageError", 6)],
)
def test_each_error_has_its_exit_code_and_two_lines(api, run_main, kind, code):
    api.error = getattr(errors, kind)("this [bold]went wrong", hint="do that [instead]")
    assert run_main(*EDIT, "-q") == (code, "", "error: this [bold]went wrong\nhint: do that [instead]\n")


def test_an_error_without_a_hint_has_one_line(api, run_main):
    api.error = errors.VideoError("bad")
    assert run_main(*EDIT, "-q")[2] == "error: bad\n"


def test_an_unexpected_exception_is_a_bug_in_one_line(api, run_main):
    api.error = ValueError("two\nlines")
    code, out, err = run_main(*EDIT, "-q")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: ValueError: two lines (this is a bug)"
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [errors.VideoError("bad"), ValueError("worse")], ids=repr)
def test_debug_raises_again(api, run_main, monkeypatch, error):
    from dvaedit.cli import main

    monkeypatch.setenv("DVAEDIT_DEBUG", "1")
    api.error = error
    with pytest.raises(type(error)):
        main(EDIT)


def test_interrupt(api, run_main):
    api.error = KeyboardInterrupt()
    assert run_main(*EDIT, "-q") == (130, "", "interrupted; run the same command again to resume\n")


def test_sigterm(api, run_main, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(api, "_answer", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert run_main(*EDIT, "-q") == (143, "", "terminated; run the same command again to resume\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_has_gone_ends_the_run_quietly(monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            raise OSError

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(Stopped) as stop:
        emit("a line")
    assert (stop.value.exit_code, stop.value.message) == (141, "")


def test_warnings_of_the_package_are_shown_and_debugging_only_if_asked_for(api, run, monkeypatch):
    answer = api._answer

    def noisy(*args):
        for level in ("debug", "info", "warning"):
            getattr(logging.getLogger("dvaedit.video"), level)("a %s", level)
        return answer(*args)

    monkeypatch.setattr(api, "_answer", noisy)
    plain, verbose, quiet = run(*EDIT), run(*EDIT, "-v"), run("-q", *EDIT)
    assert "a info" in plain.stderr and "warning: a warning" in plain.stderr and "a debug" not in plain.stderr
    assert "a debug" in verbose.stderr
    assert quiet.stderr == ""
