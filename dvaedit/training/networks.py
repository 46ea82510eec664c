"""The frozen networks a run starts from: out of weights that are installed, or out of their authors' own files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from dvaedit.checkpoints.cards import MODEL, Card
from dvaedit.checkpoints.foreign import read_foreign, tensors_of
from dvaedit.checkpoints.store import find_card, find_model, load_into, load_tensors
from dvaedit.checkpoints.upstream import ALIAS, ALIASED, UNUSED_HEAD
from dvaedit.errors import WeightsError
from dvaedit.models.autoencoder import Autoencoder, AutoencoderConfig
from dvaedit.models.config import from_dict
from dvaedit.models.parsing import Classes, ParserConfig, build_parser

FILES = {
    "identity": "model_ir_se50.pth",
    "landmarks": "mobilenet_224_model_best_gdconv_external.pth.tar",
    "parser": "79999_iter.pth",
}


def part_card(name: str, kind: str) -> Card:
    """The card ``name``, or that of its part of that kind if it is a model's. Raises WeightsError."""
    card = find_card(name)
    found = find_model(name).part(kind) if card.kind == MODEL else card
    if found.kind != kind:
        raise WeightsError(f"{name!r} is a {found.kind}, not {_article(kind)}", "`dvaedit weights list` has the names.")
    return found


def load_autoencoder(name: str, device: torch.device) -> tuple[Autoencoder, Card]:
    """The autoencoder of the model or card ``name``, in eval mode, and its card. Raises WeightsError."""
    card = part_card(name, "autoencoder")
    model = Autoencoder(from_dict(AutoencoderConfig, card.config))
    load_into(model, load_tensors(card))
    return model.eval().requires_grad_(False).to(device), card


def load_parser(source: str, device: torch.device) -> Classes:
    """A face parser: by the name of its card or of a model, or from the paper's file 79999_iter.pth."""
    if Path(source).is_file():
        parser = build_parser(ParserConfig(kind="bisenet"))
        _fill(parser.network, tensors_of(read_foreign(Path(source)), Path(source)))
    else:
        card = part_card(source, "parser")
        parser = build_parser(from_dict(ParserConfig, card.config))
        load_into(parser, load_tensors(card))
    return parser.eval().requires_grad_(False).to(device)


def fill_frozen(model: Autoencoder, part: str, source: str) -> None:
    """Put weights into ``model.identity`` or ``model.landmarks``: from a card, or from their authors' file.

    Raises WeightsError where they do not fit.
    """
    network, path = getattr(model, part), Path(source)
    if path.is_file():
        tensors = tensors_of(read_foreign(path), path)
        _fill(network, _landmark_names(tensors) if part == "landmarks" else tensors)
        return
    tensors = load_tensors(part_card(source, "autoencoder"))
    found = {name.removeprefix(f"{part}."): t for name, t in tensors.items() if name.startswith(f"{part}.")}
    if not found:
        raise WeightsError(f"{source!r} has no {part} network", f"Name another, or give the file {FILES[part]}.")
    _fill(network, found)


def _landmark_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names of the landmark net's file; its aliases and unused head are passed over."""
    plain = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    kept = {n: t for n, t in plain.items() if not n.startswith(ALIAS) and n not in UNUSED_HEAD}
    return {f"features.{n[len(ALIASED) :]}" if n.startswith(ALIASED) else n: t for n, t in kept.items()}


def _fill(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Strictly, but for the counters of batch norms, which old files lack and nothing here reads."""
    counters = {name: t for name, t in network.state_dict().items() if name.endswith("num_batches_tracked")}
    load_into(network, {**counters, **tensors})


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
