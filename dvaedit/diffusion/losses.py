"""The training losses of Diffusion Video Autoencoders (Kim et al., CVPR 2023, eqs. 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dvaedit.diffusion.schedule import Schedule

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DenoisingLoss:
    """``simple`` and ``reg``: (B,) and (P,) per-crop losses; P is the number of crops given a second noise."""

    simple: Tensor
    reg: Tensor

    def total(self, reg_weight: float = 1.0) -> Tensor:
        """mean L_simple + ``reg_weight`` mean L_reg."""
        loss = self.simple.mean()
        return loss + reg_weight * self.reg.mean() if self.reg.numel() else loss


def _mean_chw(x: Tensor) -> Tensor:
    return x.abs().flatten(1).mean(dim=1)


def denoising_loss(
    denoise: Denoise,
    schedule: Schedule,
    x_0: Tensor,
    z_face: Tensor,
    mask: Tensor,
    t: Tensor,
    eps: Tensor,
    eps_pair: Tensor,
    x_seen: Tensor | None = None,
    weight: Tensor | None = None,
) -> DenoisingLoss:
    """L_simple (L1 of the prediction) and L_reg (two noises of one crop must denoise to the same face).

    ``x_0``, ``eps``: (B, C, H, W); ``z_face``: (B, D); ``mask``: (B, 1, H, W) face mask in [0, 1]; ``t``: (B,).
    ``eps_pair``: (P, C, H, W), P <= B, the second noise of the first P crops; the paper has P = B. L_simple of a
    crop with two noises is the sum over both, as in the paper when P = B.

    ``x_seen``: (B, C, H, W), the pictures under the noise where they differ from ``x_0``, the pictures to predict: an
    edit starts at the noise code of one picture and must end at another. Without it they are the same, as in the paper.
    ``weight``: (B, 1, H, W), of the pixels in L_simple; 1 if None.
    """
    pairs = len(eps_pair)
    seen = x_0 if x_seen is None else x_seen
    x_0_all, seen_all, t_all = (torch.cat([v, v[:pairs]]) for v in (x_0, seen, t))
    eps_all = torch.cat([eps, eps_pair])
    x_t = schedule.q_sample(seen_all, t_all, eps_all)
    output = denoise(x_t, t_all, torch.cat([z_face, z_face[:pairs]]))
    # The noise itself where it is the target: derived anew from x_t it loses four digits at small t.
    exact = schedule.target(x_0_all, t_all, eps_all) if x_seen is None else schedule.output_for(x_t, t_all, x_0_all)
    error = output - exact
    simple = _mean_chw(error if weight is None else error * torch.cat([weight, weight[:pairs]]))
    first, second = simple[: len(x_0)], simple[len(x_0) :]
    pred_x_0, _ = schedule.split(x_t, t_all, output)
    reg = _mean_chw(mask[:pairs] * (pred_x_0[:pairs] - pred_x_0[len(x_0) :]))
    return DenoisingLoss(torch.cat([first[:pairs] + second, first[pairs:]]), reg)
