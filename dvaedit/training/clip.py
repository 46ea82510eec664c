"""Train the compact image-text model: a small CLIP on labelled faces and composed captions.

A caption holds of many faces of a batch, and many captions of a face: the contrastive loss therefore takes every pair
that agrees by the labels as a positive and leaves out the pairs the labels do not decide. Two more terms shape what a
text edit needs: a caption must fit its face better than the same caption with one claim turned false, and among the
captions of a batch the nearest must be another wording of the same claims. And the step from "face" to a caption must
point as the images of faces it holds of lie from those it does not, faces of the same sex compared: a text edit follows
that step. A linear head on the image features learns
the attribute labels along the way: it starts the image tower before the text tower has anything to teach it.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import asdict, dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip import CLIP, SimpleTokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.models.clip import resize
from dvaedit.models.wording import CONCEPTS
from dvaedit.training import captions, clip_eval, clip_export, faces
from dvaedit.training.attributes import NAMES
from dvaedit.training.augment import ENCODER_VIEW, random_affine, to_float, warp
from dvaedit.training.captions import Caption
from dvaedit.training.clip_tokens import Tokens
from dvaedit.training.ema import EMA
from dvaedit.training.objective import attribute_loss
from dvaedit.training.run import Run, drive

CONTEXT_LENGTH = 32
LARGEST_SCALE = float(np.log(50))
SIDE_TERMS = ("flip", "paraphrase", "direction", "attribute")


def compact_config(vocab_size: int = 49408) -> dict[str, Any]:
    """open_clip's ``model_cfg`` of the compact model: a ResNet of 96 px (0.1 GMAC) and a three-layer transformer."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 96, "layers": [1, 2, 2, 1], "width": 24, "head_width": 96},
        "text_cfg": {"context_length": CONTEXT_LENGTH, "vocab_size": vocab_size, "width": 96, "heads": 3, "layers": 3},
    }


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run. ``noise`` is the largest sqrt(1 - alphas_cumprod) of diffusion noise in an image."""

    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    ema_decay: float = 0.995
    noise: float = 0.4
    flip_weight: float = 1.0
    paraphrase_weight: float = 0.5
    attribute_weight: float = 1.0
    direction_weight: float = 0.5
    seed: int = 0
    model: dict[str, Any] = field(default_factory=compact_config)


@dataclass(frozen=True)
class Batch:
    """``images``: (B, 3, S, S) in [-1, 1]; ``agree``: (B, M) 1, 0 or NaN, as :func:`captions.agreement` gives it.

    ``texts``: M captions: one of each face, the same said otherwise, then false ones; ``false_of``: the face, in
    0..B-1, of each false one; ``labels``: (B, A) as in the face set.
    """

    images: Tensor
    labels: Tensor
    texts: list[Caption]
    false_of: list[int]
    agree: Tensor


class Batches:
    """Draws balanced, augmented, captioned batches; batch n depends on the seed and n alone."""

    def __init__(self, face_set: faces.FaceSet, config: TrainConfig) -> None:
        self.faces, self.config = face_set, config
        self.truth = captions.truth_matrix(face_set.rows)
        self.rarity = captions.rarity(self.truth[~face_set.held_out])
        self.weights = torch.from_numpy(np.where(face_set.held_out, 0, face_set.weights))

    def __getitem__(self, step: int) -> Batch:
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        rng = random.Random(self.config.seed * 1_000_003 + step)
        index = torch.multinomial(self.weights, self.config.batch_size, replacement=True, generator=generator).numpy()
        images = augment(to_float(torch.from_numpy(self.faces.images[index])), self.config.noise, generator)
        truth = self.truth[index]
        texts, false_of = caption_batch(truth, self.rarity, rng)
        labels = torch.from_numpy(self.faces.labels[index])
        return Batch(images, labels, texts, false_of, torch.from_numpy(captions.agreement(truth, texts)))


def caption_batch(truth: np.ndarray, rarity: np.ndarray, rng: random.Random) -> tuple[list[Caption], list[int]]:
    """Captions of B faces (``truth``: (B, K)) as :class:`Batch` holds them, and ``false_of``."""
    true, again, false, false_of = [], [], [], []
    for face, row in enumerate(truth):
        claims = captions.draw_claims(row, rarity, rng)
        wording = rng.random()
        true.append(captions.compose(claims, random.Random(wording)))
        again.append(captions.compose(claims, rng))
        if (contradiction := captions.contradict(row, claims, rng)) is not None:
            # The same state of the generator gives the same sentence around the claim that differs.
            false.append(captions.compose(contradiction, random.Random(wording)))
            false_of.append(face)
    return true + again + false, false_of


def augment(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Moved, mirrored, slightly recoloured images (B, 3, H, W); some blurred, some with diffusion noise mixed in."""
    count = len(images)
    theta, _ = random_affine(count, ENCODER_VIEW, generator)
    images = recolour(warp(images, theta), generator)
    blurred = torch.rand(count, generator=generator) < 0.25
    if blurred.any():
        size = images.shape[-2:]
        small = [int(side * (0.3 + 0.4 * torch.rand(1, generator=generator).item())) for side in size]
        images[blurred] = resize(resize(images[blurred], tuple(small)), tuple(size))
    # x_t at small t: the text edit looks at images on their way through the diffusion.
    share = noise * torch.rand(count, 1, 1, 1, generator=generator)
    share = share * (torch.rand(count, 1, 1, 1, generator=generator) < 0.25)
    return (1 - share**2).sqrt() * images + share * torch.randn(images.shape, generator=generator)


def recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mild changes of brightness, contrast and saturation that leave the colour of hair what it is."""
    bright, contrast, colour = (2 * torch.rand(3, len(images), 1, 1, 1, generator=generator) - 1).unbind()
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (1 + 0.15 * colour)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (images - middle) * (1 + 0.15 * contrast) + 0.12 * bright


def contrastive_loss(logits: Tensor, agree: Tensor, claims: Tensor) -> Tensor:
    """Cross-entropy in both directions with every agreeing pair as a target.

    ``logits``, ``agree``: (B, M); ``claims``: (M,) number of claims. Of the captions that hold of an image, those that
    claim more get more of its target; captions that claim nothing fit every image alike and are no answer to any.
    """
    open_question = agree.isnan()
    positive = agree.nan_to_num() * claims
    to_text = logits.masked_fill(open_question | (claims == 0), -1e4)
    to_image = logits.masked_fill(open_question, -1e4)
    return _soft_cross_entropy(to_text, positive) + _soft_cross_entropy(to_image.T, agree.nan_to_num().T)


def paraphrase_loss(logits: Tensor, claims: list[tuple[int, ...]]) -> Tensor:
    """``logits``: (B, B) of wordings against second wordings: those of the same claims are to find each other."""
    same = torch.tensor([[set(one) == set(other) for other in claims] for one in claims]).float()
    return _soft_cross_entropy(logits, same)


def direction_loss(image: Tensor, step: Tensor, agree: Tensor, allowed: Tensor) -> Tensor:
    """1 - cosine of ``step``, (M, D), text change of M captions, and the change from images without to images with.

    ``image``: (B, D); ``agree``: (B, M); ``allowed``: (B, M) bool, the images a caption may compare.
    """
    have, lack = ((agree == value) & allowed for value in (1, 0))
    usable = have.any(dim=0) & lack.any(dim=0)
    moved = _mean_over(image, have[:, usable]) - _mean_over(image, lack[:, usable])
    return (1 - F.cosine_similarity(step[usable], moved, dim=1)).mean()


def _mean_over(image: Tensor, chosen: Tensor) -> Tensor:
    """(M, D): mean of the rows of ``image``, (B, D), that each column of ``chosen``, (B, M), picks."""
    return (chosen.float() / chosen.sum(dim=0)).T @ image


def comparable(labels: Tensor, texts: list[Caption]) -> Tensor:
    """(B, B) bool: image of the same sex as the caption's own face, so that blond does not come to mean female."""
    male = labels[:, NAMES.index("Male")]
    about_sex = [any(CONCEPTS[claim].group == "sex" for claim in caption.claims) for caption in texts]
    return (male[:, None] == male[None]) | torch.tensor(about_sex)[None]


def _soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the rows that have a target."""
    total = targets.sum(dim=1)
    rows = total > 0
    targets = targets[rows] / total[rows, None]
    return -(targets * logits[rows].log_softmax(dim=1)).sum(dim=1).mean()


class Trainer:
    """Model, optimiser and EMA of one run, and the step that moves them."""

    def __init__(self, config: TrainConfig, face_set: faces.FaceSet, samples: int) -> None:
        torch.manual_seed(config.seed)
        self.config, self.total_steps, self.step = config, max(1, samples // config.batch_size), 0
        self.batches = Batches(face_set, config)
        self.tokens = Tokens(SimpleTokenizer(context_length=CONTEXT_LENGTH))
        self.model = CLIP(**self._model_config(), init_logit_scale=float(np.log(20)))
        self.model.visual.to(memory_format=torch.channels_last)
        self.head = nn.Linear(config.model["embed_dim"], face_set.labels.shape[1])
        self.parameters = [*self.model.parameters(), *self.head.parameters()]
        labels = torch.from_numpy(face_set.labels[~face_set.held_out])
        self.positive_share = labels.nanmean(dim=0).clamp(0.02, 0.98)
        matrices = [p for p in self.parameters if p.ndim > 1]
        others = [p for p in self.parameters if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
        self.ema = EMA(self.model, config.ema_decay)

    @property
    def samples(self) -> int:
        """Images seen so far."""
        return self.step * self.config.batch_size

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine down to a fiftieth at the end of the run."""
        progress = min(1.0, self.step / self.total_steps)
        fall = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * progress))
        return self.config.learning_rate * min(1.0, (self.step + 1) / self.config.warmup_steps) * float(fall)

    def train_step(self) -> dict[str, float]:
        """One optimiser step; returns the terms of the loss."""
        batch = self.batches[self.step]
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        terms = self.losses(batch)
        weights = {name: getattr(self.config, f"{name}_weight") for name in SIDE_TERMS}
        self.optimizer.zero_grad(set_to_none=True)
        (terms["contrast"] + sum(weight * terms[name] for name, weight in weights.items())).backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, LARGEST_SCALE)
        self.ema.update(self.model)
        self.step += 1
        return {name: term.item() for name, term in terms.items()} | {"grad": norm.item()}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """``contrast``; ``flip``: a caption against its false twin; the others as said above."""
        count = len(batch.images)
        image = self.encode_image(batch.images)
        rng = random.Random(self.step)
        rows = self.tokens([*(caption.text for caption in batch.texts), "face"], rng)
        text, face = self.tokens.encode(self.model, rows).split([len(batch.texts), 1])
        scale = self.model.logit_scale.exp()
        logits = scale * image @ text.T
        claims = torch.tensor([len(caption.claims) for caption in batch.texts]).float()
        true = logits[batch.false_of, batch.false_of]
        false = logits[batch.false_of, range(2 * count, len(batch.texts))]
        return {
            "contrast": contrastive_loss(logits, batch.agree, claims),
            "flip": F.softplus(false - true).mean(),
            "paraphrase": paraphrase_loss(
                scale * text[:count] @ text[count : 2 * count].T, [caption.claims for caption in batch.texts[:count]]
            ),
            "direction": direction_loss(
                image, text[:count] - face, batch.agree[:, :count], comparable(batch.labels, batch.texts[:count])
            ),
            "attribute": attribute_loss(self.head(image * image.shape[1] ** 0.5), batch.labels, self.positive_share),
        }

    def _model_config(self) -> dict[str, Any]:
        """The model's, with the vocabulary cut to the words of the captions."""
        return {**self.config.model, "text_cfg": {**self.config.model["text_cfg"], "vocab_size": self.tokens.size}}

    def encode_image(self, images: Tensor) -> Tensor:
        """(B, D) of unit norm, through the same resizing as at run time. Mean and spread of pixels are 0.5."""
        size = self.config.model["vision_cfg"]["image_size"]
        small = resize(images, (size, size)).contiguous(memory_format=torch.channels_last)
        return self.model.encode_image(small, normalize=True)

    @torch.no_grad()
    def averaged(self, batches: int = 24) -> nn.Module:
        """The model with averaged weights, its batch statistics taken anew under them."""
        model = CLIP(**self._model_config())
        model.load_state_dict(self.ema.state(self.model))
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # cumulative average
        size = self.config.model["vision_cfg"]["image_size"]
        for step in range(batches):
            model.visual(resize(self.batches[10_000_000 + step].images, (size, size)))
        return model.eval()

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors and plain data."""
        return {
            "step": self.step, "config": asdict(self.config), "model": self.model.state_dict(),
            "head": self.head.state_dict(), "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.average, "ema_steps": self.ema.steps,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave."""
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.average, self.ema.steps, self.step = state["ema"], state["ema_steps"], state["step"]


def train(
    config: TrainConfig, face_set: faces.FaceSet, run: Run, samples: int, log_every: int = 25, test_every: int = 250
) -> Trainer:
    """Train until ``samples`` images are seen or a stop is asked for; resumes from the run's last checkpoint."""
    trainer = Trainer(config, face_set, samples)
    if (state := run.load()) is not None:
        with run.fitting():
            trainer.restore(state)

    def test() -> None:
        clip_eval.log_test(run.folder / "held_out.csv", trainer.step, clip_export.runnable(trainer), face_set)

    steps = repeat(trainer.train_step, max(0, -(-(samples - trainer.samples) // config.batch_size)))
    drive(run, trainer, steps, log_every=log_every, check_every=test_every, check=test)
    return trainer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run; an existing one is resumed")
    parser.add_argument("--samples", type=int, default=120_000, help="images to see in all")
    parser.add_argument("--export", type=Path, help="folder of weights to write the model and its card to")
    arguments = parser.parse_args()
    face_set = faces.load(arguments.data, arguments.run / "data")
    trainer = train(TrainConfig(), face_set, Run(arguments.run), arguments.samples)
    if arguments.export:
        clip_export.export(trainer, face_set, arguments.export)


if __name__ == "__main__":
    main()
