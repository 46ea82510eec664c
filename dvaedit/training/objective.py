"""What the autoencoder is trained on: L_simple and L_reg, and a linear head that learns labels along the way."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.diffusion.losses import DenoisingLoss, denoising_loss
from dvaedit.diffusion.schedule import NUM_TIMESTEPS
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.batch import Batch
from dvaedit.training.config import TrainConfig
from dvaedit.training.counterfactual.pairs import noise_dependent_mix

TYPICAL_CHANGE = 0.06  # mean absolute change of a crop by a counterfactual, pictures in [-1, 1]
LEVELLING = (0.5, 3.0)
AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Objective(nn.Module):
    """Model and head with the loss as their output: what several processes train together.

    ``precision``: of the networks; codes, losses and the mask stay in float32.
    """

    def __init__(self, model: Autoencoder, head: nn.Linear | None, config: TrainConfig, precision: str) -> None:
        super().__init__()
        self.model, self.head, self.config, self.precision = model, head, config, precision
        self.positive_share: Tensor | None = None

    def forward(self, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one pass and its terms, detached. All that is random follows from ``seed``."""
        generator = torch.Generator().manual_seed(seed)
        view = batch.x_0 if batch.view is None else batch.view
        with self.autocast(view.device):
            z_id = self.model.identity(view).float()
        terms = {}
        total = view.new_zeros(())
        if self.head is not None:
            logits = self.head(z_id * self.model.face_code.id_scale)
            terms["attributes"] = attribute_loss(logits, batch.labels, self.positive_share)
            total = self.config.attribute_weight * terms["attributes"]
        loss = self._denoising(batch, self._perturb(z_id, generator), generator)
        pairs = loss.reg.numel()
        terms = {"simple": loss.simple.sum() / (len(loss.simple) + pairs), **terms}
        if pairs:
            terms = {"simple": terms.pop("simple"), "reg": loss.reg.mean(), **terms}
        return loss.total(self.config.reg_weight) + total, {name: term.detach() for name, term in terms.items()}

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """The networks' precision, for the block."""
        half = AUTOCAST.get(self.precision)
        return torch.autocast(device.type, dtype=half or torch.bfloat16, enabled=half is not None)

    def _perturb(self, z_id: Tensor, generator: torch.Generator) -> Tensor:
        """Small random moves on the sphere: an edited code is one the U-Net has not met, and must still serve."""
        if not self.config.id_noise:
            return z_id
        noise = torch.randn(z_id.shape, generator=generator).to(z_id.device) / z_id.shape[1] ** 0.5
        return F.normalize(z_id + self.config.id_noise * noise, dim=1)

    def _denoising(self, batch: Batch, z_id: Tensor, generator: torch.Generator) -> DenoisingLoss:
        count, device = len(batch.x_0), batch.x_0.device
        pairs = self.config.second_noises(count)
        t = self._timesteps(count, generator).to(device)
        eps = torch.randn((count + pairs, *batch.x_0.shape[1:]), generator=generator)
        eps = eps.contiguous(memory_format=torch.channels_last).to(device)
        mask = torch.ones_like(batch.x_0[:, :1]) if batch.mask is None else batch.mask
        with self.autocast(device):
            z_face = self.model.face_code(z_id, face_motion(self.model, batch))
        seen, weight = self._edited(batch, t, generator)
        return denoising_loss(
            self._denoise, self.model.schedule, batch.x_0, z_face, mask, t, eps[:count], eps[count:], seen, weight
        )

    def _edited(self, batch: Batch, t: Tensor, generator: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
        """Where crops are to become others: the pictures under the noise, and weights that lift what changes."""
        if batch.source is None:
            return None, None
        _, noise = self.model.schedule.coefficients(t, batch.x_0)
        change = (batch.x_0 - batch.source).abs().mean(dim=1, keepdim=True)
        seen = noise_dependent_mix(batch.source, batch.x_0, noise, generator)
        return seen, 1 + self.config.change_weight * levelled(change)

    def _denoise(self, x_t: Tensor, t: Tensor, z_face: Tensor) -> Tensor:
        with self.autocast(x_t.device):
            output = self.model.denoise(x_t, t, z_face)
        return output.float()

    def _timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        if self.config.timesteps == "stratified":
            return stratified_timesteps(count, generator)
        return torch.randint(NUM_TIMESTEPS, (count,), generator=generator)


def levelled(change: Tensor) -> Tensor:
    """How much crops change, (B, 1, S, S), with small changes (lips) raised and large ones (hair) lowered.

    Unlevelled, hair would be learnt long before a smile: it changes five times as much of the picture.
    """
    amount = change.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    return change * (TYPICAL_CHANGE / amount).sqrt().clamp(*LEVELLING)


def face_motion(model: Autoencoder, batch: Batch) -> Tensor:
    """z_lnd of a batch, (B, 102): as given, or read off the crops by the model's landmark net."""
    if batch.z_lnd is not None:
        return batch.z_lnd
    if model.landmarks is None:  # a code for the whole face alone (DiffAE)
        return batch.x_0.new_zeros((len(batch.x_0), 0))
    return model.landmarks(batch.x_0)


def attribute_loss(logits: Tensor, labels: Tensor, positive_share: Tensor) -> Tensor:
    """Binary cross-entropy over the known labels, with present and absent weighted equally over the set."""
    known = ~labels.isnan()
    target = labels.nan_to_num()
    weight = torch.where(target > 0.5, 0.5 / positive_share, 0.5 / (1 - positive_share)).clamp(max=5) * known
    return (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight).sum() / known.sum()


def stratified_timesteps(batch: int, generator: torch.Generator) -> Tensor:
    """One timestep from each of ``batch`` equal intervals of 0..999, in random order. (B,) int64."""
    spread = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    return (spread * NUM_TIMESTEPS).long()[torch.randperm(batch, generator=generator)]
