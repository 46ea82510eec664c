"""What is said while stages run, against a clock that the test moves."""

import pytest
from rich.console import Console

from dvaedit.cli.progress import Bars, Lines, Track, reporting


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines():
    clock, written = Clock(), []
    report = Lines(written.append, Track(clock))

    def at(seconds, *event):
        clock.now = 100.0 + seconds
        report(*event)
        return written

    return at


def test_a_line_every_few_seconds_with_speed_and_time_left(lines):
    lines(1, "invert", 10, 100)
    lines(2, "invert", 20, 100)
    assert lines(6, "invert", 60, 100) == ["invert: 60 of 100 frames, 10.0 frames/s, 4.0 s left"]
    assert len(lines(7, "invert", 70, 100)) == 1
    assert lines(10, "invert", 100, 100)[1:] == ["invert: 100 frames in 10.0 s"]


def test_a_resumed_stage_is_not_taken_for_a_fast_one(lines):
    lines(1, "invert", 90, 100)
    assert lines(6, "invert", 95, 100) == ["invert: 95 of 100 frames, 1.0 frames/s, 5.0 s left"]


def test_cached_stages_and_repeated_reports_say_nothing(lines):
    assert lines(0, "decode", 100, 100) == []
    lines(3, "align", 50, 50)
    assert lines(3, "align", 50, 50) == ["align: 50 frames in 3.0 s"]


def test_a_stage_without_frames(lines):
    lines(3, "edit", 6, 12)
    lines(9, "edit", 12, 12)
    assert lines(9, "edit", 0, 0) == ["edit: 12 steps in 9.0 s"]


def test_quiet_says_nothing(capsys):
    with reporting(Console(stderr=True), True, "x") as report:
        report("invert", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_bars_on_a_terminal(capsys, monkeypatch):
    console = Console(stderr=True, force_terminal=True, force_interactive=True, width=120)
    monkeypatch.setattr("dvaedit.cli.progress.INSTANT", -1)
    with reporting(console, False, "edit [x].mp4") as report:
        assert isinstance(report, Bars)
        report("invert", 5, 10)
        report("invert", 10, 10)
    out, err = capsys.readouterr()
    assert out == ""
    assert "edit [x].mp4" in err and "5/10 frames" in err and "10/10 frames" in err
