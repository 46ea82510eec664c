"""``--dry-run``: what an edit would compute, and what that would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvaedit.cli.session import Session, emit_json, emit_table
from dvaedit.cli.text import duration, size

if TYPE_CHECKING:
    from dvaedit.api import EditPlan
    from dvaedit.pipeline.run import StagePlan
    from dvaedit.stages.estimate import Estimate

TITLES = {
    "decode": "read the frames, find faces",
    "people": "who is who, in which shots",
    "align": "follow the face, cut its crops",
    "encode": "identity and landmark codes",
    "few": "pick a few frames",
    "invert": "crops to noise codes",
    "source": "crops back, unedited",
    "parse": "parts of the face",
    "edit": "edit the identity code",
    "sample": "crops back, edited",
    "drawn": "a few crops back, with what is put on",
    "shaded": "a few crops back, for the light and shade of what is moved",
    "paste": "what changes in each frame",
    "export": "encode the video",
}
WHOLE_VIDEO = ("decode", "export")  # they take every frame; the other stages those with the face


def show_plan(session: Session, plan: EditPlan, steps: int, texts: int, json: bool) -> None:
    """Print the stages with their state and their cost; nothing is computed or written."""
    rows = _rows(plan, steps, texts)
    seconds, disk = (sum(estimate.__dict__[name] for _, estimate in rows) for name in ("seconds", "bytes"))
    if json:
        from dvaedit.editing.reading import colours

        stages = [_as_dict(stage, estimate) for stage, estimate in rows]
        outputs = {"video": plan.video, "output": plan.output, "compare": plan.compare}
        named = {text: colours(text) for text in plan.mix}
        texts = {"mix": plan.mix, "colours": named, "unknown_words": plan.unknown_words}
        costs = {"stages": stages, "seconds": seconds, "bytes": disk}
        emit_json({**outputs, **texts, **costs, "warnings": session.warnings})
        return
    emit_table(_table(rows, seconds, disk))
    session.note("times are rough, for the compact model on two CPU cores; nothing was written", "dim")


def _rows(plan: EditPlan, steps: int, texts: int) -> list[tuple[StagePlan, Estimate]]:
    from dvaedit.stages.estimate import estimate, few_frames, known_frames

    stages, info = plan.stages(), plan.info
    faces = known_frames(stages) or info.frames
    pixels = info.width * info.height
    frames = {stage.label: info.frames if stage.label in WHOLE_VIDEO else faces for stage in stages}
    frames |= few_frames(stages, faces)
    return [(stage, estimate(stage, frames[stage.label], pixels, steps, texts)) for stage in stages]


def state(stage: StagePlan) -> str:
    """What would become of a stage, in a few words."""
    if stage.state == "cached":
        return "cached"
    if not stage.needed:
        return "not needed"
    return f"resumes at frame {stage.done}" if stage.done else "would run"


def _table(rows: list[tuple[StagePlan, Estimate]], seconds: float, disk: int) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_footer=True)
    for header, footer in (("stage", "total"), ("", ""), ("state", "")):
        table.add_column(header, footer)
    for header, footer in (("frames", ""), ("time", duration(seconds)), ("disk", size(disk))):
        table.add_column(header, footer, justify="right")
    for stage, cost in rows:
        runs = cost.seconds > 0
        numbers = (str(cost.frames or ""), duration(cost.seconds), size(cost.bytes)) if runs else ("", "", "")
        table.add_row(stage.label, TITLES.get(stage.label.split("-")[0], ""), state(stage), *numbers)
    return table


def _as_dict(stage: StagePlan, cost: Estimate) -> dict[str, Any]:
    known = {"label": stage.label, "stage": stage.stage, "key": stage.key, "state": state(stage)}
    return {**known, "done": stage.done, "total": stage.total, "needed": stage.needed,
            "frames": cost.frames, "seconds": cost.seconds, "bytes": cost.bytes}  # fmt: skip
