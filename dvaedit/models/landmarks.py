"""MobileNetV2 with a global depthwise convolution: the paper's landmark net, frozen. Sandler et al., CVPR 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import MobileNetV2

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INNER = slice(17, 68)  # without the jaw, which belongs to identity
_CROP = slice(16, 240)  # of 256


@dataclass(frozen=True)
class LandmarkConfig:
    """Where z_lnd comes from.

    ``source``: "mesh", the face mesh that aligned the crop; "net", a :class:`LandmarkNet` within the autoencoder;
    "none", there is no landmark code (DiffAE). ``width`` scales the channels of the net.
    """

    source: Literal["mesh", "net", "none"] = "mesh"
    width: float = 1.0


class _ConvNorm(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class LandmarkNet(nn.Module):
    """Crop to 68 landmarks, of which the 51 inner ones make z_lnd."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.features = MobileNetV2(width_mult=width).features
        channels = self.features[-1].out_channels
        self.linear7 = _ConvNorm(channels, channels, 7, groups=channels)
        self.linear1 = _ConvNorm(channels, 136, 1)

    def raw(self, x: Tensor) -> Tensor:
        """68 points (x, y) in units of the 224 px crop, (B, 136), of ``network_input``'s (B, 3, 224, 224)."""
        return self.linear1(self.linear7(self.features(x))).flatten(1)

    def forward(self, x_0: Tensor) -> Tensor:
        """``x_0``: (B, 3, H, W), aligned crops, RGB in [-1, 1]. Returns z_lnd, (B, 102), in [0, 1]."""
        return landmark_code(self.raw(network_input(x_0)))


def network_input(x_0: Tensor) -> Tensor:
    """The middle 224 of 256 pixels, normalised as ImageNet: (B, 3, 224, 224). Other sizes are resized to 256 first."""
    if x_0.shape[2] not in (224, 256):
        x_0 = F.interpolate(x_0, (256, 256), mode="bilinear", align_corners=False)
    if x_0.shape[2] != 224:
        x_0 = x_0[:, :, _CROP, _CROP]
    return imagenet(x_0)


def imagenet(x: Tensor) -> Tensor:
    """RGB in [-1, 1] with ImageNet's mean and standard deviation taken out."""
    mean, std = (torch.tensor(values, dtype=x.dtype, device=x.device) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return ((x + 1) / 2 - mean[:, None, None]) / std[:, None, None]


def landmark_code(raw: Tensor) -> Tensor:
    """z_lnd, (B, 102) in [0, 1], of 68 raw points, (B, 136): clamped, without the jaw."""
    return raw.clamp(0, 1).unflatten(1, (68, 2))[:, INNER].flatten(1)
