"""One call of :mod:`dvaedit.api`: its options, its input and cache, whom it edits, how long its stages take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from dvaedit.checkpoints.load import DEFAULT_MODEL
from dvaedit.diffusion.reference import strided_timesteps
from dvaedit.errors import UsageError
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.store import Cache, check_free
from dvaedit.source import Source
from dvaedit.stages.choose import Choice, parse_range
from dvaedit.stages.estimate import bytes_to_come, output_bytes
from dvaedit.stages.graph import DEFAULT_STEPS, Settings, scan_nodes
from dvaedit.stages.intake import DEFAULT_RATE

PathLike = str | Path
Progress = Callable[[str, int, int], None]
"""Called with (stage, frames done, frames in all)."""

OWN = "own"
PAPER = "paper"
RECIPES = {OWN: DEFAULT_STEPS, PAPER: 100}
"""Algorithms, each with its number of DDIM steps: ours, and the paper's to the letter."""

LEAST_FRAME = 8  # bytes that a coded frame takes at the least


@dataclass(frozen=True)
class Options:
    """Where and how to compute, and how the input is read; nothing here changes what an edit means.

    ``recipe``: one of :data:`RECIPES`; ``steps``: of DDIM, None for as many as the recipe is made for; ``device`` and
    ``dtype``: see :meth:`Runtime.resolve`; ``cache_dir``: None for the user's cache folder.
    ``max_cache``: bytes the cache may take, older entries make room; None for as much as the disk has free.
    ``deinterlace``: merge the fields of interlaced video; ``rate``: frames a second of a folder of pictures.
    """

    model: str = DEFAULT_MODEL
    steps: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    cache_dir: PathLike | None = None
    max_cache: int | None = None
    progress: Progress | None = None
    deinterlace: bool = False
    rate: float | Fraction = DEFAULT_RATE
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


@dataclass
class Clock:
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


@dataclass(frozen=True)
class Job:
    """What the pipelines of one call share."""

    source: Source
    settings: Settings
    choice: Choice
    cache: Cache
    clock: Clock
    max_cache: int | None

    @classmethod
    def of(cls, video: Path, choice: Choice, range_: str | None, min_face: float, options: Options) -> Job:
        """Look at the input; the settings are those of every command."""
        span = None if range_ is None else parse_range(range_)
        # Numbers are those of the whole video, whatever part is edited; else only that part is looked at.
        scan = None if choice.number not in (None, 1) else span
        settings = Settings(
            steps=options.step_count, seed=options.seed, span=span, scan=scan, min_face=min_face, recipe=options.recipe
        )
        cache, clock = Cache(None if options.cache_dir is None else Path(options.cache_dir)), Clock(options.progress)
        source = Source.open(video, cache, frame_rate(options.rate), options.deinterlace, clock)
        return cls(source, settings, choice, cache, clock, options.max_cache)

    def pipeline(self, nodes: list[Node]) -> Pipeline:
        return Pipeline(nodes, self.cache, self.source.key, video=self.source.path.name, progress=self.clock)

    def make_room(
        self, pipeline: Pipeline, targets: list[str], output: Path | None = None, compare: Path | None = None
    ) -> None:
        """Raise StorageError now if the cache, or the disk of an output, will not hold what is to be written."""
        wanted, needs = self._sizes(pipeline, targets, output, compare)
        if wanted:
            self.cache.make_room(wanted, self.max_cache, set(pipeline.keys.values()) | {self.source.key})
        check_free(needs, self.cache.root, wanted)

    def check_disks(self, pipeline: Pipeline, targets: list[str], output: Path, compare: Path | None = None) -> None:
        """The same for the disks as they are: nothing is removed from the cache."""
        wanted, needs = self._sizes(pipeline, targets, output, compare)
        check_free(needs, self.cache.root, wanted)

    def _sizes(
        self, pipeline: Pipeline, targets: list[str], output: Path | None, compare: Path | None
    ) -> tuple[int, dict[Path, int]]:
        """Bytes that the cache will take, and each output."""
        info, encoding = self.source.info, self.settings.encoding
        lossless = encoding.lossless or encoding.codec in ("ffv1", "prores")
        frames = min(info.frames, self.source.video.stat().st_size // LEAST_FRAME + 1)  # a header may claim anything
        wanted = bytes_to_come(pipeline.plan(targets), frames, info.width * info.height, lossless)
        needs = {} if output is None else {output: output_bytes(info, frames, lossless)}
        return wanted, needs | ({} if compare is None else {compare: output_bytes(info, frames, False, times=2)})

    def people(self) -> tuple[int, ...]:
        """The numbers of the people to edit; where the choice needs it, the video is looked at now."""
        if self.choice.number is not None:
            return (self.choice.number,)
        return self.choice.resolve(self.pipeline(scan_nodes(self.source.video, self.settings.scan)).artifact("people"))

    def known_people(self) -> tuple[int, ...]:
        """The same without computing anything: the first person, if the video has not been looked at."""
        scan = self.pipeline(scan_nodes(self.source.video, self.settings.scan)).plan(["people"])
        return self.people() if self.choice.number or scan[-1].state == "cached" else (1,)


def frame_rate(value: float | Fraction) -> Fraction:
    """An exact rate, such as 24000/1001 for 23.976. Raises UsageError."""
    rate = Fraction(value).limit_denominator(1001)
    if not 0 < rate <= 1000:
        raise UsageError(f"{value} is no rate of frames a second", "Give one like 25 or 29.97.")
    return rate
