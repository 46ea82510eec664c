"""The Python API of what compares: evaluate, report, sweep. The command line makes the same calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dvaedit.api import Options, PathLike, check_strengths, check_texts, read_texts, unknown_words
from dvaedit.checkpoints.load import load_model, load_text_model
from dvaedit.editing.attributes import AttributeEdit, known_edits, merged
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation import evaluate as evaluation
from dvaedit.evaluation.evaluate import Evaluation
from dvaedit.face.quality import MIN_FACE
from dvaedit.job import Job, frame_rate
from dvaedit.models.bundle import Model
from dvaedit.models.clip import DEFAULT_CLIP, TextImageModel
from dvaedit.pipeline.store import check_free
from dvaedit.reports.media import page_bytes
from dvaedit.reports.page import write_report
from dvaedit.runtime import Runtime
from dvaedit.stages.choose import LARGEST, Choice
from dvaedit.stages.graph import Settings
from dvaedit.stages.paste import check_region
from dvaedit.sweeps import ALL, VIEWS, Sweep, Tile, Variant, check_sweep_output, is_sheet, make_variants, sweep_nodes
from dvaedit.video.files import check_folder

DEFAULTS = Options()
PAGES = (".html", ".htm")


@dataclass(frozen=True)
class ReportResult:
    """``output``: the page, ``size`` bytes long; ``evaluation``: what it shows."""

    output: Path
    size: int
    evaluation: Evaluation


@dataclass(frozen=True)
class SweepResult:
    """``tiles``: what came of each variant, in the order of the picture, whose first tile is the source."""

    output: Path
    tiles: tuple[Tile, ...]
    seconds: float


@dataclass(frozen=True)
class SweepPlan:
    """A checked sweep that has not run: ``run()`` does it. ``frames``: per tile of a picture; None for a video.

    ``mix``, ``unknown_words``: see :class:`dvaedit.api.EditPlan`.
    """

    output: Path
    unknown_words: tuple[str, ...]
    mix: dict[str, dict[str, float]]
    job: Job
    model: Model
    text_model: TextImageModel | None
    variants: list[Variant]
    settings: Settings
    view: str
    tile: int
    frames: int | None

    def run(self) -> SweepResult:
        """Compute what is missing and write the output."""
        began, job, picked = time.monotonic(), self.job, self.frames is not None
        settings = replace(self.settings, people=(job.people()[0],))
        nodes = sweep_nodes(job.source.video, self.model, self.text_model, settings, self.variants, self.frames)
        pipeline = job.pipeline(nodes)
        if not picked:  # a few frames need next to nothing
            job.make_room(pipeline, [f"paste:{variant.label}" for variant in self.variants], self.output)
        made = Sweep(pipeline, job.source, self.variants, self.view, self.tile, picked)
        tiles = made.write_sheet(self.output) if picked else made.write_video(self.output, job.clock)
        return SweepResult(self.output, tuple(tiles), time.monotonic() - began)


def evaluate(
    original: PathLike,
    edited: PathLike | Sequence[PathLike],
    *,
    region: str | None = None,
    targets: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    face: str | int | Path | None = None,
    options: Options = DEFAULTS,
) -> Evaluation:
    """Measure one or more edits of ``original``, made by dvaedit or by anything else.

    ``region``: where an edit may have changed the frame; None takes the mask of the run that made it, found in the
    cache, else the head. ``targets``: "NAME" or "NAME=-1", what the edits should have done; by default what their
    runs were asked for. ``face``: whom to measure, as in :func:`dvaedit.edit` but "all"; None for whom the first run
    that is known has edited, else the largest. Raises the errors of :mod:`dvaedit.errors`.
    """
    job = _job(original, face, options)
    person = None if face is None else job.people()[0]
    return evaluation.evaluate(
        job, _paths(edited), _model(options), region=region, targets=_attributes(targets), person=person,
        rate=frame_rate(options.rate), deinterlace=options.deinterlace,
    )  # fmt: skip


def report(
    original: PathLike,
    edited: PathLike | Sequence[PathLike],
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    region: str | None = None,
    targets: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    face: str | int | Path | None = None,
    options: Options = DEFAULTS,
) -> ReportResult:
    """:func:`evaluate`, and write one HTML page that shows the edits beside the original.

    ``output`` defaults to a name beside the first edit. The page holds everything and needs no network.
    """
    paths = _paths(edited)
    first = paths[0] if paths else Path(original)
    target = Path(output) if output is not None else first.with_name(f"{first.stem}.report.html")
    check_file(target, [Path(original), *paths], overwrite)
    if target.suffix.lower() not in PAGES:
        raise UsageError(f"the page {target} is not named as HTML", hint="Give it a name that ends in .html.")
    check_free({target: page_bytes(paths)}, target)
    found = evaluate(original, paths, region=region, targets=targets, face=face, options=options)
    progress = options.progress or (lambda label, done, total: None)
    return ReportResult(target, write_report(target, found, progress), found)


def sweep(
    video: PathLike,
    *,
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    each: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    strengths: Sequence[float] = (),
    output: PathLike | None = None,
    overwrite: bool = False,
    frames: int = 3,
    view: str = "face",
    tile: int = 256,
    source_text: str = "face",
    clip: str = DEFAULT_CLIP,
    region: str = "auto",
    paste: str = "delta",
    face: str | int | Path = LARGEST,
    options: Options = DEFAULTS,
) -> SweepResult:
    """Many edits of ``video`` from one inversion, in one picture or video to choose from by eye.

    Either ``attributes`` and ``text``, together one edit, at several ``strengths``; or ``each`` attribute as an edit of
    its own ("all": all of them). ``output``: a picture (.png, .jpg) of ``frames`` frames spread over the video, for
    which only these are inverted, or a video of all. ``view``: "face" or the whole "frame", ``tile`` pixels wide.
    ``face``: as in :func:`dvaedit.edit`, but "all".
    """
    plan = prepare_sweep(
        video, attributes=attributes, text=text, each=each, strengths=strengths, output=output, overwrite=overwrite,
        frames=frames, view=view, tile=tile, source_text=source_text, clip=clip, region=region, paste=paste, face=face,
        options=options,
    )  # fmt: skip
    return plan.run()


def prepare_sweep(
    video: PathLike,
    *,
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    each: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    strengths: Sequence[float] = (),
    output: PathLike | None = None,
    overwrite: bool = False,
    frames: int = 3,
    view: str = "face",
    tile: int = 256,
    source_text: str = "face",
    clip: str = DEFAULT_CLIP,
    region: str = "auto",
    paste: str = "delta",
    face: str | int | Path = LARGEST,
    options: Options = DEFAULTS,
) -> SweepPlan:
    """Check everything :func:`sweep` is given and load the model; computes nothing yet."""
    video = Path(video)
    target = Path(output) if output is not None else video.with_name(f"{video.stem}.sweep.png")
    check_sweep_output(target)
    check_file(target, [video], overwrite)
    _check_tiles(view, tile, frames)
    check_region(region)
    texts = tuple(item if isinstance(item, TextEdit) else TextEdit(item, source_text) for item in _as_tuple(text))
    check_texts(texts)
    job, model = _job(video, face, options), _model(options)
    many = model.attributes.names if _as_tuple(each) == (ALL,) else each
    asked, alone = (known_edits(model.attributes, _attributes(items)) for items in (attributes, many))
    together = merged(asked)
    variants = make_variants(together, texts, alone, strengths)
    for variant in variants:
        check_strengths(variant.attributes, variant.texts)
    mix = read_texts(texts, together, model.attributes.names)
    text_model = load_text_model(clip, model.runtime) if texts else None
    settings = replace(job.settings, region=region, paste=paste)
    return SweepPlan(
        target, unknown_words(texts, text_model), mix, job, model, text_model, variants, settings, view, tile,
        frames if is_sheet(target) else None,
    )  # fmt: skip


def check_file(output: Path, inputs: Sequence[Path], overwrite: bool) -> None:
    """Refuse, before any work, an output that is an input, exists, or cannot be written."""
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UsageError(f"{output} is one of the inputs", hint="Choose another name with -o.")
    if output.is_dir():
        raise UsageError(f"The output {output} is a directory.", "Give the name of a file.")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists", hint="Choose another name with -o, or allow it with --overwrite.")
    check_folder(output.absolute().parent)


def _check_tiles(view: str, tile: int, frames: int) -> None:
    if view not in VIEWS:
        raise UsageError(f"unknown view '{view}'", hint=f"Choose one of: {', '.join(VIEWS)}.")
    if not 64 <= tile <= 1024:
        raise UsageError(f"tiles cannot be {tile} pixels wide", hint="Give a number from 64 to 1024.")
    if not 1 <= frames <= 16:
        raise UsageError(f"{frames} frames do not fit into a tile", hint="Give 1 to 16.")


def _paths(videos: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(videos)] if isinstance(videos, (str, Path)) else [Path(path) for path in videos]


def _as_tuple(items):
    return (items,) if isinstance(items, (str, TextEdit, AttributeEdit)) else tuple(items)


def _attributes(items) -> tuple[AttributeEdit, ...]:
    return tuple(item if isinstance(item, AttributeEdit) else AttributeEdit.parse(item) for item in _as_tuple(items))


def _model(options: Options) -> Model:
    return load_model(options.model, Runtime.resolve(options.device, options.dtype, options.seed))


def _job(video: PathLike, face: str | int | Path | None, options: Options) -> Job:
    choice = Choice.parse(LARGEST if face is None else face)
    if choice.everyone:
        raise UsageError("only one person can be looked at here", hint="Give a number, largest or a photograph.")
    return Job.of(Path(video), choice, None, MIN_FACE, options)
