"""Cards: what is known of a file of weights, in a JSON file beside it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvaedit.errors import WeightsError
from dvaedit.files import write_durably

NETWORKS = ("autoencoder", "classifier", "parser", "clip", "lpips", "identity", "judge", "morphs")
MODEL = "model"  # the kind of a card that has no file of its own but names the cards of its parts
KINDS = (*NETWORKS, MODEL)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Card:
    """What is known of one set of weights.

    ``file``: the safetensors file's name, in the card's folder or another weights folder; ``sha256`` and ``size``
    (bytes) are the file's; ``config``: the arguments of the network; ``training_data``: dicts with "name",
    "licence", "note"; ``mirrors``: addresses of the file; ``metrics``: measured quality by name;
    ``parts``: card name by kind, for a card of the kind "model" only.
    ``folder``: where the card was read; not written.
    """

    name: str
    kind: str
    file: str = ""
    sha256: str = ""
    size: int = 0
    version: str = "1"
    source: str = ""
    licence: str = ""
    training_data: list[dict[str, str]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    mirrors: list[str] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """All fields but ``folder``; ``parts`` only where it has a meaning, as have the file's fields."""
        out = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name != "folder"}
        without = ("file", "sha256", "size", "config", "mirrors") if self.kind == MODEL else ("parts",)
        return {name: value for name, value in out.items() if name not in without}

    def write(self, folder: Path) -> Path:
        """Write the card to ``<folder>/<name>.json``. Raises StorageError."""
        path = folder / f"{self.name}.json"
        write_durably(path, self.to_text())
        return path

    def to_text(self) -> bytes:
        """The card's file. Raises TypeError for a field that JSON cannot hold."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=True) + "\n").encode("ascii")


def make_card(fields: Mapping[str, Any], origin: str, folder: Path | None = None) -> Card:
    """A card of ``fields``, checked. ``origin`` says where they are from. Raises WeightsError."""
    known = {item.name: item for item in dataclasses.fields(Card) if item.name != "folder"}
    if unknown := sorted(set(fields) - set(known)):
        raise _malformed(origin, f"unknown field {unknown[0]!r}")
    if absent := [name for name in ("name", "kind") if name not in fields]:
        raise _malformed(origin, f"no field {absent[0]!r}")
    for name, value in fields.items():
        if not isinstance(value, wanted := _type_of(known[name])) or isinstance(value, bool):
            raise _malformed(origin, f"{name!r} is not of the type {wanted.__name__}")
    card = Card(**fields, folder=folder)
    _check(card, origin)
    return card


def read_card(path: Path) -> Card:
    """Read a card. Raises WeightsError that says what is wrong with it."""
    try:
        fields = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(f"there is no card {path}") from error
    except (OSError, ValueError) as error:
        raise _malformed(str(path), str(error)) from error
    if not isinstance(fields, dict):
        raise _malformed(str(path), "it is not a JSON object")
    return make_card(fields, str(path), path.parent)


def _check(card: Card, origin: str) -> None:
    if not _NAME.fullmatch(card.name):
        raise _malformed(origin, f"{card.name!r} is not a good name")
    if card.kind not in KINDS:
        raise _malformed(origin, f"the kind {card.kind!r} is none of {', '.join(KINDS)}")
    if card.kind == MODEL:
        _check_parts(card, origin)
        return
    if not card.file or not all(map(_NAME.fullmatch, card.file.split("/"))):
        raise _malformed(origin, "'file' must be a file in the card's folder or in a folder of it")
    if not _SHA256.fullmatch(card.sha256) or card.size <= 0:
        raise _malformed(origin, "'sha256' and 'size' must be those of the file")
    if not all(isinstance(entry, dict) and entry.get("name") for entry in card.training_data):
        raise _malformed(origin, "each entry of 'training_data' needs a 'name'")
    if not all(isinstance(address, str) for address in card.mirrors):
        raise _malformed(origin, "'mirrors' is a list of addresses")


def _check_parts(card: Card, origin: str) -> None:
    good = all(kind in NETWORKS and isinstance(name, str) for kind, name in card.parts.items())
    if not card.parts or not good:
        raise _malformed(origin, f"'parts' must name cards by kind ({', '.join(NETWORKS)})")


def _type_of(item: dataclasses.Field) -> type:
    return {"str": str, "int": int, "list": list, "dict": dict}[str(item.type).split("[")[0]]


def _malformed(origin: str, problem: str) -> WeightsError:
    return WeightsError(f"the card {origin} is malformed: {problem}", "Restore the card from the release it came with.")
