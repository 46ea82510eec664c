"""The diffusion video autoencoder: identity encoder, landmark net, face-code map and U-Net.

One class for all model families; :class:`AutoencoderConfig` is what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dvaedit.diffusion.schedule import Prediction, Schedule
from dvaedit.models.identity import IdentityConfig, build_identity
from dvaedit.models.landmarks import LandmarkConfig, LandmarkNet
from dvaedit.models.unet import UNet, UNetConfig

MAX_BATCH, MAX_VALUES = 16, 2**24  # crops, and values of the U-Net's first map, that inference takes at once
LANDMARK_CHANNELS = 102  # 51 inner points (17..67 of the 68-point scheme), x and y


@dataclass(frozen=True)
class AutoencoderConfig:
    """What a checkpoint's card states. ``mapping_hidden`` 0 makes the face-code map linear, as the paper's.

    The defaults of ``unet`` are the paper's, those of the rest the compact model's; see :data:`PAPER`, :data:`DIFFAE`.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    schedule: str = "linear"
    prediction: Prediction = "eps"
    mapping_hidden: int = 0
    landmarks: LandmarkConfig = field(default_factory=LandmarkConfig)


PAPER = AutoencoderConfig(
    identity=IdentityConfig(image_size=256, channels=(64, 128, 256, 512), kind="ir_se50"),
    landmarks=LandmarkConfig("net"),
)
"""Diffusion Video Autoencoders as published: 256 px, eps prediction, linear schedule."""

DIFFAE = AutoencoderConfig(
    unet=UNetConfig(condition="scale"),
    identity=IdentityConfig(image_size=256, channels=(128, 128, 256, 256, 512, 512, 512), kind="semantic"),
    landmarks=LandmarkConfig("none"),
)
"""DiffAE at 256 px (Preechakul et al., CVPR 2022): one semantic code per frame is the whole condition."""


class FaceCodeMap(nn.Module):
    """z_face = MLP([z_id ; z_lnd]) (Kim et al., eq. 4).

    The landmark code is standardised with the statistics of the training set and the unit-norm identity code is
    scaled to unit variance, so that both reach the first layer at the same size.
    """

    def __init__(self, code_channels: int, cond_channels: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("lnd_mean", torch.zeros(LANDMARK_CHANNELS))
        self.register_buffer("lnd_std", torch.ones(LANDMARK_CHANNELS))
        self.register_buffer("id_scale", torch.ones(()))
        inputs = code_channels + LANDMARK_CHANNELS
        self.map = (
            nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, cond_channels))
            if hidden
            else nn.Linear(inputs, cond_channels)
        )

    def forward(self, z_id: Tensor, z_lnd: Tensor) -> Tensor:
        """``z_id``: (B, D) or (1, D), repeated; ``z_lnd``: (B, 102) in [0, 1]. Returns z_face, (B, cond_channels)."""
        z_lnd = (z_lnd - self.lnd_mean) / self.lnd_std
        return self.map(torch.cat([self.id_scale * z_id.expand(len(z_lnd), -1), z_lnd], dim=1))


class WholeCode(nn.Module):
    """z_face of a model without landmark code: the identity code itself, of the video or of each frame."""

    def forward(self, z_id: Tensor, z_lnd: Tensor) -> Tensor:
        """``z_id``: (B, D) or (1, D), repeated for each row of ``z_lnd``, which is not looked at."""
        return z_id.expand(len(z_lnd), -1)


class Autoencoder(nn.Module):
    """Encodes a crop to (z_id, z_face, x_T) and back; the DDIM loops live in :mod:`dvaedit.diffusion`.

    ``landmarks``: the net that reads z_lnd off a crop, or None where it comes from elsewhere. Networks that the paper
    took over from others (:attr:`frozen`) have no gradients and stay in eval mode whatever the rest does.
    ``max_batch``: how many crops :meth:`denoise` hands to the U-Net at once; None for all. ``precision``: of its
    convolutions and matrix products there (autocast); what comes in and goes out keeps its type.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config, self.max_batch, self.precision = config, None, torch.float32
        self.identity = build_identity(config.identity)
        self.landmarks = LandmarkNet(config.landmarks.width) if config.landmarks.source == "net" else None
        codes = config.identity.code_channels, config.unet.cond_channels
        self.face_code = WholeCode() if self.per_frame else FaceCodeMap(*codes, config.mapping_hidden)
        self.unet = UNet(config.unet)
        self.schedule = Schedule.named(config.schedule, config.unet.image_size, config.prediction)
        for network in self.frozen:
            network.requires_grad_(False).eval()

    @staticmethod
    def face_code_constants() -> dict[str, Tensor]:
        """The part of a state dict that says that the face-code map standardises nothing (the paper's does not)."""
        with torch.device("cpu"):
            state = FaceCodeMap(1, 1, 0).state_dict()
        return {f"face_code.{key}": value for key, value in state.items() if not key.startswith("map.")}

    @property
    def per_frame(self) -> bool:
        """Whether the identity code holds motion too, so that each frame must keep its own."""
        return self.config.landmarks.source == "none"

    @property
    def frozen(self) -> list[nn.Module]:
        """The networks that are not trained here."""
        recognition = [self.identity] if self.config.identity.kind == "ir_se50" else []
        return recognition + ([self.landmarks] if self.landmarks is not None else [])

    def train(self, mode: bool = True) -> Autoencoder:
        """Training mode for all but the frozen networks."""
        super().train(mode)
        for network in self.frozen:
            network.eval()
        return self

    @property
    def frugal_batch(self) -> int:
        """The largest batch whose activations take about as much memory as a network of the paper's size itself."""
        unet = self.config.unet
        each = unet.base_channels * (unet.image_size // unet.patch_size) ** 2
        return max(1, min(MAX_BATCH, MAX_VALUES // each))

    def denoise(self, x_t: Tensor, t: Tensor, z_face: Tensor) -> Tensor:
        """The network's prediction for ``x_t`` (B, C, H, W) at ``t`` (B,) under ``z_face`` (B, D).

        More than ``max_batch`` crops go through in parts, whose activations are computed anew for gradients.
        """
        if self.precision == torch.float32:
            return self._denoise(x_t, t, z_face)
        with torch.autocast(x_t.device.type, self.precision):
            return self._denoise(x_t, t, z_face).to(x_t.dtype)

    def _denoise(self, x_t: Tensor, t: Tensor, z_face: Tensor) -> Tensor:
        if self.max_batch is None or len(x_t) <= self.max_batch:
            return self.unet(x_t, t, z_face)
        parts = zip(*(value.split(self.max_batch) for value in (x_t, t, z_face)), strict=True)
        if torch.is_grad_enabled():
            return torch.cat([checkpoint(self.unet, *part, use_reentrant=False) for part in parts])
        return torch.cat([self.unet(*part) for part in parts])
