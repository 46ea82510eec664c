"""The Python API: the same calls the command line makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dvaedit.checkpoints.load import load_model, load_text_model
from dvaedit.editing.attributes import AttributeEdit, check_agreement, check_strength, known_edits, merged
from dvaedit.editing.paper_text import PaperObjective
from dvaedit.editing.reading import read_change, says_something, unread
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation.crops import CropQuality, crop_quality, mean_quality
from dvaedit.face.quality import MIN_FACE
from dvaedit.job import PAPER, Job, Options, PathLike
from dvaedit.models.bundle import Model
from dvaedit.models.clip import DEFAULT_CLIP, TextImageModel
from dvaedit.pipeline.keys import plain
from dvaedit.pipeline.run import Pipeline, StagePlan
from dvaedit.provenance import MARKED, Marking, Record, sidecar_path, sign, write_sidecar
from dvaedit.results import EditedPerson, EditResult, FacesResult, InvertResult, ReconstructResult
from dvaedit.runtime import Runtime
from dvaedit.source import Source
from dvaedit.stages.choose import LARGEST, Choice
from dvaedit.stages.compare import write_comparison, write_reconstruction
from dvaedit.stages.graph import edit_nodes, place_of, reconstruct_nodes, scan_nodes
from dvaedit.stages.listing import summaries, write_sheet
from dvaedit.stages.paper.graph import paper_edit_nodes, paper_reconstruct_nodes
from dvaedit.stages.paste import check_region
from dvaedit.video.codecs import Encoding
from dvaedit.video.files import atomic, check_folder, check_writable, temporary
from dvaedit.video.probe import VideoInfo


def edit(
    video: PathLike,
    *,
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    output: PathLike | None = None,
    source_text: str = "face",
    strength: float | None = None,
    clip: str = DEFAULT_CLIP,
    region: str = "auto",
    paste: str = "delta",
    face: str | int | Path = LARGEST,
    range: str | None = None,
    min_face: float = MIN_FACE,
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    pix_fmt: str | None = None,
    lossless: bool = False,
    marking: Marking = MARKED,
    compare: PathLike | None = None,
    overwrite: bool = False,
    iterations: int | None = None,
    options: Options = Options(),
) -> EditResult:
    """Edit a face of ``video`` and write the result to ``output``.

    ``text`` and ``attributes`` ("NAME" or "NAME=STRENGTH") add up; ``strength`` scales all of them. Where none is
    given the edit is as strong, from 1 to 2, as this video needs to show it. ``output`` defaults to a name beside the
    input. ``compare`` also writes source and result side by side. ``face``: "largest", "all", a number as
    :func:`faces` gives it, or the path of a photograph; ``range``: the part to edit, "START-END". ``video`` may also be
    a picture or a folder of them; the output is one too then. ``codec``, ``crf``, ``preset``,
    ``pix_fmt``, ``lossless``: see :class:`dvaedit.video.codecs.Encoding`; codec "copy-of-source" is the input's.
    ``marking``: how the output says that it was edited; by default in its metadata and in a JSON file beside it.
    With the paper's recipe a strength is its scale, ``iterations`` are those of its text search, and ``region`` and
    ``paste`` must be left alone.
    Raises the errors of :mod:`dvaedit.errors`; no output is written unless all of it is.
    """
    plan = prepare_edit(
        video, text=text, attributes=attributes, output=output, source_text=source_text, strength=strength, clip=clip,
        region=region, paste=paste, face=face, range=range, min_face=min_face, codec=codec, crf=crf, preset=preset,
        pix_fmt=pix_fmt, lossless=lossless, marking=marking, compare=compare, overwrite=overwrite,
        iterations=iterations, options=options,
    )  # fmt: skip
    return plan.run()


@dataclass(frozen=True)
class EditPlan:
    """A checked edit that has not run: ``stages()`` says what would, ``run()`` does it.

    ``mix``: per text, the known attributes it is read as; what is read as none is left to CLIP, if it knows more words.
    """

    video: Path
    output: Path
    compare: Path | None
    unknown_words: tuple[str, ...]
    mix: dict[str, dict[str, float]]
    job: Job
    model: Model
    text_model: TextImageModel | None
    marking: Marking
    request: dict[str, Any]

    @property
    def info(self) -> VideoInfo:
        """The input as the stages see it."""
        return self.job.source.info

    def stages(self) -> list[StagePlan]:
        """What is cached and what would be computed, in order; one person is assumed while nobody has been found."""
        return self._pipeline(self.job.known_people()).plan(["export"])

    def check_disks(self) -> None:
        """Raise StorageError if the disks as they are will not hold what is to be written. Nothing is computed."""
        self.job.check_disks(self._pipeline(self.job.known_people()), ["export"], self.output, self.compare)

    def run(self) -> EditResult:
        """Compute what is missing and write the outputs."""
        people = self.job.people()
        pipeline = self._pipeline(people)
        self.job.make_room(pipeline, ["export"], self.output, self.compare)
        exported = pipeline.artifact("export")
        pictures, source = exported.file(exported.files[0].name), self.job.source
        changed, edited = pipeline.artifact("edit"), _edited_people(pipeline, len(people))
        record = self._record(pipeline, edited)
        comment = "" if self.marking.off else record.comment
        self._write(pictures, record, comment)
        if self.compare is not None:
            decoded = pipeline.artifact("decode")
            write_comparison(source.video, pictures, self.compare, decoded, source.info, comment)
        sidecar = None if self.marking.off else write_sidecar(record, self.output)
        frames = {int(n) for at in range(len(people)) for n in pipeline.artifact(f"align{place_of(at)}").read("frames")}
        return EditResult(
            self.output, self.compare, exported.meta["frames"], len(frames), changed.meta["cosine"],
            changed.meta["region"], changed.meta["mix"], self.unknown_words, dict(self.job.clock.seconds), edited,
            sidecar,
        )  # fmt: skip

    def _write(self, pictures: Path, record: Record, comment: str) -> None:
        signing, source = self.marking.signing, self.job.source
        if signing is None:
            source.write(pictures, self.output, comment)
            return
        with temporary(self.output) as unsigned:
            source.write(pictures, unsigned, comment)
            with atomic(self.output) as signed:
                sign(unsigned, signed, record, signing)

    def _record(self, pipeline: Pipeline, edited: tuple[EditedPerson, ...]) -> Record:
        models = {"name": self.model.name, "sha256": self.model.digests}
        if self.text_model is not None:
            models["text"] = {"name": self.request["clip"], "sha256": self.text_model.digest}
        nodes = pipeline.nodes.items()
        stages = {name: {"version": node.stage.version, "key": pipeline.keys[name]} for name, node in nodes}
        source = self.job.source
        return Record(source.path, source.digest, self.request, models, stages, [asdict(person) for person in edited])

    def _pipeline(self, people: tuple[int, ...]) -> Pipeline:
        settings = replace(self.job.settings, people=people)
        nodes = paper_edit_nodes if settings.recipe == PAPER else edit_nodes
        return self.job.pipeline(nodes(self.job.source.video, self.model, self.text_model, settings))


def _edited_people(pipeline: Pipeline, count: int) -> tuple[EditedPerson, ...]:
    found = []
    for place in map(place_of, range(count)):
        align, changed = pipeline.artifact(f"align{place}"), pipeline.artifact(f"edit{place}")
        meta = {name: align.meta[name] for name in ("person", "seen", "small", "turned", "bridged")}
        about = {name: changed.meta[name] for name in ("cosine", "strength")}
        found.append(EditedPerson(edited=len(align.read("frames")), **about, **meta))
    return tuple(found)


def prepare_edit(
    video: PathLike,
    *,
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    output: PathLike | None = None,
    source_text: str = "face",
    strength: float | None = None,
    clip: str = DEFAULT_CLIP,
    region: str = "auto",
    paste: str = "delta",
    face: str | int | Path = LARGEST,
    range: str | None = None,
    min_face: float = MIN_FACE,
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    pix_fmt: str | None = None,
    lossless: bool = False,
    marking: Marking = MARKED,
    compare: PathLike | None = None,
    overwrite: bool = False,
    iterations: int | None = None,
    options: Options = Options(),
) -> EditPlan:
    """Check everything :func:`edit` is given, load the model and wire the stages; computes nothing yet."""
    video = Path(video)
    scale = 1.0 if strength is None else strength
    texts = tuple(_text_edit(item, source_text, scale) for item in _as_tuple(text))
    attribute_edits = tuple(_attribute_edit(item, scale) for item in _as_tuple(attributes))
    if not texts and not attribute_edits:
        raise UsageError("nothing to edit", hint='Give --text "blond hair" or --attribute Blond_Hair.')
    check_strengths(attribute_edits, texts)
    check_texts(texts)
    choice = Choice.parse(face)
    check_region(region)
    _check_recipe(options.recipe, region, paste, iterations, bool(texts))
    run = Job.of(video, choice, range, min_face, options)
    source = run.source
    target = Path(output) if output is not None else source.default_output(slug(texts, attribute_edits))
    beside = Path(compare) if compare is not None else None
    check_outputs(source, target, beside, overwrite)
    marking.check(target)
    if not marking.off and sidecar_path(target).exists() and not overwrite:
        raise UsageError(f"{sidecar_path(target)} exists", hint="Remove it, or allow its replacement with --overwrite.")
    encoding = source.encoding(target, Encoding("h264", crf, preset, pix_fmt, lossless), codec)
    model = _load(options)
    attribute_edits = merged(known_edits(model.attributes, attribute_edits))
    plain_ones = all(abs(change.strength) == 1 for change in (*texts, *attribute_edits))
    adapt = strength is None and plain_ones and options.recipe != PAPER
    papers = options.recipe == PAPER  # whose pictures reach CLIP without antialiasing, and whose texts are not read
    mix = {} if papers else read_texts(texts, attribute_edits, model.attributes.names)
    text_model = load_text_model(clip, model.runtime, antialias=not papers) if texts else None
    settings = replace(
        run.settings, attributes=attribute_edits, texts=texts, adapt=adapt, region=region, paste=paste,
        encoding=encoding,
    )  # fmt: skip
    searched = PaperObjective.iterations if iterations is None else iterations
    settings = replace(settings, visible_mark=marking.visible, iterations=searched)
    request = {
        "text": texts, "attributes": attribute_edits, "adapt": adapt, "region": region, "paste": paste, "face": face,
        "range": range, "min_face": min_face, "encoding": encoding, "clip": clip, "steps": options.step_count,
        "seed": options.seed, "dtype": model.runtime.dtype_name, "deinterlace": options.deinterlace,
        "rate": float(options.rate), "visible_mark": marking.visible, "recipe": options.recipe,
        "iterations": iterations,
    }  # fmt: skip
    request = plain({name: str(value) if isinstance(value, Path) else value for name, value in request.items()})
    return EditPlan(
        video, target, beside, unknown_words(texts, text_model), mix, replace(run, settings=settings), model,
        text_model, marking, request,
    )  # fmt: skip


def invert(
    video: PathLike,
    *,
    face: str | int | Path = LARGEST,
    range: str | None = None,
    min_face: float = MIN_FACE,
    options: Options = Options(),
) -> InvertResult:
    """Encode ``video`` down to its noise codes x_T, which every later edit of it re-uses.

    ``face``, ``range``: as in :func:`edit`; of several people, ``x_T`` is the first one's folder.
    """
    run, pipeline, people = _source_run(Job.of(Path(video), Choice.parse(face), range, min_face, options), options)
    noises = [pipeline.artifact(f"invert{place_of(at)}") for at in people]
    quality = _quality(pipeline, people)
    size = sum(file.stat().st_size for noise in noises for file in noise.path.rglob("*") if file.is_file())
    frames = sum(noise.frames for noise in noises)
    return InvertResult(noises[0].path, size, frames, quality, dict(run.clock.seconds))


def reconstruct(
    video: PathLike,
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    face: str | int | Path = LARGEST,
    range: str | None = None,
    min_face: float = MIN_FACE,
    options: Options = Options(),
) -> ReconstructResult:
    """Invert ``video``, sample it back unedited, and write the frames with the crop square replaced by the result."""
    video = Path(video)
    run = Job.of(video, Choice.parse(face), range, min_face, options)
    target = Path(output) if output is not None else video.with_name(f"{video.stem}.reconstructed.mp4")
    check_outputs(run.source, None, target, overwrite)
    run, pipeline, people = _source_run(run, options, target)
    quality = _quality(pipeline, people)
    pairs = [(pipeline.artifact(f"align{place_of(at)}"), pipeline.artifact(f"source{place_of(at)}")) for at in people]
    comment = Record(video, run.source.digest, {}, {}, {}).comment
    write_reconstruction(
        run.source.video, pipeline.artifact("decode"), pairs, target, run.clock, run.source.info, comment
    )
    return ReconstructResult(target, sum(sampled.frames for _, sampled in pairs), quality, dict(run.clock.seconds))


def faces(
    video: PathLike,
    *,
    sheet: PathLike | None = None,
    overwrite: bool = False,
    min_face: float = MIN_FACE,
    options: Options = Options(),
) -> FacesResult:
    """Find the people in ``video`` and write a sheet of pictures of them, by default beside the video."""
    video = Path(video)
    target = Path(sheet) if sheet is not None else video.with_name(f"{video.stem}.faces.png")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists", hint="Choose another name with -o, or allow it with --overwrite.")
    if target.suffix.lower() != ".png":
        raise UsageError(f"the sheet {target} is not named as a PNG", hint="Give it a name that ends in .png.")
    check_folder(target.absolute().parent)
    run = Job.of(video, Choice.parse(LARGEST), None, min_face, options)
    working = run.source.video
    pipeline = run.pipeline(scan_nodes(working))
    people, decoded = pipeline.artifact("people"), pipeline.artifact("decode")
    write_sheet(working, decoded, people, target)
    found = tuple(summaries(decoded, people, run.source.info.time_base, min_face))
    return FacesResult(found, decoded.frames, len(people.read("shots")), target, dict(run.clock.seconds))


def _check_recipe(recipe: str, region: str, paste: str, iterations: int | None, texts: bool) -> None:
    """Refuse what one recipe has and the other has not."""
    if recipe == PAPER and (region, paste) != ("auto", "delta"):
        raise UsageError("the paper's recipe has its own mask and paste", "Leave out --region and --paste.")
    if iterations is not None and not (recipe == PAPER and texts):
        raise UsageError("--iterations is of the paper's text search", "Give --recipe paper and --text too.")
    if iterations is not None and iterations < 1:
        raise UsageError(f"{iterations} iterations search nothing", "Give 1 or more.")


def slug(texts: Sequence[TextEdit], attributes: Sequence[AttributeEdit]) -> str:
    """What was done, fit for a file's name: ``blond_hair+Smiling``."""
    words = [item.target for item in texts] + [f"{item.name}{_signed(item.strength)}" for item in attributes]
    return "+".join(re.sub(r"[^A-Za-z0-9._-]+", "_", word).strip("_") for word in words)[:80] or "edited"


def _signed(strength: float) -> str:
    return "" if strength == 1 else f"{strength:+g}"


def check_strengths(attributes: Iterable[AttributeEdit], texts: Iterable[TextEdit]) -> None:
    """Raise UsageError where a strength is no finite number or out of range."""
    for change in attributes:
        check_strength(change.strength, change.name)
    for change in texts:
        check_strength(change.strength, f"'{change.target}'")


def check_texts(texts: Iterable[TextEdit]) -> None:
    """Raise UsageError for a text without a word."""
    for text in texts:
        if not says_something(text.target):
            hint = 'Say what to change, for instance "blond hair".'
            raise UsageError(f"the text '{text.target}' says nothing", hint=hint)


def read_texts(
    texts: Sequence[TextEdit], attributes: Sequence[AttributeEdit], names: Collection[str]
) -> dict[str, dict[str, float]]:
    """Per text, which of the attributes ``names`` it asks for.

    Raises UsageError where a text contradicts another one or ``attributes``, or these each other.
    """
    mix = {text.target: read_change(text.target, text.source, names) for text in texts}
    wishes = [(f"{edit.name}={edit.strength:g}", {edit.name: edit.strength}) for edit in attributes]
    for text in texts:
        strengths = {name: share * text.strength for name, share in mix[text.target].items()}
        wishes.append((f"'{text.target}'", strengths))
    check_agreement(wishes)
    return mix


def unknown_words(texts: Iterable[TextEdit], text_model: TextImageModel | None) -> tuple[str, ...]:
    """The words of texts that neither the text model knows nor the table of phrases."""
    found: list[str] = []
    for text in texts:
        beside = unread(text.target)
        found += [word for word in text_model.known_words(text.target)[1] if word in beside]
    return tuple(found)


def check_outputs(source: Source, target: Path | None, video: Path | None, overwrite: bool) -> None:
    """Refuse, before any work, outputs that would overwrite the input, each other or an existing file.

    target: written by the source itself; video: one with the source's sound, such as a comparison.
    """
    taken = [path.resolve() for path in source.files]
    for path in (target, video):
        if path is None:
            continue
        if path.resolve() in taken:
            raise UsageError(f"{path} is the input or another output", hint="Choose another name with -o.")
        if path.exists() and not path.is_dir() and not overwrite:
            raise UsageError(f"{path} exists", hint="Choose another name with -o, or allow it with --overwrite.")
        source.check_output(path) if path is target else check_writable(path)
        taken.append(path.resolve())


def _as_tuple(items):
    return (items,) if isinstance(items, (str, TextEdit, AttributeEdit)) else tuple(items)


def _text_edit(item: str | TextEdit, source: str, strength: float) -> TextEdit:
    return item if isinstance(item, TextEdit) else TextEdit(item, source, strength)


def _attribute_edit(item: str | AttributeEdit, strength: float) -> AttributeEdit:
    parsed = item if isinstance(item, AttributeEdit) else AttributeEdit.parse(item)
    return AttributeEdit(parsed.name, parsed.strength * strength)


def _load(options: Options) -> Model:
    return load_model(options.model, Runtime.resolve(options.device, options.dtype, options.seed))


def _source_run(run: Job, options: Options, output: Path | None = None) -> tuple[Job, Pipeline, range]:
    """A run up to the unedited samples: itself, its pipeline, and the places of its people."""
    model = _load(options)
    settings = replace(run.settings, people=run.people())
    nodes = paper_reconstruct_nodes if settings.recipe == PAPER else reconstruct_nodes
    pipeline = run.pipeline(nodes(run.source.video, model, settings))
    run.make_room(pipeline, [f"source{place_of(at)}" for at in range(len(settings.people))], output)
    return run, pipeline, range(len(settings.people))


def _quality(pipeline: Pipeline, people: range) -> CropQuality:
    """Means over all people's frames."""
    pairs = [(pipeline.artifact(f"align{place_of(at)}"), pipeline.artifact(f"source{place_of(at)}")) for at in people]
    return mean_quality([(sampled.frames, crop_quality(align, sampled)) for align, sampled in pairs])
