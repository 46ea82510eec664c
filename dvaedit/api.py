"""The Python API: the same calls the command line makes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from dvaedit.checkpoints.load import DEFAULT_MODEL, load_model, load_text_model
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation.crops import CropQuality, crop_quality, mean_quality
from dvaedit.face.quality import MIN_FACE
from dvaedit.models.bundle import Model
from dvaedit.models.clip import DEFAULT_CLIP, TextImageModel
from dvaedit.pipeline.run import Node, Pipeline, StagePlan
from dvaedit.pipeline.store import Cache
from dvaedit.results import EditedPerson, EditResult, FacesResult, InvertResult, ReconstructResult
from dvaedit.runtime import Runtime
from dvaedit.source import Source
from dvaedit.stages.choose import LARGEST, Choice, parse_range
from dvaedit.stages.compare import write_comparison, write_reconstruction
from dvaedit.stages.estimate import bytes_to_come
from dvaedit.stages.graph import DEFAULT_STEPS, Settings, edit_nodes, place_of, reconstruct_nodes, scan_nodes
from dvaedit.stages.intake import DEFAULT_RATE
from dvaedit.stages.listing import summaries, write_sheet
from dvaedit.stages.paste import check_region
from dvaedit.video.codecs import Encoding
from dvaedit.video.files import check_folder, check_writable
from dvaedit.video.probe import VideoInfo

Progress = Callable[[str, int, int], None]
"""Called with (stage, frames done, frames in all)."""

PathLike = str | Path


@dataclass(frozen=True)
class Options:
    """Where and how to compute, and how the input is read; nothing here changes what an edit means.

    ``device`` and ``dtype``: see :meth:`Runtime.resolve`; ``cache_dir``: None for the user's cache folder.
    ``max_cache``: bytes the cache may take, older entries make room; None for as much as the disk has free.
    ``deinterlace``: merge the fields of interlaced video; ``rate``: frames a second of a folder of pictures.
    """

    model: str = DEFAULT_MODEL
    steps: int = DEFAULT_STEPS
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    cache_dir: PathLike | None = None
    max_cache: int | None = None
    progress: Progress | None = None
    deinterlace: bool = False
    rate: float | Fraction = DEFAULT_RATE


@dataclass
class _Clock:
    """Forwards progress and adds up the time each stage takes."""

    forward: Progress | None
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def __call__(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        self.seconds[label] = self.seconds.get(label, 0.0) + now - self._since
        self._since = now
        if self.forward is not None:
            self.forward(label, done, total)


def edit(
    video: PathLike,
    *,
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    output: PathLike | None = None,
    source_text: str = "face",
    strength: float = 1.0,
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
    compare: PathLike | None = None,
    overwrite: bool = False,
    options: Options = Options(),
) -> EditResult:
    """Edit a face of ``video`` and write the result to ``output``.

    ``text`` and ``attributes`` ("NAME" or "NAME=STRENGTH") add up; ``strength`` scales all of them. ``output``
    defaults to a name beside the input. ``compare`` also writes source and result side by side. ``face``: "largest",
    "all", a number as :func:`faces` gives it, or the path of a photograph; ``range``: the part to edit, "START-END".
    ``video`` may also be a picture or a folder of them; the output is one too then. ``codec``, ``crf``, ``preset``,
    ``pix_fmt``, ``lossless``: see :class:`dvaedit.video.codecs.Encoding`; codec "copy-of-source" is the input's.
    Raises the errors of :mod:`dvaedit.errors`; no output is written unless all of it is.
    """
    plan = prepare_edit(
        video, text=text, attributes=attributes, output=output, source_text=source_text, strength=strength, clip=clip,
        region=region, paste=paste, face=face, range=range, min_face=min_face, codec=codec, crf=crf, preset=preset,
        pix_fmt=pix_fmt, lossless=lossless, compare=compare, overwrite=overwrite, options=options,
    )  # fmt: skip
    return plan.run()


@dataclass(frozen=True)
class EditPlan:
    """A checked edit that has not run: ``stages()`` says what would, ``run()`` does it."""

    video: Path
    output: Path
    compare: Path | None
    unknown_words: tuple[str, ...]
    run_: _Run
    model: Model
    text_model: TextImageModel | None

    @property
    def info(self) -> VideoInfo:
        """The input as the stages see it."""
        return self.run_.source.info

    def stages(self) -> list[StagePlan]:
        """What is cached and what would be computed, in order; one person is assumed while nobody has been found."""
        return self._pipeline(self.run_.known_people()).plan(["export"])

    def run(self) -> EditResult:
        """Compute what is missing and write the outputs."""
        people = self.run_.people()
        pipeline = self._pipeline(people)
        self.run_.make_room(pipeline, ["export"])
        exported = pipeline.artifact("export")
        pictures, source = exported.file(exported.files[0].name), self.run_.source
        source.write(pictures, self.output)
        if self.compare is not None:
            write_comparison(source.video, pictures, self.compare, pipeline.artifact("decode"), source.info)
        changed, edited = pipeline.artifact("edit"), _edited_people(pipeline, len(people))
        frames = {int(n) for at in range(len(people)) for n in pipeline.artifact(f"align{place_of(at)}").read("frames")}
        return EditResult(
            self.output, self.compare, exported.meta["frames"], len(frames), changed.meta["cosine"],
            changed.meta["region"], changed.meta["mix"], self.unknown_words, dict(self.run_.clock.seconds), edited,
        )  # fmt: skip

    def _pipeline(self, people: tuple[int, ...]) -> Pipeline:
        settings = replace(self.run_.settings, people=people)
        return self.run_.pipeline(edit_nodes(self.run_.source.video, self.model, self.text_model, settings))


def _edited_people(pipeline: Pipeline, count: int) -> tuple[EditedPerson, ...]:
    found = []
    for place in map(place_of, range(count)):
        align, changed = pipeline.artifact(f"align{place}"), pipeline.artifact(f"edit{place}")
        meta = {name: align.meta[name] for name in ("person", "seen", "small", "turned", "bridged")}
        found.append(EditedPerson(edited=len(align.read("frames")), cosine=changed.meta["cosine"], **meta))
    return tuple(found)


def prepare_edit(
    video: PathLike,
    *,
    text: str | TextEdit | Sequence[str | TextEdit] = (),
    attributes: str | AttributeEdit | Sequence[str | AttributeEdit] = (),
    output: PathLike | None = None,
    source_text: str = "face",
    strength: float = 1.0,
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
    compare: PathLike | None = None,
    overwrite: bool = False,
    options: Options = Options(),
) -> EditPlan:
    """Check everything :func:`edit` is given, load the model and wire the stages; computes nothing yet."""
    video = Path(video)
    texts = tuple(_text_edit(item, source_text, strength) for item in _as_tuple(text))
    attribute_edits = tuple(_attribute_edit(item, strength) for item in _as_tuple(attributes))
    if not texts and not attribute_edits:
        raise UsageError("nothing to edit", hint='Give --text "blond hair" or --attribute Blond_Hair.')
    choice = Choice.parse(face)
    check_region(region)
    run = _Run.of(video, choice, range, min_face, options)
    source = run.source
    target = Path(output) if output is not None else source.default_output(slug(texts, attribute_edits))
    beside = Path(compare) if compare is not None else None
    check_outputs(source, target, beside, overwrite)
    encoding = source.encoding(target, Encoding("h264", crf, preset, pix_fmt, lossless), codec)
    model = _load(options)
    for change in attribute_edits:
        model.attributes.index(change.name)
    text_model = load_text_model(clip, model.runtime) if texts else None
    unknown = tuple(word for item in texts for word in text_model.known_words(item.target)[1])
    settings = replace(
        run.settings, attributes=attribute_edits, texts=texts, region=region, paste=paste, encoding=encoding
    )
    run = replace(run, settings=settings)
    return EditPlan(video, target, beside, unknown, run, model, text_model)


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
    run, pipeline, people = _source_run(_Run.of(Path(video), Choice.parse(face), range, min_face, options), options)
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
    run = _Run.of(video, Choice.parse(face), range, min_face, options)
    target = Path(output) if output is not None else video.with_name(f"{video.stem}.reconstructed.mp4")
    check_outputs(run.source, None, target, overwrite)
    run, pipeline, people = _source_run(run, options)
    quality = _quality(pipeline, people)
    pairs = [(pipeline.artifact(f"align{place_of(at)}"), pipeline.artifact(f"source{place_of(at)}")) for at in people]
    write_reconstruction(run.source.video, pipeline.artifact("decode"), pairs, target, run.clock, run.source.info)
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
    run = _Run.of(video, Choice.parse(LARGEST), None, min_face, options)
    working = run.source.video
    pipeline = run.pipeline(scan_nodes(working))
    people, decoded = pipeline.artifact("people"), pipeline.artifact("decode")
    write_sheet(working, decoded, people, target)
    found = tuple(summaries(decoded, people, run.source.info.time_base, min_face))
    return FacesResult(found, decoded.frames, len(people.read("shots")), target, dict(run.clock.seconds))


def slug(texts: Sequence[TextEdit], attributes: Sequence[AttributeEdit]) -> str:
    """What was done, fit for a file's name: ``blond_hair+Smiling``."""
    words = [item.target for item in texts] + [f"{item.name}{_signed(item.strength)}" for item in attributes]
    return "+".join(re.sub(r"[^A-Za-z0-9._-]+", "_", word).strip("_") for word in words)[:80] or "edited"


def _signed(strength: float) -> str:
    return "" if strength == 1 else f"{strength:+g}"


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


@dataclass(frozen=True)
class _Run:
    """What the pipelines of one call share."""

    source: Source
    settings: Settings
    choice: Choice
    cache: Cache
    clock: _Clock
    max_cache: int | None

    @classmethod
    def of(cls, video: Path, choice: Choice, range_: str | None, min_face: float, options: Options) -> _Run:
        """Look at the input; the settings are those of every command."""
        span = None if range_ is None else parse_range(range_)
        # Numbers are those of the whole video, whatever part is edited; else only that part is looked at.
        scan = None if choice.number not in (None, 1) else span
        settings = Settings(steps=options.steps, seed=options.seed, span=span, scan=scan, min_face=min_face)
        cache, clock = Cache(None if options.cache_dir is None else Path(options.cache_dir)), _Clock(options.progress)
        source = Source.open(video, cache, _rate(options.rate), options.deinterlace, clock)
        return cls(source, settings, choice, cache, clock, options.max_cache)

    def pipeline(self, nodes: list[Node]) -> Pipeline:
        return Pipeline(nodes, self.cache, self.source.key, video=self.source.path.name, progress=self.clock)

    def make_room(self, pipeline: Pipeline, targets: list[str]) -> None:
        """Raise StorageError now if the cache will not hold what the targets need."""
        info = self.source.info
        plans, encoding = pipeline.plan(targets), self.settings.encoding
        lossless = encoding.lossless or encoding.codec in ("ffv1", "prores")
        wanted = bytes_to_come(plans, info.frames, info.width * info.height, lossless)
        if wanted:
            self.cache.make_room(wanted, self.max_cache, set(pipeline.keys.values()) | {self.source.key})

    def people(self) -> tuple[int, ...]:
        """The numbers of the people to edit; where the choice needs it, the video is looked at now."""
        if self.choice.number is not None:
            return (self.choice.number,)
        return self.choice.resolve(self.pipeline(scan_nodes(self.source.video, self.settings.scan)).artifact("people"))

    def known_people(self) -> tuple[int, ...]:
        """The same without computing anything: the first person, if the video has not been looked at."""
        scan = self.pipeline(scan_nodes(self.source.video, self.settings.scan)).plan(["people"])
        return self.people() if self.choice.number or scan[-1].state == "cached" else (1,)


def _source_run(run: _Run, options: Options) -> tuple[_Run, Pipeline, range]:
    """A run up to the unedited samples: itself, its pipeline, and the places of its people."""
    model = _load(options)
    settings = replace(run.settings, people=run.people())
    pipeline = run.pipeline(reconstruct_nodes(run.source.video, model, settings))
    run.make_room(pipeline, [f"source{place_of(at)}" for at in range(len(settings.people))])
    return run, pipeline, range(len(settings.people))


def _rate(value: float | Fraction) -> Fraction:
    rate = Fraction(value).limit_denominator(1001)
    if not 0 < rate <= 1000:
        raise UsageError(f"{value} is no rate of frames a second", "Give one like 25 or 29.97.")
    return rate


def _quality(pipeline: Pipeline, people: range) -> CropQuality:
    """Means over all people's frames."""
    pairs = [(pipeline.artifact(f"align{place_of(at)}"), pipeline.artifact(f"source{place_of(at)}")) for at in people]
    return mean_quality([(sampled.frames, crop_quality(align, sampled)) for align, sampled in pairs])
