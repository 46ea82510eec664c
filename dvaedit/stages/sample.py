"""Sampling from the noise code under an identity code: the video's own, or an edited one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from dvaedit.diffusion.reversible import States, reversible_sample, reversible_timesteps
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.invert import SHARD, bind


@dataclass(frozen=True)
class Sample(Stage):
    """Makes ``crops`` (n, 3, S, S) float16, RGB in [-1, 1], not clamped.

    With an ``edit`` input its ``z_id`` is the code; without, the video's own (or, for a model that needs it, each
    frame's).
    """

    name: ClassVar[str] = "sample"
    version: ClassVar[int] = 2
    steps: int = 10
    dtype: str = "float32"
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        noise, codes = inputs["invert"], inputs["encode"]
        z_id = inputs["edit"].read("z_id") if "edit" in inputs else self.model.identity_codes(codes)
        for start, stop in out.missing(noise.frames, SHARD):
            states = tuple(self._state(noise.read(name, start, stop)) for name in ("x_before", "x_T"))
            z_lnd = codes.read("z_lnd", start, stop)
            out.write(start, stop, {"crops": self._sample(states, rows(z_id, start, stop), z_lnd)})
            progress(stop, noise.frames)

    def _state(self, array: np.ndarray) -> torch.Tensor:
        return self.model.tensor(array).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def _sample(self, states: States, z_id: np.ndarray, z_lnd: np.ndarray) -> np.ndarray:
        denoise, schedule = bind(self.model, z_id, z_lnd), self.model.autoencoder.schedule
        crops = reversible_sample(schedule, denoise, states, reversible_timesteps(self.steps))
        return crops.to(torch.float16).cpu().numpy()


def rows(z_id: np.ndarray, start: int, stop: int) -> np.ndarray:
    """The codes of frames ``start`` to ``stop``: all there is where that is one code for all, (1, D)."""
    return z_id if len(z_id) == 1 else z_id[start:stop]


def to_levels(sampled: Artifact, start: int, stop: int) -> np.ndarray:
    """Sampled crops as (n, S, S, 3) float32 in 8-bit levels, clamped to what a picture can show."""
    crops = sampled.read("crops", start, stop).astype(np.float32)
    return np.clip((crops + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)
