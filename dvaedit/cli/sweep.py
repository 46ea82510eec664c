"""``dvaedit sweep``: many edits in one picture, to choose from."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from dvaedit.cli import completion, options
from dvaedit.cli.edit import say_readings
from dvaedit.cli.session import emit, emit_json, session_of
from dvaedit.cli.text import duration
from dvaedit.errors import UsageError

WHAT, HOW = "What to try", "What to show"
EPILOG = options.examples(
    "dvaedit sweep in.mp4 --attribute Blond_Hair --strengths 0.5,1,1.5,2",
    "dvaedit sweep in.mp4 --attributes Blond_Hair,Smiling,Eyeglasses --strength 1.5 -o choose.png",
    "dvaedit sweep in.mp4 --attributes all --frames 1",
    "dvaedit sweep in.mp4 --text \"gray hair\" --strengths 1,2 -o choose.mp4",
)  # fmt: skip


class View(str, Enum):
    """What a tile shows."""

    face = "face"
    frame = "frame"


def sweep(
    ctx: typer.Context,
    video: options.Video,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", "-a", metavar="NAME[=STRENGTH]", show_default=False, rich_help_panel=WHAT,
            help="As in `edit`: one edit, tried at several strengths. Repeatable.",
            autocompletion=completion.attributes,
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", "-t", metavar="TEXT", help="The same with words. Repeatable.", show_default=False,
            rich_help_panel=WHAT,
        ),
    ] = None,
    attributes: Annotated[
        str | None,
        typer.Option(
            "--attributes", metavar="A,B,C", show_default=False, rich_help_panel=WHAT,
            help="Many attributes instead, each an edit of its own; `all` for all there are.",
        ),
    ] = None,
    strengths: Annotated[
        str | None,
        typer.Option(
            "--strengths", "--strength", metavar="S,S,S", show_default=False, rich_help_panel=WHAT,
            help="Strengths to try; default: 0.5,1,1.5,2, with --attributes 1.",
        ),
    ] = None,
    source_text: Annotated[
        str,
        typer.Option("--source-text", metavar="TEXT", help="What --text departs from.", rich_help_panel=WHAT),
    ] = "face",
    region: Annotated[
        options.Region, typer.Option("--region", help="Where changes may show.", rich_help_panel=WHAT)
    ] = options.Region.auto,
    face: options.Face = "largest",
    deinterlace: options.Deinterlace = False,
    frames: Annotated[
        int,
        typer.Option("--frames", min=1, max=16, help="Frames per tile of a picture.", rich_help_panel=HOW),
    ] = 3,
    view: Annotated[
        View, typer.Option("--view", help="The face's crop, or the whole frame.", rich_help_panel=HOW)
    ] = View.face,
    tile: Annotated[
        int, typer.Option("--tile", min=64, max=1024, help="Width of a picture, pixels.", rich_help_panel=HOW)
    ] = 256,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT", rich_help_panel=options.OUTPUT, show_default=False,
            help="A contact sheet (.png, .jpg) or a grid video (.mp4, .mov, .mkv); default: VIDEO's name.sweep.png.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    model: options.Model = options.DEFAULT_MODEL,
    steps: options.Steps = options.DEFAULT_STEPS,
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    seed: options.Seed = 0,
    cache_dir: options.CacheDir = None,
    max_cache: options.MaxCache = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Try an edit of VIDEO at several strengths, or many attributes, side by side.

    The source is the first tile. A picture works on a few frames only and takes seconds to a minute; a video on all, as
    `edit` does, and shares the cache with it: the edit chosen is then nearly done. "judge" is the probability at which
    a classifier that has no part in editing sees what was asked for.
    """
    if not (attribute or text or attributes):
        raise UsageError("nothing to sweep", "Give --attribute Blond_Hair --strengths 0.5,1,2, or --attributes A,B.")
    session = session_of(ctx)
    with session.working(f"sweep {video.name}") as progress:
        from dvaedit import comparing

        plan = comparing.prepare_sweep(
            video, attributes=attribute or (), text=text or (), each=_names(attributes), strengths=_numbers(strengths),
            output=output, overwrite=overwrite, frames=frames, view=view.value, tile=tile, source_text=source_text,
            region=region.value, face=face,
            options=options.api_options(
                progress, model=model, steps=steps, device=device, dtype=dtype, seed=seed, cache_dir=cache_dir,
                max_cache=max_cache, deinterlace=deinterlace,
            ),
        )  # fmt: skip
        say_readings(session, plan)
        result = plan.run()
    if json:
        emit_json({"video": video, "output": result.output, "tiles": result.tiles, "seconds": result.seconds,
                   "warnings": session.warnings})  # fmt: skip
        return
    session.note(f"{len(result.tiles)} edits and the source in {duration(result.seconds)}")
    emit(str(result.output))


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _numbers(text: str | None) -> list[float]:
    hint = "Write --strengths 0.5,1,2."
    try:
        numbers = [float(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--strengths {text} is not a list of numbers", hint=hint) from None
    if text is not None and not numbers:
        raise UsageError("--strengths names no number", hint=hint)
    return numbers
