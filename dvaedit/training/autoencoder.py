"""Train the compact diffusion video autoencoder: U-Net, identity encoder and face-code map together.

The losses are the paper's L_simple and L_reg (:mod:`dvaedit.diffusion.losses`). The identity encoder sees another
random view of the face than the one that is denoised, so that z_id cannot say where features lie. A linear head on
z_id learns the attribute labels along the way: it keeps hair colour, glasses and beard linearly readable in z_id.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.checkpoints.store import find_card, load_tensors
from dvaedit.diffusion.ddim import Denoise, ddim_sample, last, spaced_timesteps
from dvaedit.diffusion.losses import denoising_loss
from dvaedit.diffusion.reversible import reversible_invert, reversible_sample, reversible_timesteps
from dvaedit.diffusion.schedule import NUM_TIMESTEPS
from dvaedit.face.points import landmark_code
from dvaedit.models.autoencoder import Autoencoder, AutoencoderConfig
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.unet import UNetConfig
from dvaedit.training import faces
from dvaedit.training.augment import ENCODER_VIEW, TARGET_VIEW, random_affine, to_float, warp, warp_points
from dvaedit.training.counterfactual.pairs import Pairs, noise_dependent_mix
from dvaedit.training.ema import EMA
from dvaedit.training.run import Run, drive

COMPACT = AutoencoderConfig(
    unet=UNetConfig(
        image_size=128, patch_size=4, base_channels=64, channel_multipliers=(1, 2, 3), num_res_blocks=1,
        attention_resolutions=(8,), embed_channels=256, cond_channels=512, resblock_updown=False, linear_channels=128,
        dropout=0.0,
    ),
    identity=IdentityConfig(image_size=128),
    schedule="shifted_cosine",
    prediction="v",
    mapping_hidden=512,
)  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run.

    ``pair_share`` is the share of each batch that gets a second noise (the paper: 1), ``counterfactual_share`` the
    share that are counterfactuals, where there are any.
    """

    model: AutoencoderConfig = field(default_factory=lambda: COMPACT)
    batch_size: int = 32
    pair_share: float = 0.25
    learning_rate: float = 4e-4
    warmup_steps: int = 300
    ema_decay: float = 0.9995
    reg_weight: float = 1.0
    attribute_weight: float = 0.1
    id_noise: float = 0.15
    counterfactual_share: float = 0.5
    gradient_clip: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """One step's crops.

    ``x_0``, ``source`` and ``view``: (B, 3, S, S) in [-1, 1]; ``mask``: (B, 1, S, S); ``z_lnd``: (B, 102);
    ``labels``: (B, A). ``source`` is the picture whose noise code is sampled to give ``x_0``, another one than ``x_0``
    only in counterfactual pairs; ``z_lnd`` is the source's, ``view`` and ``labels`` are of ``x_0``.
    """

    x_0: Tensor
    source: Tensor
    view: Tensor
    mask: Tensor
    z_lnd: Tensor
    labels: Tensor


class Batches:
    """Draws balanced, augmented batches from a face set; batch n depends on the seed and n alone.

    The last ``counterfactuals`` crops of each come from ``pairs``.
    """

    def __init__(
        self, face_set: faces.FaceSet, batch_size: int, seed: int, pairs: Pairs | None = None, counterfactuals: int = 0
    ) -> None:
        self.faces, self.seed, self.pairs = face_set, seed, pairs
        self.counterfactuals = counterfactuals if pairs else 0
        self.plain = batch_size - self.counterfactuals
        weights = torch.from_numpy(np.where(face_set.held_out, 0, face_set.weights))
        self.weights = weights / weights.sum()

    def __getitem__(self, step: int) -> Batch:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        index = torch.multinomial(self.weights, self.plain, replacement=True, generator=generator).numpy()
        drawn = plain_faces(self.faces, index)
        if self.counterfactuals:
            drawn = drawn.join(counterfactual_faces(self.faces, self.pairs, self.counterfactuals, generator))
        return make_batch(drawn, self.faces.image_size, generator)


@dataclass(frozen=True)
class Drawn:
    """Crops as stored: uint8 ``target``, ``source`` (B, S, S, 3) and ``mask`` (B, S, S); the source's points."""

    target: np.ndarray
    source: np.ndarray
    mask: np.ndarray
    points: np.ndarray
    labels: np.ndarray

    def join(self, other: Drawn) -> Drawn:
        """Both, one after the other."""
        return Drawn(*(np.concatenate([a, b]) for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def plain_faces(face_set: faces.FaceSet, index: np.ndarray) -> Drawn:
    """The faces at ``index``, each its own source."""
    images = face_set.images[index]
    return Drawn(images, images, face_set.masks[index], face_set.points[index], face_set.labels[index])


def counterfactual_faces(face_set: faces.FaceSet, pairs: Pairs, count: int, generator: torch.Generator) -> Drawn:
    """``count`` pairs; most lead from the face to its counterfactual, the others back."""
    index, back = pairs.draw(count, generator)
    base = pairs.base[index]
    real, made = face_set.images[base], pairs.images[index]
    flip = back[:, None, None, None]
    return Drawn(
        np.where(flip, real, made), np.where(flip, made, real), face_set.masks[base],
        np.where(back[:, None, None], pairs.points[index], face_set.points[base]),
        np.where(back[:, None], face_set.labels[base], pairs.labels_of(face_set, index)),
    )  # fmt: skip


def make_batch(drawn: Drawn, size: int, generator: torch.Generator) -> Batch:
    """Augmented views: target and source moved alike, and another view of the target for the identity encoder."""
    target, source = (to_float(torch.from_numpy(images)) for images in (drawn.target, drawn.source))
    masks = torch.from_numpy(drawn.mask)[:, None].float() / 255
    theta, flip = random_affine(len(target), TARGET_VIEW, generator)
    moved = warp(torch.cat([target, source, masks], dim=1), theta)
    points = warp_points(torch.from_numpy(drawn.points), theta, flip, size)
    view, _ = random_affine(len(target), ENCODER_VIEW, generator)
    return Batch(moved[:, :3], moved[:, 3:6], warp(target, view), moved[:, 6:], landmark_codes(points, size),
                 torch.from_numpy(drawn.labels))  # fmt: skip


def landmark_codes(points: Tensor, size: int) -> Tensor:
    """z_lnd, (B, 102), of points (B, 68, 2) in pixels of a crop of ``size``."""
    return torch.from_numpy(landmark_code(points.numpy(), size))


def set_landmark_statistics(model: Autoencoder, face_set: faces.FaceSet) -> None:
    """Store mean and spread of z_lnd over augmented crops, and the scale of z_id, in the face-code map."""
    generator = torch.Generator().manual_seed(0)
    theta, flip = random_affine(len(face_set.points), TARGET_VIEW, generator)
    points = warp_points(torch.from_numpy(face_set.points), theta, flip, face_set.image_size)
    codes = landmark_codes(points, face_set.image_size)
    model.face_code.lnd_mean.copy_(codes.mean(dim=0))
    model.face_code.lnd_std.copy_(codes.std(dim=0))
    model.face_code.id_scale.fill_(model.config.identity.code_channels**0.5)


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


class Trainer:
    """Model, head, optimiser and EMA of one run, and the step that moves them."""

    def __init__(self, config: TrainConfig, face_set: faces.FaceSet, pairs: Pairs | None = None) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        made = round(config.counterfactual_share * config.batch_size)
        self.batches = Batches(face_set, config.batch_size, config.seed, pairs, made)
        self.model = Autoencoder(config.model).to(memory_format=torch.channels_last)
        self.head = nn.Linear(config.model.identity.code_channels, face_set.labels.shape[1])
        set_landmark_statistics(self.model, face_set)
        self.parameters = [*self.model.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=config.learning_rate, weight_decay=1e-4)
        self.ema = EMA(self.model, config.ema_decay)
        labels = face_set.labels[~face_set.held_out]
        self.positive_share = torch.from_numpy(np.nanmean(labels, axis=0)).clamp(0.02, 0.98)
        self.step = 0

    @property
    def samples(self) -> int:
        """Crops seen so far; those with two noises count once."""
        return self.step * self.config.batch_size

    def train_step(self) -> dict[str, float]:
        """One optimiser step; returns the terms of the loss."""
        config, batch = self.config, self.batches[self.step]
        step_seed = config.seed * 1_000_003 + self.step + 500_000_000
        torch.manual_seed(step_seed)  # dropout's only source: a resumed run draws what an uninterrupted one would
        generator = torch.Generator().manual_seed(step_seed)
        rate = config.learning_rate * min(1.0, (self.step + 1) / config.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        z_id = self.model.identity(batch.view)
        logits = self.head(z_id * self.model.face_code.id_scale)
        attributes = attribute_loss(logits, batch.labels, self.positive_share)
        loss = self._denoising(batch, self._perturb(z_id, generator), generator)
        total = loss.total(config.reg_weight) + config.attribute_weight * attributes
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, config.gradient_clip)
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        pairs = loss.reg.numel()
        simple = (loss.simple.sum() / (len(loss.simple) + pairs)).item()
        return {"simple": simple, "reg": loss.reg.mean().item(), "attributes": attributes.item(), "grad": norm.item()}

    def _perturb(self, z_id: Tensor, generator: torch.Generator) -> Tensor:
        """Small random moves on the sphere: an edited code is one the U-Net has not met, and must still serve."""
        noise = torch.randn(z_id.shape, generator=generator) / z_id.shape[1] ** 0.5
        return F.normalize(z_id + self.config.id_noise * noise, dim=1)

    def _denoising(self, batch: Batch, z_id: Tensor, generator: torch.Generator) -> Any:
        count = len(batch.x_0)
        pairs = round(self.config.pair_share * count)
        t = stratified_timesteps(count, generator)
        eps = torch.randn((count + pairs, *batch.x_0.shape[1:]), generator=generator)
        eps = eps.contiguous(memory_format=torch.channels_last)
        z_face, schedule = self.model.face_code(z_id, batch.z_lnd), self.model.schedule
        _, noise = schedule.coefficients(t, batch.x_0)
        seen = noise_dependent_mix(batch.source, batch.x_0, noise, generator)
        return denoising_loss(
            self.model.denoise, schedule, batch.x_0, z_face, batch.mask, t, eps[:count], eps[count:], seen
        )

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors and plain data."""
        return {
            "step": self.step, "config": asdict(self.config), "model": self.model.state_dict(),
            "head": self.head.state_dict(), "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.average, "ema_steps": self.ema.steps,
        }  # fmt: skip

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with the weights of a finished model, for instance the shipped one, in place of random ones."""
        self.model.load_state_dict(weights)
        self.ema = EMA(self.model, self.config.ema_decay)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave."""
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.average, self.ema.steps, self.step = state["ema"], state["ema_steps"], state["step"]


@torch.no_grad()
def sample_sheet(trainer: Trainer, face_set: faces.FaceSet, count: int = 12, steps: int = 12) -> list[Tensor]:
    """Rows: held-out crops; samples of random noise under their codes; the code of each under the noise of the next."""
    model = Autoencoder(trainer.config.model).eval()
    model.load_state_dict(trainer.ema.state(trainer.model))
    index = np.flatnonzero(face_set.held_out)[:count]
    x_0 = to_float(torch.from_numpy(face_set.images[index]))
    z_id = model.identity(x_0)
    z_lnd = landmark_codes(torch.from_numpy(face_set.points[index]), face_set.image_size)

    def denoiser(z_id: Tensor) -> Denoise:
        z_face = model.face_code(z_id, z_lnd)
        return lambda x_t, t: model.denoise(x_t, t, z_face)

    noise = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(0))
    sampled = last(ddim_sample(model.schedule, denoiser(z_id), noise, spaced_timesteps(steps)))
    timesteps = reversible_timesteps(steps)
    states = reversible_invert(model.schedule, denoiser(z_id), x_0, timesteps)
    return [x_0, sampled, reversible_sample(model.schedule, denoiser(z_id.roll(1, 0)), states, timesteps)]


def train(
    config: TrainConfig,
    face_set: faces.FaceSet,
    run: Run,
    samples: int,
    *,
    initial: dict[str, Tensor] | None = None,
    pairs: Pairs | None = None,
    log_every: int = 50,
    sheet_every: int = 500,
) -> Trainer:
    """Train until ``samples`` crops are seen or a stop is asked for; resumes from the run's last checkpoint.

    ``initial``: weights that a new run starts from; ``pairs``: counterfactuals to train on too.
    """
    trainer = Trainer(config, face_set, pairs)
    if (state := run.load()) is not None:
        trainer.restore(state)
    elif initial is not None:
        trainer.start_from(initial)

    def draw() -> None:
        run.sheet(f"{trainer.step:07d}", sample_sheet(trainer, face_set))

    steps = repeat(trainer.train_step, max(0, -(-(samples - trainer.samples) // config.batch_size)))
    drive(run, trainer, steps, log_every=log_every, check_every=sheet_every, check=draw)
    return trainer


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--masks", type=Path, help="head masks (.npy)")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run; an existing one is resumed")
    parser.add_argument("--samples", type=int, default=1_000_000, help="crops to see in all")
    parser.add_argument("--init", metavar="CARD", help="start a new run from these weights: compact-autoencoder")
    parser.add_argument("--counterfactuals", type=Path, metavar="DIR", help="train on the counterfactuals in DIR too")
    arguments = parser.parse_args()
    face_set = faces.load(arguments.data, arguments.run / "data", masks=arguments.masks)
    initial = load_tensors(find_card(arguments.init), dtype=torch.float32) if arguments.init else None
    pairs = Pairs.load(arguments.counterfactuals) if arguments.counterfactuals else None
    train(TrainConfig(), face_set, Run(arguments.run), arguments.samples, initial=initial, pairs=pairs)


if __name__ == "__main__":
    main()
