"""Comparing one file's arrays with ours, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from dvaedit.errors import DvaEditError
from dvaedit.parity.layout import Names


@dataclass(frozen=True)
class Row:
    """One array compared. ``absolute``, ``relative``: the largest differences, None where there is none to state."""

    file: str
    array: str
    ok: bool
    absolute: float | None = None
    relative: float | None = None
    tolerance: str = ""
    note: str = ""


class MissingArrayError(DvaEditError):
    """An array that a comparison needs is not there."""


@dataclass
class Report:
    """The rows of one file; an array may be compared once only."""

    file: str
    arrays: dict[str, np.ndarray]
    names: Names
    rows: dict[str, Row] = field(default_factory=dict)

    def input(self, name: str) -> np.ndarray:
        """An array to compute with. Raises MissingArrayError."""
        if name not in self.arrays:
            raise MissingArrayError(f"{self.file}: {name} is missing")
        return self.arrays[name]

    def add(self, name: str, ok: bool, note: str = "", **numbers: object) -> None:
        """A row of a comparison made elsewhere."""
        self.rows[name] = Row(self.file, name, bool(ok), note=note, **numbers)

    def close(self, name: str, value: object, atol: float, rtol: float = 0.0, mean: float | None = None) -> None:
        """|value - expected| <= atol + rtol |expected| everywhere, and at most ``mean`` on average if given."""
        found = self._pair(name, value)
        if found is None:
            return
        value, expected = found
        difference = np.abs(value - expected)
        ok = bool((difference <= atol + rtol * np.abs(expected)).all())
        tolerance = " + ".join(part for part in (f"{atol:g}" if atol else "", f"{rtol:g} |e|" if rtol else "") if part)
        if mean is not None:
            ok, tolerance = ok and bool(difference.mean() <= mean), f"{tolerance}, mean {mean:g}"
        self._row(name, ok, difference, expected, tolerance)

    def within(self, name: str, value: object, bound: np.ndarray, text: str) -> None:
        """|value - expected| <= ``bound``, which broadcasts; ``text`` says what the bound is."""
        found = self._pair(name, value)
        if found is not None:
            difference = np.abs(found[0] - found[1])
            self._row(name, bool((difference <= bound).all()), difference, found[1], text)

    def same(self, name: str, value: object, mismatches: int = 0) -> None:
        """Equal values of any type; up to ``mismatches`` may differ."""
        if name not in self.arrays:
            return
        value, expected = np.asarray(value), self.arrays[name]
        if value.shape != expected.shape:
            self.add(name, False, f"the shape is {value.shape}, expected {expected.shape}")
            return
        wrong = int((value != expected).sum())
        allowed = f"<= {mismatches} differ" if mismatches else "equal"
        self.add(name, wrong <= mismatches, f"{wrong} of {value.size} differ" if wrong else "", tolerance=allowed)

    def digest(self, name: str, pixels: np.ndarray, binding: bool) -> None:
        """SHA-256 of ``pixels``. Not ``binding``: made with other library versions, where levels may differ by one."""
        if name not in self.arrays:
            return
        equal = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest() == str(self.arrays[name])
        note = "" if equal else "another digest" if binding else "another digest, as with other library versions"
        self.add(name, equal or not binding, note, tolerance="equal" if binding else "")

    def finish(self, reason: str = "") -> list[Row]:
        """All rows in the order of the layout; what is missing or was never compared fails by name.

        ``reason``: why the comparison ended early.
        """
        for name in dict.fromkeys([*self.names.inputs, *self.names.expected]):
            if name not in self.arrays:
                self.add(name, False, "missing in the folder")
        for name in self.names.expected:
            if name not in self.rows:
                self.add(name, False, f"not compared: {reason or 'no check looked at it'}")
        order = {name: place for place, name in enumerate([*self.names.expected, *self.names.inputs])}
        return sorted(self.rows.values(), key=lambda row: order.get(row.array, len(order)))

    @property
    def extra(self) -> list[str]:
        """Arrays of the file that the layout does not know."""
        return sorted(self.arrays.keys() - self.names.known)

    def _pair(self, name: str, value: object) -> tuple[np.ndarray, np.ndarray] | None:
        """Both as float64, or None (and a row, unless the array is missing) where they cannot be compared."""
        if name not in self.arrays:
            return None
        value, expected = np.asarray(value), self.arrays[name]
        if value.shape != expected.shape:
            self.add(name, False, f"the shape is {value.shape}, expected {expected.shape}")
            return None
        return value.astype(np.float64), expected.astype(np.float64)

    def _row(self, name: str, ok: bool, difference: np.ndarray, expected: np.ndarray, tolerance: str) -> None:
        some = np.abs(expected) > 0
        relative = float((difference[some] / np.abs(expected[some])).max()) if some.any() else None
        absolute = float(difference.max()) if difference.size else 0.0
        self.add(name, ok, absolute=absolute, relative=relative, tolerance=tolerance)


def passed(rows: Collection[Row]) -> bool:
    """Whether there are rows and all of them passed."""
    return bool(rows) and all(row.ok for row in rows)
