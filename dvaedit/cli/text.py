"""Sizes, times and numbers as people write them, both ways."""

from __future__ import annotations

import re
import time

import typer

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip
_AGES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def size(count: float) -> str:
    """Bytes for people, in powers of ten: "12.3 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """A time span: "3.2 s", "4:07", "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(seconds: float) -> str:
    """A time of a video as ``--range`` takes it: "00:01:02.48"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{rest:05.2f}"


def ago(then: float) -> str:
    """How long ago a time (seconds since 1970) was, in its largest unit: "3 d ago"."""
    seconds = max(0.0, time.time() - then)
    unit = next((unit for unit in ("d", "h", "m") if seconds >= _AGES[unit]), "s")
    return f"{seconds / _AGES[unit]:.0f} {'min' if unit == 'm' else unit} ago"


def counted(number: int, what: str) -> str:
    """How many there are of what: "1 frame", "12 frames"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def parse_size(text: str) -> int:
    """Bytes of "500MB", "10GB" (powers of ten), "1.5GiB" (powers of two). Raises BadParameter."""
    number, unit = _split(text, "a size, for instance 500MB or 10GB")
    if unit.upper() not in _SIZES:
        raise typer.BadParameter(f"{text!r}: the unit is none of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.")
    return int(number * _SIZES[unit.upper()])


def parse_age(text: str) -> float:
    """Seconds of "45m", "12h", "30d", "2w". Raises BadParameter."""
    number, unit = _split(text, "an age, for instance 12h or 30d")
    if unit not in _AGES:
        raise typer.BadParameter(f"{text!r}: the unit is none of s, m, h, d, w.")
    return number * _AGES[unit]


def _split(text: str, wanted: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not {wanted}.")
    return float(match[1]), match[2]
