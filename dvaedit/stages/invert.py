"""DDIM inversion of every crop to its noise code x_T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dvaedit.diffusion.ddim import ddim_invert, last, spaced_timesteps
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter

SHARD = 16


@dataclass(frozen=True)
class Invert(Stage):
    """Makes ``x_T`` (n, 3, S, S) float16 under the video's own face codes. ``refinements``: see ``ddim_invert``."""

    name: ClassVar[str] = "invert"
    version: ClassVar[int] = 1
    steps: int = 10
    refinements: int = 2
    dtype: str = "float32"
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        crops, codes = inputs["align"], inputs["encode"]
        total = codes.frames
        for start, stop in out.missing(total, SHARD):
            x_0 = self.model.images(crops.read("crops", start, stop))
            z_lnd = codes.read("z_lnd", start, stop)
            out.write(start, stop, {"x_T": self._invert(x_0, codes.read("z_id_rep"), z_lnd)})
            progress(stop, total)

    @torch.inference_mode()
    def _invert(self, x_0: torch.Tensor, z_id: np.ndarray, z_lnd: np.ndarray) -> np.ndarray:
        denoise = bind(self.model, z_id, z_lnd)
        schedule = self.model.autoencoder.schedule
        states = ddim_invert(schedule, denoise, x_0, spaced_timesteps(self.steps), self.refinements)
        return last(states).to(torch.float16).cpu().numpy()


def bind(model: Model, z_id: np.ndarray, z_lnd: np.ndarray):
    """The denoiser under one identity code, (1, D), and the landmark codes of a batch of frames, (B, 102)."""
    z_face = model.autoencoder.face_code(model.tensor(z_id), model.tensor(z_lnd))
    return lambda x_t, t: model.autoencoder.denoise(x_t, t, z_face)
