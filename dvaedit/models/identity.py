"""Identity encoders: the compact model's own, and the choice among those of all model families."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.models.arcface import IRSE50
from dvaedit.models.semantic import SemanticEncoder


@dataclass(frozen=True)
class IdentityConfig:
    """Kind and size of an identity encoder.

    ``kind``: "compact", a small residual network trained together with the autoencoder, one stage per entry of
    ``channels``, each halving the map; "ir_se50", ArcFace's recognition network, frozen (the paper), with the width of
    its four stages; "semantic", DiffAE's half U-Net, with the width of each level, ``norm_groups`` its norms' groups.
    """

    image_size: int = 128
    channels: tuple[int, ...] = (32, 64, 96, 160, 256)
    code_channels: int = 512
    kind: Literal["compact", "ir_se50", "semantic"] = "compact"
    norm_groups: int = 32


class _Stage(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(8, out_channels)
        self.conv = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return x + self.conv(F.silu(self.norm(x)))


def build_identity(config: IdentityConfig) -> nn.Module:
    """The encoder ``config`` describes: x_0 (B, 3, H, W), RGB in [-1, 1], to codes (B, code_channels)."""
    if config.kind == "ir_se50":
        return IRSE50(config.channels, config.code_channels)
    if config.kind == "semantic":
        return SemanticEncoder(config.image_size, config.channels, config.code_channels, config.norm_groups)
    return IdentityEncoder(config)


class IdentityEncoder(nn.Module):
    """Maps a crop to ``z_id``, which holds who the person is and what they look like, not where features lie."""

    def __init__(self, config: IdentityConfig) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.channels)
        self.stages = nn.ModuleList(_Stage(a, b) for a, b in pairwise(widths))
        self.norm = nn.GroupNorm(8, widths[-1])
        self.head = nn.Linear(2 * widths[-1], config.code_channels)

    def forward(self, x_0: Tensor) -> Tensor:
        """``x_0``: (B, 3, H, W), RGB in [-1, 1]. Returns z_id, (B, code_channels), unit L2 norm."""
        for stage in self.stages:
            x_0 = stage(x_0)
        h = F.silu(self.norm(x_0)).flatten(2)
        pooled = torch.cat([h.mean(dim=2), h.amax(dim=2)], dim=1)
        return F.normalize(self.head(pooled), dim=1)
