"""``dvaedit edit``: the edit itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import completion, options
from dvaedit.cli.dry_run import show_plan
from dvaedit.cli.session import Session, emit, emit_json, session_of
from dvaedit.cli.text import duration
from dvaedit.errors import StorageError, UsageError

if TYPE_CHECKING:
    from dvaedit.api import EditPlan, EditResult
    from dvaedit.comparing import SweepPlan

WHAT = "What to change"
EPILOG = options.examples(
    'dvaedit edit in.mp4 --text "blond hair"',
    "dvaedit edit in.mp4 -a Smiling -a Eyeglasses=0.8 -o out.mp4",
    'dvaedit edit in.mp4 --text "a man with a beard" --source-text "a man"',
    "dvaedit edit in.mp4 --attribute Bald --strength 1.5 --compare both.mp4",
    "dvaedit edit in.mp4 --attribute Young=-1 --dry-run",
    'dvaedit edit in.mp4 --text "gray hair" --face all --range 00:01:02-00:01:20',
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
        float | None,
        typer.Option(
            "--strength", show_default=False, rich_help_panel=WHAT,
            help="Scales all changes; 0 changes nothing. By default as much as this video needs, 1 to 2.",
        ),
    ] = None,
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
    face: options.Face = "largest",
    range: options.TimeRange = None,
    min_face: options.MinFace = options.MIN_FACE,
    output: options.Output = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare", metavar="OUT2", help="Also write source and result side by side.", show_default=False,
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    pix_fmt: options.PixFmt = None,
    lossless: options.Lossless = False,
    no_mark: options.NoMark = False,
    visible_mark: options.VisibleMark = False,
    c2pa_cert: options.C2paCert = None,
    c2pa_key: options.C2paKey = None,
    c2pa_alg: options.C2paAlgorithm = "es256",
    overwrite: options.Overwrite = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be computed, and stop.", rich_help_panel=options.OUTPUT)
    ] = False,
    deinterlace: options.Deinterlace = False,
    rate: options.Rate = 25.0,
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
    offline: options.Offline = False,
    cache_dir: options.CacheDir = None,
    max_cache: options.MaxCache = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Edit the largest face of VIDEO, or whom --face names.

    Give at least one --text or --attribute; several add up. Everything the edit does not change stays as it is: other
    pixels, time stamps, sound, subtitles. What is computed is kept, so that the next edit of the same video is quick
    and an interrupted run goes on where it stopped.
    """
    if not text and not attribute:
        raise UsageError("nothing to edit", hint='Give --text "blond hair" or --attribute Blond_Hair.')
    if (c2pa_cert is None) != (c2pa_key is None):
        raise UsageError("signing needs a certificate and its key", hint="Give both --c2pa-cert and --c2pa-key.")
    session = session_of(ctx)
    chosen = {"codec": codec, "crf": crf, "preset": preset, "pix_fmt": pix_fmt, "clip": clip, "range": range,
              "iterations": iterations}  # fmt: skip
    with session.working(f"edit {video.name}") as progress:
        from dvaedit import api
        from dvaedit.provenance import Marking, Signing

        signing = None if c2pa_cert is None else Signing(c2pa_cert, c2pa_key, c2pa_alg)
        plan = api.prepare_edit(
            video, text=text or (), attributes=attribute or (), source_text=source_text, strength=strength,
            region=region.value, paste=paste.value, face=face, min_face=min_face, output=output, compare=compare,
            overwrite=overwrite, lossless=lossless, marking=Marking(no_mark, visible_mark, signing),
            options=options.api_options(
                progress, model=model, steps=steps, device=device, dtype=dtype, seed=seed, cache_dir=cache_dir,
                deinterlace=deinterlace, rate=rate, max_cache=max_cache, recipe=recipe.value,
            ),
            **{name: value for name, value in chosen.items() if value is not None},
        )  # fmt: skip
        say_readings(session, plan)
        result = None if dry_run else plan.run()
    if result is None:
        _warn_of_disks(session, plan)
        show_plan(session, plan, options.steps_of(recipe, steps), len(text or ()), json)
    else:
        _show(session, video, plan, result, json)


def say_readings(session: Session, plan: EditPlan | SweepPlan) -> None:
    """What the texts of a plan are read as, which of them ask for nothing, and which words are not known."""
    for text, mix in plan.mix.items():
        _say_reading(session, text, mix)
        if not mix and not plan.text_model.large:  # others search on
            session.warn(f'"{text}" asks for no change that is known; `dvaedit attributes` lists what is')
    if plan.unknown_words:
        words = ", ".join(map(_quoted, plan.unknown_words))
        known = "`dvaedit attributes` lists what it knows"
        session.warn(f"the text model does not know the word{'s'[: len(plan.unknown_words) > 1]} {words}; {known}")


def _say_reading(session: Session, text: str, mix: dict[str, float]) -> None:
    from dvaedit.editing.reading import colours

    named = {name: f" ({colour})" for name, colour in colours(text).items()}
    words = ", ".join(f"{name} {weight:+.2f}{named.get(name, '')}" for name, weight in mix.items())
    session.note(f'"{text}" was read as: {words or "none of the known attributes"}')


def _quoted(word: str) -> str:
    """A word that is not known, with the one that may be meant."""
    from dvaedit.editing.reading import nearest

    meant = nearest(word)
    return f'"{word}" (did you mean "{meant}"?)' if meant else f'"{word}"'


def _warn_of_disks(session: Session, plan: EditPlan) -> None:
    try:
        plan.check_disks()
    except StorageError as error:
        session.warn(str(error))


def _show(session: Session, video: Path, plan: EditPlan, result: EditResult, json: bool) -> None:
    if json:
        emit_json({"video": video, **as_dict(result), "warnings": session.warnings})
        return
    for text, mix in result.mix.items():
        if mix != plan.mix.get(text):  # CLIP has found something
            _say_reading(session, text, mix)
    frames = f"edited {result.edited_frames} of {result.frames} frames ({result.region})"
    session.note(f"{frames} in {duration(sum(result.seconds.values()))}; cosine of the identity {result.cosine:.3f}")
    for person in result.people:
        if person.strength != 1:
            session.note(
                f"face {person.person}: strength {person.strength:g}, what this video needs (--strength sets it)"
            )
    people_lines(session, result)
    if result.sidecar is not None:
        session.note(f"what was done: {result.sidecar}")
    if result.compare is not None:
        session.note(f"side by side: {result.compare}")
    emit(str(result.output))


def people_lines(session: Session, result: EditResult) -> None:
    """Where people are in view and yet not edited, and why."""
    for person in result.people:
        reasons = {"the face is too small": person.small, "it is turned away": person.turned}
        left = ", ".join(f"{count} frames because {why}" for why, count in reasons.items() if count)
        if left:
            session.note(f"face {person.person} is left as it is in {left}")
        if person.bridged:
            session.note(f"face {person.person}: {person.bridged} frames without a detection are bridged")


def as_dict(result: Any) -> dict[str, Any]:
    """A result's fields, with the total of its seconds."""
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return {**fields, "total_seconds": sum(result.seconds.values())}
