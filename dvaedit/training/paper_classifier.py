"""Train the paper's attribute classifier: one linear layer on the normalised identity code (METHOD 7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.errors import UsageError
from dvaedit.files import make_folder, write_durably
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.config import from_dict
from dvaedit.training.arrays import read_array
from dvaedit.training.augment import to_float
from dvaedit.training.celeba import AttributeSet
from dvaedit.training.ema import EMA
from dvaedit.training.latent_stats import LatentStats
from dvaedit.training.run import Run, drive

CLASSIFIER_FILE = "classifier.json"


@dataclass(frozen=True)
class ClassifierConfig:
    """The paper's settings: 300,000 crops in batches of 32. ``ema_decay``: of the copy that editing does not use."""

    batch_size: int = 32
    learning_rate: float = 1e-3
    ema_decay: float = 0.9999
    seed: int = 0


@torch.inference_mode()
def identity_codes(
    model: Autoencoder, data: AttributeSet, device: torch.device, folder: Path, digest: str, batch: int = 32,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:  # fmt: skip
    """z_id of every image and of its mirror image, float32 (N, 2, D), kept in ``folder`` for the next start.

    The encoder is frozen, so that each image has two codes only, however often it is drawn. ``digest``: SHA-256 of
    the encoder's weights, in the name of the file.
    """
    path = make_folder(folder) / f"codes-{digest[:12]}-{len(data.files)}.npy"
    if path.is_file():
        return read_array(path, (len(data.files), 2, None))
    codes = []
    for start in range(0, len(data.files), batch):
        stop = min(start + batch, len(data.files))
        x_0 = to_float(torch.from_numpy(np.stack([data.read(index) for index in range(start, stop)]))).to(device)
        both = [model.identity(x).float().cpu() for x in (x_0, x_0.flip(3))]
        codes.append(torch.stack(both, dim=1).numpy())
        progress(stop, len(data.files))
    found = np.concatenate(codes)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, found)
    partial.replace(path)
    return found


class Trainer:
    """The linear layer, its optimiser and EMA. Batch n depends on the seed and n alone."""

    def __init__(self, config: ClassifierConfig, codes: np.ndarray, labels: np.ndarray, stats: LatentStats) -> None:
        if codes.shape[2] != len(stats.mean):
            raise UsageError(
                f"the statistics are of codes of {len(stats.mean)} numbers, the model's have {codes.shape[2]}",
                "Make them with the same model: `dvaedit train latent-stats`.",
            )
        torch.manual_seed(config.seed)
        self.config, self.stats, self.step, self.stopped = config, stats, 0, 0
        self.z = (torch.from_numpy(codes) - stats.mean) / stats.std
        self.labels = torch.from_numpy(labels)
        self.layer = nn.Linear(codes.shape[2], labels.shape[1])
        self.optimizer = torch.optim.Adam(self.layer.parameters(), lr=config.learning_rate)
        self.ema = EMA(self.layer, config.ema_decay, warmup=False)

    def train_step(self) -> dict[str, float]:
        """One optimiser step on a batch of images, each mirrored with probability one half."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        size = self.config.batch_size
        index, flip = (torch.randint(n, (size,), generator=generator) for n in (len(self.z), 2))
        logits, truth = self.layer(self.z[index, flip]), self.labels[index]
        loss = F.binary_cross_entropy_with_logits(logits, truth)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.ema.update(self.layer)
        self.step += 1
        return {"entropy": loss.item(), "accuracy": ((logits > 0) == (truth > 0.5)).float().mean().item()}

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, and the statistics that belong to the layer."""
        return {
            "step": self.step, "config": asdict(self.config), "layer": self.layer.state_dict(),
            "optimizer": self.optimizer.state_dict(), "ema": self.ema.average, "ema_steps": self.ema.steps,
            "conds_mean": self.stats.mean, "conds_std": self.stats.std, "stats_count": self.stats.count,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave. Raises UsageError if the run had other settings or statistics."""
        same = torch.equal(state["conds_mean"], self.stats.mean) and torch.equal(state["conds_std"], self.stats.std)
        if not same or from_dict(ClassifierConfig, state["config"]) != self.config:
            hint = "Use its own, or another folder."
            raise UsageError("the run to resume has other settings or statistics", hint)
        self.layer.load_state_dict(state["layer"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.restore(state["ema"], state["ema_steps"])
        self.step = state["step"]


def train(
    config: ClassifierConfig, codes: np.ndarray, data: AttributeSet, stats: LatentStats, run: Run, samples: int,
    log_every: int = 50, progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trainer:  # fmt: skip
    """Train until ``samples`` crops are seen; resumes from the run's last checkpoint.

    At the end the names of the attributes and how well each is recognised go into ``classifier.json`` of the run.
    """
    trainer = Trainer(config, codes, data.labels, stats)
    if (state := run.load()) is not None:
        with run.fitting():
            trainer.restore(state)
    count = max(0, -(-samples // config.batch_size) - trainer.step)
    trainer.stopped = drive(
        run, trainer, repeat(trainer.train_step, count), log_every=log_every, check_every=0, check=lambda: None,
        progress=lambda step: progress(min(step * config.batch_size, samples), samples),
    )  # fmt: skip
    notes = {"attributes": data.names, "metrics": accuracy(trainer, data.names)}
    write_durably(run.folder / CLASSIFIER_FILE, (json.dumps(notes, indent=2) + "\n").encode())
    return trainer


def accuracy(trainer: Trainer, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """By attribute: balanced accuracy over the images trained on, and how many have it."""
    with torch.inference_mode():
        found, truth = trainer.layer(trainer.z[:, 0]) > 0, trainer.labels > 0.5
    return {name: _balanced(found[:, k], truth[:, k]) for k, name in enumerate(names)}


def _balanced(found: Tensor, truth: Tensor) -> dict[str, float]:
    sides = [(found == truth)[truth == side].float().mean().item() for side in (True, False) if (truth == side).any()]
    return {"balanced_accuracy": round(sum(sides) / len(sides), 4), "positives": int(truth.sum())}
