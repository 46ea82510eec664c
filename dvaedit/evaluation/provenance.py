"""Which run of dvaedit made a video: found in the cache by the encoded pictures, whatever the file is called."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.evaluation.judging import asked
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.store import Cache
from dvaedit.provenance import sidecar_path
from dvaedit.video.pictures import is_pictures
from dvaedit.video.probe import open_video

log = logging.getLogger(__name__)
_KEY = re.compile("[0-9a-f]+")


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What is known of the run that made a video. ``origin``: where it was found, in words.

    ``settings``: by stage, or as asked for; ``weights``: digest by part; ``edits``: the attributes asked for, by name
    or through a text; ``texts``, ``mix``: and how they were read; ``region``, ``cosine``: of the edit, None where not
    known; ``people``: (align, paste) artifacts of each person edited, empty without the cache; ``decode``: likewise;
    ``strengths``: by the person's number, how many times as strong as asked for the edit was made for this video.
    """

    origin: str
    settings: dict[str, dict[str, Any]]
    weights: dict[str, str]
    edits: tuple[AttributeEdit, ...]
    texts: tuple[str, ...]
    region: str | None = None
    cosine: float | None = None
    mix: dict[str, dict[str, float]] = field(default_factory=dict)
    people: tuple[tuple[Artifact, Artifact], ...] = ()
    decode: Artifact | None = None
    strengths: dict[int, float] = field(default_factory=dict)

    def used(self, person: int) -> dict[str, float]:
        """Strength by attribute, as the edit of a person was made."""
        return {edit.name: edit.strength * self.strengths.get(person, 1.0) for edit in self.edits}

    @property
    def person(self) -> int:
        """The number of the (first) person edited."""
        return int(self.people[0][0].meta.get("person", 1)) if self.people else 1


def find_run(cache: Cache, edited: Path, digest: str, original: str) -> RunRecord | None:
    """The run that made ``edited``, from the cache, else from the JSON file beside it; None if neither knows it.

    ``digest``, ``original``: SHA-256 of the edited file and of the original. Pictures are not coded as in the cache:
    only the file beside them names their run.
    """
    for entry in () if is_pictures(edited) else cache.entries():
        if entry.stage != "export" or entry.state != "complete":
            continue
        exported = cache.open("export", entry.key, touch=False)
        if exported is not None and _same_pictures(exported.file(exported.files[0].name), edited):
            run = _read(cache, exported, "found in the cache by its pictures")
            if run is not None:
                return run
    return _read_sidecar(cache, edited, digest, original)


def same_video(run: RunRecord, decoded: Artifact) -> bool:
    """Whether a run from the cache was of the video that ``decoded`` was made of: the same times and pictures."""
    ours, theirs = run.decode, decoded
    return ours is not None and (
        ours.key == theirs.key or all(np.array_equal(ours.read(name), theirs.read(name)) for name in ("pts", "thumb"))
    )


def _same_pictures(one: Path, other: Path) -> bool:
    """Whether both files hold the same encoded pictures; a container's own framing does not count."""
    ours, theirs = _packets(one), _packets(other)
    for first in ours:
        if first != next(theirs, None):
            return False
    return next(theirs, None) is None


def _packets(path: Path) -> Iterator[bytes]:
    with open_video(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.size:
                    yield bytes(packet)
        except av.error.FFmpegError:
            return  # a damaged end: whatever is compared with it is not the same


def _read(cache: Cache, exported: Artifact, origin: str) -> RunRecord | None:
    """The run's chain, where all of it is still in the cache."""
    names = sorted((name for name in exported.inputs if name.startswith("align")), key=lambda name: (len(name), name))
    places = [name.removeprefix("align") for name in names]
    people = [tuple(_input(cache, exported, f"{name}{place}") for name in ("align", "paste")) for place in places]
    if not people or not all(align is not None and paste is not None for align, paste in people):
        return None
    align, paste = people[0]
    decode, sample = _input(cache, align, "decode"), _input(cache, paste, "sample")
    edit = None if sample is None else _input(cache, sample, "edit")
    if decode is None or edit is None:
        return None
    chain = (align, edit, sample, paste, exported)
    settings = {artifact.stage: artifact.meta.get("config", {}) for artifact in chain}
    weights = {part: digest for artifact in chain for part, digest in artifact.meta.get("weights", {}).items()}
    mix, config = edit.meta["mix"], settings[edit.stage]
    named = [AttributeEdit(**item) for item in config.get("attributes", [])]
    texts = {text["target"]: text["strength"] for text in config.get("texts", [])}
    return RunRecord(
        origin, settings, weights, asked(named, texts, mix), tuple(texts), edit.meta["region"], edit.meta["cosine"],
        mix, tuple(people), decode, _strengths(cache, people),
    )  # fmt: skip


def _strengths(cache: Cache, people: Sequence[tuple[Artifact, Artifact]]) -> dict[int, float]:
    """By the person's number, those that are still in the cache."""
    found = {}
    for align, paste in people:
        sample = _input(cache, paste, "sample")
        edit = None if sample is None else _input(cache, sample, "edit")
        if edit is not None and "strength" in edit.meta:
            found[int(align.meta.get("person", 1))] = float(edit.meta["strength"])
    return found


def _input(cache: Cache, of: Artifact, name: str) -> Artifact | None:
    """An input of an artifact; the stage is the name without the number of the person, or the paper's such stage."""
    if name not in of.inputs:
        return None
    stage = name.split("-")[0]
    found = (cache.open(each, of.inputs[name], touch=False) for each in (stage, f"paper-{stage}"))
    return next((artifact for artifact in found if artifact is not None), None)


def _read_sidecar(cache: Cache, edited: Path, digest: str, original: str) -> RunRecord | None:
    """What the JSON file beside an edit says, if it is of this very file and original, or the run that it names."""
    try:
        said = json.loads(sidecar_path(edited).read_text("utf-8"))
        if said["output"]["sha256"] != digest or said["source"]["sha256"] != original:
            return None
        origin = f"found in the cache, named in {sidecar_path(edited).name}"
        key = said["stages"]["export"]["key"]
        exported = cache.open("export", key, touch=False) if _KEY.fullmatch(key) else None
        if exported is not None and (run := _read(cache, exported, origin)) is not None:
            return run
        request, models = said["edit"], said["models"]
        edits = tuple(AttributeEdit(item["name"], item["strength"]) for item in request["attributes"])
        texts = tuple(item["target"] for item in request["text"])
        origin = f"read in {sidecar_path(edited).name}"
        strengths = {int(person["person"]): float(person["strength"]) for person in said["people"]}
        return RunRecord(
            origin, {"request": request}, dict(models["sha256"]), edits, texts, strengths=strengths,
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be used: %s", sidecar_path(edited).name, error)
        return None
