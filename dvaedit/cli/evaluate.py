"""``dvaedit evaluate``: how good edits are, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import completion, options
from dvaedit.cli.session import Session, emit_json, emit_table, plain_json, session_of
from dvaedit.cli.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from dvaedit.evaluation.evaluate import EditEvaluation, Evaluation

EPILOG = options.examples(
    "dvaedit evaluate in.mp4 in.Blond_Hair.mp4",
    "dvaedit evaluate in.mp4 ours.mp4 theirs.mp4 --target Smiling -o scores.json",
    "dvaedit evaluate in.mp4 theirs.mp4 --region hair --target Blond_Hair --json",
)
WHAT = "What to compare"

Original = Annotated[
    Path,
    typer.Argument(metavar="ORIGINAL", help="The video before the edit.", show_default=False, callback=options.local),
]
EditedVideos = Annotated[
    list[Path],
    typer.Argument(
        metavar="EDITED...", help="One or more edits of it: by dvaedit or by anything else.", show_default=False
    ),
]
MaskRegion = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="NAME", show_default=False, rich_help_panel=WHAT,
        help="Where edits may show; default: the mask of the run that made the video, where the cache has it, else "
        "head.",
    ),
]  # fmt: skip
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME[=-1]", show_default=False, rich_help_panel=WHAT, autocompletion=completion.attributes,
        help="Attribute the edits should have added (=-1: removed); default: what their run was asked for. Repeatable.",
    ),
]  # fmt: skip
Person = Annotated[
    str | None,
    typer.Option(
        "--face", metavar="WHO", show_default=False, rich_help_panel=WHAT,
        help="Whom to measure: largest, a number of `dvaedit faces`, or a photograph; default: whom the run edited.",
    ),
]  # fmt: skip


def evaluate(
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
            "--output", "-o", metavar="OUT.json", help="Also write everything, frame by frame, as JSON.",
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
    """Measure edits of a video against the ORIGINAL.

    How steady they are, what they keep of the person, what they change outside the edited region, and whether a judge,
    a classifier that has no part in editing, sees what was asked for. Edits made here are recognised by their
    pictures, and their own masks and settings are used while the cache has them.
    """
    session = session_of(ctx)
    with session.working(f"evaluate {original.name}") as progress:
        from dvaedit import comparing

        if output is not None:
            comparing.check_file(output, [original, *edited], overwrite)
        chosen = options.api_options(progress, model=model, device=device, cache_dir=cache_dir, deinterlace=deinterlace)
        result = comparing.evaluate(original, edited, region=region, targets=target or (), face=face, options=chosen)
    if output is not None:
        write_json(output, result, session.warnings)
        session.note(f"all numbers: {output}")
    if json:
        emit_json(as_json(result, session.warnings))
        return
    for table in tables(result):
        emit_table(table)
    for edit in result.edits:
        _notes(session, edit)


def write_json(output: Path, result: Evaluation, warnings: Sequence[str] = ()) -> None:
    """Write an evaluation to a file, whole or not at all."""
    from dvaedit.files import write_durably

    write_durably(output, (plain_json(as_json(result, warnings)) + "\n").encode())


def as_json(result: Evaluation, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Everything, by name, and the warnings given; infinite numbers become null when written."""
    from dvaedit import __version__

    edits = [_fields(edit) for edit in result.edits]
    return {"dvaedit": __version__, **_fields(result), "edits": edits, "warnings": list(warnings)}


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__ if name != "subject"}


def tables(result: Evaluation) -> list[Table]:
    """The measures, one column per edit, and what the judge saw."""
    return [_measures(result), *(table for edit in result.edits if (table := _judged(edit)) is not None)]


def _measures(result: Evaluation) -> Table:
    from rich.table import Table

    from dvaedit.evaluation.summary import GROUPS, MEASURES

    table = Table("measure", box=None, pad_edge=False)
    for edit in result.edits:
        table.add_column(edit.path.name, justify="right")
    table.add_column("best")
    table.add_column("what it says")
    for group, title in GROUPS.items():
        table.add_row(title, style="bold")
        for name, measure in MEASURES.items():
            if measure.group == group:
                values = [number(getattr(edit.metrics, name), measure.form) for edit in result.edits]
                table.add_row(f"  {measure.title}", *values, measure.best, measure.meaning)
    table.add_row(
        "Frames with the face in both", *(f"{e.frames.face_in_both}/{e.frames.with_face}" for e in result.edits)
    )
    return table


def _judged(edit: EditEvaluation) -> Table | None:
    from rich.table import Table

    if edit.judgement is None or not (edit.judgement.targets or edit.judgement.side_effects):
        return None
    table = Table(f"judge: {edit.path.name}", "before", "after", "success", box=None, pad_edge=False)
    for target in edit.judgement.targets:
        already = "it was there already" if target.wanted else "it was not there"
        share = already if target.success is None else f"{target.success:.0%} of {counted(target.missing, 'frame')}"
        table.add_row(target.title, f"{target.before:.2f}", f"{target.after:.2f}", share)
    for name in edit.judgement.side_effects:
        before, after = edit.judgement.before[name], edit.judgement.after[name]
        table.add_row(f"{name} (not asked for)", f"{before:.2f}", f"{after:.2f}", "side effect")
    return table


def number(value: float | None, form: str) -> str:
    """A measure as text; "-" where it could not be told."""
    if value is None:
        return "-"
    return "equal" if value == float("inf") else form.format(value)


def _notes(session: Session, edit: EditEvaluation) -> None:
    session.note(f"{edit.path.name}: mask {edit.mask}", "dim")
    for note in edit.notes:
        session.note(f"{edit.path.name}: {note}", "dim")
