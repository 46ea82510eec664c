"""DDIM as the paper runs it, clamp and all: crops to noise codes, and back under an identity code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from dvaedit.diffusion.reference import State, Steps, reference_invert, reference_sample
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.invert import bind
from dvaedit.stages.sample import rows

SHARD = 4  # frames, the paper's batch; with a thousand steps not more should be lost to an interrupt


@dataclass(frozen=True)
class PaperInvert(Stage):
    """Makes ``x_T`` (n, 3, S, S) float32, and ``clamped`` (n,): the mean share of clamped values.

    T - 1 steps, or T for DiffAE, whose code goes all the way to noise.
    """

    name: ClassVar[str] = "paper-invert"
    version: ClassVar[int] = 1
    steps: int = 100
    dtype: str = "float32"
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    @torch.inference_mode()
    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        crops, codes, model = inputs["align"], inputs["encode"], self.model
        schedule, total = model.autoencoder.schedule, codes.frames
        steps = Steps.of(schedule, self.steps)
        for start, stop in out.missing(total, SHARD):
            denoise = bind(model, model.identity_codes(codes, start, stop), codes.read("z_lnd", start, stop))
            x_0, whole = model.images(crops.read("crops", start, stop)), model.autoencoder.per_frame
            states = reference_invert(schedule, denoise, x_0, steps, to_noise=whole)
            x_T, clamped = _last(states)
            out.write(start, stop, {"x_T": x_T.cpu().numpy(), "clamped": clamped.cpu().numpy()})
            progress(stop, total)


@dataclass(frozen=True)
class PaperSample(Stage):
    """Makes ``crops`` (n, 3, S, S) float32, RGB in [-1, 1], in T steps from x_T, and ``clamped`` (n,).

    With an ``edit`` input its ``z_id`` is the code; without, the video's own (or each frame's).
    """

    name: ClassVar[str] = "paper-sample"
    version: ClassVar[int] = 1
    steps: int = 100
    dtype: str = "float32"
    model: Model = unkeyed(None)

    def weights(self) -> dict[str, str]:
        return self.model.digest("autoencoder")

    @torch.inference_mode()
    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        noise, codes, model = inputs["invert"], inputs["encode"], self.model
        schedule = model.autoencoder.schedule
        steps = Steps.of(schedule, self.steps)
        z_id = inputs["edit"].read("z_id") if "edit" in inputs else model.identity_codes(codes)
        for start, stop in out.missing(noise.frames, SHARD):
            denoise = bind(model, rows(z_id, start, stop), codes.read("z_lnd", start, stop))
            x_T = model.tensor(noise.read("x_T", start, stop))
            crops, clamped = _last(reference_sample(schedule, denoise, x_T, steps))
            out.write(start, stop, {"crops": crops.cpu().numpy(), "clamped": clamped.cpu().numpy()})
            progress(stop, noise.frames)


def _last(states: Iterator[State]) -> tuple[torch.Tensor, torch.Tensor]:
    """x after the last of ``states``, and per crop the share of pred_x_0 that was clamped, averaged over them."""
    shares, x = [], None
    for state in states:
        x = state.x
        shares.append((state.pred_x_0.abs() == 1).flatten(1).float().mean(dim=1))
    return x, torch.stack(shares).mean(dim=0)
