"""Train a diffusion video autoencoder: the paper's on prepared videos, the compact model's on the labelled face set.

One trainer serves both; :class:`dvaedit.training.config.TrainConfig` is all that differs. The losses are the paper's
L_simple and L_reg (:mod:`dvaedit.diffusion.losses`). In the compact model the identity encoder is trained along: it
sees another random view of the face than the one that is denoised, so that z_id cannot say where features lie, and a
linear head on z_id learns the attribute labels, which keeps hair colour, glasses and beard linearly readable in z_id.

Everything random follows from the seed and the number of the batch: what is drawn, timesteps, noises and dropout. So
a resumed run equals an uninterrupted one, and n processes equal one process that accumulates n batches.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dvaedit.checkpoints.store import load_into
from dvaedit.errors import UsageError
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.config import from_dict
from dvaedit.models.parsing import Classes
from dvaedit.training import faces
from dvaedit.training.batch import Batch, Source
from dvaedit.training.config import TrainConfig, changes
from dvaedit.training.counterfactual.pairs import Pairs
from dvaedit.training.distributed import ALONE, World
from dvaedit.training.ema import EMA
from dvaedit.training.face_batches import FaceSource
from dvaedit.training.objective import Objective
from dvaedit.training.run import Run, drive
from dvaedit.training.sheets import sample_sheet

CPU = torch.device("cpu")
SEED_STRIDE, STEP_SEEDS = 1_000_003, 500_000_000  # the noise of batch n is apart from what draws batch n


class Trainer:
    """Model, head, optimiser and EMA of one run, and the step that moves them.

    ``parser``: makes the face masks of L_reg, for sources that bring none. ``draws``: batches drawn so far, by all
    processes together; ``samples``: crops seen so far; those with two noises count once.
    """

    def __init__(
        self, config: TrainConfig, source: Source, *, parser: Classes | None = None,
        device: torch.device = CPU, world: World = ALONE,
    ) -> None:  # fmt: skip
        torch.manual_seed(config.seed)
        self.config, self.source, self.parser = config.check(), source, parser
        self.device, self.world = device, world
        self.model = Autoencoder(config.model).to(memory_format=torch.channels_last)
        labels = source.positive_share if config.attribute_weight else None
        codes = config.model.identity.code_channels
        self.head = None if labels is None else nn.Linear(codes, len(labels)).to(device)
        if config.code_statistics:
            source.set_statistics(self.model)
        self.model.to(device).train()
        self.model.unet.checkpointing = config.checkpointing
        self.objective = Objective(self.model, self.head, config, self._precision())
        self.objective.positive_share = None if labels is None else labels.to(device)
        self.parallel = world.parallel(self.objective)
        trained = {name: p for name, p in self.objective.named_parameters() if p.requires_grad}
        self.names, self.parameters = list(trained), list(trained.values())
        # Without weight decay this is Adam.
        self.optimizer = torch.optim.AdamW(self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.objective.precision == "float16")
        self.ema = EMA(self.model, config.ema_decay, config.ema_warmup)
        self.step, self.draws, self.samples = 0, 0, 0
        self.seen: dict[str, int] = {}
        self.goal = 0  # crops after which the run ends, 0 for open
        self.batches: Iterator[Batch] | None = None
        self.stopped = 0  # the signal that has ended the run

    def _precision(self) -> str:
        if self.config.precision != "auto":
            return self.config.precision
        return "float16" if self.device.type == "cuda" else "float32"

    @property
    def draws_per_step(self) -> int:
        """Batches in an optimiser step, of all processes."""
        return self.config.accumulation * self.world.size

    @property
    def crops_per_step(self) -> int:
        """Crops in an optimiser step, of all processes."""
        return self.config.batch_size * self.draws_per_step

    def stream(self, steps: int, workers: int = 0) -> Iterator[Batch]:
        """This process's batches of the next ``steps`` optimiser steps, prepared by ``workers`` other processes."""
        end = self.draws + steps * self.draws_per_step
        mine = range(self.draws + self.world.rank, end, self.world.size)
        return iter(DataLoader(self.source, batch_size=None, sampler=mine, num_workers=workers))

    def train_step(self) -> dict[str, float]:
        """One optimiser step; returns the terms of the loss, averaged over passes and processes."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self.optimizer.zero_grad(set_to_none=True)
        passes = [self._pass(number) for number in range(config.accumulation)]
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters, config.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.ema.update(self.model)
        self.step, self.draws = self.step + 1, self.draws + self.draws_per_step
        self.samples += self.crops_per_step
        self._count()
        means = {name: torch.stack([terms[name] for terms in passes]).mean() for name in passes[0]}
        return self._checked(self.world.mean({**means, "grad": norm}))

    def _learning_rate(self) -> float:
        """Rising over the first steps, level, and falling to zero over the last crops where the run cools down."""
        config = self.config
        share = min(1.0, (self.step + 1) / max(1, config.warmup_steps))
        if config.cooldown and self.goal:
            share *= min(1.0, max(0.0, (self.goal - self.samples) / config.cooldown))
        return config.learning_rate * share

    def _count(self) -> None:
        """Add an optimiser step to what has been seen; settings may change in the course of a run."""
        config, passes = self.config, self.draws_per_step
        counts = {
            "crops_seen": config.batch_size,
            "noised_crops_seen": config.batch_size + config.second_noises(config.batch_size),
            "counterfactuals_seen": self.source.describe().get("counterfactuals", 0),
        }  # fmt: skip
        self.seen = {name: self.seen.get(name, 0) + count * passes for name, count in counts.items()}

    def _checked(self, terms: dict[str, float]) -> dict[str, float]:
        """The terms, which all processes have alike. Raises UsageError where training has come to nothing."""
        if self.scaler.is_enabled() and not math.isfinite(terms["grad"]):
            del terms["grad"]  # float16 has overflowed: the step was left out and the scale is lowered
        if not all(map(math.isfinite, terms.values())):
            hint = "Lower the learning rate; the last checkpoint is from before."
            raise UsageError(f"training has diverged: the loss of step {self.step} is not finite", hint)
        return terms

    def _pass(self, number: int) -> dict[str, Tensor]:
        """Forward and backward of one batch; gradients are exchanged once a step, in the last pass."""
        draw = self.draws + number * self.world.size + self.world.rank
        batch = next(self.batches) if self.batches is not None else self.source[draw]
        batch = self._masked(batch.to(self.device))
        final = number + 1 == self.config.accumulation
        seed = self.config.seed * SEED_STRIDE + draw + STEP_SEEDS
        with nullcontext() if final or self.world.size == 1 else self.parallel.no_sync():
            torch.manual_seed(seed)  # dropout's only source: a resumed run draws what an uninterrupted one would
            total, terms = self.parallel(batch, seed)
            self.scaler.scale(total / self.config.accumulation).backward()
        return terms

    def _masked(self, batch: Batch) -> Batch:
        if batch.mask is not None or not (self.config.reg_weight and self.config.pair_share):
            return batch
        if self.parser is None:
            raise UsageError("L_reg needs a face mask, and there is no parser", "Name one with --parser.")
        return replace(batch, mask=face_mask(self.parser, batch.x_0))

    def averaged(self) -> Autoencoder:
        """A copy with the averaged weights, in eval mode."""
        model = Autoencoder(self.config.model).to(self.device)
        model.load_state_dict(self.ema.state(self.model))
        return model.eval().requires_grad_(False)

    def state(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors and plain data.

        Random numbers need no state of their own: they follow from the seed and ``draws``.
        """
        return {
            "step": self.step, "draws": self.draws, "samples": self.samples, "seen": self.seen,
            "config": asdict(self.config),
            "model": self.model.state_dict(), "head": {} if self.head is None else self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(), "parameters": self.names, "scaler": self.scaler.state_dict(),
            "ema": self.ema.average, "ema_steps": self.ema.steps, "data": self.source.describe(),
        }  # fmt: skip

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with the weights of a finished model, for instance the shipped one, in place of random ones."""
        load_into(self.model, weights)
        self.ema = EMA(self.model, self.config.ema_decay, self.config.ema_warmup)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` gave, or an older version of it.

        Older ones have no draws, samples, counts, scaler and parameter names; their parameters are in the order of the
        model's own tensors.
        """
        self.model.load_state_dict(state["model"])
        if self.head is not None:
            self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(self._moments(state))
        if state.get("scaler"):
            self.scaler.load_state_dict(state["scaler"])
        self.ema.restore(state["ema"], state["ema_steps"])
        self.step = state["step"]
        self.draws = state.get("draws", self.step)
        self.samples = state.get("samples", self.step * self.config.batch_size)
        self.seen = dict(state["seen"]) if "seen" in state else {"crops_seen": self.samples}

    def _moments(self, state: dict[str, Any]) -> dict[str, Any]:
        """The optimiser's state of a checkpoint, put into the order of this program's parameters."""
        saved = state["optimizer"]
        names = state.get("parameters")
        if names is None:
            tensors = [f"model.{name}" for name in state["model"]] + [f"head.{name}" for name in state["head"]]
            names = [name for name in tensors if name in set(self.names)]
        if sorted(names) != sorted(self.names):
            raise UsageError("the run to resume trains other parameters", "Use its own settings, or another folder.")
        place = {name: index for index, name in enumerate(names)}
        moments = {new: saved["state"][place[name]] for new, name in enumerate(self.names) if saved["state"]}
        group = {**saved["param_groups"][0], "params": list(range(len(self.names)))}
        return {"state": moments, "param_groups": [group]}


@torch.no_grad()
def face_mask(parser: Classes, x_0: Tensor) -> Tensor:
    """The paper's training mask of crops (B, 3, S, S): (B, 1, S, S), 1 on face, hair and neck, 0 elsewhere."""
    inside = torch.zeros(256, device=x_0.device)
    inside[list(TRAINING_FACE)] = 1
    return inside[parser.class_map(x_0).long()][:, None]


def train(
    config: TrainConfig,
    source: Source,
    run: Run,
    samples: int,
    *,
    parser: Classes | None = None,
    device: torch.device = CPU,
    world: World = ALONE,
    initial: dict[str, Tensor] | None = None,
    workers: int = 0,
    log_every: int = 50,
    sheet_every: int = 500,
    snapshot_every: int = 0,
    sheet: tuple[int, int] = (12, 12),
    progress: Callable[[int, int], None] = lambda done, total: None,
    state: dict[str, Any] | None = None,
) -> Trainer:
    """Train until ``samples`` crops are seen or a stop is asked for; resumes from the run's last checkpoint.

    ``initial``: weights that a new run starts from; ``sheet``: crops and DDIM steps of the sample sheets;
    ``state``: the run's last checkpoint, where it has been loaded already.
    """
    trainer = Trainer(config, source, parser=parser, device=device, world=world)
    state = state if state is not None else run.load()
    if state is not None:
        with run.fitting():
            trainer.restore(state)
    elif initial is not None:
        trainer.start_from(initial)

    def draw() -> None:
        batch = trainer.source.examples(sheet[0]).to(device)
        run.sheet(f"{trainer.step:07d}", sample_sheet(trainer.averaged(), batch, sheet[1]))

    trainer.goal = samples
    count = max(0, -(-(samples - trainer.samples) // trainer.crops_per_step))
    trainer.batches = trainer.stream(count, workers)
    trainer.stopped = drive(
        run, trainer, repeat(trainer.train_step, count), log_every=log_every, check_every=sheet_every,
        check=draw, world=world,
        snapshot_every=snapshot_every, progress=lambda step: progress(min(trainer.samples, samples), samples),
    )  # fmt: skip
    trainer.batches = None
    return trainer


def resumed_config(state: dict[str, Any], wanted: TrainConfig) -> list[str]:
    """What has changed since the checkpoint. Raises UsageError if it is the model or the data's order."""
    changed = changes(from_dict(TrainConfig, state["config"]), wanted)
    fixed = [line for line in changed if line.startswith(("model.", "batch_size ", "seed "))]
    if fixed:
        raise UsageError(
            f"the run to resume has other settings: {'; '.join(fixed)}", "Use its own settings, or another folder."
        )
    return changed


def face_source(config: TrainConfig, face_set: faces.FaceSet, pairs: Pairs | None = None) -> FaceSource:
    """The labelled face set, with counterfactuals where there are some, as ``config`` wants it."""
    made = round(config.counterfactual_share * config.batch_size)
    return FaceSource(face_set, config.batch_size, config.seed, pairs, made)


def main() -> None:
    """Train the compact model from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--masks", type=Path, help="head masks (.npy)")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run; an existing one is resumed")
    parser.add_argument("--samples", type=int, default=1_000_000, help="crops to see in all")
    parser.add_argument("--init", metavar="CARD", help="start a new run from these weights: compact-autoencoder")
    parser.add_argument("--counterfactuals", type=Path, metavar="DIR", help="train on the counterfactuals in DIR too")
    parser.add_argument("--cooldown", type=int, default=0, help="crops over which the learning rate falls to zero")
    parser.add_argument("--ema-decay", type=float, default=TrainConfig.ema_decay, help="less while cooling down")
    arguments = parser.parse_args()
    config = replace(TrainConfig(), cooldown=arguments.cooldown, ema_decay=arguments.ema_decay)
    face_set = faces.load(arguments.data, arguments.run / "data", masks=arguments.masks)
    run = Run(arguments.run)
    initial = run.initial(arguments.init) if arguments.init else None
    pairs = Pairs.load(arguments.counterfactuals) if arguments.counterfactuals else None
    source = face_source(config, face_set, pairs)
    train(config, source, run, arguments.samples, initial=initial)


if __name__ == "__main__":
    main()
