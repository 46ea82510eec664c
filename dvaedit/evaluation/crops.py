"""How well the sampled crops reproduce the crops they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.evaluation.reconstruction import mse, psnr, ssim
from dvaedit.models.lpips import LPIPS
from dvaedit.pipeline.artifact import Artifact

BATCH = 32


@dataclass(frozen=True)
class CropQuality:
    """Means over the frames. PSNR in dB for a range of 1, SSIM and LPIPS (AlexNet) as published, MSE in [0, 1]."""

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
        rows.append(torch.stack([psnr(x, y), ssim(x, y), lpips(x, y).flatten(), mse(x, y)], dim=1).numpy())
    return CropQuality(*(round(float(value), 5) for value in np.concatenate(rows).mean(axis=0)))


def mean_quality(parts: Sequence[tuple[int, CropQuality]]) -> CropQuality:
    """The mean of several tracks, (frames, quality) each, by their frames."""
    weights = [frames for frames, _ in parts]
    return CropQuality(
        *(
            round(float(np.average([getattr(q, f.name) for _, q in parts], weights=weights)), 5)
            for f in fields(CropQuality)
        )
    )
