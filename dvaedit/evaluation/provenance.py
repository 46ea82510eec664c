"""Which run of dvaedit made a video: found in the cache by the encoded pictures, whatever the file is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.store import Cache
from dvaedit.video.probe import open_video

MIXED = 0.3  # weight from which an attribute that a text was read as counts as what the text asks for


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A run found in the cache.

    ``settings``: by stage, the fields of its configuration; ``weights``: digest by part; ``edits``: the attributes
    asked for, by name or through a text; ``align``, ``paste``: its artifacts; ``region``, ``cosine``, ``mix``: of the
    edit.
    """

    settings: dict[str, dict[str, Any]]
    weights: dict[str, str]
    edits: tuple[AttributeEdit, ...]
    texts: tuple[str, ...]
    region: str
    cosine: float
    mix: dict[str, dict[str, float]]
    align: Artifact
    paste: Artifact


def find_run(cache: Cache, edited: Path, decode_key: str) -> RunRecord | None:
    """The run that made ``edited`` of the original whose decode stage has the key ``decode_key``; None if none did."""
    for entry in cache.entries():
        if entry.stage != "export" or entry.state != "complete":
            continue
        exported = cache.open("export", entry.key, touch=False)
        if exported is not None and _same_pictures(exported.file(exported.files[0].name), edited):
            run = _read(cache, exported, decode_key)
            if run is not None:
                return run
    return None


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


def _read(cache: Cache, exported: Artifact, decode_key: str) -> RunRecord | None:
    """The run's chain, where all of it is still in the cache and it is of this original."""
    align = cache.open("align", exported.inputs["align"], touch=False)
    paste = cache.open("paste", exported.inputs["paste"], touch=False)
    if align is None or paste is None or align.inputs.get("decode") != decode_key:
        return None
    edit = cache.open("edit", paste.inputs["edit"], touch=False)
    sample = cache.open("sample", paste.inputs["sample"], touch=False)
    if edit is None or sample is None:
        return None
    chain = {"align": align, "edit": edit, "sample": sample, "paste": paste, "export": exported}
    settings = {stage: artifact.meta.get("config", {}) for stage, artifact in chain.items()}
    weights = {part: digest for artifact in chain.values() for part, digest in artifact.meta.get("weights", {}).items()}
    mix = edit.meta["mix"]
    config = settings["edit"]
    edits = tuple(AttributeEdit(**item) for item in config.get("attributes", []))
    return RunRecord(
        settings, weights, edits + _asked(mix, config), tuple(mix), edit.meta["region"], edit.meta["cosine"], mix,
        align, paste,
    )  # fmt: skip


def _asked(mix: dict[str, dict[str, float]], config: dict[str, Any]) -> tuple[AttributeEdit, ...]:
    """The attributes that texts ask for, as far as the text model could tell."""
    strength = {text["target"]: text["strength"] for text in config.get("texts", [])}
    return tuple(
        AttributeEdit(name, weight * strength.get(text, 1.0))
        for text, weights in mix.items()
        for name, weight in weights.items()
        if abs(weight) >= MIXED
    )
