"""The conditional U-Net of Diffusion Video Autoencoders, at any size.

The residual block takes two conditions: the time embedding modulates it after the first convolution and the
face code ``z_face`` after the second (Kim et al., CVPR 2023, section 3.2; Preechakul et al., CVPR 2022). One
class serves the paper's 256 px network, DiffAE's and the compact 128 px one; :class:`UNetConfig` is all that differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True)
class UNetConfig:
    """Size of a :class:`UNet`; the defaults are the paper's.

    ``patch_size`` p folds p x p pixels into channels before the first convolution, so that the first level works
    at ``image_size / p``. ``attention_resolutions`` are map sizes, in the units of the folded image. With
    ``resblock_updown`` a residual block changes the resolution (the paper); without, a bare mean or nearest
    resampling does, at no cost. ``linear_channels`` > 0 adds a :class:`LinearPath` of that width. ``condition``: how
    ``z_face`` enters a residual block, "norm" (the paper) after a convolution and a norm of its own, "scale" (DiffAE)
    as a second scale, without shift, right after the time embedding's.
    """

    image_size: int = 256
    in_channels: int = 3
    patch_size: int = 1
    base_channels: int = 128
    channel_multipliers: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    num_res_blocks: int = 2
    attention_resolutions: tuple[int, ...] = (16,)
    embed_channels: int = 512
    cond_channels: int = 512
    resblock_updown: bool = True
    linear_channels: int = 0
    norm_groups: int = 32
    dropout: float = 0.1
    condition: Literal["norm", "scale"] = "norm"


class GroupNorm32(nn.GroupNorm):
    """Group normalisation computed in float32 whatever the input's type (eps 1e-5)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype)


def timestep_embedding(t: Tensor, channels: int, max_period: float = 10_000.0) -> Tensor:
    """Sinusoidal embedding of timesteps.

    ``t``: (B,), original timesteps 0..999, integer or float. Returns (B, channels), float32: cosines first, then
    sines, at the frequencies ``max_period ** (-k / (channels / 2))``.
    """
    half = channels // 2
    frequencies = torch.exp(-math.log(max_period) / half * torch.arange(half, dtype=torch.float32, device=t.device))
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def zeroed(module: nn.Module) -> nn.Module:
    """The module with all its parameters set to zero: a residual branch that starts as nothing."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def _modulate(h: Tensor, scale_shift: Tensor) -> Tensor:
    scale, shift = scale_shift[:, :, None, None].chunk(2, dim=1)
    return h * (1 + scale) + shift


def resample(x: Tensor, mode: str | None) -> Tensor:
    """ "up" doubles a map (nearest), "down" halves it (2x2 mean), None leaves it."""
    if mode == "up":
        return F.interpolate(x, scale_factor=2, mode="nearest")
    if mode == "down":
        return F.avg_pool2d(x, 2)
    return x


class Resample(nn.Module):
    """Halves ("down", 2x2 mean) or doubles ("up", nearest) a map without parameters; takes a block's arguments."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor, e_t: Tensor, z_face: Tensor) -> Tensor:
        return resample(x, self.mode)


class ResBlock(nn.Module):
    """Residual block modulated by the time embedding and by ``z_face``; ``resample`` is "up", "down" or None."""

    def __init__(self, config: UNetConfig, in_channels: int, out_channels: int, resample: str | None = None) -> None:
        super().__init__()
        self.resample, self.own_norm = resample, config.condition == "norm"
        self.norm_in = GroupNorm32(config.norm_groups, in_channels)
        self.conv_in = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_proj = nn.Linear(config.embed_channels, 2 * out_channels)
        self.norm_time = GroupNorm32(config.norm_groups, out_channels)
        self.cond_proj = nn.Linear(config.cond_channels, (2 if self.own_norm else 1) * out_channels)
        if self.own_norm:
            self.conv_mid = nn.Conv2d(out_channels, out_channels, 3, padding=1)
            self.norm_cond = GroupNorm32(config.norm_groups, out_channels)
        self.dropout = nn.Dropout(config.dropout)
        self.conv_out = zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, e_t: Tensor, z_face: Tensor) -> Tensor:
        h = resample(F.silu(self.norm_in(x)), self.resample)
        h = self.norm_time(self.conv_in(h))
        h = _modulate(h, self.time_proj(F.silu(e_t)))
        condition = self.cond_proj(F.silu(z_face))
        if self.own_norm:
            h = _modulate(self.norm_cond(self.conv_mid(F.silu(h))), condition)
        else:
            h = h * (1 + condition[:, :, None, None])
        return self.skip(resample(x, self.resample)) + self.conv_out(self.dropout(F.silu(h)))


class AttentionBlock(nn.Module):
    """Single-head self-attention over all positions of a map."""

    def __init__(self, config: UNetConfig, channels: int) -> None:
        super().__init__()
        self.norm = GroupNorm32(config.norm_groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        q, k, v = self.qkv(self.norm(flat)).chunk(3, dim=1)
        scale = q.shape[1] ** -0.25
        weights = torch.einsum("bcq,bck->bqk", q * scale, k * scale).float().softmax(dim=-1).to(v.dtype)
        h = torch.einsum("bqk,bck->bcq", weights, v)
        return (flat + self.proj_out(h)).view_as(x)


class Block(nn.Module):
    """Residual block, then attention, then a doubling of the resolution; the last two are optional."""

    def __init__(
        self, res: ResBlock | Resample, attention: AttentionBlock | None = None, up: ResBlock | Resample | None = None
    ) -> None:
        super().__init__()
        self.res, self.attention, self.up = res, attention, up

    def forward(self, x: Tensor, e_t: Tensor, z_face: Tensor) -> Tensor:
        x = self.res(x, e_t, z_face)
        if self.attention is not None:
            x = self.attention(x)
        return x if self.up is None else self.up(x, e_t, z_face)


class LinearPath(nn.Module):
    """A linear filter of the folded input whose gains depend on time alone, added to the output.

    A network of few channels per folded pixel cannot carry the noise of x_t from its input to its output. What is
    linear in the prediction (at each noise level, a Wiener filter) takes this path instead.
    """

    def __init__(self, config: UNetConfig, folded: int) -> None:
        super().__init__()
        self.analysis = nn.Conv2d(folded, config.linear_channels, 3, padding=1, bias=False)
        self.gain = nn.Linear(config.embed_channels, config.linear_channels)
        self.synthesis = zeroed(nn.Conv2d(config.linear_channels, folded, 1, bias=False))

    def forward(self, x: Tensor, e_t: Tensor) -> Tensor:
        return self.synthesis(self.analysis(x) * self.gain(F.silu(e_t))[:, :, None, None])


class UNet(nn.Module):
    """Predicts one image-shaped tensor from ``x_t``, t and ``z_face``; what it means is the schedule's business.

    ``checkpointing`` True: gradients recompute each block's activations instead of keeping them, for a third more time.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config, self.checkpointing = config, False
        channels = config.base_channels
        folded = config.in_channels * config.patch_size**2
        self.time_embed = nn.Sequential(
            nn.Linear(channels, config.embed_channels),
            nn.SiLU(),
            nn.Linear(config.embed_channels, config.embed_channels),
        )
        self.stem = nn.Conv2d(folded, channels, 3, padding=1)
        self.down, skips, channels, size = self._build_down(channels)
        self.middle = nn.ModuleList(
            [
                Block(ResBlock(config, channels, channels), AttentionBlock(config, channels)),
                Block(ResBlock(config, channels, channels)),
            ]
        )
        self.up, channels = self._build_up(skips, channels, size)
        self.norm_out = GroupNorm32(config.norm_groups, channels)
        self.conv_out = zeroed(nn.Conv2d(channels, folded, 3, padding=1))
        self.linear = LinearPath(config, folded) if config.linear_channels else None

    def _attention(self, channels: int, size: int) -> AttentionBlock | None:
        return AttentionBlock(self.config, channels) if size in self.config.attention_resolutions else None

    def _resampler(self, channels: int, mode: str) -> ResBlock | Resample:
        return ResBlock(self.config, channels, channels, mode) if self.config.resblock_updown else Resample(mode)

    def _build_down(self, channels: int) -> tuple[nn.ModuleList, list[int], int, int]:
        config, size = self.config, self.config.image_size // self.config.patch_size
        blocks, skips = nn.ModuleList(), [channels]
        for level, multiplier in enumerate(config.channel_multipliers):
            if level > 0:
                blocks.append(Block(self._resampler(channels, "down")))
                skips.append(channels)
                size //= 2
            for _ in range(config.num_res_blocks):
                out = multiplier * config.base_channels
                blocks.append(Block(ResBlock(config, channels, out), self._attention(out, size)))
                skips.append(channels := out)
        return blocks, skips, channels, size

    def _build_up(self, skips: list[int], channels: int, size: int) -> tuple[nn.ModuleList, int]:
        config, blocks = self.config, nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(config.channel_multipliers))):
            out = multiplier * config.base_channels
            for index in range(config.num_res_blocks + 1):
                res = ResBlock(config, channels + skips.pop(), out)
                last = level > 0 and index == config.num_res_blocks
                blocks.append(Block(res, self._attention(out, size), self._resampler(out, "up") if last else None))
                channels = out
            size *= 2
        return blocks, channels

    def forward(self, x_t: Tensor, t: Tensor, z_face: Tensor) -> Tensor:
        """``x_t``: (B, C, H, W); ``t``: (B,), original timesteps 0..999; ``z_face``: (B, cond_channels).

        Returns the prediction, of the shape of ``x_t``.
        """
        patch = self.config.patch_size
        e_t = self.time_embed(timestep_embedding(t, self.config.base_channels).to(z_face.dtype))
        x = F.pixel_unshuffle(x_t, patch) if patch > 1 else x_t
        h = self.stem(x)
        skips = [h]
        for block in self.down:
            h = self._run(block, h, e_t, z_face)
            skips.append(h)
        for block in self.middle:
            h = self._run(block, h, e_t, z_face)
        for block in self.up:
            h = self._run(block, torch.cat([h, skips.pop()], dim=1), e_t, z_face)
        h = self.conv_out(F.silu(self.norm_out(h)))
        if self.linear is not None:
            h = h + self.linear(x, e_t)
        return F.pixel_shuffle(h, patch) if patch > 1 else h

    def _run(self, block: nn.Module, h: Tensor, e_t: Tensor, z_face: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(block, h, e_t, z_face, use_reentrant=False)
        return block(h, e_t, z_face)
