"""DiffAE's semantic encoder: the contracting half of a U-Net, trained with the rest. Preechakul et al., CVPR 2022."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.models.unet import AttentionBlock, GroupNorm32, UNetConfig, resample

NUM_RES_BLOCKS = 2
ATTENTION_RESOLUTION = 16


class PlainResBlock(nn.Module):
    """Residual block without conditions: one norm, one convolution; ``mode`` is "down" or None."""

    def __init__(self, config: UNetConfig, in_channels: int, out_channels: int, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode
        self.norm_in = GroupNorm32(config.norm_groups, in_channels)
        self.conv_in = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = resample(F.silu(self.norm_in(x)), self.mode)
        return self.skip(resample(x, self.mode)) + self.conv_in(h)


class PlainBlock(nn.Module):
    """Residual block, then attention, which is optional."""

    def __init__(self, res: PlainResBlock, attention: AttentionBlock | None = None) -> None:
        super().__init__()
        self.res, self.attention = res, attention

    def forward(self, x: Tensor) -> Tensor:
        x = self.res(x)
        return x if self.attention is None else self.attention(x)


class SemanticEncoder(nn.Module):
    """Crop to one code that holds all but fine detail.

    ``channels``: width of each level, the first at ``image_size``, each further one at half of it.
    """

    def __init__(self, image_size: int, channels: tuple[int, ...], code_channels: int, norm_groups: int = 32) -> None:
        super().__init__()
        self.config = config = UNetConfig(norm_groups=norm_groups)
        self.stem = nn.Conv2d(3, channels[0], 3, padding=1)
        blocks, width, size = [], channels[0], image_size
        for level, out in enumerate(channels):
            if level > 0:
                blocks.append(PlainBlock(PlainResBlock(config, width, width, "down")))
                size //= 2
            for _ in range(NUM_RES_BLOCKS):
                attention = AttentionBlock(config, out) if size == ATTENTION_RESOLUTION else None
                blocks.append(PlainBlock(PlainResBlock(config, width, out), attention))
                width = out
        self.down = nn.ModuleList(blocks)
        self.middle = nn.ModuleList(
            [
                PlainBlock(PlainResBlock(config, width, width), AttentionBlock(config, width)),
                PlainBlock(PlainResBlock(config, width, width)),
            ]
        )
        self.norm_out = GroupNorm32(norm_groups, width)
        self.head = nn.Conv2d(width, code_channels, 1)

    def forward(self, x_0: Tensor) -> Tensor:
        """``x_0``: (B, 3, H, W), RGB in [-1, 1]. Returns the code, (B, code_channels), of any norm."""
        h = self.stem(x_0)
        for block in (*self.down, *self.middle):
            h = block(h)
        return self.head(F.silu(self.norm_out(h)).mean(dim=(2, 3), keepdim=True)).flatten(1)
