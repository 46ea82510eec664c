"""The judge: reads attributes off a face crop. It measures edits, so nothing that edits may share weights with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class JudgeConfig:
    """``attributes``: the names of the outputs; ``image_size``: side of the crops it sees, pixels; ``widths`` and
    ``depths``: channels and blocks at 1/4, 1/8 and 1/16 of that; ``stem``: channels at 1/2."""

    attributes: tuple[str, ...]
    image_size: int = 112
    stem: int = 24
    widths: tuple[int, ...] = (40, 80, 192)
    depths: tuple[int, ...] = (1, 2, 3)
    expansion: int = 3
    dropout: float = 0.2


class Block(nn.Module):
    """Depthwise 5 x 5, then an inverted bottleneck of 1 x 1 convolutions; added to its input."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Judge(nn.Module):
    """Convolutional attribute classifier on images.

    Crops are aligned, so the last map is reduced by a learned window per channel (a depthwise convolution as large as
    the map), not by a mean: a fringe and a beard are told apart by where they are. ``scale`` and ``shift`` calibrate
    the logits, so that the probability of an attribute is right where half of the faces have it.
    """

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        channels, layers = config.stem, [_down(3, config.stem, 3)]
        for width, depth in zip(config.widths, config.depths, strict=True):
            layers += [_down(channels, width, 3), *(Block(width, config.expansion) for _ in range(depth))]
            channels = width
        self.features = nn.Sequential(*layers)
        side = -(-config.image_size // 2 ** (len(config.widths) + 1))
        self.window = nn.Conv2d(channels, 2 * channels, side, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(2 * channels)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(2 * channels, len(config.attributes))
        self.register_buffer("scale", torch.ones(len(config.attributes)))
        self.register_buffer("shift", torch.zeros(len(config.attributes)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, A) of crops ``x``, (B, 3, S, S), RGB in [-1, 1], aligned as FFHQ's, S = ``image_size``."""
        return self.head(self.dropout(self.embedded(x))) * self.scale + self.shift

    def embedded(self, x: Tensor) -> Tensor:
        """(B, D) what the head reads, D = twice the last of ``widths``."""
        return self.norm(self.window(F.relu(self.features(x)))).flatten(1)

    @torch.inference_mode()
    def probabilities(self, x: Tensor) -> Tensor:
        """(B, A) in [0, 1]: the mean over each crop and its mirror image. From 0.5 on an attribute counts as seen."""
        return (self(x).sigmoid() + self(x.flip(3)).sigmoid()) / 2


def _down(channels: int, width: int, kernel: int) -> nn.Sequential:
    """Half the resolution: convolution, BatchNorm, ReLU."""
    conv = nn.Conv2d(channels, width, kernel, stride=2, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
