"""Reverse DDIM from x_T under an identity code: the video's own, or an edited one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dvaedit.diffusion.ddim import ddim_sample, last, spaced_timesteps
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.invert import SHARD, bind


@dataclass(frozen=True)
class Sample(Stage):
    """Makes ``crops`` (n, 3, S, S) float16, RGB in [-1, 1], not clamped.

    With an ``edit`` input its ``z_id`` is the code; without, the video's ``z_id_rep``.
    """

    name: ClassVar[str] = "sample"
    version: ClassVar[int] = 1
    steps: int = 10
    dtype: str = "float32"
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        noise, codes = inputs["invert"], inputs["encode"]
        z_id = inputs["edit"].read("z_id") if "edit" in inputs else codes.read("z_id_rep")
        for start, stop in out.missing(noise.frames, SHARD):
            x_T = self.model.tensor(noise.read("x_T", start, stop)).contiguous(memory_format=torch.channels_last)
            out.write(start, stop, {"crops": self._sample(x_T, z_id, codes.read("z_lnd", start, stop))})
            progress(stop, noise.frames)

    @torch.inference_mode()
    def _sample(self, x_T: torch.Tensor, z_id: np.ndarray, z_lnd: np.ndarray) -> np.ndarray:
        denoise = bind(self.model, z_id, z_lnd)
        states = ddim_sample(self.model.autoencoder.schedule, denoise, x_T, spaced_timesteps(self.steps))
        return last(states).to(torch.float16).cpu().numpy()
