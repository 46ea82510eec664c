"""Parse the aligned face into classes, at twice the resolution of the model where the model is small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.frames import crops_at
from dvaedit.stages.png import decode_png, encode_png

SHARD = 32


@dataclass(frozen=True)
class Parse(Stage):
    """Makes ``classes``: per track frame a PNG of the class map, (S, S) uint8, ids of CelebAMask-HQ."""

    name: ClassVar[str] = "parse"
    version: ClassVar[int] = 2
    model: Model = unkeyed(None)
    video: Path = unkeyed(Path())

    def weights(self) -> dict[str, str]:
        return self.model.digest("parser")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        model, total = self.model, len(inputs["align"].read("frames"))
        shards = out.missing(total, SHARD)
        for start, stop, crops in crops_at(self.video, inputs["align"], model.parser.config.image_size, shards):
            maps = model.class_maps(model.images(crops))
            out.write_blobs(start, stop, "classes", [encode_png(classes) for classes in maps])
            progress(stop, total)


def read_maps(parsed: Artifact, start: int, stop: int) -> np.ndarray:
    """(stop - start, S, S) uint8 class maps."""
    return np.stack([decode_png(blob) for blob in parsed.read_blobs("classes", start, stop)])
