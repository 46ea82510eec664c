"""One HTML page that holds everything: what was measured, the videos, plots, settings. No network, opens from disk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import dvaedit
from dvaedit.evaluation.evaluate import EditEvaluation, Evaluation
from dvaedit.evaluation.judging import MOVED
from dvaedit.evaluation.measure import Original
from dvaedit.evaluation.summary import GROUPS, MEASURES
from dvaedit.files import write_durably
from dvaedit.reports.media import Clip, KeyFrame, choose_frames, make_media
from dvaedit.reports.plots import Line, Plot, plot

ROOM = 1.15  # side of the zoomed view over that of the crop squares
WORTH = 0.8  # of the picture's shorter side: a zoom to more is none

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Card:
    """A number at the top of an edit: ``state`` is "good", "fair" or "poor" against ``aim``."""

    title: str
    value: str
    state: str
    aim: str


@dataclass(frozen=True)
class AttributeRow:
    """One attribute as the judge sees it, mean probabilities; ``role``: "target", "side effect" or ""."""

    name: str
    before: float
    after: float
    role: str
    auc: float | None


@dataclass(frozen=True)
class EditView:
    """What the page shows of one edit."""

    number: int
    name: str
    title: str
    evaluation: EditEvaluation
    clip: Clip
    keys: list[KeyFrame]
    cards: list[Card]
    plots: list[Plot]
    attributes: list[AttributeRow]
    targets: list[str]
    settings: list[tuple[str, str]]


def write_report(path: Path, evaluation: Evaluation, progress: Progress) -> int:
    """Write the page, whole or not at all; gives its size in bytes. Raises StorageError, VideoError."""
    views = [_view(number, edit, evaluation, progress) for number, edit in enumerate(evaluation.edits)]
    data = render(evaluation, views).encode("utf-8")
    write_durably(path, data)
    return len(data)


def render(evaluation: Evaluation, views: list[EditView]) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("dvaedit.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    start = evaluation.times[0]
    script = {
        "times": [round(time - start, 4) for time in evaluation.times],
        "edits": [{"name": view.name, "width": view.clip.width, "height": view.clip.height} for view in views],
    }
    zoom = face_views(evaluation.subject, views[0].clip)
    script["faces"] = zoom
    return environment.get_template("page.html.j2").render(
        zoomable=zoom is not None,
        evaluation=evaluation, views=views, version=dvaedit.__version__, groups=GROUPS, measures=MEASURES, moved=MOVED,
        written=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), seconds=evaluation.times[-1] - start,
        style=_asset("style.css"), code=_asset("app.js"), data=json.dumps(script).replace("<", "\\u003c"),
    )  # fmt: skip


def face_views(original: Original, clip: Clip) -> dict[str, Any] | None:
    """Where to zoom to: the centre of the face in every frame (kept where there is none) and the side of the square
    around it, pixels of the clip. None where the face fills the picture anyway."""
    scale = clip.width / original.size[0]
    corners = original.quads * scale
    side = round(ROOM * float((corners.max(axis=1) - corners.min(axis=1)).max()))
    if side >= WORTH * min(clip.width, clip.height):
        return None
    place = np.searchsorted(original.frames, np.arange(len(original.times)), side="right") - 1
    centres = corners.mean(axis=1)[np.maximum(place, 0)]
    return {"side": side, "centres": centres.round(1).tolist()}


def number(value: float | None, form: str) -> str:
    """A measure as text."""
    if value is None:
        return "-"
    return "equal" if value == math.inf else form.format(value)


def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text("utf-8")


def _view(place: int, edit: EditEvaluation, evaluation: Evaluation, progress: Progress) -> EditView:
    identity = edit.series["identity"]
    chosen, worst = choose_frames(evaluation.subject, edit.subject, identity)
    label = f"encode {edit.path.name}"
    clip, keys = make_media(
        evaluation.subject, edit.subject, chosen, worst, lambda done, total: progress(label, done, total)
    )
    return EditView(
        place, edit.path.name, _title(edit), edit, clip, keys, cards(edit), plots(edit, evaluation),
        attribute_rows(edit, evaluation), [verdict_words(edit, k) for k in range(_target_count(edit))], settings(edit),
    )  # fmt: skip


def _title(edit: EditEvaluation) -> str:
    """What was asked for, where that is known, else the file's name."""
    if edit.run is None:
        return edit.path.name
    found = edit.run["strength"]
    times = "" if found in (None, 1) else f" x {found:g}"
    asked = [f'"{text}"{times}' for text in edit.run["texts"]]
    mixed = {name for mix in edit.run["mix"].values() for name in mix}
    asked += [f"{name} {value:+g}" for name, value in edit.run["edits"].items() if name not in mixed]
    return ", ".join(asked) or edit.path.name


def _target_count(edit: EditEvaluation) -> int:
    return 0 if edit.judgement is None else len(edit.judgement.targets)


def verdict_words(edit: EditEvaluation, place: int) -> str:
    """One target's verdict as a sentence."""
    target = edit.judgement.targets[place]
    judged = f"(judge {target.before:.2f} → {target.after:.2f})"
    if target.success is None:
        had = "had it" if target.wanted else "lacked it"
        return f"{target.title}: the face {had} already in every frame {judged}."
    done, missing = ("seen", "did not have it") if target.wanted else ("gone", "had it")
    frames = "frame" if target.missing == 1 else f"{target.missing} frames"
    return f"{target.title}: {done} in {target.success:.0%} of the {frames} that {missing} {judged}."


def cards(edit: EditEvaluation) -> list[Card]:
    """The numbers that matter most, each against what a good edit reaches."""
    found, values = [], edit.metrics
    targets = edit.judgement.targets if edit.judgement is not None else ()
    success = [target.success for target in targets if target.success is not None]
    if success:
        share = min(success)
        found.append(Card("Edit seen by the judge", f"{share:.0%}", _state(share, 0.8, 0.5), "aim: 80 % or more"))
    rules = {
        "identity": ("Same person", 0.70, 0.5, "aim: 0.70 or more"),
        "mouth_motion": ("Mouth motion kept", 0.95, 0.85, "aim: 0.95 or more"),
        "outside_psnr": ("Outside untouched", 40.0, 34.0, "aim: 40 dB or more"),
    }
    for name, (title, good, fair, aim) in rules.items():
        value = getattr(values, name)
        if value is not None:
            found.append(Card(title, number(value, MEASURES[name].form), _state(value, good, fair), aim))
    for name, title in (("tl_id", "Steady, neighbours"), ("tg_id", "Steady, whole clip")):
        value = getattr(values, name)
        if value is not None:
            state = _state(-abs(value - 1), -0.01, -0.03)
            found.append(
                Card(title, number(value, MEASURES[name].form), state, f"{MEASURES[name].title}, aim: 1 ± 0.01")
            )
    if values.flicker is not None:
        state = _state(-values.flicker, -1.05, -1.3)
        found.append(Card("Flicker", f"{values.flicker:.2f} x", state, "aim: 1.05 x the original's or less"))
    return found


def _state(value: float, good: float, fair: float) -> str:
    return "good" if value >= good else "fair" if value >= fair else "poor"


def plots(edit: EditEvaluation, evaluation: Evaluation) -> list[Plot]:
    """The curves of one edit."""
    times, ours, theirs = evaluation.times, evaluation.source, edit.series

    def both(name: str, source: Mapping[str, Any] = ours, source_name: str = "") -> list[Line]:
        before = Line("original", "source", source[source_name or name])
        return [before, Line("edit", "edit", theirs[name])]

    drawn = [
        plot("Identity", "cosine with the original, per frame", times, [Line("edit", "edit", theirs["identity"])],
             high=1.0, least_span=0.1),
        plot("Likeness of neighbours", "cosine of each frame with the one before", times, both("adjacent"), high=1.0,
             least_span=0.05),
        plot("Flicker", "change beyond the motion, 8-bit levels", times, both("flicker", theirs, "flicker_source"),
             low=0.0, least_span=1.0),
        plot("Mouth", "how far it is open", times, both("mouth"), low=0.0, least_span=0.2),
        plot("Eyes", "how far they are open", times, both("eyes"), low=0.0, least_span=0.2),
        plot("Landmarks", "shift (NME)", times, [Line("edit", "edit", theirs["nme"])], low=0.0, least_span=0.02),
    ]  # fmt: skip
    targets = edit.judgement.targets if edit.judgement is not None else ()
    for target in targets:
        name = f"judge:{target.name}"
        drawn.insert(0, plot(f"Judge: {target.name}", "probability", times, both(name), low=0.0, high=1.0))
    return [one for one in drawn if one is not None]


def attribute_rows(edit: EditEvaluation, evaluation: Evaluation) -> list[AttributeRow]:
    """All attributes, targets first, then by how far they moved."""
    seen = edit.judgement
    if seen is None:
        return []
    targets = [target.name for target in seen.targets]
    rows = [
        AttributeRow(
            name, seen.before[name], seen.after[name],
            "target" if name in targets else "side effect" if name in seen.side_effects else "",
            (evaluation.judge.get(name) or {}).get("auc"),
        )
        for name in seen.before
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.role != "target", -abs(row.after - row.before)))


def settings(edit: EditEvaluation) -> list[tuple[str, str]]:
    """Where the edit comes from, as rows of a table."""
    counts = edit.frames
    rows = [
        ("file", edit.path.name),
        ("SHA-256", edit.digest),
        ("frames", f"{counts.edited}, {counts.paired} paired with the original's {counts.original}"),
        ("face", f"in {counts.with_face} frames of the original, in both in {counts.face_in_both}"),
        ("mask", edit.mask),
    ]
    if edit.run is None:
        return [*rows, ("run", "not known here: made elsewhere, by something else, or no longer in the cache")]
    rows.append(("run", edit.run["origin"]))
    if edit.run["strength"] not in (None, 1):
        rows.append(("strength", f"{edit.run['strength']:g} times as asked for: what this video needs"))
    if edit.run["region"] is not None:
        rows.append(("region", edit.run["region"]))
        rows.append(("cosine of the identity code", f"{edit.run['cosine']:.4f}"))
    for text, mix in edit.run["mix"].items():
        rows.append((f'text "{text}"', ", ".join(f"{name} {weight:+.2f}" for name, weight in mix.items()) or "-"))
    for stage, config in edit.run["settings"].items():
        if config:
            rows.append((stage if stage == "request" else f"stage {stage}", json.dumps(config, sort_keys=True)))
    rows += [(f"weights: {part}", digest) for part, digest in sorted(edit.run["weights"].items())]
    return rows
