"""``dvaedit edit``: the edit itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import completion, options
from dvaedit.cli.dry_run import show_plan
from dvaedit.cli.session import Session, emit, emit_json, session_of
from dvaedit.cli.text import duration
from dvaedit.errors import UsageError

if TYPE_CHECKING:
    from dvaedit.api import EditPlan, EditResult

WHAT = "What to change"
EPILOG = options.examples(
    'dvaedit edit in.mp4 --text "blond hair"',
    "dvaedit edit in.mp4 -a Smiling -a Eyeglasses=0.8 -o out.mp4",
    'dvaedit edit in.mp4 --text "a man with a beard" --source-text "a man"',
    "dvaedit edit in.mp4 --attribute Bald --strength 1.5 --compare both.mp4",
    "dvaedit edit in.mp4 --attribute Young=-1 --dry-run",
    "dvaedit edit in.mp4 --recipe paper --attribute Mustache=0.25 --model paper",
)


def edit(
    ctx: typer.Context,
    video: options.Video,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", "-t", metavar="TEXT", help="Change the face to fit these words. Repeatable.",
            show_default=False, rich_help_panel=WHAT,
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", "-a", metavar="NAME[=STRENGTH]", show_default=False, rich_help_panel=WHAT,
            help="Add an attribute of `dvaedit attributes`, or with a negative strength take it away. Repeatable.",
            autocompletion=completion.attributes,
        ),
    ] = None,
    source_text: Annotated[
        str,
        typer.Option("--source-text", metavar="TEXT", help="What --text departs from.", rich_help_panel=WHAT),
    ] = "face",
    strength: Annotated[
        float, typer.Option("--strength", help="Scales all changes; 0 changes nothing.", rich_help_panel=WHAT)
    ] = 1.0,
    region: Annotated[
        options.Region, typer.Option("--region", help="Where changes may show.", rich_help_panel=WHAT)
    ] = options.Region.auto,
    paste: Annotated[
        options.PasteMode,
        typer.Option(
            "--paste", rich_help_panel=WHAT,
            help="delta adds what the edit changed to the frame's own pixels; replace puts the crop in their place.",
        ),
    ] = options.PasteMode.delta,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations", min=1, show_default=False, rich_help_panel=WHAT,
            help="Of the text search of --recipe paper; default 2000.",
        ),
    ] = None,
    output: options.Output = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare", metavar="OUT2", help="Also write source and result side by side.", show_default=False,
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(
            "--codec", metavar="NAME", help="h264 (the default), hevc, av1, vp9, prores, ffv1.", show_default=False,
            autocompletion=completion.codecs, rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    crf: Annotated[
        int | None,
        typer.Option(
            "--crf", min=0, max=63, help="Quality of the codec, 16 by default: less is better and larger.",
            show_default=False, rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be computed, and stop.", rich_help_panel=options.OUTPUT)
    ] = False,
    model: options.Model = options.DEFAULT_MODEL,
    clip: Annotated[
        str | None,
        typer.Option(
            "--clip", metavar="NAME[:PRETRAINED|:FILE]", help="Text model: compact (the default), or any of open_clip.",
            show_default=False, autocompletion=completion.clips, rich_help_panel=options.COMPUTING,
        ),
    ] = None,
    recipe: options.RecipeOption = options.Recipe.own,
    steps: options.Steps = None,
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    seed: options.Seed = 0,
    cache_dir: options.CacheDir = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Edit the largest face of VIDEO.

    Give at least one --text or --attribute; several add up. Everything the edit does not change stays as it is: other
    pixels, time stamps, sound, subtitles. What is computed is kept, so that the next edit of the same video is quick
    and an interrupted run goes on where it stopped.
    """
    if not text and not attribute:
        raise UsageError("nothing to edit", hint='Give --text "blond hair" or --attribute Blond_Hair.')
    session = session_of(ctx)
    chosen = {"codec": codec, "crf": crf, "clip": clip, "iterations": iterations}
    with session.working(f"edit {video.name}") as progress:
        from dvaedit import api

        plan = api.prepare_edit(
            video, text=text or (), attributes=attribute or (), source_text=source_text, strength=strength,
            region=region.value, paste=paste.value, output=output, compare=compare, overwrite=overwrite,
            options=options.api_options(progress, model, steps, device, dtype, seed, cache_dir, recipe),
            **{name: value for name, value in chosen.items() if value is not None},
        )  # fmt: skip
        _warn_of_words(session, plan)
        result = None if dry_run else plan.run()
    if result is None:
        show_plan(session, plan, options.steps_of(recipe, steps), len(text or ()), json)
    else:
        _show(session, video, result, json)


def _warn_of_words(session: Session, plan: EditPlan) -> None:
    if plan.unknown_words:
        words = ", ".join(f'"{word}"' for word in plan.unknown_words)
        known = "`dvaedit attributes` lists what it knows"
        session.warn(f"the text model does not know the word{'s'[: len(plan.unknown_words) > 1]} {words}; {known}")


def _show(session: Session, video: Path, result: EditResult, json: bool) -> None:
    if json:
        emit_json({"video": video, **as_dict(result), "warnings": session.warnings})
        return
    for text, mix in result.mix.items():
        words = ", ".join(f"{name} {weight:+.2f}" for name, weight in mix.items())
        session.note(f'"{text}" was read as: {words or "none of the known attributes"}')
    frames = f"edited {result.edited_frames} of {result.frames} frames ({result.region})"
    session.note(f"{frames} in {duration(sum(result.seconds.values()))}; cosine of the identity {result.cosine:.3f}")
    if result.compare is not None:
        session.note(f"side by side: {result.compare}")
    emit(str(result.output))


def as_dict(result: Any) -> dict[str, Any]:
    """A result's fields, with the total of its seconds."""
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return {**fields, "total_seconds": sum(result.seconds.values())}
