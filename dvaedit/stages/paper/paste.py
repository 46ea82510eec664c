"""The paper's blend: the render within the face mask of the original crop, the original crop around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dvaedit.face.paper import to_bytes
from dvaedit.face.regions import PASTE_FACE
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.png import encode_png

SHARD = 32


@dataclass(frozen=True)
class PaperPaste(Stage):
    """Makes per track frame ``levels`` (n, S, S, 3) float16, the blended crop in 8-bit levels, whose whole square takes
    the frame's place, and ``mask``, a PNG that is white all over. The blend has hard edges and leaves out the hair.
    """

    name: ClassVar[str] = "paper-paste"
    version: ClassVar[int] = 1
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("parser")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        crops, sampled = inputs["align"], inputs["sample"]
        for start, stop in out.missing(sampled.frames, SHARD):
            x_0 = self.model.images(crops.read("crops", start, stop))
            mask = np.isin(self.model.class_maps(x_0), sorted(PASTE_FACE))[:, None]
            blended = blend(x_0.cpu().numpy(), sampled.read("crops", start, stop), mask)
            white = encode_png(np.full(x_0.shape[2:], 255, np.uint8))
            out.write(start, stop, {"levels": to_bytes(blended).astype(np.float16), "mask": [white] * (stop - start)})
            progress(stop, sampled.frames)
        out.meta.update(mode="replace", region="square")


def blend(x_0: np.ndarray, render: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``render`` where ``mask`` is, ``x_0`` elsewhere: (n, 3, S, S) in [-1, 1]; mask: (n, 1, S, S) bool, hard."""
    return np.where(mask, render, x_0)
