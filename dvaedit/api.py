"""The Python API: the same calls the command line makes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dvaedit.checkpoints.load import DEFAULT_MODEL, load_model, load_text_model
from dvaedit.diffusion.reference import strided_timesteps
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.paper_text import PaperObjective
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation.crops import CropQuality, crop_quality
from dvaedit.models.bundle import Model
from dvaedit.models.clip import DEFAULT_CLIP
from dvaedit.pipeline.run import Pipeline, StagePlan
from dvaedit.pipeline.store import Cache
from dvaedit.runtime import Runtime
from dvaedit.stages.compare import write_comparison, write_reconstruction
from dvaedit.stages.graph import DEFAULT_STEPS, Settings, edit_nodes, reconstruct_nodes
from dvaedit.stages.paper.graph import paper_edit_nodes, paper_reconstruct_nodes
from dvaedit.stages.paste import check_region
from dvaedit.video.codecs import check_container, choose_pix_fmt, encoder_options, get_codec
from dvaedit.video.files import CONTAINERS, check_writable
from dvaedit.video.mux import mux
from dvaedit.video.probe import VideoInfo, file_digest, probe

Progress = Callable[[str, int, int], None]
"""Called with (stage, frames done, frames in all)."""

PathLike = str | Path

OWN = "own"
PAPER = "paper"
RECIPES = {OWN: DEFAULT_STEPS, PAPER: 100}
"""Algorithms, each with its number of DDIM steps: ours, and the paper's to the letter."""


@dataclass(frozen=True)
class Options:
    """Where and how to compute; nothing here changes what an edit means.

    ``recipe``: one of :data:`RECIPES`; ``steps``: of DDIM, None for as many as the recipe is made for; ``device`` and
    ``dtype``: see :meth:`Runtime.resolve`; ``cache_dir``: None for the user's cache folder.
    """

    model: str = DEFAULT_MODEL
    steps: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    cache_dir: PathLike | None = None
    progress: Progress | None = None
    recipe: str = OWN

    @property
    def step_count(self) -> int:
        """The number of DDIM steps. Raises UsageError for a recipe that does not exist or that has no such number."""
        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe '{self.recipe}'", hint=f"Choose one of: {', '.join(RECIPES)}.")
        steps = RECIPES[self.recipe] if self.steps is None else self.steps
        if self.recipe == PAPER:
            strided_timesteps(steps)
        return steps


@dataclass(frozen=True)
class EditResult:
    """What an edit has made. ``seconds``: time spent by stage, 0 where the cache had it.

    ``cosine``: of the identity code with what it was; ``mix``: per text, the known attributes it was read as;
    ``unknown_words``: words of the texts the text model has not been trained on.
    """

    output: Path
    compare: Path | None
    frames: int
    edited_frames: int
    cosine: float
    region: str
    mix: dict[str, dict[str, float]]
    unknown_words: tuple[str, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class InvertResult:
    """``x_T``: the folder that holds the noise codes; ``size``: its bytes; ``quality``: of the unedited sample."""

    x_T: Path
    size: int
    frames: int
    quality: CropQuality
    seconds: dict[str, float]


@dataclass(frozen=True)
class ReconstructResult:
    """``output``: the video with the whole crop square replaced by its reconstruction; ``quality``: on the crops."""

    output: Path
    frames: int
    quality: CropQuality
    seconds: dict[str, float]


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
    codec: str = "h264",
    crf: int | None = None,
    compare: PathLike | None = None,
    overwrite: bool = False,
    iterations: int | None = None,
    options: Options = Options(),
) -> EditResult:
    """Edit the largest face of ``video`` and write the result to ``output``.

    ``text`` and ``attributes`` ("NAME" or "NAME=STRENGTH") add up; ``strength`` scales all of them. ``output``
    defaults to a name beside the input. ``compare`` also writes source and result side by side. With the paper's recipe
    a strength is its scale, ``iterations`` those of its text search, and ``region`` and ``paste`` must be left alone.
    Raises the errors of :mod:`dvaedit.errors`; no output is written unless all of it is.
    """
    plan = prepare_edit(
        video, text=text, attributes=attributes, output=output, source_text=source_text, strength=strength, clip=clip,
        region=region, paste=paste, codec=codec, crf=crf, compare=compare, overwrite=overwrite, iterations=iterations,
        options=options,
    )  # fmt: skip
    return plan.run()


@dataclass(frozen=True)
class EditPlan:
    """A checked edit that has not run: ``stages()`` says what would, ``run()`` does it."""

    video: Path
    output: Path
    compare: Path | None
    unknown_words: tuple[str, ...]
    pipeline: Pipeline
    clock: _Clock

    def stages(self) -> list[StagePlan]:
        """What is cached and what would be computed, in order."""
        return self.pipeline.plan(["export"])

    def run(self) -> EditResult:
        """Compute what is missing and write the outputs."""
        pipeline = self.pipeline
        exported = pipeline.artifact("export")
        align, changed = pipeline.artifact("align"), pipeline.artifact("edit")
        mux(exported.file(exported.files[0].name), self.video, self.output)
        if self.compare is not None:
            write_comparison(self.video, self.output, self.compare, pipeline.artifact("decode"))
        return EditResult(
            self.output, self.compare, exported.meta["frames"], len(align.read("frames")), changed.meta["cosine"],
            changed.meta["region"], changed.meta["mix"], self.unknown_words, dict(self.clock.seconds),
        )  # fmt: skip


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
    codec: str = "h264",
    crf: int | None = None,
    compare: PathLike | None = None,
    overwrite: bool = False,
    iterations: int | None = None,
    options: Options = Options(),
) -> EditPlan:
    """Check everything :func:`edit` is given, load the model and wire the stages; computes nothing yet."""
    video = Path(video)
    texts = tuple(_text_edit(item, source_text, strength) for item in _as_tuple(text))
    attribute_edits = tuple(_attribute_edit(item, strength) for item in _as_tuple(attributes))
    if not texts and not attribute_edits:
        raise UsageError("nothing to edit", hint='Give --text "blond hair" or --attribute Blond_Hair.')
    info = probe(video)
    target = Path(output) if output is not None else default_output(video, texts, attribute_edits)
    beside = Path(compare) if compare is not None else None
    check_outputs(video, [path for path in (target, beside) if path is not None], overwrite)
    _check_encoding(info, target, codec, crf)
    check_region(region)
    steps = options.step_count
    _check_recipe(options.recipe, region, paste, iterations, bool(texts))
    model = _load(options)
    for change in attribute_edits:
        model.attributes.index(change.name)
    papers = options.recipe == PAPER  # whose pictures reach CLIP without antialiasing
    text_model = load_text_model(clip, model.runtime, antialias=not papers) if texts else None
    unknown = tuple(word for item in texts for word in text_model.known_words(item.target)[1])
    searched = PaperObjective.iterations if iterations is None else iterations
    settings = Settings(attribute_edits, texts, steps, options.seed, region, paste, codec, crf, searched)
    nodes = (paper_edit_nodes if papers else edit_nodes)(video, model, text_model, settings)
    pipeline, clock = _pipeline(video, nodes, options)
    return EditPlan(video, target, beside, unknown, pipeline, clock)


def invert(video: PathLike, *, options: Options = Options()) -> InvertResult:
    """Encode ``video`` down to its noise codes x_T, which every later edit of it re-uses."""
    video = Path(video)
    probe(video)
    pipeline, clock = _reconstruction(video, options)
    noise = pipeline.artifact("invert")
    quality = crop_quality(pipeline.artifact("align"), pipeline.artifact("source"))
    size = sum(file.stat().st_size for file in noise.path.rglob("*") if file.is_file())
    return InvertResult(noise.path, size, noise.frames, quality, dict(clock.seconds))


def reconstruct(
    video: PathLike, *, output: PathLike | None = None, overwrite: bool = False, options: Options = Options()
) -> ReconstructResult:
    """Invert ``video``, sample it back unedited, and write the frames with the crop square replaced by the result."""
    video = Path(video)
    probe(video)
    target = Path(output) if output is not None else video.with_name(f"{video.stem}.reconstructed.mp4")
    check_outputs(video, [target], overwrite)
    pipeline, clock = _reconstruction(video, options)
    align, source = pipeline.artifact("align"), pipeline.artifact("source")
    quality = crop_quality(align, source)
    write_reconstruction(video, pipeline.artifact("decode"), align, source, target, clock)
    return ReconstructResult(target, source.frames, quality, dict(clock.seconds))


def _reconstruction(video: Path, options: Options) -> tuple[Pipeline, _Clock]:
    settings = Settings(steps=options.step_count)
    nodes = paper_reconstruct_nodes if options.recipe == PAPER else reconstruct_nodes
    return _pipeline(video, nodes(video, _load(options), settings), options)


def _check_recipe(recipe: str, region: str, paste: str, iterations: int | None, texts: bool) -> None:
    """Refuse what one recipe has and the other has not."""
    if recipe == PAPER and (region, paste) != ("auto", "delta"):
        raise UsageError("the paper's recipe has its own mask and paste", "Leave out --region and --paste.")
    if iterations is not None and not (recipe == PAPER and texts):
        raise UsageError("--iterations is of the paper's text search", "Give --recipe paper and --text too.")
    if iterations is not None and iterations < 1:
        raise UsageError(f"{iterations} iterations search nothing", "Give 1 or more.")


def default_output(video: Path, texts: Sequence[TextEdit], attributes: Sequence[AttributeEdit]) -> Path:
    """A name beside the input that says what was done, for instance ``clip.blond_hair.mp4``."""
    words = [item.target for item in texts] + [f"{item.name}{_signed(item.strength)}" for item in attributes]
    slug = "+".join(re.sub(r"[^A-Za-z0-9._-]+", "_", word).strip("_") for word in words)[:80]
    suffix = video.suffix if video.suffix.lower() in CONTAINERS else ".mp4"
    return video.with_name(f"{video.stem}.{slug}{suffix}")


def _signed(strength: float) -> str:
    return "" if strength == 1 else f"{strength:+g}"


def check_outputs(video: Path, outputs: Sequence[Path], overwrite: bool) -> None:
    """Refuse, before any work, outputs that would overwrite the input, each other or an existing file."""
    for number, path in enumerate(outputs):
        if path.resolve() == video.resolve() or path.resolve() in [other.resolve() for other in outputs[:number]]:
            raise UsageError(f"{path} is the input or another output", hint="Choose another name with -o.")
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists", hint="Choose another name with -o, or allow it with --overwrite.")
        check_writable(path)


def _check_encoding(info: VideoInfo, output: Path, codec: str, crf: int | None) -> None:
    """Refuse now what the encoder would refuse after all the work."""
    check_container(output, codec)
    encoder_options(get_codec(codec), crf)
    choose_pix_fmt(get_codec(codec), info.pix_fmt, info.stored_size)


def _as_tuple(items):
    return (items,) if isinstance(items, (str, TextEdit, AttributeEdit)) else tuple(items)


def _text_edit(item: str | TextEdit, source: str, strength: float) -> TextEdit:
    return item if isinstance(item, TextEdit) else TextEdit(item, source, strength)


def _attribute_edit(item: str | AttributeEdit, strength: float) -> AttributeEdit:
    parsed = item if isinstance(item, AttributeEdit) else AttributeEdit.parse(item)
    return AttributeEdit(parsed.name, parsed.strength * strength)


def _load(options: Options) -> Model:
    return load_model(options.model, Runtime.resolve(options.device, options.dtype, options.seed))


def _pipeline(video: Path, nodes, options: Options) -> tuple[Pipeline, _Clock]:
    clock = _Clock(options.progress)
    cache = Cache(Path(options.cache_dir)) if options.cache_dir is not None else Cache()
    return Pipeline(nodes, cache, file_digest(video), video=video.name, progress=clock), clock
