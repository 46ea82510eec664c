"""Train the judge of ``dvaedit evaluate`` on labelled face crops, calibrate it, and export it with its card.

It is kept apart from all that edits: another architecture, another seed, images instead of identity codes. It is
trained on the training split only; the split that calibrates it is cut out of that one, and what its card states is
measured on the held-out split that no trainer of this package sees.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from dvaedit.checkpoints.store import write_weights
from dvaedit.errors import UsageError
from dvaedit.models.config import from_dict
from dvaedit.models.judge import Judge, JudgeConfig
from dvaedit.training import faces, judge_quality
from dvaedit.training.attributes import NAMES
from dvaedit.training.augment import to_float
from dvaedit.training.ema import EMA
from dvaedit.training.faces import FaceSet
from dvaedit.training.judge_augment import judge_view
from dvaedit.training.objective import attribute_loss
from dvaedit.training.run import Run, append_row, drive
from dvaedit.training.sources import TRAINING_DATA

NAME = "judge"
DESCRIPTION = (
    "Attribute classifier on face crops, for measuring edits only: no editing network shares its architecture, seed or "
    "weights. Probabilities are calibrated for half of the faces having the attribute (Platt scaling on faces it was "
    "not trained on). Its labels were given by eye in a single pass; hats, make-up, fringes and receding hairlines are "
    "under-marked, lipstick was labelled apart, on faces of which it is clear, Child was learnt against middle and old "
    "age only, and some faces have near-duplicates, which may flatter these numbers. On video of real people it errs "
    "more. Looked at on one or two frames of each of 17 clips: eyeglasses found in 2 of 3 clips and wrongly seen in 2 "
    "others, red hair read as blond and red alike, a wide hairdo as a hat, and artefacts of bad edits (dark patches on "
    "the eyes) as sunglasses. Trust changes and many frames, not single values."
)
# The face set has no labels of lipstick but of men, who wear none; those of judge_more are taught afterwards.
JUDGED = tuple(name for name in NAMES if name != "Wearing_Lipstick")
SOURCE_SIZE = 128  # side of the stored crops the views are cut from, pixels
CALIBRATION_SHARE = 0.08  # of the training split


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run; the learning rate rises over ``warmup_steps`` and falls to zero along a cosine."""

    batch_size: int = 48
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    ema_decay: float = 0.995
    seed: int = 7919  # no other trainer's
    model: JudgeConfig = field(default_factory=lambda: JudgeConfig(JUDGED))


def is_calibration(file_name: str) -> bool:
    """A fixed share of the files, by a digest that has nothing to do with the one that holds faces out."""
    digest = hashlib.sha256(f"judge:{file_name}".encode()).hexdigest()
    return int(digest[:8], 16) < CALIBRATION_SHARE * 2**32


class Split:
    """Which faces train the network and which calibrate it. Both: indices into the set."""

    def __init__(self, data: FaceSet) -> None:
        calibrates = np.array([is_calibration(row["file"]) for row in data.rows])
        self.train = np.flatnonzero(~data.held_out & ~calibrates)
        self.calibration = np.flatnonzero(~data.held_out & calibrates)
        self.held_out = np.flatnonzero(data.held_out)


def labels_of(data: FaceSet, names: Sequence[str]) -> np.ndarray:
    """(N, len(names)) labels of the named attributes, whatever others the set has by now. Raises UsageError."""
    if missing := [name for name in names if name not in data.names]:
        raise UsageError(f"the face set has no labels of {', '.join(missing)}", hint="Train the judge anew.")
    return data.labels[:, [data.names.index(name) for name in names]]


class Batches(Dataset):
    """Batch ``k`` of a run: the same for the same seed, whatever came before it."""

    def __init__(self, data: FaceSet, config: TrainConfig) -> None:
        self.data, self.config, self.index = data, config, Split(data).train
        self.share = data.weights[self.index] / data.weights[self.index].sum()
        self.labels = labels_of(data, config.model.attributes)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """x: float (B, 3, S, S) in [-1, 1]; labels: (B, A) in {0, 1, NaN}."""
        rng = np.random.default_rng((self.config.seed, step))
        drawn = rng.choice(self.index, self.config.batch_size, p=self.share)
        views = [judge_view(self.data.images[k], self.config.model.image_size, rng) for k in drawn]
        return to_float(torch.from_numpy(np.stack(views))), torch.from_numpy(self.labels[drawn])


class Trainer:
    """Judge, optimiser and EMA of one run, and the step that moves them."""

    def __init__(self, config: TrainConfig, data: FaceSet, samples: int) -> None:
        torch.manual_seed(config.seed)
        self.config, self.samples, self.step = config, samples, 0
        self.model = Judge(config.model).to(memory_format=torch.channels_last)
        index = Split(data).train
        labels = labels_of(data, config.model.attributes)[index]
        draw = data.weights[index, None] * ~np.isnan(labels)
        share = (np.nan_to_num(labels) * draw).sum(axis=0) / draw.sum(axis=0)
        self.share = torch.from_numpy(share).float().clamp(0.02, 0.98)
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, config.learning_rate)
        self.ema = EMA(self.model, config.ema_decay)

    @property
    def seen(self) -> int:
        """Crops seen so far."""
        return self.step * self.config.batch_size

    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        return self.config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(self.seen / self.samples, 1.0)))

    def train_step(self, x: Tensor, labels: Tensor) -> dict[str, float]:
        """One optimiser step on a batch of :class:`Batches`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.model.train()
        logits = self.model(x.contiguous(memory_format=torch.channels_last))
        loss = attribute_loss(logits, labels, self.share)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        return {"loss": loss.item(), "rate": self.rate()}

    def averaged(self) -> Judge:
        """A copy with the averaged weights, in eval mode."""
        model = Judge(self.config.model).to(memory_format=torch.channels_last)
        model.load_state_dict(self.ema.state(self.model))
        return model.eval().requires_grad_(False)

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors and plain data."""
        return {
            "step": self.step, "config": asdict(self.config), "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(), "ema": self.ema.average, "ema_steps": self.ema.steps,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.average, self.ema.steps, self.step = state["ema"], state["ema_steps"], state["step"]


@torch.inference_mode()
def predict(model: Judge, images: np.ndarray, batch: int = 128) -> np.ndarray:
    """Logits (N, A), the mean over each crop and its mirror image, of uint8 crops (N, H, W, 3)."""
    size, rows = model.config.image_size, []
    for start in range(0, len(images), batch):
        x = to_float(torch.from_numpy(np.ascontiguousarray(images[start : start + batch])))
        x = F.interpolate(x, (size, size), mode="bilinear", antialias=True, align_corners=False)
        rows.append((model(x) + model(x.flip(3))) / 2)
    return torch.cat(rows).numpy()


def train(config: TrainConfig, data: FaceSet, run: Run, samples: int, check_every: int = 500, log_every: int = 50,
          workers: int = 0) -> Trainer:  # fmt: skip
    """Train until ``samples`` crops are seen or a stop is asked for; resumes from the run's last checkpoint."""
    trainer = Trainer(config, data, samples)
    if (state := run.load()) is not None:
        with run.fitting():
            trainer.restore(state)
    steps = range(trainer.step, -(-samples // config.batch_size))
    batches = DataLoader(Batches(data, config), batch_size=None, sampler=steps, num_workers=workers)
    taken = (partial(trainer.train_step, x, labels) for x, labels in batches)
    drive(run, trainer, taken, log_every=log_every, check_every=check_every, check=lambda: check(trainer, data, run))
    return trainer


def check(trainer: Trainer, data: FaceSet, run: Run) -> None:
    """Measure the averaged model on the calibration split: the held-out one is for the card alone."""
    index = Split(data).calibration
    logits = predict(trainer.averaged(), data.images[index])
    names = trainer.config.model.attributes
    table = judge_quality.quality(logits, labels_of(data, names)[index], names)
    auc = {name: row["auc"] for name, row in table.items()}
    append_row(run.folder / "calibration.csv", {"step": trainer.step, **auc})
    known = [value for value in auc.values() if value is not None]
    print(f"step {trainer.step}: mean AUC {np.mean(known):.4f}", flush=True)


def round_weights(model: Judge) -> None:
    """Make the weights of a judge what its file will hold, in half precision."""
    model.load_state_dict({k: v.half().float() if v.is_floating_point() else v for k, v in model.state_dict().items()})


def export(run: Run, data: FaceSet, folder: Path) -> None:
    """Calibrate the averaged weights, write them in half precision, and state what they do on held-out faces."""
    state = run.load()
    if state is None:
        raise UsageError(f"no checkpoint in {run.folder}", hint="Train first.")
    config = from_dict(TrainConfig, state["config"])
    trainer = Trainer(config, data, samples=1)
    with run.fitting():
        trainer.restore(state)
    model, split = trainer.averaged(), Split(data)
    names, labels = config.model.attributes, labels_of(data, config.model.attributes)
    logits = predict(model, data.images[split.calibration])
    scale, shift = judge_quality.calibrate(logits, labels[split.calibration])
    model.scale.copy_(torch.from_numpy(scale))
    model.shift.copy_(torch.from_numpy(shift))
    round_weights(model)
    held_out = predict(model, data.images[split.held_out])
    metrics = judge_quality.quality(held_out, labels[split.held_out], names)
    fields = {
        "name": NAME, "kind": "judge", "source": "trained for dvaedit", "licence": "MIT",
        "training_data": TRAINING_DATA, "config": asdict(config.model),
        "metrics": {"crops_seen": trainer.seen, "held_out_faces": len(split.held_out), "attributes": metrics},
        "description": DESCRIPTION,
    }  # fmt: skip
    card = write_weights(folder, fields, model.state_dict(), torch.float16)
    print(f"{card.file}: {card.size / 1e6:.2f} MB")
    for name, row in metrics.items():
        print(f"{name:22}", row)


def main() -> None:
    """Train or, with ``--export``, write the weights of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run; an existing one is resumed")
    parser.add_argument("--samples", type=int, default=100_000, help="crops to see in all")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    parser.add_argument("--export", type=Path, metavar="FOLDER", help="write the weights and their card here instead")
    arguments = parser.parse_args()
    data, run = faces.load(arguments.data, arguments.run / "data", SOURCE_SIZE), Run(arguments.run)
    if arguments.export:
        export(run, data, arguments.export)
    else:
        train(TrainConfig(), data, run, arguments.samples, workers=arguments.workers)


if __name__ == "__main__":
    main()
