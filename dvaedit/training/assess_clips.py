"""How the whole tool does on clips: each edit of each, measured, as a row of a table, and a sheet to look at.

What is done is kept, so that a second call goes on, and several may share the work (``--part``).
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import dvaedit
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.errors import DvaEditError
from dvaedit.evaluation.evaluate import Evaluation
from dvaedit.evaluation.judging import asked_for
from dvaedit.evaluation.measure import partner_frames
from dvaedit.face.align import crop
from dvaedit.files import write_durably
from dvaedit.stages.frames import frames_at
from dvaedit.training.assess import EDITS
from dvaedit.video.tiles import grid

MET = 0.8  # share of a clip's frames that an edit should succeed in
TILE, SHOWN = 320, 4  # pixels of a sheet's tiles, frames of a clip on it
WIDER = 1.2  # of the crop square: hair, shoulders


@dataclass(frozen=True)
class Row:
    """One edit over all clips. ``success``: of the ``frames`` without it; ``identity``, ``mouth``: mean and least of
    the clips; ``flicker``: median, least, greatest; ``own``: its median along the edit's own motion; ``tg_id``: mean,
    least, greatest; ``moved``: the unasked attribute that moved most on average, and how far; ``missed``: success of
    the clips below ``MET``. None where no clip tells."""

    edit: str
    success: float | None
    frames: int
    identity: tuple[float, float] | None
    flicker: tuple[float, float, float] | None
    own: tuple[float] | None
    tg_id: tuple[float, float, float] | None
    mouth: tuple[float, float] | None
    moved: tuple[str, float] | None
    missed: dict[str, float]

    def line(self) -> str:
        """In Markdown."""
        success = "-" if self.success is None else f"{self.success:.0%}"
        cells = (
            self.edit, f"{success} ({self.frames})", _numbers(self.identity, ".2f"),
            f"{_numbers(self.flicker, '.2f')}; {_numbers(self.own, '.2f')}", _numbers(self.tg_id, ".3f"),
            _numbers(self.mouth, ".2f"), "{} {:+.2f}".format(*self.moved) if self.moved else "-",
            ", ".join(f"{name} {share:.0%}" for name, share in self.missed.items()) or "-",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


HEAD = "| edit | success (frames) | identity | flicker; own | TG-ID | mouth motion | moved most | below 80 % |"


def assess_clip(clip: Path, edit: str, folder: Path, options: dvaedit.Options) -> None:
    """Edit a clip, measure it and write ``folder/EDIT/CLIP.json`` and ``.png``, the JSON last."""
    place = folder / edit
    place.mkdir(parents=True, exist_ok=True)
    wanted = {"text": edit} if _is_text(edit) else {"attributes": edit}
    made = dvaedit.edit(clip, output=place / f"{clip.stem}.mkv", overwrite=True, options=options, **wanted)
    found = dvaedit.evaluate(clip, made.output, options=options)
    _write_sheet(found, place / f"{clip.stem}.png")
    one = found.edits[0]
    numbers = {
        "strength": made.people[0].strength, "metrics": asdict(one.metrics),
        "judgement": one.judgement and asdict(one.judgement),
    }  # fmt: skip
    write_durably(_kept(folder, edit, clip), (json.dumps(numbers, indent=1) + "\n").encode())


def _kept(folder: Path, edit: str, clip: Path) -> Path:
    return folder / edit / f"{clip.stem}.json"


def row_of(edit: str, found: dict[str, dict[str, Any]]) -> Row:
    """From what :func:`assess_clip` kept of an edit, by clip."""
    metrics = [numbers["metrics"] for numbers in found.values()]
    judged = {clip: numbers["judgement"] for clip, numbers in found.items() if numbers["judgement"]}
    known = {clip: _verdict(judgement["targets"]) for clip, judgement in judged.items()}
    known = {clip: verdict for clip, verdict in known.items() if verdict[0]}
    frames = sum(missing for missing, _ in known.values())

    def over_clips(name: str, *statistics: Callable[[Sequence[float]], float]) -> tuple[float, ...] | None:
        values = [row[name] for row in metrics if row[name] is not None]
        return tuple(float(statistic(values)) for statistic in statistics) if values else None

    return Row(
        edit, sum(missing * share for missing, share in known.values()) / frames if frames else None, frames,
        over_clips("identity", np.mean, np.min), over_clips("flicker", np.median, np.min, np.max),
        over_clips("flicker_own", np.median), over_clips("tg_id", np.mean, np.min, np.max),
        over_clips("mouth_motion", np.mean, np.min), _moved_most(judged.values()),
        {clip: share for clip, (_, share) in known.items() if share < MET},
    )  # fmt: skip


def _verdict(targets: Sequence[dict[str, Any]]) -> tuple[int, float]:
    """Frames without what was asked for and the share of success in them; of several targets the least."""
    known = [(target["missing"], target["success"]) for target in targets if target["missing"]]
    return min(known, key=lambda pair: pair[1], default=(0, 0.0))


def _moved_most(judgements: Iterable[dict[str, Any]]) -> tuple[str, float] | None:
    judgements = list(judgements)
    if not judgements:
        return None
    asked = asked_for(target["name"] for judgement in judgements for target in judgement["targets"])
    moved = {
        name: float(np.mean([judgement["after"][name] - judgement["before"][name] for judgement in judgements]))
        for name in judgements[0]["before"]
        if name not in asked
    }
    if not asked or not moved:
        return None
    name = max(moved, key=lambda name: abs(moved[name]))
    return name, moved[name]


def _numbers(values: tuple[float, ...] | None, form: str) -> str:
    """The first, and the rest, if there is one, in brackets."""
    if values is None:
        return "-"
    first, *rest = (format(value, form) for value in values)
    return f"{first} ({' to '.join(rest)})" if rest else first


def _write_sheet(found: Evaluation, out: Path) -> None:
    """Frames spread over a clip, above the same of its edit, as far round the face as hair goes."""
    original = found.subject
    chosen = original.frames[np.linspace(0, len(original.frames) - 1, SHOWN).round().astype(int)]
    places = {int(frame): original.quads[np.searchsorted(original.frames, frame)] for frame in chosen}
    before = [_tile(frame.rgb(), places[frame.index]) for frame in frames_at(original.path, chosen)]
    with closing(partner_frames(found.edits[0].subject)) as partners:
        after = [_tile(rgb, places[index]) for index, rgb in enumerate(partners) if index in places]
    write_durably(out, cv2.imencode(".png", grid(before + after, SHOWN)[:, :, ::-1])[1].tobytes())


def _tile(rgb: np.ndarray, quad: np.ndarray) -> np.ndarray:
    middle = quad.mean(axis=0)
    return crop(rgb, middle + (quad - middle) * WIDER, TILE, border=cv2.BORDER_CONSTANT)


def _is_text(edit: str) -> bool:
    return edit.strip().lower() == edit


def main() -> None:
    """Assess edits of clips from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--edits", nargs="+", default=[_label(edit) for edit in EDITS], help="attributes or texts")
    parser.add_argument("--part", default="1/1", help="I/N: do every Nth clip, from the Ith on")
    parser.add_argument("--cache-dir", type=Path, help="where inversions are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    arguments = parser.parse_args()
    part, parts = (int(number) for number in arguments.part.split("/"))
    options = dvaedit.Options(cache_dir=arguments.cache_dir)
    own = arguments.clips[part - 1 :: parts]
    for clip, edit in itertools.product(own, arguments.edits):
        if not _kept(arguments.out, edit, clip).exists():
            try:
                assess_clip(clip, edit, arguments.out, options)
            except DvaEditError as error:  # a face that is too small, say: the others are assessed all the same
                print(f"{clip.stem}, {edit}: {error.message}", file=sys.stderr, flush=True)
    print(HEAD + "\n" + "|---" * (HEAD.count("|") - 1) + "|")
    for edit in arguments.edits:
        kept = {clip.stem: _kept(arguments.out, edit, clip) for clip in arguments.clips}
        print(row_of(edit, {clip: json.loads(path.read_text()) for clip, path in kept.items() if path.exists()}).line())


def _label(edit: AttributeEdit) -> str:
    return edit.name if edit.strength == 1 else f"{edit.name}={edit.strength:g}"


if __name__ == "__main__":
    main()
