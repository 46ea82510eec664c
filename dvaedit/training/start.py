"""A training run of an autoencoder from what a user says: settings, data, frozen networks; all checked before work."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dvaedit.checkpoints.store import load_tensors
from dvaedit.errors import UsageError
from dvaedit.files import write_durably
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.parsing import Classes
from dvaedit.training import alignment, autoencoder, faces
from dvaedit.training.batch import Source
from dvaedit.training.config import PRESETS, TrainConfig, parameter_count, read_config, scaled, with_landmarks
from dvaedit.training.distributed import ALONE, World
from dvaedit.training.networks import FILES, fill_frozen, load_parser, part_card
from dvaedit.training.prepare import TEST, TRAIN
from dvaedit.training.run import Run
from dvaedit.training.video_batches import VideoSource
from dvaedit.training.video_set import open_split

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What to train, on what, from what. ``settings``: single settings of :class:`TrainConfig` over all others.

    ``identity``, ``landmarks``, ``parser``: a model, a card, or the authors' file; ``landmarks`` "mesh" takes z_lnd
    from the tables of ``dvaedit prepare``. ``random_networks``: frozen networks may stay random, to try things out.
    ``init``: a model whose weights a new run starts from.
    """

    data: Path
    preset: str = "paper"
    config: Path | None = None
    width: int | None = None
    size: int | None = None
    settings: dict[str, Any] | None = None
    identity: str | None = None
    landmarks: str | None = None
    parser: str = "compact-parser"
    init: str | None = None
    masks: Path | None = None
    random_networks: bool = False
    check_alignment: bool = True

    def resolve(self) -> TrainConfig:
        """The settings, in order: preset, file, width and size, single ones. Raises UsageError."""
        if self.preset not in PRESETS:
            raise UsageError(f"there is no preset {self.preset!r}", f"There are: {', '.join(PRESETS)}.")
        config = PRESETS[self.preset]
        if self.config is not None:
            config = read_config(self.config, config)
        config = scaled(config, self.width, self.size)
        if self.landmarks == "mesh":
            config = with_landmarks(config, "mesh")
        return replace(config, **{k: v for k, v in (self.settings or {}).items() if v is not None}).check()


@dataclass(frozen=True)
class Start:
    """All that :func:`dvaedit.training.autoencoder.train` needs."""

    config: TrainConfig
    source: Source
    run: Run
    state: dict[str, Any] | None
    initial: dict[str, Tensor] | None
    parser: Classes | None


def prepare_start(request: Request, run: Run, device: torch.device, world: World = ALONE) -> Start:
    """Check settings, data, networks and, where the run exists, that it is the same one.

    Raises UsageError, WeightsError.
    """
    config = request.resolve()
    state = run.load()
    world.wait()  # before the first process writes
    if state is not None:
        for line in autoencoder.resumed_config(state, config):
            logger.warning("resumed with another setting: %s", line)
    source = _source(request, config, run.folder, check=world.main and state is None)
    if state is not None and state.get("data") not in (None, source.describe()):
        logger.warning("the data have changed since the checkpoint (%s): so does their order", state["data"])
    initial = _initial(request, config) if state is None else None
    needs_mask = isinstance(source, VideoSource) and config.reg_weight and config.pair_share
    parser = load_parser(request.parser, device) if needs_mask else None
    if world.main:
        _write_config(run.folder, config)
    return Start(config, source, run, state, initial, parser)


def _source(request: Request, config: TrainConfig, work: Path, check: bool) -> Source:
    if (request.data / "faces.csv").is_file():
        face_set = faces.load(request.data, work / "data", config.model.unet.image_size, request.masks)
        return autoencoder.face_source(config, face_set)
    size = config.model.unet.image_size
    data = open_split(request.data, TRAIN, size, config.batch_size)
    held_out = open_split(request.data, TEST, size) if _has_videos(request.data / TEST) else None
    if check and request.check_alignment:
        alignment.check(data)
    points = config.model.landmarks.source == "mesh"
    return VideoSource(data, config.batch_size, config.seed, points=points, held_out=held_out)


def _has_videos(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_dir() for path in folder.iterdir())


def _initial(request: Request, config: TrainConfig) -> dict[str, Tensor] | None:
    """The weights a new run starts from: of a finished model, or random ones with the frozen networks put in."""
    if request.init is not None:
        return load_tensors(part_card(request.init, "autoencoder"), dtype=torch.float32)
    torch.manual_seed(config.seed)
    model = Autoencoder(config.model)
    given = {"identity": request.identity, "landmarks": None if request.landmarks == "mesh" else request.landmarks}
    frozen = [part for part in given if getattr(model, part, None) in model.frozen and getattr(model, part) is not None]
    for part, name in given.items():
        if name is not None:
            fill_frozen(model, part, name)
        elif part in frozen and not request.random_networks:
            raise UsageError(
                f"the {part} network is not trained here and has no weights",
                f"Give a model that has it, or {FILES[part]}, with --{part}; to try things out, add --random-networks.",
            )
    return model.state_dict() if frozen or any(given.values()) else None


def _write_config(folder: Path, config: TrainConfig) -> None:
    write_durably(folder / "config.json", (json.dumps(asdict(config), indent=2) + "\n").encode())


def describe(start: Start, say: Callable[[str], None]) -> None:
    """What is about to be trained, in a few lines."""
    trained, total = parameter_count(start.config.model)
    data = start.source.describe()
    what = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in data.items() if isinstance(value, int))
    say(f"training {trained:,} of {total:,} parameters on {what}")
    if start.state is not None:
        say(f"resumed at step {start.state['step']}")
