"""LPIPS, the learned perceptual distance of Zhang et al. (CVPR 2018), version 0.1 on AlexNet."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (in, out, kernel, stride, padding, pool before) of AlexNet's five convolutions (Krizhevsky 2014).
LAYERS = (
    (3, 64, 11, 4, 2, False),
    (64, 192, 5, 1, 2, True),
    (192, 384, 3, 1, 1, True),
    (384, 256, 3, 1, 1, False),
    (256, 256, 3, 1, 1, False),
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in [0, 1]


class LPIPS(nn.Module):
    """Perceptual distance of two pictures: 0 for equal ones, about 0.2 for a slight blur, 1.4 for noise.

    State: ``convs.{i}.weight``, ``convs.{i}.bias`` and ``heads.{i}``, (channels,), the non-negative ``w_l``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(a, b, k, stride=s, padding=p) for a, b, k, s, p, _ in LAYERS)
        self.heads = nn.ParameterList(torch.zeros(layer[1]) for layer in LAYERS)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).reshape(3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """Unit-normalised activations after each ReLU of ``x``, (B, 3, H, W), RGB in [-1, 1]."""
        h = ((x + 1) / 2 - self.mean) / self.std
        activations = []
        for conv, (*_, pool) in zip(self.convs, LAYERS, strict=True):
            h = F.relu(conv(F.max_pool2d(h, 3, stride=2) if pool else h))
            activations.append(F.normalize(h, dim=1, eps=1e-10))
        return activations

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``x``, ``y``: (B, 3, H, W), RGB in [-1, 1], sides of 31 or more. Returns (B,); Zhang et al., eq. 1."""
        distance = torch.zeros(x.shape[0], device=x.device)
        for a, b, head in zip(self.features(x), self.features(y), self.heads, strict=True):
            squared = (a - b).square().mean(dim=(2, 3))
            distance = distance + squared @ head
        return distance
