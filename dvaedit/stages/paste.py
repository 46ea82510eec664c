"""Turn edited crops into what is added to each frame, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch

from dvaedit.errors import UsageError
from dvaedit.face.mask import TIME_RADIUS, refine, soft_mask
from dvaedit.face.paste import Box, difference_patch, mask_in_frame, merge, recoloured_patch, replace_patch
from dvaedit.face.person import PersonSegmenter
from dvaedit.face.regions import REGIONS
from dvaedit.face.steady import RADIUS, steady
from dvaedit.face.surround import HairColours, fit_recolouring, hair_around, recolour, wide_map, wide_quads
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.frames import crops_at
from dvaedit.stages.parse import read_maps
from dvaedit.stages.png import decode_png, encode_png
from dvaedit.video.reader import Frame

SHARD = 32
SQUARE, HAIR = "square", "hair"
RECOLOURED = 16  # frames whose hair tells how colours change
RESHAPED = ("head", "hat")  # regions of edits that move outlines
WITH_HAIR = ("head",)  # regions of which hair, whose strands are finer than the crop's pixels, is a part


def check_region(name: str) -> None:
    """Raises UsageError for a region that does not exist."""
    if name not in ("auto", SQUARE, *REGIONS):
        raise UsageError(f"unknown region '{name}'", hint=f"Choose one of: auto, {', '.join(REGIONS)}, {SQUARE}.")


@dataclass(frozen=True)
class Paste(Stage):
    """Makes per track frame ``mask``, a PNG of the soft mask, (M, M) uint8, and ``levels`` (n, S, S, 3) float16.

    In mode "delta" ``levels`` is edited sample minus crop, in 8-bit levels, to be added to the frame: as sampling is
    exact, the difference is the edit's alone. In mode "replace", the paper's, it is the edited sample itself, put in
    the frame's place with hard edges. The mask is the region in the source; where an edit may move outlines (longer
    hair) it is joined with that in the edited crop.

    In a region of which hair is a part, also ``hair``, a PNG of the mask of that part. Where hair is recoloured, also
    ``around``, a PNG of the hair outside the crop, in the square of ``wide_quads``, and, whole, ``recolouring`` (4, 3):
    hair there changes colour as that inside does (:mod:`dvaedit.face.surround`).
    """

    name: ClassVar[str] = "paste"
    version: ClassVar[int] = 6
    region: str = "auto"
    mode: str = "delta"
    model: Model = unkeyed(None)
    video: Path = unkeyed(Path())

    def weights(self) -> dict[str, str]:
        return self.model.digest("parser")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        region = inputs["edit"].meta["region"] if self.region == "auto" else self.region
        edited, total = inputs["edit"].meta["length"] > 0, inputs["sample"].frames
        shards = out.missing(total, SHARD)
        guides = crops_at(self.video, inputs["align"], self.model.parser.config.image_size, shards)
        around = _Around(self, inputs, shards) if region == HAIR and self.mode == "delta" and edited else None
        if around is not None and not out.has("recolouring"):
            out.save({"recolouring": self._recolouring(inputs)}, group="recolouring")
        mixed = self.mode == "delta" and region in WITH_HAIR
        for start, stop in shards:
            levels = self._levels(inputs, start, stop, edited)
            _, _, crops = next(guides)
            made = {
                "levels": levels.astype(np.float16),
                "mask": encode_masks(self._masks(inputs, region, start, stop, crops)),
            }
            if mixed:
                made["hair"] = encode_masks(self._masks(inputs, HAIR, start, stop, crops))
            if around is not None:
                made["around"] = encode_masks(around.masks(start, stop))
            out.write(start, stop, made)
            progress(stop, total)
        out.meta.update(mode=self.mode, region=region)

    def _levels(self, inputs: dict[str, Artifact], start: int, stop: int, edited: bool) -> np.ndarray:
        """(stop - start, S, S, 3) float32: the edited crops, or what the edit adds to each, calmed over time."""
        if self.mode != "delta":
            return to_levels(inputs["sample"], start, stop)
        frames = inputs["align"].read("timeline")
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(frames))
        crops = inputs["align"].read("crops", low, high)
        if not edited:  # sampling gives the crop back to rounding, and not even that is to be added
            return np.zeros((stop - start, *crops.shape[1:]), np.float32)
        added = to_levels(inputs["sample"], low, high) - crops
        return steady(added, crops, frames[low:high], slice(start - low, stop - low))

    def _recolouring(self, inputs: dict[str, Artifact]) -> np.ndarray:
        """What the edit does to the colours of hair, over frames spread through the video."""
        align, chosen = inputs["align"], spread(inputs["sample"].frames)
        crops = np.concatenate([align.read("crops", n, n + 1) for n in chosen]).astype(np.float32)
        edited = np.concatenate([to_levels(inputs["sample"], n, n + 1) for n in chosen])
        masks = np.concatenate([soft_mask(read_maps(inputs["parse"], n, n + 1), HAIR) for n in chosen])
        weights = [cv2.resize(mask, crops.shape[1:3], interpolation=cv2.INTER_AREA) for mask in masks]
        return fit_recolouring(crops, edited - crops, np.stack(weights))

    def _masks(self, inputs: dict[str, Artifact], region: str, start: int, stop: int, crops: np.ndarray) -> np.ndarray:
        """(stop - start, M, M) float32 in [0, 1]: smoothed over time, then fitted to the edges in each of ``crops``."""
        if region == SQUARE:
            return np.ones(crops.shape[:3], np.float32)
        frames = inputs["align"].read("timeline")
        low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(frames))
        maps = [read_maps(inputs["parse"], low, high)]
        if region in RESHAPED:
            maps.append(self._parse(to_levels(inputs["sample"], low, high)))
        masks = soft_mask(maps, region, frames[low:high])
        wanted = masks[start - low : stop - low]
        return np.stack([refine(mask, guide) for mask, guide in zip(wanted, crops, strict=True)])

    def _parse(self, levels: np.ndarray) -> np.ndarray:
        """Class maps of edited crops, given in 8-bit levels at the autoencoder's size."""
        size = self.model.parser.config.image_size
        x = self.model.tensor(levels).permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.nn.functional.interpolate(x.clamp(-1, 1), (size, size), mode="bicubic", align_corners=False)
        return self.model.class_maps(x)


class _Around:
    """Hair outside the crops, shard by shard; each frame is cut and looked at once."""

    def __init__(self, stage: Paste, inputs: dict[str, Artifact], shards: list[tuple[int, int]]) -> None:
        align, self.parsed = inputs["align"], inputs["parse"]
        self.timeline, total = align.read("timeline"), inputs["sample"].frames
        self.first = max(shards[0][0] - TIME_RADIUS, 0) if shards else total
        steps = [(at, min(at + SHARD, total)) for at in range(self.first, total, SHARD)]
        wide = wide_quads(align.read("quads"))
        self.coming = crops_at(stage.video, align, stage.model.parser.config.image_size, steps, quads=wide)
        self.crops, self.maps, self.segmenter = [], [], PersonSegmenter()
        chosen = spread(total)
        crops = np.concatenate([align.read("crops", n, n + 1) for n in chosen])
        maps = [cv2.resize(read_maps(self.parsed, n, n + 1)[0], crops.shape[1:3], interpolation=cv2.INTER_NEAREST)
                for n in chosen]  # fmt: skip
        self.colours = HairColours.learn(crops, np.stack(maps))

    def masks(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, M, M) float32; shards are asked for in rising order."""
        low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(self.timeline))
        while self.first + len(self.maps) < high:
            begin, end, crops = next(self.coming)
            classes = read_maps(self.parsed, begin, end)
            self.maps += [
                wide_map(c, self.segmenter.mask(c), m, self.colours) for c, m in zip(crops, classes, strict=True)
            ]
            self.crops += list(crops)
        gone = low - self.first
        self.crops, self.maps, self.first = self.crops[gone:], self.maps[gone:], low
        maps, guides = np.stack(self.maps[: high - low]), np.stack(self.crops[: high - low])
        return hair_around(maps, guides, self.timeline[low:high], slice(start - low, stop - low))


def spread(total: int, count: int = RECOLOURED) -> list[int]:
    """Up to ``count`` of ``total`` places, evenly spread."""
    return np.unique(np.linspace(0, total - 1, count).round().astype(int)).tolist()


def encode_masks(masks: np.ndarray) -> list[bytes]:
    """Weights in [0, 1], (n, M, M), as PNGs."""
    return [encode_png(np.rint(mask * 255).astype(np.uint8)) for mask in masks]


def to_levels(sampled: Artifact, start: int, stop: int) -> np.ndarray:
    """Sampled crops as (n, S, S, 3) float32 in 8-bit levels, clamped to what a picture can show."""
    crops = sampled.read("crops", start, stop).astype(np.float32)
    return np.clip((crops + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)


class Patches:
    """What to add to the frames of a video, computed as each is asked for."""

    def __init__(self, pasted: Artifact, align: Artifact) -> None:
        self.pasted, self.align, self.quads = pasted, align, align.read("quads")
        self.place = {int(frame): position for position, frame in enumerate(align.read("frames"))}
        self.wide = wide_quads(self.quads)
        self.recolouring = pasted.read("recolouring") if "recolouring" in pasted else None

    def patch(self, frame: Frame, size: tuple[int, int]) -> tuple[Box, np.ndarray] | None:
        """Box and float32 RGB difference, 8-bit levels, for the upright frame of ``size`` (width, height).

        None where the frame does not show the face. The difference is pasted as it is, but for hair, of which it tells
        the colours only.
        """
        position = self.place.get(frame.index)
        if position is None:
            return None
        levels = self.pasted.read("levels", position, position + 1)[0].astype(np.float32)
        mask = self._mask("mask", position)
        if self.pasted.meta["mode"] == "replace":
            return replace_patch(frame.rgb(), levels, mask > 0.5, self.quads[position])
        quad = self.quads[position]
        if self.pasted.meta["region"] == HAIR:
            hair = mask
        elif "hair" in self.pasted:
            hair = mask * self._mask("hair", position)
        else:
            return difference_patch(levels, mask, quad, size)
        rgb, crop = frame.rgb(), self.align.read("crops", position, position + 1)[0]
        inside = merge(
            difference_patch(levels, mask - hair, quad, size), recoloured_patch(levels, crop, hair, quad, rgb)
        )
        return inside if self.recolouring is None else merge(inside, self._around(rgb, position, size))

    def _around(self, rgb: np.ndarray, position: int, size: tuple[int, int]) -> tuple[Box, np.ndarray]:
        """The hair outside the crop, at the frame's own resolution."""
        box, weights = mask_in_frame(self._mask("around", position), self.wide[position], size)
        x0, y0, x1, y1 = box
        return box, recolour(rgb[y0:y1, x0:x1], self.recolouring) * weights[..., None]

    def _mask(self, name: str, position: int) -> np.ndarray:
        return decode_png(self.pasted.read_blobs(name, position, position + 1)[0]).astype(np.float32) / 255
