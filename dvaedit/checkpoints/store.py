"""Finding, checking, reading and writing weights. Torch is imported only where tensors are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from dvaedit.checkpoints.cards import MODEL, Card, make_card, read_card
from dvaedit.errors import WeightsError
from dvaedit.files import make_folder, sha256_bytes, sha256_file, storage_errors, write_durably

if TYPE_CHECKING:
    import torch

PACKAGE = Path(__file__).resolve().parents[1]
NAMED = 5  # keys that an error names before it says "and so on"

_digests: dict[tuple[Path, int, int], str] = {}  # by path, time and size: a file is digested once per process


@dataclass(frozen=True)
class Model:
    """A model: its own card and the cards of its parts by kind ("autoencoder", "classifier", ...)."""

    card: Card
    parts: dict[str, Card]

    def part(self, kind: str) -> Card:
        """The card of one part. Raises WeightsError if the model has none."""
        if kind not in self.parts:
            hint = "Choose another model: `dvaedit weights list`."
            raise WeightsError(f"the model {self.card.name} has no {kind}", hint)
        return self.parts[kind]

    def digests(self, *kinds: str) -> dict[str, str]:
        """SHA-256 of the weights by kind, for the cache keys of stages; of all parts if none are named."""
        return {kind: self.part(kind).sha256 for kind in (kinds or sorted(self.parts))}


def user_folder() -> Path:
    """The user's own weights folder."""
    return Path(platformdirs.user_data_dir("dvaedit", appauthor=False)) / "weights"


def weights_folders() -> list[Path]:
    """Existing folders with weights, the first to be asked first.

    Those DVAEDIT_WEIGHTS names, the user's, the one in the installed package, the one beside it in a checkout.
    """
    named = [Path(name).expanduser() for name in os.environ.get("DVAEDIT_WEIGHTS", "").split(os.pathsep) if name]
    folders = [*named, user_folder(), PACKAGE / "_weights"]
    if not (PACKAGE / "_weights").is_dir():
        folders.append(PACKAGE.parent / "weights")
    return [folder for folder in folders if folder.is_dir()]


def list_cards() -> list[Card]:
    """All cards by name; of two of one name, that of the folder asked first. Raises WeightsError for a bad card."""
    cards: dict[str, Card] = {}
    for folder in weights_folders():
        for path in sorted(folder.glob("*.json")):
            if path.stem not in cards:
                cards[path.stem] = _read_named(path)
    return [cards[name] for name in sorted(cards)]


def find_card(name: str) -> Card:
    """The card ``name``. Raises WeightsError that lists the names there are."""
    for folder in weights_folders():
        if (path := folder / f"{name}.json").is_file():
            return _read_named(path)
    names = sorted({path.stem for folder in weights_folders() for path in folder.glob("*.json")})
    none = "No weights are installed: set DVAEDIT_WEIGHTS to their folder."
    hint = f"There are: {', '.join(names)}." if names else none
    raise WeightsError(f"there are no weights called {name!r}", hint)


def find_model(name: str) -> Model:
    """The model ``name`` with the cards of its parts. Raises WeightsError."""
    card = find_card(name)
    if card.kind != MODEL:
        names = [other.name for other in list_cards() if other.kind == MODEL]
        raise WeightsError(f"{name!r} is a {card.kind}, not a model", f"Models: {', '.join(names) or 'none'}.")
    parts = {kind: find_card(part) for kind, part in card.parts.items()}
    for kind, part in parts.items():
        if part.kind != kind:
            raise WeightsError(f"the {kind} of the model {name}, {part.name}, is a {part.kind}")
    return Model(card, parts)


def locate(card: Card) -> Path:
    """The card's file: beside the card, else in another weights folder; a file of the right size is preferred.

    Raises WeightsError if there is none.
    """
    if not card.file:
        raise WeightsError(f"{card.name} is a {card.kind} and has no file of its own")
    folders = [*([card.folder] if card.folder is not None else []), *weights_folders()]
    paths = [folder / card.file for folder in folders if (folder / card.file).is_file()]
    if not paths:
        raise WeightsError(f"the weights {card.file} of {card.name} are missing", _fetch_hint(card))
    return next((path for path in paths if path.stat().st_size == card.size), paths[0])


def verify(card: Card) -> Path:
    """The card's file, once its size and digest are those of the card. Raises WeightsError if they are not."""
    path = locate(card)
    with storage_errors("read", path):
        size, found = path.stat().st_size, _digest(path)
    if size != card.size or found != card.sha256:
        hint = "Run `git lfs pull`: this is only a pointer to the file." if _is_pointer(path) else _fetch_hint(card)
        expected = f"expected {card.size} bytes with SHA-256 {card.sha256}, found {size} with {found}"
        raise WeightsError(f"{path} is damaged or not the file of its card: {expected}", hint)
    return path


def load_tensors(
    card: Card, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """The card's tensors, verified, on ``device``; floating-point ones as ``dtype`` if given, else as stored."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = verify(card)
    try:
        tensors = load_file(path, device=str(device))
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}", _fetch_hint(card)) from error
    return {name: _cast(tensor, dtype) for name, tensor in tensors.items()}


def load_into(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy ``tensors`` into the module's parameters and buffers, cast to their dtype.

    Raises WeightsError that names what is missing, too much or of another shape; the module is then unchanged.
    """
    own = module.state_dict()
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in sorted(own.keys() & tensors.keys())
        if tensors[name].shape != own[name].shape
    ]
    problems = [
        name_problems("missing", sorted(own.keys() - tensors.keys())),
        name_problems("not wanted", sorted(tensors.keys() - own.keys())),
        name_problems("of another shape", shapes),
    ]
    if found := "; ".join(problem for problem in problems if problem):
        hint = "The weights are of another version of the network, or the card's config is not theirs."
        raise WeightsError(f"the weights do not fit {type(module).__name__}: {found}", hint)
    module.load_state_dict(dict(tensors))


def write_weights(
    folder: Path, card_fields: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> Card:
    """Write tensors and their card, each by an atomic rename; gives the card with file, digest and size filled in.

    ``card_fields``: the fields of :class:`Card`; ``file`` is ``<name>.safetensors`` unless given.
    ``dtype``: floating-point tensors are stored as it (torch.float16 halves the file); None keeps theirs.
    Raises WeightsError for fields that make no card, StorageError for a disk that cannot take the file.
    """
    from safetensors.torch import save

    plain = {name: _cast(tensor.detach().cpu(), dtype).clone().contiguous() for name, tensor in tensors.items()}
    data = save(plain)
    fields = {"file": f"{card_fields.get('name', '')}.safetensors", **card_fields}
    fields.update(sha256=sha256_bytes(data), size=len(data))
    card = make_card(fields, f"of {folder}", make_folder(folder))
    text = card.to_text()  # before anything is written: a card that cannot be text leaves the old pair alone
    write_durably(folder / card.file, data)
    write_durably(folder / f"{card.name}.json", text)
    return card


def _read_named(path: Path) -> Card:
    card = read_card(path)
    if card.name != path.stem:
        raise WeightsError(f"the card {path} calls itself {card.name!r}", f"Rename it to {card.name}.json.")
    return card


def _digest(path: Path) -> str:
    stat = path.stat()
    mark = (path.resolve(), stat.st_mtime_ns, stat.st_size)
    if mark not in _digests:
        _digests[mark] = sha256_file(path)
    return _digests[mark]


def _cast(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor


def name_problems(what: str, names: list[str]) -> str:
    """A few of ``names`` and how many more there are: "missing: a, b and 3 more"; "" for none."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{what}: {', '.join(names[:NAMED])}{more}" if names else ""


def _fetch_hint(card: Card) -> str:
    where = card.folder if card.folder is not None else user_folder()
    if card.mirrors:
        return f"Run `dvaedit weights pull {card.name}`, which fetches {card.file} into {user_folder()}."
    return f"Put {card.file} into {where}, or set DVAEDIT_WEIGHTS to the folder that has it."


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).startswith(b"version https://git-lfs")
