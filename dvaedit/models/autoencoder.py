"""The diffusion video autoencoder: identity encoder, face-code map and U-Net."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dvaedit.diffusion.schedule import Prediction, Schedule
from dvaedit.models.identity import IdentityConfig, IdentityEncoder
from dvaedit.models.unet import UNet, UNetConfig

LANDMARK_CHANNELS = 102  # 51 inner points (17..67 of the 68-point scheme), x and y


@dataclass(frozen=True)
class AutoencoderConfig:
    """What a checkpoint's card states. ``mapping_hidden`` 0 makes the face-code map linear, as the paper's."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    schedule: str = "linear"
    prediction: Prediction = "eps"
    mapping_hidden: int = 0


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


class Autoencoder(nn.Module):
    """Encodes a crop to (z_id, z_face, x_T) and back; the DDIM loops live in :mod:`dvaedit.diffusion`."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.identity = IdentityEncoder(config.identity)
        self.face_code = FaceCodeMap(config.identity.code_channels, config.unet.cond_channels, config.mapping_hidden)
        self.unet = UNet(config.unet)
        self.schedule = Schedule.named(config.schedule, config.unet.image_size, config.prediction)

    def denoise(self, x_t: Tensor, t: Tensor, z_face: Tensor) -> Tensor:
        """The network's prediction for ``x_t`` (B, C, H, W) at ``t`` (B,) under ``z_face`` (B, D)."""
        return self.unet(x_t, t, z_face)
