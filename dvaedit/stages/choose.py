"""Which people of a video to edit: by number, by size, or by a photograph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dvaedit.checkpoints.load import load_sface
from dvaedit.errors import NoFaceError, UsageError
from dvaedit.face.mesh import FaceMesher
from dvaedit.face.people import SAME_PERSON, cosine
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.decode import Span
from dvaedit.stages.people import read_people

LARGEST, ALL = "largest", "all"
MIN_SHARE = 0.02  # of the largest person's area over time; "all" leaves out passers-by below it
_RANGE = "Write it as START-END, for example 00:01:02-00:01:20, 62-80, 62- or -80."
_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Choice:
    """What ``--face`` asks for: a number from 1, ``largest``, ``all``, or the path of a photograph."""

    number: int | None = None
    photo: Path | None = None
    everyone: bool = False

    @classmethod
    def parse(cls, text: str | int | Path) -> Choice:
        """Raises UsageError for a number below 1 and for a photograph that is not there."""
        text = str(text)
        if text in (LARGEST, ALL):
            return cls(number=1) if text == LARGEST else cls(everyone=True)
        if re.fullmatch(r"[-+]?\d+", text):
            if int(text) < 1:
                raise UsageError(
                    f"there is no face {text}", "They are numbered from 1; `dvaedit faces VIDEO` lists them."
                )
            return cls(number=int(text))
        if not Path(text).is_file():
            hint = f"--face takes a number, {LARGEST}, {ALL}, or the path of a photograph."
            raise UsageError(f"{text} is no face of this video and no picture", hint)
        return cls(photo=Path(text))

    def resolve(self, people: Artifact) -> tuple[int, ...]:
        """The numbers of the people meant. Raises NoFaceError if there are none."""
        found = read_people(people)
        if self.number is not None:
            return (self.number,)
        if self.everyone:
            least = MIN_SHARE * found[0].track.area
            return tuple(person.number for person in found if person.track.area >= least)
        wanted = photo_identity(self.photo)
        likeness = {person.number: cosine(person.track.identity, wanted) for person in found}
        best = max(likeness, key=likeness.get)
        if likeness[best] < SAME_PERSON:
            nearest = f"the nearest is face {best} with a cosine of {likeness[best]:.2f}, {SAME_PERSON} are needed"
            raise NoFaceError(
                f"nobody in the video looks like {self.photo.name}: {nearest}", "Choose by number instead."
            )
        return (best,)


def photo_identity(path: Path) -> np.ndarray:
    """The embedding of the largest face of a photograph. Raises UsageError or NoFaceError."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Check its permissions.") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise UsageError(f"{path} is not a picture", "Give a JPEG or PNG file.")
    rgb = np.ascontiguousarray(picture[..., ::-1])
    with FaceMesher() as mesher:
        faces = mesher.detect(rgb)
    if not faces:
        raise NoFaceError(f"no face found in {path.name}", "Take a picture that shows the face from the front.")
    return load_sface().embed(rgb, max(faces, key=lambda face: face.area).points)


def parse_range(text: str) -> Span:
    """Seconds of "00:01:02-00:01:20", "62-80", "1:02-" or "-80". Raises UsageError."""
    start, dash, end = text.partition("-")
    if not dash or not (start or end):
        raise UsageError(f"{text!r} is not a range of time", _RANGE)
    span = _seconds(start or "0", text), _seconds(end, text) if end else None
    if span[1] is not None and span[1] <= span[0]:
        raise UsageError(f"the range {text} ends before it begins", _RANGE)
    return span


def _seconds(text: str, whole: str) -> Fraction:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{whole!r} is not a range of time", _RANGE)
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
