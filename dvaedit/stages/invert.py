"""Inversion of every crop to its noise code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dvaedit.diffusion.reversible import reversible_invert, reversible_timesteps
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter

SHARD = 16


@dataclass(frozen=True)
class Invert(Stage):
    """Makes ``x_T`` and ``x_before``, (n, 3, S, S) float16: the noise code under the video's own face codes.

    Together they are the states of :mod:`dvaedit.diffusion.reversible`.
    """

    name: ClassVar[str] = "invert"
    version: ClassVar[int] = 2
    steps: int = 10
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
            x_before, x_T = self._invert(x_0, self.model.identity_codes(codes, start, stop), z_lnd)
            out.write(start, stop, {"x_T": x_T, "x_before": x_before})
            progress(stop, total)

    @torch.inference_mode()
    def _invert(self, x_0: torch.Tensor, z_id: np.ndarray, z_lnd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        denoise, schedule = bind(self.model, z_id, z_lnd), self.model.autoencoder.schedule
        states = reversible_invert(schedule, denoise, x_0, reversible_timesteps(self.steps))
        return tuple(state.to(torch.float16).cpu().numpy() for state in states)


def bind(model: Model, z_id: np.ndarray, z_lnd: np.ndarray):
    """The denoiser under identity codes, (1, D) or (B, D), and the landmark codes of a batch of frames, (B, 102)."""
    z_face = model.autoencoder.face_code(model.tensor(z_id), model.tensor(z_lnd))
    return lambda x_t, t: model.autoencoder.denoise(x_t, t, z_face)
