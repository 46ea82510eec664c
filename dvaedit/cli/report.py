"""``dvaedit report``: a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dvaedit.cli import options
from dvaedit.cli.evaluate import EditedVideos, MaskRegion, Original, Person, Targets, as_json
from dvaedit.cli.session import emit, emit_json, session_of
from dvaedit.cli.text import size

EPILOG = options.examples(
    "dvaedit report in.mp4 in.Blond_Hair.mp4",
    "dvaedit report in.mp4 ours.mp4 theirs.mp4 --target Smiling -o compare.html",
)


def report(
    ctx: typer.Context,
    original: Original,
    edited: EditedVideos,
    target: Targets = None,
    region: MaskRegion = None,
    face: Person = None,
    deinterlace: options.Deinterlace = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT.html", help="The page; default: a name beside the first edit.",
            show_default=False, rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    model: options.Model = options.DEFAULT_MODEL,
    device: options.Device = "auto",
    cache_dir: options.CacheDir = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write one HTML page that shows edits next to the ORIGINAL.

    A slider between before and after over the playing video, the difference, key frames, curves over time, everything
    `evaluate` measures, settings and provenance. One file, which opens from disk without a network. The videos in it
    are encoded again, smaller if they are large; the page says how.
    """
    session = session_of(ctx)
    with session.working(f"report on {original.name}") as progress:
        from dvaedit import comparing

        chosen = options.api_options(progress, model=model, device=device, cache_dir=cache_dir, deinterlace=deinterlace)
        result = comparing.report(
            original,
            edited,
            output=output,
            overwrite=overwrite,
            region=region,
            targets=target or (),
            face=face,
            options=chosen,
        )
    if json:
        found = as_json(result.evaluation, session.warnings)
        emit_json({"output": result.output, "size": result.size, **found})
        return
    session.note(f"{size(result.size)}; open it in any browser")
    emit(str(result.output))
