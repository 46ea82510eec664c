"""Encode each crop to its identity and landmark codes and the video to its one identity code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter

SHARD = 32


@dataclass(frozen=True)
class Encode(Stage):
    """Makes ``z_id`` (n, D), ``z_lnd`` (n, 102) and, whole, ``z_id_rep`` (1, D), their mean, not re-normalised.

    Frames count by their quality: sharp, frontal, unhidden ones say most of who it is.
    """

    name: ClassVar[str] = "encode"
    version: ClassVar[int] = 2
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    @torch.inference_mode()
    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        align = inputs["align"]
        points, total = align.read("points"), len(align.read("frames"))
        for start, stop in out.missing(total, SHARD):
            x_0 = self.model.images(align.read("crops", start, stop))
            z_id = self.model.autoencoder.identity(x_0).cpu().numpy()
            out.write(start, stop, {"z_id": z_id, "z_lnd": self.model.landmark_codes(x_0, points[start:stop])})
            progress(stop, total)
        if not out.has("video"):
            mean = np.average(out.read("z_id").astype(np.float64), axis=0, weights=align.read("quality"))
            out.save({"z_id_rep": mean[None].astype(np.float32)}, group="video")
