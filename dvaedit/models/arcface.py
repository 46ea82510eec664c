"""IR-SE50, the ArcFace network of the paper's identity code: frozen, trained elsewhere for recognising faces.

Architecture: He et al. 2016 (residual units), Hu et al. 2018 (squeeze-and-excitation), Deng et al. 2019 (ArcFace). The
attribute names are those of the published file, so that its keys need no table.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGE_UNITS = (3, 4, 14, 3)
FACE_ROWS, FACE_COLUMNS = slice(35, 223), slice(32, 220)  # the face in an aligned 256 px crop
INPUT_PIXELS = 112
REDUCTION = 16  # of the squeeze


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate that depends on the means of all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(1, channels // REDUCTION), 1, bias=False)
        self.fc2 = nn.Conv2d(max(1, channels // REDUCTION), channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))))


class Unit(nn.Module):
    """Residual unit that normalises first; no activation after the sum."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcite(channels),
        )
        if in_channels == channels:  # also where the stride is 2: every second pixel, no convolution
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class IRSE50(nn.Module):
    """The recognition network. ``channels``: width of each of the four stages."""

    def __init__(self, channels: tuple[int, ...] = (64, 128, 256, 512), code_channels: int = 512) -> None:
        super().__init__()
        first, final = channels[0], channels[-1]
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        units, width = [], first
        for channel, count in zip(channels, STAGE_UNITS, strict=True):
            units += [Unit(width if n == 0 else channel, channel, 2 if n == 0 else 1) for n in range(count)]
            width = channel
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(final),
            nn.Dropout(0.6),
            nn.Flatten(),
            nn.Linear(final * (INPUT_PIXELS // 16) ** 2, code_channels),
            nn.BatchNorm1d(code_channels),
        )

    def features(self, x: Tensor) -> Tensor:
        """The code before it is brought to unit norm, (B, code_channels), of faces (B, 3, 112, 112) in [-1, 1]."""
        return self.output_layer(self.body(self.input_layer(x)))

    def forward(self, x_0: Tensor) -> Tensor:
        """``x_0``: (B, 3, H, W), aligned crops, RGB in [-1, 1]. Returns z_id, (B, code_channels), unit L2 norm."""
        return F.normalize(self.features(face_input(x_0)), dim=1)


def face_input(x_0: Tensor) -> Tensor:
    """The face of aligned crops (B, 3, H, W), (B, 3, 112, 112): rows 35..222, columns 32..219 of 256, averaged."""
    if x_0.shape[2] != 256:
        x_0 = F.adaptive_avg_pool2d(x_0, 256)
    return F.adaptive_avg_pool2d(x_0[:, :, FACE_ROWS, FACE_COLUMNS], INPUT_PIXELS)
