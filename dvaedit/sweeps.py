"""One video, many edits, one inversion: a contact sheet or a grid video to choose from by eye."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dvaedit.editing.attributes import MAX_STRENGTH, AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.evaluation import judging
from dvaedit.face.align import crop
from dvaedit.face.paste import Patch
from dvaedit.files import write_durably
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.models.judge import Judge
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.provenance import Record
from dvaedit.source import Source
from dvaedit.stages.export import Overlay
from dvaedit.stages.frames import frames_at
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.stages.pick import Pick
from dvaedit.video.files import check_folder
from dvaedit.video.reader import Frame, read_frames
from dvaedit.video.tiles import columns_of, grid, labelled
from dvaedit.video.writer import write_rgb_video

ALL = "all"
MANY = 64  # variants
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
SHEETS = (".png", ".jpg", ".jpeg")
GRIDS = (".mp4", ".m4v", ".mov", ".mkv")
VIEWS = ("face", "frame")
SOURCE = "source"
OWN = ("edit", "sample", "drawn", "shaded", "paste")  # stages of one variant
SHARED = ("invert", "parse")  # stages that variants have in common, after the track
FEW = {"few": "few:pick", "invert": "few:invert", "sample": "few:sample"}
"""Labels of the stages that work on a few frames, where all that a variant changes is drawn."""


@dataclass(frozen=True)
class Variant:
    """One edit of a sweep."""

    label: str
    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()


@dataclass(frozen=True)
class Tile:
    """What came of a variant: ``cosine`` of the identity code with what it was, ``region`` changed.

    ``judge``: mean probability, on the pictures shown, that what was asked for is there (what was taken away: is not),
    the least of several; None where the judge knows nothing of it.
    """

    label: str
    cosine: float
    region: str
    judge: float | None


def make_variants(
    attributes: Sequence[AttributeEdit], texts: Sequence[TextEdit], each: Sequence[AttributeEdit],
    strengths: Sequence[float],
) -> list[Variant]:  # fmt: skip
    """``attributes`` and ``texts`` as one edit, or ``each`` attribute as its own, at every strength.

    Raises UsageError for both or neither, and for too many or too strong ones.
    """
    if bool(attributes or texts) == bool(each):
        what = "an edit (--attribute, --text) and many attributes" if each else "nothing to sweep"
        hint = "Give --attribute Blond_Hair with --strengths 0.5,1,2, or --attributes A,B,C."
        raise UsageError(f"{what} do not go together" if each else what, hint)
    strengths = list(dict.fromkeys(strengths)) or (list(STRENGTHS) if not each else [1.0])
    if not all(abs(strength) <= MAX_STRENGTH for strength in strengths):
        raise UsageError("a strength is out of range", hint=f"Keep within +-{MAX_STRENGTH:g}.")
    edits = [((edit,), ()) for edit in each] or [(tuple(attributes), tuple(texts))]
    if len(edits) * len(strengths) > MANY:
        raise UsageError(f"{len(edits) * len(strengths)} variants are too many", hint=f"At most {MANY} at once.")
    return [_variant(*edit, strength, len(strengths) > 1) for edit in edits for strength in strengths]


def _variant(
    attributes: tuple[AttributeEdit, ...], texts: tuple[TextEdit, ...], strength: float, numbered: bool
) -> Variant:
    scaled = tuple(AttributeEdit(edit.name, edit.strength * strength) for edit in attributes)
    worded = tuple(TextEdit(edit.target, edit.source, edit.strength * strength) for edit in texts)
    if len(scaled) == 1 and not worded:
        return Variant(f"{scaled[0].name.replace('_', ' ')} {scaled[0].strength:g}", scaled, worded)
    names = [edit.target for edit in texts] + [f"{e.name.replace('_', ' ')} {e.strength:g}" for e in attributes]
    label = " + ".join(names)
    return Variant(f"{strength:g} x {label}" if numbered or strength != 1 else label, scaled, worded)


def sweep_nodes(
    video: Path, model: Model, clip: TextImageModel | None, settings: Settings, variants: Sequence[Variant],
    frames: int | None,
) -> list[Node]:  # fmt: skip
    """The stages of ``edit`` for each variant; what variants share is there once.

    ``frames``: how many frames of the track to work on, None for as many as each variant needs. Labels of a variant's
    own stages end in ``:<label>``; those of ``FEW`` are told from what has them take all frames.
    """
    nodes: dict[str, Node] = {}
    for variant in variants:
        chosen = Settings(
            **{**vars(settings), "attributes": variant.attributes, "texts": variant.texts, "draw": frames is None}
        )
        nodes |= {node.name: node for node in _chain(edit_nodes(video, model, clip, chosen), variant.label, frames)}
    return list(nodes.values())


def _chain(nodes: list[Node], label: str, frames: int | None) -> Iterator[Node]:
    """One variant's nodes, with labels of its own where it differs, working on a few frames only."""
    picked, few = frames is not None, any(node.name == "few" for node in nodes)
    kinds = FEW if few else {}
    labels = {**kinds, **{name: f"{kinds.get(name, name)}:{label}" for name in OWN}}
    sources = labels | ({"align": "pick", "encode": "pick"} if picked else {})
    for node in nodes:
        if node.name == "export":
            continue
        inputs = node.inputs
        if node.name in (*SHARED, *OWN):
            inputs = {name: sources.get(source, source) for name, source in node.inputs.items()}
        yield Node(node.stage, inputs, labels.get(node.name, node.name))
        if picked and node.name == "encode":
            yield Node(Pick(frames), {"align": "align", "encode": "encode"})


def check_sweep_output(path: Path) -> None:
    """Refuse an output that is no picture or video of ours, or cannot be written. Raises UsageError, StorageError."""
    if path.suffix.lower() not in (*SHEETS, *GRIDS):
        hint = f"Name the output with one of {', '.join((*SHEETS, *GRIDS))}."
        raise UsageError(f"{path} is not named as a picture or a video that a sweep is written as", hint)
    if path.is_dir():
        raise UsageError(f"The output {path} is a directory.", "Give the name of a file.")
    check_folder(path.absolute().parent)


def is_sheet(path: Path) -> bool:
    """Whether the output is one picture."""
    return path.suffix.lower() in SHEETS


class Sweep:
    """The variants of a video, computed as they are looked at."""

    def __init__(
        self, pipeline: Pipeline, source: Source, variants: Sequence[Variant], view: str, tile: int, picked: bool
    ) -> None:
        """``view``: "face" for the aligned crop, "frame" for the whole picture; ``tile``: width of one, pixels."""
        self.source, self.variants, self.view, self.tile = source, list(variants), view, tile
        self.video, self.info = source.video, source.info
        self.track = pipeline.artifact("pick" if picked else "align")
        pasted = [pipeline.artifact(f"paste:{variant.label}") for variant in variants]
        self.edits = [pipeline.artifact(f"edit:{variant.label}") for variant in variants]
        self.overlays = [Overlay([(one, self.track)]) for one in pasted]
        self.frames, self.quads = self.track.read("frames"), self.track.read("quads")
        self.judge: Judge = judging.load_judge()
        names = self.judge.config.attributes
        self._targets = [
            _targets(variant, edit.meta["mix"], names) for variant, edit in zip(variants, self.edits, strict=True)
        ]
        self._seen: list[list[list[float]]] = [[] for _ in variants]

    def write_sheet(self, output: Path) -> list[Tile]:
        """One picture: a tile per variant, the source first, with all frames side by side in it."""
        strips: list[list[np.ndarray]] = [[] for _ in range(len(self.variants) + 1)]
        for position, frame in enumerate(frames_at(self.video, self.frames)):
            for strip, picture in zip(strips, self._pictures(frame, position), strict=True):
                strip.append(picture)
        tiles = self._tiles()
        rows = [np.hstack(strip) for strip in strips]
        details = ["", *(_detail(tile) for tile in tiles)]
        labels = [SOURCE, *(tile.label for tile in tiles)]
        cells = [
            labelled(row, label, detail, mark=place == 0)
            for place, (row, label, detail) in enumerate(zip(rows, labels, details, strict=True))
        ]
        sheet = grid(cells, columns_of(len(cells), cells[0].shape[1], cells[0].shape[0]))
        write_durably(output, _encoded(sheet, output.suffix.lower(), self._comment))
        return tiles

    def write_video(self, output: Path, progress) -> list[Tile]:
        """A grid of playing tiles, the source first, with the source's times and sound."""
        pts: list[int] = []
        write_rgb_video(output, self._grids(pts, progress), pts=pts, info=self.info, crf=18, comment=self._comment)
        return self._tiles()

    def _grids(self, pts: list[int], progress) -> Iterator[np.ndarray]:
        place = {int(frame): position for position, frame in enumerate(self.frames)}
        labels, position = [SOURCE, *(variant.label for variant in self.variants)], 0
        with closing(read_frames(self.video)) as frames:
            for frame in frames:
                position = place.get(frame.index, position)  # where there is no face, the view stays where it was
                pictures = self._pictures(frame, position, judged=frame.index in place)
                cells = [
                    labelled(picture, label, mark=at == 0)
                    for at, (picture, label) in enumerate(zip(pictures, labels, strict=True))
                ]
                pts.append(frame.pts)
                yield grid(cells, columns_of(len(cells), cells[0].shape[1], cells[0].shape[0]))
                progress("write", frame.index + 1, max(self.info.frames, frame.index + 1))

    def _pictures(self, frame: Frame, position: int, judged: bool = True) -> list[np.ndarray]:
        """The source's and all variants' picture of a frame, at the tile's size."""
        rgb, quad = frame.rgb(), self.quads[position]
        edited = [_patched(rgb, overlay.at(frame, self._size)) for overlay in self.overlays]
        if judged:
            self._look(edited, quad)
        return [self._view(one, quad) for one in (rgb, *edited)]

    def _look(self, edited: list[np.ndarray], quad: np.ndarray) -> None:
        if not any(self._targets):
            return
        names = self.judge.config.attributes
        crops = [crop(one, quad, self.judge.config.image_size) for one in edited]
        table = judging.probabilities(self.judge, crops)
        for seen, targets, row in zip(self._seen, self._targets, table, strict=True):
            there = {name: float(row[names.index(name)]) for name in targets}
            seen.append([there[name] if wanted else 1 - there[name] for name, wanted in targets.items()])

    @property
    def _comment(self) -> str:
        return Record(self.source.path, self.source.digest, {}, {}, {}).comment

    @property
    def _size(self) -> tuple[int, int]:
        return self.info.width, self.info.height

    def _view(self, rgb: np.ndarray, quad: np.ndarray) -> np.ndarray:
        if self.view == "face":
            return crop(rgb, quad, self.tile)
        width, height = self.tile, 2 * max(1, round(self.tile * rgb.shape[0] / rgb.shape[1] / 2))
        smaller = width < rgb.shape[1]
        return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)

    def _tiles(self) -> list[Tile]:
        return [
            Tile(variant.label, edit.meta["cosine"], edit.meta["region"], _least(seen))
            for variant, edit, seen in zip(self.variants, self.edits, self._seen, strict=True)
        ]


def _targets(variant: Variant, mix: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> dict[str, bool]:
    """What a variant asks for by name and by texts read as ``mix``, as far as the judge (of ``names``) knows it:
    attribute -> whether it is wanted there. At strength 0 too, which keeps its sign."""
    strengths = {text.target: text.strength for text in variant.texts}
    found, _ = judging.known(judging.asked(variant.attributes, strengths, mix), names)
    return {edit.name: math.copysign(1, edit.strength) > 0 for edit in found}


def _least(seen: Sequence[Sequence[float]]) -> float | None:
    """The least mean of the targets' probabilities, (frames, targets)."""
    table = np.array(seen)
    return float(table.mean(axis=0).min()) if table.size else None


def _detail(tile: Tile) -> str:
    return "" if tile.judge is None else f"judge {tile.judge:.2f}"


def _patched(rgb: np.ndarray, patches: Sequence[Patch]) -> np.ndarray:
    """A copy of a frame with patches added, rounded and clipped."""
    out = rgb.copy() if patches else rgb
    for (x0, y0, x1, y1), difference in patches:
        out[y0:y1, x0:x1] = np.clip(np.rint(out[y0:y1, x0:x1] + difference), 0, 255).astype(np.uint8)
    return out


def _encoded(sheet: np.ndarray, suffix: str, comment: str) -> bytes:
    """A PNG or JPEG file of a picture, uint8 (H, W, 3), with a comment in its metadata."""
    buffer, image = io.BytesIO(), Image.fromarray(sheet)
    if suffix == ".png":
        text = PngInfo()
        text.add_text("Comment", comment)
        image.save(buffer, "PNG", pnginfo=text)
    else:
        image.save(buffer, "JPEG", quality=92, comment=comment)
    return buffer.getvalue()
