"""Parse the aligned face into classes, at twice the resolution of the model where the model is small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch

from dvaedit.face.align import crop
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.frames import frames_at

SHARD = 32


@dataclass(frozen=True)
class Parse(Stage):
    """Makes ``classes``: per track frame a PNG of the class map, (S, S) uint8, ids of CelebAMask-HQ."""

    name: ClassVar[str] = "parse"
    version: ClassVar[int] = 1
    model: Model = unkeyed(None)
    video: Path = unkeyed(Path())

    def weights(self) -> dict[str, str]:
        return self.model.digest("parser")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        frames, quads = inputs["align"].read("frames"), inputs["align"].read("quads")
        for start, stop in out.missing(len(frames), SHARD):
            images = frames_at(self.video, frames[start:stop])
            size = self.model.parser.config.image_size
            crops = [crop(f.rgb(), quad, size) for f, quad in zip(images, quads[start:stop], strict=True)]
            out.write_blobs(start, stop, "classes", [encode_map(m) for m in self._classes(np.stack(crops))])
            progress(stop, len(frames))

    @torch.inference_mode()
    def _classes(self, crops: np.ndarray) -> np.ndarray:
        return self.model.parser.class_map(self.model.images(crops)).to(torch.uint8).cpu().numpy()


def encode_map(classes: np.ndarray) -> bytes:
    """A class map as PNG."""
    return cv2.imencode(".png", classes)[1].tobytes()


def read_maps(parsed: Artifact, start: int, stop: int) -> np.ndarray:
    """(stop - start, S, S) uint8 class maps."""
    blobs = parsed.read_blobs("classes", start, stop)
    return np.stack([cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_GRAYSCALE) for blob in blobs])
