"""Face parsers: networks that give each pixel of a crop one of CelebAMask-HQ's classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.base import SegmentationHead
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.face.regions import CLASSES
from dvaedit.models import bisenet

MOVED = 1 / 256  # of a crop's side: how far it is moved before it is looked at
_OTHER = {"l_brow": "r_brow", "l_eye": "r_eye", "l_ear": "r_ear"}
_OTHER |= {right: left for left, right in _OTHER.items()}
MIRRORED = [CLASSES.index(_OTHER.get(name, name)) for name in CLASSES]  # of each class, what it is in a mirror


@dataclass(frozen=True)
class ParserConfig:
    """Kind and size of a parser.

    ``kind``: "unet", the compact :class:`Parser`; "bisenet", the paper's :class:`PaperParser`, of which only
    ``image_size`` and ``classes`` can be chosen.
    ``image_size``: side of the crops it is given and of its maps, pixels; ``working_size``: side at which the network
    sees them, a multiple of 32; ``decoder_channels``: one entry per U-Net level from stride 16 up to stride 2.
    """

    image_size: int = 256
    working_size: int = 128
    encoder: str = "tu-mobilenetv3_small_100"
    decoder_channels: tuple[int, ...] = (96, 64, 40, 24)
    classes: int = len(CLASSES)
    kind: Literal["unet", "bisenet"] = "unet"


class Classes(nn.Module):
    """What every parser offers; a subclass gives ``config`` and ``logits``."""

    config: ParserConfig

    def logits(self, x: Tensor) -> Tensor:
        """Logits (B, classes, H, W) of crops of any size, (B, 3, H, W), RGB in [-1, 1]."""
        raise NotImplementedError

    def parse(self, x: Tensor) -> Tensor:
        """Class probabilities, (B, classes, H, W), of crops (B, 3, H, W), RGB in [-1, 1]."""
        return self.logits(x).softmax(dim=1)

    def class_map(self, x: Tensor) -> Tensor:
        """The likeliest class of every pixel, uint8 (B, H, W), of crops (B, 3, H, W), RGB in [-1, 1]."""
        return self.logits(x).argmax(dim=1).to(torch.uint8)


class Parser(Classes):
    """Crop to class probabilities: the compact model's small U-Net.

    The network works on a reduced crop and stops at half its size. Its logits are enlarged bilinearly before the
    softmax: borders come out smooth and finer than the network's own grid.
    """

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.config = config
        self.network = smp.Unet(
            config.encoder,
            encoder_weights=None,
            encoder_depth=len(config.decoder_channels) + 1,
            decoder_channels=(*config.decoder_channels, config.decoder_channels[-1]),
            classes=config.classes,
        )
        # The last level of the decoder has no skip connection and most of the cost.
        self.network.decoder.blocks = self.network.decoder.blocks[:-1]
        self.network.segmentation_head = SegmentationHead(config.decoder_channels[-1], config.classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes, S/2, S/2) of ``x``: (B, 3, S, S) at the working size, RGB in [-1, 1]."""
        return self.network(x)

    def logits(self, x: Tensor) -> Tensor:
        """Logits (B, classes, H, W) of crops of any size, (B, 3, H, W), RGB in [-1, 1].

        The mean of two looks, at the crop and at its mirror image, each moved to the side a little.
        """
        x = x.clamp(-1, 1)
        by = max(round(MOVED * x.shape[3]), 1)
        return (self._look(x, by) + self._look(x, by, mirrored=True)) / 2

    def _look(self, x: Tensor, by: int, mirrored: bool = False) -> Tensor:
        """The logits that the network has for crops moved to the right by some pixels."""
        moved = F.pad(x, (by, 0, 0, 0), mode="replicate")[..., : x.shape[3]]
        working = (self.config.working_size, self.config.working_size)
        small = moved.flip(3) if mirrored else moved
        if x.shape[2:] != working:
            small = F.interpolate(small, working, mode="bilinear", align_corners=False, antialias=True)
        found = F.interpolate(self(small), x.shape[2:], mode="bilinear", align_corners=False)
        found = found.flip(3)[:, MIRRORED] if mirrored else found
        return F.pad(found, (0, by, 0, 0), mode="replicate")[..., by:]


class PaperParser(Classes):
    """The paper's parser: BiSeNet on crops enlarged to 512 pixels, its classes read at the crop's own pixels."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.config = config
        self.network = bisenet.BiSeNet(config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes, 512, 512) of crops (B, 3, H, W), RGB in [-1, 1]."""
        x = bisenet.network_input(x)
        return bisenet.upsample(self.network(x), x.shape[2:])

    def logits(self, x: Tensor) -> Tensor:
        """Of the 512 x 512 logits, those at the crop's pixels (nearest: of a 256 crop, even rows and columns)."""
        return F.interpolate(self(x), x.shape[2:], mode="nearest")


def build_parser(config: ParserConfig) -> Classes:
    """The parser ``config`` describes."""
    return PaperParser(config) if config.kind == "bisenet" else Parser(config)
