"""Who is in the video: shots, tracks, and people as tracks joined by identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dvaedit.errors import NoFaceError
from dvaedit.face.people import Person, people
from dvaedit.face.quality import MIN_FACE
from dvaedit.face.track import Track, tracks
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.decode import all_faces
from dvaedit.video.shots import shot_starts

COLUMNS = ("frames", "rows", "boxes", "scores", "pose", "sharp")


@dataclass(frozen=True)
class People(Stage):
    """Makes, whole: ``shots`` (S,) int64, first frame of each; ``person`` (N,) int64 from 1, and beside it, sorted by
    person and frame, the columns of :class:`Track`; ``identity`` (P, 128) float64, one embedding a person.
    """

    name: ClassVar[str] = "people"
    version: ClassVar[int] = 1

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        decoded = inputs["decode"]
        thumbs = (thumb for _, _, batch in decoded.batches("thumb", 256) for thumb in batch)
        shots = shot_starts(thumbs)
        found = people(tracks(all_faces(decoded), shots), shots)
        if not found:
            hint = f"A face must be upright or nearly so, and at least {MIN_FACE:g} pixels wide."
            where = "in this range" if decoded.meta["part"] else "in this video"
            raise NoFaceError(f"no face found {where}", hint)
        out.save({"shots": shots, **_table(found)}, group="people")
        out.meta["frames"] = decoded.frames
        progress(1, 1)


def _table(found: list[Person]) -> dict[str, np.ndarray]:
    columns = {name: np.concatenate([getattr(person.track, name) for person in found]) for name in COLUMNS}
    numbers = np.concatenate([np.full(len(person.track), person.number) for person in found])
    return {"person": numbers, **columns, "identity": np.stack([person.track.identity for person in found])}


def read_people(made: Artifact) -> list[Person]:
    """The people, as ``face.people.people`` gave them."""
    numbers, identity = made.read("person"), made.read("identity")
    columns = {name: made.read(name) for name in COLUMNS}
    found = []
    for number in range(1, len(identity) + 1):
        mine = numbers == number
        track = Track(number, **{name: values[mine] for name, values in columns.items()}, identity=identity[number - 1])
        found.append(Person(number, track))
    return found
