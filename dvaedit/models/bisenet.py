"""BiSeNet on a ResNet-18: the paper's face parser, frozen. Yu et al., ECCV 2018."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, ResNet

from dvaedit.models.landmarks import imagenet

WORKING_PIXELS = 512


class ConvNormRelu(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)


class AttentionRefinement(nn.Module):
    """Reduces a map to 128 channels and gates each by the means of all."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = ConvNormRelu(in_channels, channels)
        self.conv_atten = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        a = self.conv(x)
        return a * torch.sigmoid(self.bn_atten(self.conv_atten(_mean(a))))


class ContextPath(nn.Module):
    """Features at strides 8, 16 and 32, the coarse ones handed down to the finer."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet(BasicBlock, [2, 2, 2, 2])
        del self.resnet.fc
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvNormRelu(128, 128)
        self.conv_head16 = ConvNormRelu(128, 128)
        self.conv_avg = ConvNormRelu(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f8 (B, 128, H/8, W/8), u16 (B, 128, H/8, W/8), u32 (B, 128, H/16, W/16)."""
        net = self.resnet
        x = net.layer1(net.maxpool(F.relu(net.bn1(net.conv1(x)))))
        f8 = net.layer2(x)
        f16 = net.layer3(f8)
        f32 = net.layer4(f16)
        u32 = self.conv_head32(_enlarge(self.arm32(f32) + self.conv_avg(_mean(f32)), f16))
        return f8, self.conv_head16(_enlarge(self.arm16(f16) + u32, f8)), u32


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="nearest")


class FeatureFusion(nn.Module):
    """Joins fine and coarse features, each channel gated by the means of all."""

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        self.convblk = ConvNormRelu(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        v = self.convblk(torch.cat([fine, coarse], dim=1))
        return v + v * torch.sigmoid(self.conv2(F.relu(self.conv1(_mean(v)))))


class Head(nn.Module):
    """Features to logits, at the features' size."""

    def __init__(self, in_channels: int, channels: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvNormRelu(in_channels, channels)
        self.conv_out = nn.Conv2d(channels, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class BiSeNet(nn.Module):
    """Class logits of face crops. ``conv_out16`` and ``conv_out32`` only help in training."""

    def __init__(self, classes: int = 19) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion()
        self.conv_out = Head(256, 256, classes)
        self.conv_out16 = Head(128, 64, classes)
        self.conv_out32 = Head(128, 64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes, H/8, W/8) of ``x``: (B, 3, H, W), normalised as ImageNet, sides multiples of 32."""
        fine, coarse, _ = self.cp(x)
        return self.conv_out(self.ffm(fine, coarse))

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The logits of all three heads at the size of ``x``: the main one, then those of strides 16 and 32."""
        fine, coarse, coarsest = self.cp(x)
        logits = self.conv_out(self.ffm(fine, coarse)), self.conv_out16(coarse), self.conv_out32(coarsest)
        return tuple(upsample(each, x.shape[2:]) for each in logits)


def network_input(x_0: Tensor) -> Tensor:
    """(B, 3, 512, 512) of crops (B, 3, H, W), RGB in [-1, 1]: nearest neighbour, clipped, normalised as ImageNet."""
    x = F.interpolate(x_0, (WORKING_PIXELS, WORKING_PIXELS), mode="nearest")
    return imagenet(x.clamp(-1, 1))


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits at another size, bilinear, corner pixels on corner pixels."""
    return F.interpolate(logits, size, mode="bilinear", align_corners=True)
