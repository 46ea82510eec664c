"""Settings of an autoencoder's training run: the compact model's, the paper's, and those of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dvaedit.errors import UsageError
from dvaedit.models.autoencoder import PAPER, Autoencoder, AutoencoderConfig
from dvaedit.models.config import from_dict
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.models.unet import UNetConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
    """Settings of a run; the defaults are the compact model's.

    ``batch_size``: crops per process and pass; an optimiser step takes ``accumulation`` passes.
    ``pair_share``: share of each batch that gets a second noise (the paper: 1).
    ``timesteps``: "stratified", one from each of B equal intervals, or "uniform", each on its own (the paper).
    ``cooldown``: crops over which, at the end of the run, the learning rate falls to zero.
    ``ema_warmup``: the decay rises to its value over the first steps.
    ``attribute_weight``: of the linear head that learns the labels, where the data have some; 0 leaves it out.
    ``id_noise``: how far z_id is moved at random before it conditions the U-Net.
    ``counterfactual_share``: of each batch that are counterfactuals, where there are any.
    ``change_weight``: how much more a pixel counts per unit by which a counterfactual differs from its source there.
    ``code_statistics``: the face-code map standardises its inputs by the data.
    ``precision``: autocast around the networks; "auto" is float16 on CUDA (the paper), float32 elsewhere.
    ``checkpointing``: activations are recomputed instead of kept: less memory for a third more time.
    """

    model: AutoencoderConfig = field(default_factory=lambda: COMPACT)
    batch_size: int = 32
    accumulation: int = 1
    pair_share: float = 0.0625
    timesteps: Literal["stratified", "uniform"] = "stratified"
    learning_rate: float = 4e-4
    weight_decay: float = 1e-4
    warmup_steps: int = 300
    cooldown: int = 0
    ema_decay: float = 0.999
    ema_warmup: bool = True
    reg_weight: float = 1.0
    attribute_weight: float = 0.1
    id_noise: float = 0.1
    counterfactual_share: float = 0.7
    change_weight: float = 12.0
    code_statistics: bool = True
    gradient_clip: float = 1.0
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    checkpointing: bool = False
    seed: int = 0

    def second_noises(self, count: int) -> int:
        """How many of ``count`` crops get a second noise."""
        return round(self.pair_share * count)

    def check(self) -> TrainConfig:
        """Raises UsageError for values that make no sense."""
        positive = ("batch_size", "accumulation", "learning_rate", "gradient_clip")
        shares = ("pair_share", "ema_decay", "counterfactual_share")
        bad = [name for name in positive if getattr(self, name) <= 0]
        bad += [name for name in shares if not 0 <= getattr(self, name) <= 1]
        bad += [
            name
            for name in ("reg_weight", "attribute_weight", "change_weight", "cooldown", "seed")
            if getattr(self, name) < 0
        ]
        bad += ["timesteps"] if self.timesteps not in ("stratified", "uniform") else []
        bad += ["precision"] if self.precision not in ("auto", "float32", "bfloat16", "float16") else []
        if bad:
            raise UsageError(f"{bad[0]} = {getattr(self, bad[0])!r} makes no sense for training")
        check_model(self.model)
        return self


PAPER_TRAINING = TrainConfig(
    model=PAPER, batch_size=4, pair_share=1.0, timesteps="uniform", learning_rate=1e-4, weight_decay=0.0,
    warmup_steps=0, ema_decay=0.9999, ema_warmup=False, attribute_weight=0.0, id_noise=0.0, code_statistics=False,
    precision="auto",
)  # fmt: skip
"""Kim et al., CVPR 2023, as released: 4 crops of one video per GPU, two noises each, L1 on eps, Adam."""

PRESETS = {"paper": PAPER_TRAINING, "compact": TrainConfig()}
PAPER_CROPS = 16_000_000  # of the released checkpoint: a million steps on four GPUs


def scaled(config: TrainConfig, width: int | None = None, size: int | None = None) -> TrainConfig:
    """The same architecture with ``width`` base channels, for crops of ``size`` pixels.

    As many channels share a norm as before; attention stays at the same map sizes, in pixels.
    """
    unet, identity = config.model.unet, config.model.identity
    if width is not None:
        groups = max(1, unet.norm_groups * width // unet.base_channels)
        unet = replace(unet, base_channels=width, norm_groups=groups)
    if size is not None:
        unet, identity = replace(unet, image_size=size), replace(identity, image_size=size)
    return replace(config, model=replace(config.model, unet=unet, identity=identity))


def with_landmarks(config: TrainConfig, source: str) -> TrainConfig:
    """The same with z_lnd from the "mesh" that aligned the crops or from the landmark "net"."""
    return replace(config, model=replace(config.model, landmarks=LandmarkConfig(source)))


def check_model(config: AutoencoderConfig) -> None:
    """Raises UsageError for sizes that do not go together."""
    unet = config.unet
    reduction = unet.patch_size * 2 ** (len(unet.channel_multipliers) - 1)
    if unet.image_size % reduction:
        raise UsageError(f"crops of {unet.image_size} pixels do not fit the U-Net", f"Take a multiple of {reduction}.")
    widths = [unet.base_channels * multiplier for multiplier in unet.channel_multipliers]
    if any(width % unet.norm_groups for width in widths):
        raise UsageError(
            f"a U-Net of width {unet.base_channels} cannot have norms of {unet.norm_groups} groups",
            "Take a width that is a multiple of the number of groups.",
        )


def read_config(path: Path, base: TrainConfig) -> TrainConfig:
    """``base`` with the settings of a TOML or JSON file put over it, for instance ``model.unet.base_channels``.

    Raises UsageError for a file that cannot be read and for settings that do not exist or are of another type.
    """
    try:
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the settings in {path}: {error}", "Write TOML, or JSON as .json.") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} is not a table of settings")
    return from_dict(TrainConfig, _merged(asdict(base), values, str(path), ""))


def _merged(base: dict[str, Any], values: Mapping[str, Any], path: str, prefix: str) -> dict[str, Any]:
    merged = dict(base)
    for name, value in values.items():
        if name not in base:
            near = ", ".join(sorted(base))
            raise UsageError(f"{path}: there is no setting {prefix}{name}", f"There are: {near}.")
        merged[name] = _typed(base[name], value, path, f"{prefix}{name}")
    return merged


def _typed(before: Any, value: Any, path: str, name: str) -> Any:
    if isinstance(before, dict) and isinstance(value, dict):
        return _merged(before, value, path, f"{name}.")
    if isinstance(before, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(before, tuple) and isinstance(value, list):
        return tuple(value)
    if type(value) is not type(before):
        raise UsageError(f"{path}: {name} = {value!r} is not of the type of {before!r}")
    return value


def changes(before: TrainConfig, now: TrainConfig) -> list[str]:
    """What differs, as "learning_rate 0.0001 instead of 0.0004"; settings of the model by their full names."""
    return _changes(asdict(before), asdict(now), "")


def _changes(before: dict[str, Any], now: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for name, value in now.items():
        if isinstance(value, dict):
            found += _changes(before[name], value, f"{prefix}{name}.")
        elif value != before[name]:
            found.append(f"{prefix}{name} {value} instead of {before[name]}")
    return found


def parameter_count(config: AutoencoderConfig) -> tuple[int, int]:
    """Parameters of the model: trained, all. Nothing is allocated."""
    import torch

    with torch.device("meta"):
        parameters = list(Autoencoder(config).parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)
