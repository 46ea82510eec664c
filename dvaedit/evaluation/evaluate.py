"""``dvaedit evaluate``: an original and its edits, ours or anyone's, measured side by side."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dvaedit.checkpoints.store import find_card
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation import judging
from dvaedit.evaluation.masks import DEFAULT_REGION, Masks, ParsedMasks, RunMasks, check_mask_region
from dvaedit.evaluation.measure import Edited, Instruments, Original, Series, measure
from dvaedit.evaluation.pairing import Fit, Pairing, fit_size, pair_frames
from dvaedit.evaluation.provenance import RunRecord, find_run, same_video
from dvaedit.evaluation.summary import Judgement, Metrics, judge, metrics
from dvaedit.face.align import crop_to_frame, transform
from dvaedit.face.mesh import iou
from dvaedit.face.points import landmarks_68
from dvaedit.job import Job
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.source import Source
from dvaedit.stages.decode import Decode, read_faces
from dvaedit.stages.graph import edit_nodes
from dvaedit.stages.intake import DEFAULT_RATE
from dvaedit.video.pictures import is_pictures
from dvaedit.video.probe import probe
from dvaedit.video.siting import assumed_locations, chroma_location

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
SAME_FACE = 0.3  # IoU of a face in the edit with the tracked one of the original


@dataclass(frozen=True)
class FrameCounts:
    """Frames of the original, of the edit, of the original with a partner, with the face, with the face in both."""

    original: int
    edited: int
    paired: int
    with_face: int
    face_in_both: int


@dataclass(frozen=True, eq=False)
class EditEvaluation:
    """All that was found out about one edit.

    ``mask``: how the edited region was known; ``run``: settings and weights of the run that made the video, its
    strengths as they were used (``strength``: how many times as strong as asked for, None if not known), None if
    nothing is known of it; ``series``: values per frame of the original by name, None where not measured;
    ``notes``: what a reader should know; ``subject``: what was measured.
    """

    path: Path
    digest: str
    frames: FrameCounts
    metrics: Metrics
    judgement: Judgement | None
    mask: str
    run: dict[str, Any] | None
    notes: tuple[str, ...]
    series: dict[str, list[float | None]] = field(repr=False)
    subject: Edited = field(repr=False)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """``times``: seconds of the original's frames; ``source``: its own series; ``judge``: the judge's quality by
    attribute, from its card; ``subject``: what was measured."""

    path: Path
    digest: str
    width: int
    height: int
    frames: int
    times: list[float]
    edits: tuple[EditEvaluation, ...]
    judge: dict[str, dict[str, float | None]]
    source: dict[str, list[float | None]] = field(repr=False)
    subject: Original = field(repr=False)


def evaluate(
    job: Job, edited: Sequence[Path], model: Model, *, region: str | None = None,
    targets: Sequence[AttributeEdit] = (), person: int | None = None, rate: Fraction = DEFAULT_RATE,
    deinterlace: bool = False,
) -> Evaluation:  # fmt: skip
    """Measure ``edited`` against the job's input. ``region``: of the mask, None for the run's own where it is known.

    ``targets``: what was asked for, in place of what the run says; ``person``: whom to measure, None for whom the first
    run that is known has edited, else the largest; ``rate``, ``deinterlace``: how edits are read, as the input is.
    Raises UsageError for videos that do not belong together, NoFaceError for an original without a face, VideoError.
    """
    if not edited:
        raise UsageError("there is no edited video to evaluate", "Give the original first, then one or more edits.")
    if region is not None:
        check_mask_region(region)
    instruments = Instruments()
    names = instruments.judge.config.attributes
    check_targets(targets, names)
    size = job.source.info.width, job.source.info.height
    videos = [_Video.of(_source(path, job, rate, deinterlace), job) for path in edited]
    bench = _Bench(job, model, videos, person)
    subjects = [bench.prepare(*each, region) for each in zip(videos, bench.locations, strict=True)]
    step = _labelled(job.clock, "measure")
    source, results = measure(bench.original, [subject.edited for subject in subjects], instruments, step)
    finished = tuple(
        _finish(bench, subject, source, series, names, targets)
        for subject, series in zip(subjects, results, strict=True)
    )
    return Evaluation(
        job.source.path, job.source.digest, *size, len(bench.original.times), bench.original.times.round(6).tolist(),
        finished, find_card(judging.CARD).metrics["attributes"], _plain_series(source, names), bench.original,
    )  # fmt: skip


def check_targets(targets: Sequence[AttributeEdit], names: Sequence[str]) -> None:
    """Raises UsageError for a target the judge does not know, or that asks for nothing."""
    for target in targets:
        if not target.strength:
            hint = f"Give --target {target.name} for what was added, {target.name}=-1 for what was taken away."
            raise UsageError(f"a target of strength 0 asks for nothing: {target.name}", hint)
        if target.name not in names:
            raise UsageError(f"the judge does not know '{target.name}'", hint=f"It knows: {', '.join(names)}.")


def _source(path: Path, job: Job, rate: Fraction, deinterlace: bool) -> Source:
    """An edit is read as originals are: pictures are made into video, and fields merged where it has any."""
    fields = deinterlace and not is_pictures(path) and probe(path).interlaced
    return Source.open(path, job.cache, rate, fields, _labelled(job.clock, f"read {path.name}"))


@dataclass(frozen=True, eq=False)
class _Video:
    """An edited video as it came."""

    source: Source
    fit: Fit
    run: RunRecord | None

    @classmethod
    def of(cls, source: Source, job: Job) -> _Video:
        ours, theirs, path = job.source.info, source.info, source.path
        shapes = float(ours.shape), float(theirs.shape)
        fit = fit_size((ours.width, ours.height), (theirs.width, theirs.height), path.name, shapes)
        return cls(source, fit, find_run(job.cache, path, source.digest, job.source.digest))


@dataclass(frozen=True, eq=False)
class _Subject:
    """An edit, ready to be measured."""

    edited: Edited
    video: _Video
    frames: int
    run: RunRecord | None
    notes: list[str]


class _Bench:
    """The original with its track, and how edits are prepared to be compared with it."""

    def __init__(self, job: Job, model: Model, videos: Sequence[_Video], person: int | None) -> None:
        self.job, self.model = job, model
        runs = [video.run for video in videos if video.run is not None and video.run.people]
        self.person = person or (runs[0].person if runs else 1)
        settings = replace(job.settings, people=(self.person,), span=None, scan=None)
        nodes = edit_nodes(job.source.video, model, None, settings)  # only its first stages are ever asked for
        self.pipeline = job.pipeline(nodes)
        self.decoded, self.align = self.pipeline.artifact("decode"), self.pipeline.artifact("align")
        quads, unit = self.align.read("quads"), self.align.read("points").astype(np.float64)
        points = np.stack([transform(p, crop_to_frame(quad, 1)) for quad, p in zip(quads, unit, strict=True)])
        info = job.source.info
        times = self.decoded.read("pts") * float(info.time_base)
        size = info.width, info.height
        sources = [job.source, *(video.source for video in videos)]
        told = [chroma_location(source.video, source.info.stream) for source in sources]
        here, *self.locations = assumed_locations(told)
        self.original = Original(job.source.video, size, times, self.align.read("frames"), quads, points, here)

    def prepare(self, video: _Video, location: str, region: str | None) -> _Subject:
        """Find the faces of an edit, pair its frames, and know its mask."""
        source, name = video.source, video.source.path.name
        report = _labelled(self.job.clock, f"faces of {name}")
        nodes = [Node(Decode(video=source.video))]
        decoded = Pipeline(nodes, self.job.cache, source.key, video=name, progress=report).artifact("decode")
        times = decoded.read("pts") * float(source.info.time_base)
        pairing = pair_frames(self.original.times, times, name)
        run, notes = video.run, [note for note in (pairing.note, video.fit.note) if note]
        if run is not None and run.people and not same_video(run, self.decoded):
            run, notes = None, [*notes, "the cache has the run that made it, but of another original"]
        points, masks = self._points(decoded, pairing, video), self._masks(run, region)
        edited = Edited(source.video, pairing, video.fit, points, masks, location)
        return _Subject(edited, video, len(times), run, notes)

    def _masks(self, run: RunRecord | None, region: str | None) -> Masks:
        if run is not None and run.people and region is None:
            return RunMasks(run.people)
        return ParsedMasks(self.pipeline.artifact("parse"), self.align, region or DEFAULT_REGION, self.model)

    def _points(self, decoded: Artifact, pairing: Pairing, video: _Video) -> np.ndarray:
        """Per frame of the original, the 68 points of the face in its partner that lies where the tracked one does."""
        points = np.full((len(pairing.partner), 68, 2), np.nan)
        size = video.source.info.width, video.source.info.height
        for position, frame in enumerate(self.original.frames.tolist()):
            if (number := int(pairing.partner[frame])) < 0:
                continue
            faces = [seen.face.points for seen in read_faces(decoded, number, number + 1)[0]]
            if faces:
                found = landmarks_68(video.fit.points(np.stack(faces), size))
                overlaps = [iou(_box(one), _box(self.original.points[position])) for one in found]
                if max(overlaps) >= SAME_FACE:
                    points[frame] = found[int(np.argmax(overlaps))]
        return points


def _box(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _finish(
    bench: _Bench, subject: _Subject, source: Series, series: Series, names: Sequence[str],
    targets: Sequence[AttributeEdit],
) -> EditEvaluation:  # fmt: skip
    run, notes, given = subject.run, list(subject.notes), subject.video.source
    asked = list(targets) or list(run.edits if run is not None else ())
    known, words = judging.known(asked, names)
    notes += words
    if not asked:
        notes.append("what was asked for is not known: name it with --target to have it judged")
    face_in_both = int((~np.isnan(series.values["identity"])).sum())
    faces = len(bench.original.frames)
    if not face_in_both:
        log.warning("%s: no frame shows the face; only what is outside the mask is measured.", given.path.name)
    if face_in_both < faces:
        notes.append(f"the face is found in {face_in_both} of the {faces} frames in which the original shows it")
    if np.nanmean(series.values["outside_max"]) > 0:
        notes.append("changes outside the mask include what encoding the video changed")
    used = 1.0 if run is None else run.strengths.get(bench.person, 1.0)
    if used != 1:
        notes.append(f"the edit is {used:g} times as strong as asked for: what its run found this video to need")
    edited = subject.edited
    counts = FrameCounts(len(bench.original.times), subject.frames, edited.pairing.count, faces, face_in_both)
    judgement = judge(source, series, names, judging.targets_of(known))
    return EditEvaluation(
        given.path, given.digest, counts, metrics(source, series), judgement, edited.masks.origin,
        _plain_run(run, bench.person), tuple(notes), _plain_series(series, names), edited,
    )  # fmt: skip


def _plain_run(run: RunRecord | None, person: int) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "origin": run.origin, "edits": run.used(person), "strength": run.strengths.get(person),
        "texts": list(run.texts), "region": run.region, "cosine": run.cosine, "mix": run.mix,
        "settings": run.settings, "weights": run.weights,
    }  # fmt: skip


def _plain_series(series: Series, names: Sequence[str]) -> dict[str, list[float | None]]:
    columns: Mapping[str, np.ndarray] = series.values | {
        f"judge:{name}": series.attributes[:, k] for k, name in enumerate(names)
    }
    return {name: [_plain(value) for value in column.tolist()] for name, column in columns.items()}


def _plain(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _labelled(progress: Progress, label: str) -> Callable[..., None]:
    """A progress of one stage, or of a whole pipeline, that is reported under ``label``."""
    return lambda *report: progress(label, *report[-2:])
