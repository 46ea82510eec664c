"""A training run as a model that every command takes by its name: EMA weights, classifier, cards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dvaedit.checkpoints.cards import MODEL, Card, make_card
from dvaedit.checkpoints.importing import README_SCALE
from dvaedit.checkpoints.store import user_folder, write_weights
from dvaedit.errors import UsageError, WeightsError
from dvaedit.files import make_folder, write_durably
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.config import from_dict
from dvaedit.training.config import TrainConfig
from dvaedit.training.latent_stats import LatentStats
from dvaedit.training.networks import part_card
from dvaedit.training.paper_classifier import CLASSIFIER_FILE
from dvaedit.training.run import Run


@dataclass(frozen=True)
class ExportSettings:
    """``parser``: card of the face parser that goes with the model; ``half``: weights in half precision;
    ``licence``, ``source``, ``training_data``: for the cards; ``classifier``: folder of a classifier's run."""

    name: str
    parser: str
    licence: str = "not stated"
    source: str = "trained with dvaedit"
    training_data: list[dict[str, str]] = field(default_factory=list)
    stats: LatentStats | None = None
    classifier: Path | None = None
    half: bool = False
    folder: Path | None = None
    overwrite: bool = False


def export(run: Run, settings: ExportSettings) -> list[Card]:
    """Write autoencoder, classifier and the model that names them; gives their cards, the model's last.

    Without a classifier the model has no attributes; without statistics, those that a unit-norm code has on average.
    Raises UsageError for a folder without a checkpoint, WeightsError for a name that is taken.
    """
    state = run.load()
    if state is None or "ema" not in state or "config" not in state:
        raise UsageError(
            f"no training run of an autoencoder in {run.folder}", "Train first: `dvaedit train autoencoder`."
        )
    folder = settings.folder or user_folder()
    if (folder / f"{settings.name}.json").exists() and not settings.overwrite:
        raise WeightsError(f"{folder / settings.name}.json exists", "Choose another --name, or add --overwrite.")
    parser = part_card(settings.parser, "parser")
    config = from_dict(TrainConfig, state["config"])
    common = {
        "source": settings.source, "licence": settings.licence,
        "training_data": settings.training_data or [_data_of(state)],
    }  # fmt: skip
    codes = config.model.identity.code_channels
    classifier, metrics = _classifier(settings, codes)
    autoencoder = {**_autoencoder_fields(settings.name, state, config), **common}
    attributes = {**_classifier_fields(settings, classifier, metrics), **common}
    dtype = torch.float16 if settings.half else None
    cards = [
        write_weights(make_folder(folder), autoencoder, averaged(state, config), dtype),
        write_weights(folder, attributes, classifier.state_dict()),
    ]
    parts = {card.kind: card.name for card in cards}
    unet = config.model.unet
    fields = {
        "name": settings.name, "kind": MODEL, "parts": {"parser": parser.name, **parts}, "source": settings.source,
        "licence": settings.licence,
        "description": f"Diffusion video autoencoder, {unet.image_size} px, width {unet.base_channels}.",
    }  # fmt: skip
    card = make_card(fields, f"of {folder}", folder)
    write_durably(folder / f"{card.name}.json", card.to_text())
    return [*cards, card]


def averaged(state: dict[str, Any], config: TrainConfig) -> dict[str, Tensor]:
    """The model's tensors with the averages in the place of the trained ones; checked against the architecture."""
    with torch.device("meta"):
        expected = Autoencoder(config.model).state_dict()
    tensors = {**state["model"], **state["ema"]}
    if tensors.keys() != expected.keys():
        raise WeightsError("the checkpoint does not fit its own configuration", "Is dvaedit up to date?")
    return tensors


def _autoencoder_fields(name: str, state: dict[str, Any], config: TrainConfig) -> dict[str, Any]:
    crops = state.get("samples", state["step"] * config.batch_size)
    return {
        "name": f"{name}-autoencoder", "kind": "autoencoder", "config": asdict(config.model),
        "metrics": {"crops_seen": crops, "optimiser_steps": state["step"], "ema_decay": config.ema_decay},
        "description": "U-Net, identity encoder and face-code map: average over the run.",
    }  # fmt: skip


def _classifier_fields(settings: ExportSettings, classifier: AttributeModel, metrics: dict[str, Any]) -> dict[str, Any]:
    count = metrics.get("statistics_of_codes", 0)
    what = f"{len(classifier.names)} linear attribute classifiers" if classifier.names else "No attributes"
    return {
        "name": f"{settings.name}-classifier", "kind": "classifier",
        "config": {"attributes": list(classifier.names), "unit_norm": classifier.unit_norm},
        "metrics": metrics,
        "description": f"{what}; statistics of the identity code over {count} frames.",
    }  # fmt: skip


def _classifier(settings: ExportSettings, codes: int) -> tuple[AttributeModel, dict[str, Any]]:
    """As the importer makes it of published files: a direction is the paper's step at its example's scale.

    Also what is measured of it.
    """
    found = _trained_classifier(settings.classifier) if settings.classifier is not None else None
    names, metrics = (found[0], found[2]) if found is not None else ((), {})
    model = AttributeModel(names, codes)
    model.std.fill_(codes**-0.5)
    if settings.stats is not None:
        model.mean.copy_(settings.stats.mean)
        model.std.copy_(settings.stats.std)
        metrics = {**metrics, "statistics_of_codes": settings.stats.count}
    if found is not None:
        state = found[1]
        if state["conds_mean"].numel() != codes:
            raise WeightsError(f"the classifier in {settings.classifier} is of other codes", "Train it on this model.")
        weight = state["layer"]["weight"]
        model.mean.copy_(state["conds_mean"])
        model.std.copy_(state["conds_std"])
        model.weight.copy_(weight)
        model.bias.copy_(state["layer"]["bias"])
        model.directions.copy_(README_SCALE * codes**0.5 * weight / weight.norm(dim=1, keepdim=True))
        metrics = {**metrics, "statistics_of_codes": state["stats_count"]}
    return model, metrics


def _trained_classifier(folder: Path) -> tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]:
    """Attribute names, the last checkpoint, and what was measured, of a classifier's run."""
    notes = folder / CLASSIFIER_FILE
    state = Run(folder).load() if notes.is_file() else None
    if state is None or "layer" not in state:
        raise UsageError(f"no training run of a classifier in {folder}", "Train one: `dvaedit train classifier`.")
    found = json.loads(notes.read_text("utf-8"))
    return tuple(found["attributes"]), state, found["metrics"]


def _data_of(state: dict[str, Any]) -> dict[str, str]:
    data = state.get("data") or {}
    note = ", ".join(f"{value} {name}" for name, value in data.items() if isinstance(value, int))
    return {"name": str(data.get("name", data.get("kind", "not stated"))), "licence": "not stated", "note": note}
