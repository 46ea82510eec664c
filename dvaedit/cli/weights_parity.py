"""``dvaedit weights parity``: are the numbers those of the paper's own code?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import options
from dvaedit.cli.session import emit, emit_json, emit_table, session_of
from dvaedit.errors import WeightsError

if TYPE_CHECKING:
    from dvaedit.parity.report import Row
    from dvaedit.parity.run import Part

EPILOG = options.examples(
    "dvaedit weights parity fixtures/",
    "dvaedit weights parity fixtures/ --only unet --only ddim",
    "dvaedit weights parity fixtures/ --json",
)


def parity(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of fixtures.", show_default=False)],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="PART", show_default=False,
            help="weights, align, encoders, unet, ddim, losses, classifier or clip_loss. Repeatable.",
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Reproduce the paper's numbers: compare every array of a fixture folder with what this program computes.

    The weights are made by the fixtures' formula from the salt in DIR's manifest.json, the inputs are DIR's arrays, and
    nothing else is read. Each line has the largest absolute and relative difference and the tolerance. Ends with 0 only
    if every array passes; takes some minutes and 5 GB.
    """
    session, parts = session_of(ctx), []
    with session.working(f"parity {folder}"):
        from dvaedit.parity.report import passed
        from dvaedit.parity.run import PARTS, run

        for part in run(folder, only or ()):
            parts.append(part)
            good = sum(row.ok for row in part.rows)
            session.note(f"{part.name}: {good} of {len(part.rows)} passed", "" if good == len(part.rows) else "red")
    rows = [row for part in parts for row in part.rows]
    failed = [row for row in rows if not row.ok]
    left_out = [name for name in PARTS if name not in {part.name for part in parts}]
    if json:
        emit_json({"ok": passed(rows), "parts": parts, "left_out": left_out})
    else:
        for part in parts:
            _show(part)
        emit(f"{len(rows) - len(failed)} of {len(rows)} comparisons passed")
    if left_out:
        session.note(f"not compared: {', '.join(left_out)}")
    if not passed(rows):
        first = f"{failed[0].file}: {failed[0].array}"
        hint = "The lines that say FAIL have the numbers." if not json else ""
        raise WeightsError(f"{len(failed)} of {len(rows)} comparisons failed, the first: {first}", hint)


def _show(part: Part) -> None:
    from rich.table import Table

    table = Table(part.rows[0].file if part.rows else part.name, box=None, pad_edge=False)
    for title in ("absolute", "relative"):
        table.add_column(title, justify="right")
    for title in ("tolerance", "", ""):
        table.add_column(title)
    for row in part.rows:
        table.add_row(*_cells(row))
    emit_table(table)
    if part.extra:
        emit(f"not known, not compared: {', '.join(part.extra)}")
    emit("")


def _cells(row: Row) -> tuple[Any, ...]:
    numbers = ("" if value is None else f"{value:.2e}" for value in (row.absolute, row.relative))
    return row.array, *numbers, row.tolerance, "pass" if row.ok else "FAIL", row.note
