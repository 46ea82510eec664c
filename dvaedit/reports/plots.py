"""Plots over time as inline SVG: drawn here, styled by the page, with a cursor that the page moves along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24
TICKS = 4


@dataclass(frozen=True)
class Line:
    """One curve: ``kind`` is "source" or "edit" and chooses its style."""

    name: str
    kind: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Plot:
    """A finished plot. ``svg``: safe markup; ``lines``: for its legend; ``summary``: the same in words."""

    title: str
    meaning: str
    svg: str
    lines: tuple[Line, ...]
    summary: str


def plot(
    title: str, meaning: str, times: Sequence[float], lines: Sequence[Line],
    low: float | None = None, high: float | None = None, least_span: float = 0.0,
) -> Plot | None:  # fmt: skip
    """Curves over time (seconds). ``low``, ``high``: fixed ends of the axis; ``least_span``: so that noise stays small.

    None where nothing is known.
    """
    kept = tuple(line for line in lines if any(value is not None for value in line.values))
    known = [value for line in kept for value in line.values if value is not None]
    if not known:
        return None
    bottom, top = _limits(known, low, high, least_span)
    start, end = times[0], max(times[-1], times[0] + 1e-6)

    def x(time: float) -> float:
        return LEFT + (time - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (top - min(max(value, bottom), top)) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    parts = [*_grid(bottom, top, y), *_clock(start, end, x)]
    parts += [f'<path class="line {line.kind}" d="{_path(times, line.values, x, y)}"/>' for line in kept]
    parts.append(f'<line class="cursor" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    summary = "; ".join(f"{line.name}: {_in_words(line.values)}" for line in kept)
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    return Plot(title, meaning, svg, kept, summary)


def _limits(known: list[float], low: float | None, high: float | None, least_span: float) -> tuple[float, float]:
    bottom = min(known) if low is None else low
    top = max(known) if high is None else high
    span = max(top - bottom, least_span, 1e-9)
    middle = (top + bottom) / 2
    if low is None:
        bottom = min(bottom, middle - span / 2 if high is None else top - span) - 0.06 * span
    if high is None:
        top = max(top, middle + span / 2 if low is None else bottom + span) + 0.06 * span
    return bottom, top


def nice_steps(low: float, high: float, count: int) -> list[float]:
    """Round numbers between two values, about ``count`` of them."""
    raw = (high - low) / count
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _grid(bottom: float, top: float, y) -> list[str]:
    parts, values = [], nice_steps(bottom, top, TICKS)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    digits = next((count for count in range(5) if abs(round(step, count) - step) < 1e-9), 5)
    for value in values:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>'
        )
    return parts


def _clock(start: float, end: float, x) -> list[str]:
    span = end - start
    digits = 0 if span >= 8 else 1 if span >= 0.8 else 2
    return [
        f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{value:.{digits}f} s</text>'
        for value in nice_steps(0, span, 5)
        if (at := x(start + value)) < WIDTH - 14
    ]


def _path(times: Sequence[float], values: Sequence[float | None], x, y) -> str:
    """Moves and lines; a gap where a value is missing."""
    parts, pen_up = [], True
    for time, value in zip(times, values, strict=True):
        if value is not None:
            parts.append(f"{'M' if pen_up else 'L'}{x(time):.1f} {y(value):.1f}")
        pen_up = value is None
    return "".join(parts)


def _in_words(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"mean {sum(known) / len(known):.3g}, from {min(known):.3g} to {max(known):.3g}"
