"""Raw videos to the paper's training layout: ``train/<video>/<frame>.png`` and ``test/<video>/<frame>.png``.

Crops follow the paper's alignment, as the stages of an edit cut them. Beside them, ``tables/<split>/<video>.npz``
holds what was measured: ``frames`` (n,) int64, numbers in the video; ``points`` (n, 68, 2) float32, crop units in
[0, 1]; ``quads`` (n, 4, 2) float64, frame pixels; ``total``, the frames of the video; ``digest``, its SHA-256.
A model that takes its landmark code from the face mesh trains on these points.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.errors import DvaEditError, NoFaceError, UsageError, VideoError
from dvaedit.face.align import runs
from dvaedit.face.quality import MIN_FACE
from dvaedit.files import make_folder, storage_errors, write_durably
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.lock import locked
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.align import Align
from dvaedit.stages.graph import scan_nodes
from dvaedit.stages.people import read_people
from dvaedit.training.arrays import read_archive
from dvaedit.video.probe import file_digest, probe

TRAIN, TEST, TABLES, WORK = "train", "test", "tables", ".work"
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".gif", ".wmv", ".flv", ".ts", ".mts", ".3gp"}
)
SETTINGS_FILE = "prepare.json"
NAMED = 8  # runs of skipped frames that a message names

Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrepareSettings:
    """``size``: side of the crops, pixels; ``every``: keep every so many frames; ``test_share``: of the videos;
    ``min_face``: side of the face in the video, pixels, below which a frame is left out."""

    size: int = 256
    every: int = 1
    test_share: float = 0.05
    min_face: float = MIN_FACE

    def check(self) -> None:
        """Raises UsageError for values that make no sense."""
        if self.size < 16 or self.every < 1 or self.min_face < 0 or not 0 <= self.test_share < 1:
            hint = "Sizes from 16 pixels, every from 1, a share from 0 to below 1."
            raise UsageError("the settings of prepare make no sense", hint)


@dataclass(frozen=True)
class Prepared:
    """One video. ``frames``: crops written; ``total``: frames of the video; ``error``: why there are none."""

    name: str
    split: str
    frames: int
    total: int
    error: DvaEditError | None = None

    @property
    def problem(self) -> str:
        return self.error.message if self.error is not None else ""


def find_videos(inputs: Iterable[Path]) -> dict[str, Path]:
    """Videos by name: files as given, folders searched with all their subfolders.

    A name is made of the path below the folder, so that ``id1/clip.mp4`` and ``id2/clip.mp4`` stay apart.
    Raises UsageError for inputs that hold no video and for two videos of one name.
    """
    found: dict[str, Path] = {}
    for given in inputs:
        for path, name in _videos_of(given):
            if name in found and found[name].resolve() != path.resolve():
                raise UsageError(f"{found[name]} and {path} would both be called {name}", "Rename one of them.")
            found[name] = path
    return found


def _videos_of(given: Path) -> list[tuple[Path, str]]:
    if given.is_file():
        return [(given, given.stem)]
    if not given.is_dir():
        raise VideoError(f"there is no video or folder {given}")
    paths = [path for path in sorted(given.rglob("*")) if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()]
    if not paths:
        raise VideoError(f"{given} holds no videos", f"Looked for {', '.join(sorted(VIDEO_SUFFIXES))}.")
    return [(path, "_".join(path.relative_to(given).with_suffix("").parts)) for path in paths]


def split_of(name: str, test_share: float) -> str:
    """ "test" for a fixed share of the names, by their digest: more videos do not move those that are there."""
    return TEST if int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) < test_share * 2**32 else TRAIN


def prepare(
    inputs: Iterable[Path],
    out: Path,
    settings: PrepareSettings = PrepareSettings(),
    *,
    progress: Progress = lambda label, done, total: None,
    say: Callable[[str], None] = logger.info,
) -> list[Prepared]:
    """Prepare all videos; those that are there already are left as they are, one begun is resumed at its frame.

    A video that cannot be used is named in the result and does not stop the others. Raises UsageError for inputs
    and settings that make no sense, StorageError for the disk.
    """
    settings.check()
    videos = find_videos(inputs)
    _check_settings(make_folder(out), settings)
    results = []
    for number, (name, path) in enumerate(videos.items()):
        progress("prepare", number, len(videos))
        result = _prepare_one(name, path, out, settings, progress)
        results.append(result)
        say(f"{name}: {result.problem}" if result.problem else _line(out, result))
    progress("prepare", len(videos), len(videos))
    with suppress(OSError):  # another process is at work in it, and will remove it
        (out / WORK).rmdir()
    return results


def _prepare_one(name: str, path: Path, out: Path, settings: PrepareSettings, progress: Progress) -> Prepared:
    split, work = split_of(name, settings.test_share), out / WORK / name
    lock = out / WORK / f"{name}.lock"
    try:
        digest = file_digest(path)
        table = _existing(out, split, name, digest)
        if table is None:
            with locked(lock, name):
                table = _existing(out, split, name, digest)  # the process we have waited for may have made it
                if table is None:
                    probe(path)
                    table = _write(name, path, out, split, digest, settings, progress)
                lock.unlink(missing_ok=True)
    except (VideoError, NoFaceError) as error:
        shutil.rmtree(work, ignore_errors=True)
        lock.unlink(missing_ok=True)
        return Prepared(name, split, 0, 0, error)
    return Prepared(name, split, len(table["frames"]), int(table["total"]))


def _write(
    name: str, path: Path, out: Path, split: str, digest: str, settings: PrepareSettings, progress: Progress
) -> dict[str, np.ndarray]:
    """Decode and align in a cache of the video's own, copy the crops out, put them in place and remove the cache."""
    work = out / WORK / name
    align = Align(image_size=settings.size, min_face=settings.min_face, video=path)
    nodes = [*scan_nodes(path), Node(align, {"decode": "decode", "people": "people"})]

    def tell(label: str, done: int, total: int) -> None:
        progress(f"{name}: {label}", done, total)

    pipeline = Pipeline(nodes, Cache(work / "cache"), digest, video=path.name, progress=tell)
    aligned = pipeline.artifact("align")
    frames = aligned.read("frames")
    seen = read_people(pipeline.artifact("people"))[0].track.frames  # an edit goes on across a gap, training does not
    keep = np.flatnonzero((frames % settings.every == 0) & np.isin(frames, seen))
    if not len(keep):
        raise NoFaceError(f"none of every {settings.every} frames shows the face", "Take a smaller --every.")
    table = {
        "frames": frames[keep], "points": aligned.read("points")[keep], "quads": aligned.read("quads")[keep],
        "total": np.array(pipeline.artifact("decode").frames), "digest": np.array(digest),
    }  # fmt: skip
    _write_crops(aligned, keep, table["frames"], make_folder(work / "crops"))
    _put_in_place(work, out, split, name, table)
    return table


def _write_crops(aligned: Artifact, keep: np.ndarray, numbers: np.ndarray, folder: Path) -> None:
    for place, number in zip(keep.tolist(), numbers.tolist(), strict=True):
        path = folder / f"{number:06d}.png"
        if not path.exists():
            crop = aligned.read("crops", place, place + 1)[0]
            write_durably(path, cv2.imencode(".png", crop[:, :, ::-1])[1].tobytes())


def _put_in_place(work: Path, out: Path, split: str, name: str, table: dict[str, np.ndarray]) -> None:
    """The table first: the folder of crops means that the video is complete."""
    data = io.BytesIO()
    np.savez_compressed(data, **table)
    write_durably(make_folder(out / TABLES / split) / f"{name}.npz", data.getvalue())
    target = make_folder(out / split) / name
    with storage_errors("write", target):
        (work / "crops").rename(target)
        shutil.rmtree(work)


def _existing(out: Path, split: str, name: str, digest: str) -> dict[str, np.ndarray] | None:
    """The table of a video that is there. Raises UsageError if it was made from another file."""
    if not (out / split / name).is_dir():
        return None
    table = read_table(out, split, name)
    if str(table.get("digest")) != digest:
        hint = "Rename the video, or choose another --out."
        raise UsageError(f"{out / split / name} was made from another video", hint)
    return table


def read_table(root: Path, split: str, name: str) -> dict[str, np.ndarray]:
    """The table of a prepared video. Raises UsageError where there is none."""
    path = root / TABLES / split / f"{name}.npz"
    if not path.is_file():
        raise UsageError(f"there are no landmarks of {split}/{name}", "Make the data with `dvaedit prepare`.")
    return read_archive(path, "frames", "points")


def _check_settings(out: Path, settings: PrepareSettings) -> None:
    path, mine = out / SETTINGS_FILE, {"version": 1, **asdict(settings)}
    if not path.exists():
        write_durably(path, (json.dumps(mine, indent=2) + "\n").encode())
        return
    theirs = json.loads(path.read_text("utf-8"))
    if changed := [name for name in mine if mine[name] != theirs.get(name)]:
        what = ", ".join(f"{name} {theirs.get(name)} instead of {mine[name]}" for name in changed)
        raise UsageError(f"{out} was prepared with other settings: {what}", "Use the same ones, or another --out.")


def _line(out: Path, result: Prepared) -> str:
    frames = read_table(out, result.split, result.name)["frames"]
    every = json.loads((out / SETTINGS_FILE).read_text("utf-8"))["every"]
    missing = np.setdiff1d(np.arange(0, result.total, every), frames)
    without = f", {len(missing)} without its face ({spans(missing)})" if len(missing) else ""
    return f"{result.name}: {result.frames} frames for {result.split}{without}"


def spans(numbers: np.ndarray) -> str:
    """Rising numbers as runs: "3-9, 40"."""
    found = [numbers[run] for run in runs(numbers)]
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in found[:NAMED]]
    return ", ".join(texts) + (", ..." if len(found) > NAMED else "")


def failure(results: list[Prepared]) -> DvaEditError | None:
    """The error a run ends with where videos could not be used: of the class that names the first of them."""
    bad = [result for result in results if result.error is not None]
    if not bad:
        return None
    which = f"{len(bad)} of {len(results)} videos could not be used; the first: {bad[0].name}: {bad[0].problem}"
    hint = "The others are complete." if len(bad) < len(results) else bad[0].error.hint
    return type(bad[0].error)(which, hint)
