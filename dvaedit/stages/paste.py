"""Turn edited crops into what is added to each frame, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from dvaedit.errors import UsageError
from dvaedit.face.mask import TIME_RADIUS, refine, soft_mask
from dvaedit.face.paste import Box, difference_patch, replace_patch
from dvaedit.face.regions import REGIONS
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.frames import crops_at
from dvaedit.stages.parse import read_maps
from dvaedit.stages.png import decode_png, encode_png
from dvaedit.video.reader import Frame

SHARD = 32
SQUARE = "square"
RESHAPED = ("head", "hat")  # regions of edits that move outlines


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
    """

    name: ClassVar[str] = "paste"
    version: ClassVar[int] = 2
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
        for start, stop in shards:
            levels = to_levels(inputs["sample"], start, stop)
            if self.mode == "delta":
                # Sampling gives an unedited crop back to rounding; without an edit not even that is to be added.
                levels = levels - inputs["align"].read("crops", start, stop) if edited else np.zeros_like(levels)
            masks = self._masks(inputs, region, start, stop, guides)
            blobs = [encode_png(np.rint(mask * 255).astype(np.uint8)) for mask in masks]
            out.write(start, stop, {"levels": levels.astype(np.float16), "mask": blobs})
            progress(stop, total)
        out.meta.update(mode=self.mode, region=region)

    def _masks(
        self, inputs: dict[str, Artifact], region: str, start: int, stop: int, guides: Iterator[tuple]
    ) -> np.ndarray:
        """(stop - start, M, M) float32 in [0, 1]: smoothed over time, then fitted to the edges in each frame."""
        size = self.model.parser.config.image_size
        if region == SQUARE:
            return np.ones((stop - start, size, size), np.float32)
        frames = inputs["align"].read("timeline")
        low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(frames))
        maps = [read_maps(inputs["parse"], low, high)]
        if region in RESHAPED:
            maps.append(self._parse(to_levels(inputs["sample"], low, high)))
        masks = soft_mask(maps, region, frames[low:high])
        wanted, (_, _, crops) = masks[start - low : stop - low], next(guides)
        return np.stack([refine(mask, guide) for mask, guide in zip(wanted, crops, strict=True)])

    def _parse(self, levels: np.ndarray) -> np.ndarray:
        """Class maps of edited crops, given in 8-bit levels at the autoencoder's size."""
        size = self.model.parser.config.image_size
        x = self.model.tensor(levels).permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.nn.functional.interpolate(x.clamp(-1, 1), (size, size), mode="bicubic", align_corners=False)
        return self.model.class_maps(x)


def to_levels(sampled: Artifact, start: int, stop: int) -> np.ndarray:
    """Sampled crops as (n, S, S, 3) float32 in 8-bit levels, clamped to what a picture can show."""
    crops = sampled.read("crops", start, stop).astype(np.float32)
    return np.clip((crops + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)


class Patches:
    """What to add to the frames of a video, computed as each is asked for."""

    def __init__(self, pasted: Artifact, align: Artifact) -> None:
        self.pasted, self.quads = pasted, align.read("quads")
        self.place = {int(frame): position for position, frame in enumerate(align.read("frames"))}

    def patch(self, frame: Frame, size: tuple[int, int]) -> tuple[Box, np.ndarray] | None:
        """Box and float32 RGB difference, 8-bit levels, for the upright frame of ``size`` (width, height).

        None where the frame does not show the face.
        """
        position = self.place.get(frame.index)
        if position is None:
            return None
        levels = self.pasted.read("levels", position, position + 1)[0].astype(np.float32)
        mask = decode_png(self.pasted.read_blobs("mask", position, position + 1)[0]).astype(np.float32) / 255
        if self.pasted.meta["mode"] == "replace":
            return replace_patch(frame.rgb(), levels, mask > 0.5, self.quads[position])
        return difference_patch(levels, mask, self.quads[position], size)
