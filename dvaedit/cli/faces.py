"""``dvaedit faces``: who is in a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import options
from dvaedit.cli.edit import as_dict
from dvaedit.cli.session import emit, emit_json, emit_table, session_of
from dvaedit.cli.text import clock, counted

if TYPE_CHECKING:
    from dvaedit.api import FacesResult

EPILOG = options.examples("dvaedit faces in.mp4", "dvaedit faces in.mp4 -o people.png --json")


def faces(
    ctx: typer.Context,
    video: options.Video,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="SHEET.png", show_default=False, rich_help_panel=options.OUTPUT,
            help="Pictures of everyone; default: a name beside VIDEO.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    min_face: options.MinFace = options.MIN_FACE,
    deinterlace: options.Deinterlace = False,
    rate: options.Rate = 25.0,
    cache_dir: options.CacheDir = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """List the people in VIDEO, with a sheet of pictures of them.

    A person who leaves and returns is one. The numbers are what --face takes; 1 fills the most area over time.
    """
    session = session_of(ctx)
    with session.working(f"faces of {video.name}") as progress:
        from dvaedit import api

        chosen = api.Options(cache_dir=cache_dir, progress=progress, deinterlace=deinterlace, rate=rate)
        result = api.faces(video, sheet=output, overwrite=overwrite, min_face=min_face, options=chosen)
    if json:
        emit_json({"video": video, **as_dict(result), "warnings": session.warnings})
        return
    if not session.quiet:
        emit_table(_table(result))
    session.note(f"{counted(result.frames, 'frame')} in {counted(result.shots, 'shot')}; pictures of everyone:")
    emit(str(result.sheet))


def _table(result: FacesResult) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for header in ("face", "frames", "can be edited", "size", "quality"):
        table.add_column(header, justify="right")
    table.add_column("seen")
    for person in result.people:
        parts = f", in {len(person.parts)} parts" if len(person.parts) > 1 else ""
        table.add_row(
            str(person.number), str(person.frames), str(person.editable), f"{person.size:.0f} px",
            f"{person.quality:.2f}", f"{clock(person.first)} to {clock(person.last)}{parts}",
        )  # fmt: skip
    return table
