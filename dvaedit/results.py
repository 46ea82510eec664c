"""What the calls of :mod:`dvaedit.api` return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dvaedit.evaluation.crops import CropQuality
from dvaedit.stages.listing import PersonSummary


@dataclass(frozen=True)
class EditedPerson:
    """One person of an edit. ``seen``: frames with a detection in the part to edit; ``edited``: frames changed.

    ``small``, ``turned``: frames left as they are because the face is too small or turned away; ``bridged``: frames
    without a detection that are edited between two that have one; ``strength``: of the edit, times what was asked for.
    """

    person: int
    seen: int
    edited: int
    small: int
    turned: int
    bridged: int
    cosine: float
    strength: float


@dataclass(frozen=True)
class FacesResult:
    """Who is in a video, the largest first; ``shots``: how many; ``sheet``: a PNG with pictures of everyone."""

    people: tuple[PersonSummary, ...]
    frames: int
    shots: int
    sheet: Path
    seconds: dict[str, float]


@dataclass(frozen=True)
class EditResult:
    """What an edit has made. ``seconds``: time spent by stage, 0 where the cache had it.

    ``cosine``: of the identity code with what it was; ``mix``: per text, the known attributes it was read as;
    ``unknown_words``: words of the texts the text model has not been trained on. ``people``: who was edited, and in
    which frames not; ``sidecar``: the JSON that says what was done; ``cosine``, ``region`` and ``mix`` are those of
    the first one.
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
    people: tuple[EditedPerson, ...] = ()
    sidecar: Path | None = None


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
