"""Train the compact face parser on the class maps that ``dvaedit.training.pseudo_labels`` makes, and export it."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from dvaedit.checkpoints.store import load_into, write_weights
from dvaedit.errors import UsageError
from dvaedit.face.regions import CLASSES
from dvaedit.models.config import from_dict
from dvaedit.models.parsing import Parser, ParserConfig
from dvaedit.training import faces
from dvaedit.training.arrays import read_array
from dvaedit.training.attributes import LIFTED, sampling_weights
from dvaedit.training.augment import to_float
from dvaedit.training.ema import EMA
from dvaedit.training.outlines import read_outlines
from dvaedit.training.parser_augment import Strength, random_view
from dvaedit.training.run import Run, append_row, drive
from dvaedit.training.sources import TRAINING_DATA

BY_HAND = 0.5  # share of the draws
# Colours of the sample sheets, RGB, one per class.
PALETTE = np.array([
    (0, 0, 0), (255, 170, 140), (120, 60, 0), (160, 90, 0), (0, 255, 255), (0, 160, 255), (255, 255, 0),
    (255, 0, 255), (200, 0, 200), (255, 255, 255), (255, 120, 60), (255, 255, 255), (255, 0, 0), (180, 0, 0),
    (140, 255, 140), (0, 128, 128), (0, 0, 255), (0, 150, 0), (120, 120, 255),
], np.uint8)  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run. ``label_size``: side of the maps the loss compares; ``small_power``: how far rare classes
    weigh more, as a power of their inverse share; the learning rate falls to zero over the last ``decay_share``
    of the samples."""

    batch_size: int = 16
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    ema_decay: float = 0.995
    dice_weight: float = 0.5
    small_power: float = 0.25
    label_size: int = 192
    decay_share: float = 0.4
    seed: int = 0
    model: ParserConfig = field(default_factory=partial(ParserConfig, working_size=192))


@dataclass(frozen=True)
class ParserSet:
    """``images``: uint8 (N, 256, 256, 3) RGB; ``classes``: uint8 (N, 256, 256); ``weights``: (N,), 0 = not drawn;
    ``held_out``: bool (N,)."""

    images: np.ndarray
    classes: np.ndarray
    weights: np.ndarray
    held_out: np.ndarray


def load(data: Path, labels: Path, work: Path) -> ParserSet:
    """The face set at ``data`` with the class maps in the folder ``labels``; decoded images are kept in ``work``.

    Left out: faces marked occluded, because the class maps do not see what is before a face, and maps without skin.
    ``BY_HAND`` of the draws are faces whose maps were drawn by hand.
    """
    rows = faces.read_rows(data)
    maps = labels / "classes256.npy"
    if not maps.is_file():
        raise UsageError(f"no class maps at {maps}", hint="Make them: python -m dvaedit.training.pseudo_labels.")
    images = faces.load(data, work, size=256).images
    classes = read_array(maps, images.shape[:3], mmap=True)
    usable = np.array([row["occluded"] == "0" for row in rows]) & (classes[:, ::8, ::8] == 1).any(axis=(1, 2))
    held_out = np.array([faces.is_held_out(row["file"]) for row in rows])
    weights = sampling_weights(rows, (*LIFTED, "bangs", "headwear", "receding_hairline"))
    weights = np.where(held_out, 0, weights * usable)
    by_hand = np.isin([row["file"] for row in rows], [outline.file for outline in read_outlines()])
    by_hand &= weights > 0
    if by_hand.any():  # each as often: they are of the rare kinds already
        weights[by_hand] = BY_HAND / (1 - BY_HAND) * weights[~by_hand].sum() / by_hand.sum()
    return ParserSet(images, classes, weights, held_out & usable)


class Batches(Dataset):
    """Batch ``k`` of a run: the same for the same seed, whatever came before it."""

    def __init__(self, data: ParserSet, config: TrainConfig) -> None:
        self.data, self.config = data, config
        self.index = np.flatnonzero((data.weights > 0) & ~data.held_out)
        self.share = data.weights[self.index] / data.weights[self.index].sum()
        self.strength = Strength()

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """x: float (B, 3, S, S) in [-1, 1]; y: int64 (B, L, L)."""
        rng = np.random.default_rng((self.config.seed, step))
        drawn = rng.choice(self.index, self.config.batch_size, p=self.share)
        others = rng.choice(self.index, self.config.batch_size)
        views = [self._view(one, other, rng) for one, other in zip(drawn, others, strict=True)]
        images, classes = (np.stack(each) for each in zip(*views, strict=True))
        return to_float(torch.from_numpy(images)), torch.from_numpy(classes).long()

    def _view(self, one: int, other: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        size, labels = self.config.model.working_size, self.config.label_size
        pair = self.data.images[one], np.asarray(self.data.classes[one])
        image, classes = random_view(pair, self.data.images[other], labels, rng, self.strength)
        return (image if size == labels else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)), classes


def class_weights(data: ParserSet, power: float, count: int = 400) -> Tensor:
    """(C,) float: the inverse share of each class's pixels to ``power``, mean 1 over pixels."""
    sample = data.classes[:: max(len(data.classes) // count, 1), ::4, ::4]
    share = np.bincount(sample.ravel(), minlength=len(CLASSES)) / sample.size
    weights = np.maximum(share, 1e-4) ** -power
    return torch.from_numpy(weights / (weights * share).sum()).float()


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - Dice, mean over the classes present in the batch. logits: (B, C, H, W); target: int64 (B, H, W)."""
    truth = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).float()
    guess = logits.softmax(dim=1)
    overlap, size = (truth * guess).sum(dim=(0, 2, 3)), (truth + guess).sum(dim=(0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 0
    return (1 - (2 * overlap + 1) / (size + 1))[present].mean()


class Trainer:
    """Parser, optimiser and EMA of one run, and the step that moves them."""

    def __init__(self, config: TrainConfig, data: ParserSet, samples: int) -> None:
        torch.manual_seed(config.seed)
        self.config, self.samples, self.step = config, samples, 0
        self.model = Parser(config.model).to(memory_format=torch.channels_last)
        self.weights = class_weights(data, config.small_power)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.ema = EMA(self.model, config.ema_decay)

    @property
    def seen(self) -> int:
        """Crops seen so far."""
        return self.step * self.config.batch_size

    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        left = max(1 - self.seen / self.samples, 0.0) / self.config.decay_share
        return self.config.learning_rate * warm * min(1.0, left)

    def train_step(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """One optimiser step on a batch of :class:`Batches`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.model.train()
        logits = self.model(x.contiguous(memory_format=torch.channels_last))
        logits = F.interpolate(logits, y.shape[1:], mode="bilinear", align_corners=False)
        entropy = F.cross_entropy(logits, y, self.weights)
        dice = dice_loss(logits, y)
        self.optimizer.zero_grad(set_to_none=True)
        (entropy + self.config.dice_weight * dice).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        return {"entropy": entropy.item(), "dice": dice.item()}

    def averaged(self) -> Parser:
        """A copy with the averaged weights, in eval mode."""
        model = Parser(self.config.model).to(memory_format=torch.channels_last)
        model.load_state_dict(self.ema.state(self.model))
        return model.eval().requires_grad_(False)

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors and plain data."""
        return {
            "step": self.step, "config": asdict(self.config), "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(), "ema": self.ema.average, "ema_steps": self.ema.steps,
        }  # fmt: skip

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with these weights, in the average too."""
        load_into(self.model, weights)
        self.ema = EMA(self.model, self.config.ema_decay)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.average, self.ema.steps, self.step = state["ema"], state["ema_steps"], state["step"]


@torch.inference_mode()
def held_out_iou(model: Parser, data: ParserSet, limit: int = 1000) -> dict[str, float]:
    """Intersection over union by class name over at most ``limit`` held-out faces, and "mean" of the classes there."""
    counts = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    held_out = np.flatnonzero(data.held_out)
    for index in held_out[:: -(-len(held_out) // limit)]:  # the faces are sorted by source
        guess = model.class_map(to_float(torch.tensor(data.images[index : index + 1])))[0].numpy()
        pairs = data.classes[index].astype(np.int64) * len(CLASSES) + guess
        counts += np.bincount(pairs.ravel(), minlength=counts.size).reshape(counts.shape)
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    present = counts.sum(axis=1) > 0
    iou = {CLASSES[k]: round(float(counts[k, k] / union[k]), 4) for k in np.flatnonzero(present)}
    return {"mean": round(float(np.mean(list(iou.values()))), 4), **iou}


def log_held_out(run: Run, step: int, iou: dict[str, float]) -> None:
    """Add a row to ``held_out.csv`` of the run."""
    row = {"step": step, "mean": iou["mean"]} | {name: iou.get(name, "") for name in CLASSES}
    append_row(run.folder / "held_out.csv", row)
    print("held out:", " ".join(f"{name}={value:.3f}" for name, value in iou.items()), flush=True)


def overlay(image: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Pictures tinted by class. uint8 (..., H, W, 3) RGB and (..., H, W)."""
    return (0.5 * image + 0.5 * PALETTE[classes]).astype(np.uint8)


@torch.inference_mode()
def sample_sheet(model: Parser, data: ParserSet, count: int = 10) -> list[Tensor]:
    """Rows: held-out crops, their pseudo-labels, the parser's classes."""
    index = np.random.default_rng(0).permutation(np.flatnonzero(data.held_out))[:count]
    images = data.images[index]
    guess = model.class_map(to_float(torch.from_numpy(images))).numpy()
    rows = [images, overlay(images, data.classes[index]), overlay(images, guess)]
    return [to_float(torch.from_numpy(row)) for row in rows]


def train(config: TrainConfig, data: ParserSet, run: Run, samples: int, check_every: int = 500, log_every: int = 50,
          workers: int = 0, initial: dict[str, Tensor] | None = None) -> Trainer:  # fmt: skip
    """Train until ``samples`` crops are seen or a stop is asked for; resumes from the run's last checkpoint.

    ``initial``: weights that a new run starts from.
    """
    trainer = Trainer(config, data, samples)
    if (state := run.load()) is not None:
        with run.fitting():
            trainer.restore(state)
    elif initial is not None:
        trainer.start_from(initial)
    steps = range(trainer.step, -(-samples // config.batch_size))
    batches = DataLoader(Batches(data, config), batch_size=None, sampler=steps, num_workers=workers)
    taken = (partial(trainer.train_step, x, y) for x, y in batches)
    drive(run, trainer, taken, log_every=log_every, check_every=check_every, check=lambda: check(trainer, data, run))
    return trainer


def check(trainer: Trainer, data: ParserSet, run: Run) -> None:
    """Measure and draw the averaged model."""
    model = trainer.averaged()
    log_held_out(run, trainer.step, held_out_iou(model, data, limit=150))
    run.sheet(f"{trainer.step:07d}", sample_sheet(model, data))


def export(run: Run, data: ParserSet, folder: Path) -> None:
    """Write the averaged weights in half precision and their card."""
    state = run.load()
    if state is None:
        raise UsageError(f"no checkpoint in {run.folder}", hint="Train first.")
    config = from_dict(TrainConfig, state["config"])
    trainer = Trainer(config, data, samples=1)
    with run.fitting():
        trainer.restore(state)
    model = trainer.averaged()
    model.load_state_dict({k: v.half().float() if v.is_floating_point() else v for k, v in model.state_dict().items()})
    iou = held_out_iou(model, data)
    crops = trainer.seen + int(run.started_from().get("crops_seen", 0))
    fields = {
        "name": "compact-parser", "kind": "parser", "source": "trained for dvaedit", "licence": "MIT",
        "training_data": TRAINING_DATA, "config": asdict(config.model),
        "metrics": {"held_out_iou_with_pseudo_labels": iou, "crops_seen": crops},
        "description": "Face parser (19 classes of CelebAMask-HQ) trained on class maps: FaceMesh regions, person "
        "segmentation and colours learnt picture by picture, and on 735 outlines drawn by hand. Never shown: earrings "
        "and necklaces.",
    }  # fmt: skip
    card = write_weights(folder, fields, model.state_dict(), torch.float16)
    print(f"{card.file}: {card.size / 1e6:.1f} MB, held-out IoU {iou}")


def main() -> None:
    """Train or, with ``--export``, write the weights of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--labels", type=Path, required=True, help="folder with classes256.npy")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run; an existing one is resumed")
    parser.add_argument("--samples", type=int, default=100_000, help="crops to see in all")
    parser.add_argument("--init", metavar="CARD", help="start a new run from these weights: compact-parser")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the weights and their card here instead")
    arguments = parser.parse_args()
    data, run = load(arguments.data, arguments.labels, arguments.run / "data"), Run(arguments.run)
    if arguments.export:
        export(run, data, arguments.export)
        return
    initial = run.initial(arguments.init) if arguments.init else None
    train(TrainConfig(), data, run, arguments.samples, workers=arguments.workers, initial=initial)


if __name__ == "__main__":
    main()
