"""``dvaedit evaluate``: an original and its edits, ours or anyone's, measured side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dvaedit.checkpoints.store import find_card
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation import judging
from dvaedit.evaluation.masks import DEFAULT_REGION, Masks, ParsedMasks, RunMasks, check_mask_region
from dvaedit.evaluation.measure import Edited, Instruments, Original, Series, measure
from dvaedit.evaluation.pairing import Fit, fit_size, pair_frames
from dvaedit.evaluation.provenance import RunRecord, find_run
from dvaedit.evaluation.summary import Judgement, Metrics, judge, metrics
from dvaedit.face.align import crop_to_frame, transform
from dvaedit.face.mesh import iou
from dvaedit.face.points import landmarks_68
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.decode import Decode
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.video.probe import VideoInfo, file_digest, probe

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

    ``mask``: how the edited region was known; ``run``: settings and weights of the run that made the video, None if
    it is not in the cache; ``series``: values per frame of the original by name, None where not measured;
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
    original: Path, edited: Sequence[Path], model: Model, cache: Cache, progress: Progress, *,
    region: str | None = None, targets: Sequence[AttributeEdit] = (),
) -> Evaluation:  # fmt: skip
    """Measure ``edited`` against ``original``. ``region``: of the mask, None for the run's own where it is known.

    ``targets``: what was asked for, in place of what the run says. Raises UsageError for videos that do not belong
    together, NoFaceError for an original without a face, VideoError.
    """
    if not edited:
        raise UsageError("there is no edited video to evaluate", "Give the original first, then one or more edits.")
    if region is not None:
        check_mask_region(region)
    instruments = Instruments()
    check_targets(targets, instruments.judge.config.attributes)
    bench = _Bench(original, model, cache, progress)
    infos = [(path, probe(path)) for path in edited]
    shapes = [fit_size((bench.info.width, bench.info.height), (i.width, i.height), p.name) for p, i in infos]
    subjects = [bench.prepare(p, i, fit, region) for (p, i), fit in zip(infos, shapes, strict=True)]
    step = _labelled(progress, "measure")
    source, results = measure(bench.original, [subject.edited for subject in subjects], instruments, step)
    names = instruments.judge.config.attributes
    finished = tuple(
        _finish(bench, subject, source, series, names, targets)
        for subject, series in zip(subjects, results, strict=True)
    )
    return Evaluation(
        original, bench.digest, bench.info.width, bench.info.height, len(bench.original.times),
        bench.original.times.round(6).tolist(), finished, find_card(judging.CARD).metrics["attributes"],
        _plain_series(source, names), bench.original,
    )  # fmt: skip


def check_targets(targets: Sequence[AttributeEdit], names: Sequence[str]) -> None:
    """Raises UsageError for a target the judge does not know."""
    for target in targets:
        if target.name not in names:
            raise UsageError(f"the judge does not know '{target.name}'", hint=f"It knows: {', '.join(names)}.")


@dataclass(frozen=True, eq=False)
class _Subject:
    """An edit, ready to be measured."""

    edited: Edited
    digest: str
    frames: int
    run: RunRecord | None
    notes: list[str]


class _Bench:
    """The original with its track, and how edits are prepared to be compared with it."""

    def __init__(self, path: Path, model: Model, cache: Cache, progress: Progress) -> None:
        self.info, self.model, self.cache, self.progress = probe(path), model, cache, progress
        self.digest = file_digest(path)
        nodes = edit_nodes(path, model, None, Settings())  # only its first stages are ever asked for
        self.pipeline = Pipeline(nodes, cache, self.digest, video=path.name, progress=progress)
        decoded, self.align = self.pipeline.artifact("decode"), self.pipeline.artifact("align")
        quads, unit = self.align.read("quads"), self.align.read("points").astype(np.float64)
        points = np.stack([transform(p, crop_to_frame(quad, 1)) for quad, p in zip(quads, unit, strict=True)])
        times = decoded.read("pts") * float(self.info.time_base)
        size = self.info.width, self.info.height
        self.original = Original(path, size, times, self.align.read("frames"), quads, points)

    def prepare(self, path: Path, info: VideoInfo, fit: Fit, region: str | None) -> _Subject:
        """Find the faces of an edit, pair its frames, and know its mask."""
        digest = file_digest(path)
        report = _labelled(self.progress, f"faces of {path.name}")
        decoding = Pipeline([Node(Decode(video=path))], self.cache, digest, video=path.name, progress=report)
        decoded = decoding.artifact("decode")
        times = decoded.read("pts") * float(info.time_base)
        pairing = pair_frames(self.original.times, times, path.name)
        run = find_run(self.cache, path, self.pipeline.keys["decode"])
        masks, notes = self._masks(run, region)
        points = self._points(decoded, pairing.partner, fit, (info.width, info.height))
        notes = [note for note in (pairing.note, fit.note, *notes) if note]
        return _Subject(Edited(path, pairing, fit, points, masks), digest, len(times), run, notes)

    def _masks(self, run: RunRecord | None, region: str | None) -> tuple[Masks, list[str]]:
        if run is not None and region is None:
            if np.array_equal(run.align.read("quads"), self.align.read("quads")):
                return RunMasks(run.paste), []
            notes = ["the run in the cache cut other crops than this version does: its mask was not used"]
        else:
            notes = []
        parsed = self.pipeline.artifact("parse")
        return ParsedMasks(parsed, self.original.frames, region or DEFAULT_REGION, self.model), notes

    def _points(self, decoded: Artifact, partner: np.ndarray, fit: Fit, size: tuple[int, int]) -> np.ndarray:
        """Per frame of the original, the 68 points of the face in its partner that lies where the tracked one does."""
        points = np.full((len(partner), 68, 2), np.nan)
        for position, frame in enumerate(self.original.frames.tolist()):
            if (number := int(partner[frame])) < 0:
                continue
            faces = decoded.read("points", number, number + 1)[0]
            faces = fit.points(faces[~np.isnan(faces).any(axis=(1, 2))], size)
            if len(faces):
                found = landmarks_68(faces)
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
    run, notes = subject.run, list(subject.notes)
    asked = list(targets) or list(run.edits if run is not None else ())
    unknown = [edit.name for edit in asked if edit.name not in names]
    if unknown:
        notes.append(f"the judge does not know {', '.join(unknown)}")
    if not asked:
        notes.append("what was asked for is not known: name it with --target to have it judged")
    face_in_both = int((~np.isnan(series.values["identity"])).sum())
    faces = len(bench.original.frames)
    if face_in_both < faces:
        notes.append(f"the face is found in {face_in_both} of the {faces} frames in which the original shows it")
    if np.nanmean(series.values["outside_max"]) > 0:
        notes.append("changes outside the mask include what encoding the video changed")
    edited = subject.edited
    counts = FrameCounts(len(bench.original.times), subject.frames, edited.pairing.count, faces, face_in_both)
    judgement = judge(source, series, names, judging.targets_of(asked))
    return EditEvaluation(
        edited.path, subject.digest, counts, metrics(source, series), judgement, edited.masks.origin,
        _plain_run(run), tuple(notes), _plain_series(series, names), edited,
    )  # fmt: skip


def _plain_run(run: RunRecord | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "edits": {edit.name: edit.strength for edit in run.edits}, "texts": list(run.texts), "region": run.region,
        "cosine": run.cosine, "mix": run.mix, "settings": run.settings, "weights": run.weights,
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
