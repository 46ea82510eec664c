"""The people of a video, summed up, and a sheet of pictures of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dvaedit.face.align import crop, quads
from dvaedit.face.people import Person
from dvaedit.face.points import landmarks_68
from dvaedit.face.quality import MIN_FACE, frame_quality, pose_weight, size_weight
from dvaedit.files import write_durably
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.decode import read_faces
from dvaedit.stages.frames import frames_at
from dvaedit.stages.people import read_people

PICTURES, SIDE, GAP, TITLE = 6, 128, 4, 22  # of a person; pixels
MAX_ROWS = 40  # people on a sheet
_INK, _PAPER = (235, 235, 235), 28


@dataclass(frozen=True)
class PersonSummary:
    """One person. ``frames``: with a detection; ``editable``: of these, those large and frontal enough for an edit.

    ``first``, ``last``: seconds after the start of the video; ``parts``: (start, end) of each unbroken appearance.
    ``size``: median side of the face, pixels; ``quality``: mean, in [0, 1]: frontal, sharp, large and unhidden.
    """

    number: int
    frames: int
    editable: int
    first: float
    last: float
    parts: tuple[tuple[float, float], ...]
    size: float
    quality: float


def summaries(
    decoded: Artifact, people: Artifact, time_base: Fraction, min_face: float = MIN_FACE
) -> list[PersonSummary]:
    """Of everyone, the largest first."""
    pts = decoded.read("pts")
    seconds = np.asarray((pts - pts[0]) * float(time_base))
    return [_summary(person, seconds, people.read("shots"), min_face) for person in read_people(people)]


def _summary(person: Person, seconds: np.ndarray, shots: np.ndarray, min_face: float) -> PersonSummary:
    track = person.track
    allowed = size_weight(track.sizes, min_face) * pose_weight(track.pose)
    quality = frame_quality(track.pose, track.sharp, track.scores, track.sizes)
    breaks = (
        np.flatnonzero((np.diff(track.frames) > 1) | (np.diff(np.searchsorted(shots, track.frames, "right")) > 0)) + 1
    )
    parts = tuple((float(seconds[part[0]]), float(seconds[part[-1]])) for part in np.split(track.frames, breaks))
    return PersonSummary(
        person.number, len(track), int((allowed > 0).sum()), parts[0][0], parts[-1][1], parts,
        float(np.median(track.sizes)), float(quality.mean()),
    )  # fmt: skip


def write_sheet(video: Path, decoded: Artifact, people: Artifact, output: Path) -> None:
    """A PNG with a row for each person: the number, and the best pictures of their time in the video, in order."""
    found = read_people(people)[:MAX_ROWS]
    chosen = {person.number: _best_frames(person) for person in found}
    wanted = np.unique(np.concatenate(list(chosen.values())))
    pictures: dict[tuple[int, int], np.ndarray] = {}
    for frame in frames_at(video, wanted):
        rgb, faces = frame.rgb(), read_faces(decoded, frame.index, frame.index + 1)[0]
        for person in found:
            if frame.index in chosen[person.number]:
                row = person.track.rows[np.searchsorted(person.track.frames, frame.index)]
                square = quads(landmarks_68(faces[row].face.points)[None])[0]
                pictures[person.number, frame.index] = crop(rgb, square, SIDE)
    rows = [_row(person, [pictures[person.number, int(f)] for f in chosen[person.number]]) for person in found]
    ok, data = cv2.imencode(".png", np.ascontiguousarray(np.vstack(rows)[..., ::-1]))
    assert ok
    write_durably(output, data.tobytes())


def _best_frames(person: Person) -> np.ndarray:
    """The best frame of each sixth of the person's frames."""
    track = person.track
    quality = frame_quality(track.pose, track.sharp, track.scores, track.sizes)
    parts = np.array_split(np.arange(len(track)), min(PICTURES, len(track)))
    return track.frames[[part[np.argmax(quality[part])] for part in parts]]


def _row(person: Person, pictures: list[np.ndarray]) -> np.ndarray:
    sheet = np.full((TITLE + SIDE + GAP, GAP + PICTURES * (SIDE + GAP), 3), _PAPER, np.uint8)
    track = person.track
    title = f"{person.number}: {len(track)} frames, {np.median(track.sizes):.0f} px"
    cv2.putText(sheet, title, (GAP + 2, TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    for place, picture in enumerate(pictures):
        left = GAP + place * (SIDE + GAP)
        sheet[TITLE : TITLE + SIDE, left : left + SIDE] = picture
    return sheet
