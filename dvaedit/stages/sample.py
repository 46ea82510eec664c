"""Sampling from the noise code under an identity code: the video's own, or an edited one."""

from __future__ import annotations

from collections.abc import Sequence
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
from dvaedit.stages.pick import spread


@dataclass(frozen=True)
class Sample(Stage):
    """Makes ``crops`` (n, 3, S, S) float16, RGB in [-1, 1], not clamped.

    With an ``edit`` input its ``code`` is the code; without, the video's own (or, for a model that needs it, each
    frame's). ``count``: of only so many frames spread over the track, ``places`` (n,) in it.
    """

    name: ClassVar[str] = "sample"
    version: ClassVar[int] = 2
    steps: int = 10
    dtype: str = "float32"
    code: str = "z_id"
    count: int | None = None
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        noise, codes = inputs["invert"], inputs["encode"]
        z_id = inputs["edit"].read(self.code) if "edit" in inputs else self.model.identity_codes(codes)
        if self.count is not None:
            self._few(noise, codes, z_id, out)
            return
        for start, stop in out.missing(noise.frames, SHARD):
            states, z_lnd = states_of(self.model, noise, start, stop), codes.read("z_lnd", start, stop)
            crops = sample(self.model, states, rows(z_id, start, stop), z_lnd, self.steps)
            out.write(start, stop, {"crops": crops.to(torch.float16).cpu().numpy()})
            progress(stop, noise.frames)

    def _few(self, noise: Artifact, codes: Artifact, z_id: np.ndarray, out: ArtifactWriter) -> None:
        places = spread(noise.frames, self.count)
        if not out.has("track"):
            out.save({"places": np.array(places)}, group="track")
        for start, stop in out.missing(len(places), len(places)):
            states = gathered(self.model, noise, places)
            z_lnd = np.concatenate([codes.read("z_lnd", n, n + 1) for n in places])
            crops = sample(self.model, states, z_id, z_lnd, self.steps)
            out.write(start, stop, {"crops": crops.to(torch.float16).cpu().numpy()})


def gathered(model: Model, noise: Artifact, places: Sequence[int]) -> States:
    """:func:`states_of` single frames."""
    return tuple(torch.cat(parts) for parts in zip(*(states_of(model, noise, n, n + 1) for n in places), strict=True))


def states_of(model: Model, noise: Artifact, start: int, stop: int) -> States:
    """The noise codes of frames ``start`` to ``stop`` of the track, as the invert stage made them."""
    parts = (noise.read(name, start, stop) for name in ("x_before", "x_T"))
    return tuple(model.tensor(part).contiguous(memory_format=torch.channels_last) for part in parts)


@torch.inference_mode()
def sample(model: Model, states: States, z_id: np.ndarray, z_lnd: np.ndarray, steps: int) -> torch.Tensor:
    """Crops (B, 3, S, S), RGB in [-1, 1], not clamped; z_id: (1, D) or (B, D); z_lnd: (B, 102)."""
    denoise, schedule = bind(model, z_id, z_lnd), model.autoencoder.schedule
    return reversible_sample(schedule, denoise, states, reversible_timesteps(steps))


def rows(z_id: np.ndarray, start: int, stop: int) -> np.ndarray:
    """The codes of frames ``start`` to ``stop``: all there is where that is one code for all, (1, D)."""
    return z_id if len(z_id) == 1 else z_id[start:stop]


def pictures_of(sampled: torch.Tensor) -> np.ndarray:
    """Samples (n, 3, S, S) in [-1, 1] as uint8 (n, S, S, 3)."""
    return ((sampled + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def to_levels(sampled: Artifact, start: int, stop: int) -> np.ndarray:
    """Sampled crops as (n, S, S, 3) float32 in 8-bit levels, clamped to what a picture can show."""
    crops = sampled.read("crops", start, stop).astype(np.float32)
    return np.clip((crops + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)
