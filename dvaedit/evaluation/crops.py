"""How well the sampled crops reproduce the crops they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.evaluation.reconstruction import decibels, mse, ssim
from dvaedit.models.lpips import LPIPS
from dvaedit.pipeline.artifact import Artifact

BATCH = 32


@dataclass(frozen=True)
class CropQuality:
    """Means over the frames. PSNR in dB of the mean MSE, infinite where all frames are equal; SSIM and LPIPS (AlexNet)
    as published; MSE of values from 0 to 1."""

    psnr: float
    ssim: float
    lpips: float
    mse: float


@torch.inference_mode()
def crop_quality(align: Artifact, sampled: Artifact) -> CropQuality:
    """Compare the 8-bit crops of an align artifact with the sampled ones, both at the model's resolution."""
    lpips = LPIPS()
    load_into(lpips, load_tensors(find_card("lpips-alex")))
    lpips.eval()
    rows = []
    for start, stop, crops in align.batches("crops", BATCH):
        x = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1
        y = torch.from_numpy(sampled.read("crops", start, stop)).float().clamp(-1, 1)
        rows.append(torch.stack([ssim(x, y), lpips(x, y).flatten(), mse(x, y)], dim=1).double().numpy())
    means = np.concatenate(rows).mean(axis=0).tolist()
    return CropQuality(*(round(value, 5) for value in (decibels(means[-1]), *means)))


def mean_quality(parts: Sequence[tuple[int, CropQuality]]) -> CropQuality:
    """The mean of several tracks, (frames, quality) each, by their frames."""
    weights = [frames for frames, _ in parts]

    def average(values: list[float]) -> float:
        return float(np.average(values, weights=weights))

    found = {f.name: average([getattr(quality, f.name) for _, quality in parts]) for f in fields(CropQuality)}
    found["psnr"] = decibels(average([10 ** (-quality.psnr / 10) for _, quality in parts]))  # the MSE itself is rounded
    return CropQuality(**{name: round(value, 5) for name, value in found.items()})
