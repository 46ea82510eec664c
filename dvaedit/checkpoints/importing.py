"""Import of published checkpoints: read safely, check every key and shape, write safetensors and cards.

Files as their authors released them (METHOD 10). Diffusion Video Autoencoders: ``epoch=51-step=1000000.ckpt``, a
Lightning checkpoint whose ``state_dict`` holds two copies of the model, ``model.*`` and ``ema_model.*`` (the second is
used; names in :mod:`dvaedit.checkpoints.upstream`); ``last.ckpt`` of the classifier, with ``classifier.*``,
``ema_classifier.*`` (unused), ``conds_mean``, ``conds_std``; ``latent.pkl`` with the last two; ``model_ir_se50.pth``
and ``79999_iter.pth`` (flat); ``mobilenet_224_model_best_gdconv_external.pth.tar`` (``state_dict`` of ``module.*``).

DiffAE (``ffhq256_autoenc/last.ckpt``): Lightning too, ``model.*`` and ``ema_model.*``. The U-Net has the paper's plan
(128 x (1, 1, 2, 2, 4, 4), two blocks a level, attention at 16) and names, but one convolution fewer per block:
``out_layers.0`` (norm, then the scale and shift of time and the scale of the code, ``cond_emb_layers.1`` 512 -> C) and
``out_layers.3``. The semantic encoder ``encoder.*`` is a half U-Net, 128 x (1, 1, 2, 2, 4, 4, 4) from 256 to 4 pixels,
its blocks ``in_layers.{0,2}`` and ``skip_connection`` alone; ``encoder.out.0`` is its norm, ``encoder.out.3`` the 1x1
convolution after the mean. ``x_T`` and ``latent_net.*`` have no use here, ``conds_mean`` and ``conds_std`` have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dvaedit.checkpoints import upstream
from dvaedit.checkpoints.cards import MODEL, Card, make_card
from dvaedit.checkpoints.foreign import read_foreign, tensors_of
from dvaedit.checkpoints.store import name_problems, user_folder, write_weights
from dvaedit.errors import WeightsError
from dvaedit.files import make_folder, sha256_file, write_durably
from dvaedit.models.autoencoder import DIFFAE, PAPER, Autoencoder, AutoencoderConfig
from dvaedit.models.classifier import CELEBA_ATTRIBUTES, AttributeModel
from dvaedit.models.parsing import ParserConfig, build_parser

EMA, TRAINED = "ema_model.", "model."
README_SCALE = 0.25  # the scale of the paper's example, made to be strength 1
COMPACT_PARSER = "compact-parser"
PAPER_PARSER = ParserConfig(kind="bisenet")
_OF_LATENT_DPM = ("latent_net.", "x_T", "conds_mean", "conds_std")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Sources:
    """The files of one model; those that are None are looked for in ``checkpoint`` or done without."""

    checkpoint: Path
    classifier: Path | None = None
    latents: Path | None = None
    identity: Path | None = None
    landmarks: Path | None = None
    parser: Path | None = None


def import_paper(
    sources: Sources, name: str, folder: Path | None = None, overwrite: bool = False, config: AutoencoderConfig = PAPER
) -> list[Card]:
    """Convert the paper's model; gives its cards, the model's own last. Raises WeightsError, StorageError.

    Networks that were frozen in training may be in their own files or in the checkpoint; a file named wins.
    ``config``: for tests, which cannot afford the real size.
    """
    folder = _free(name, folder, overwrite)
    model, parser = _empty(lambda: Autoencoder(config)), _empty(lambda: build_parser(PAPER_PARSER))
    names = upstream.paper_names(model)
    names_of_parser = {key: upstream.PARSER + theirs for key, theirs in upstream.parser_names(parser).items()}
    shapes = {**_shapes(model, names), **_shapes(parser, names_of_parser)}
    copy = _copy(sources.checkpoint, lambda found, where: _check_paper(found, shapes, sources, where))
    _add_file(copy, sources.identity, upstream.IDENTITY, shapes)
    _add_file(copy, sources.landmarks, upstream.LANDMARKS, shapes, prefix="module.")
    _add_file(copy, sources.parser, upstream.PARSER, shapes)
    tensors = {**Autoencoder.face_code_constants(), **_take(copy, names)}
    cards = [
        _card(name, "autoencoder", asdict(config), [sources.checkpoint, sources.identity, sources.landmarks]),
        _card(name, "parser", asdict(PAPER_PARSER), [sources.parser or sources.checkpoint]),
    ]
    classifier = _classifier(sources, name, config, unit_norm=True, statistics={})
    contents = [(cards[0], tensors), (cards[1], _take(copy, names_of_parser)), classifier]
    return _write(folder, name, contents, "Diffusion Video Autoencoders (Kim et al., CVPR 2023), 256 px, imported.")


def import_diffae(
    sources: Sources, name: str, folder: Path | None = None, overwrite: bool = False, config: AutoencoderConfig = DIFFAE
) -> list[Card]:
    """Convert a DiffAE checkpoint: one semantic code per frame, so the per-frame baseline. Raises as `import_paper`.

    It has no parser of its own: ``sources.parser`` (the paper's file) is taken, else the compact one stands in.
    """
    folder = _free(name, folder, overwrite)
    model = _empty(lambda: Autoencoder(config))
    names = upstream.diffae_names(model)
    shapes = _shapes(model, names)

    def check(found: Mapping[str, Tensor], where: str) -> None:
        _check({key: value for key, value in found.items() if not key.startswith(_OF_LATENT_DPM)}, shapes, where)

    copy = _copy(sources.checkpoint, check, _OF_LATENT_DPM)
    contents = [(_card(name, "autoencoder", asdict(config), [sources.checkpoint]), _take(copy, names))]
    contents.append(_classifier(sources, name, config, unit_norm=False, statistics=_statistics(copy)))
    if sources.parser is not None:
        parser = _empty(lambda: build_parser(PAPER_PARSER))
        theirs = {key: upstream.PARSER + other for key, other in upstream.parser_names(parser).items()}
        _add_file(found := {}, sources.parser, upstream.PARSER, _shapes(parser, theirs))
        contents.append((_card(name, "parser", asdict(PAPER_PARSER), [sources.parser]), _take(found, theirs)))
    return _write(folder, name, contents, "DiffAE (Preechakul et al., CVPR 2022), 256 px, imported: frame by frame.")


def _free(name: str, folder: Path | None, overwrite: bool) -> Path:
    """The folder to write into, once ``name`` is known to be good and free there."""
    folder = folder if folder is not None else user_folder()
    make_card({"name": name, "kind": MODEL, "parts": {"autoencoder": name}}, "to be written")
    if (folder / f"{name}.json").exists() and not overwrite:
        raise WeightsError(f"{folder / name}.json exists", "Choose another --name, or allow it with --overwrite.")
    return folder


def _empty(build: Callable[[], nn.Module]) -> nn.Module:
    """A network without memory: only its keys and shapes are wanted."""
    with torch.device("meta"):
        return build()


def _shapes(module: nn.Module, names: Mapping[str, str]) -> Shapes:
    state = module.state_dict()
    return {theirs: tuple(state[ours].shape) for ours, theirs in names.items()}


def _copy(
    path: Path, check: Callable[[Mapping[str, Tensor], str], None], beside: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """The EMA copy in a Lightning checkpoint (or the only copy in another file), by names without prefix; checked.

    The other copy is checked too: a file that is wrong anywhere is not the file it claims to be. ``beside``: how keys
    may begin that belong to neither copy; of these the statistics are given too.
    """
    found = tensors_of(read_foreign(path), path)
    copies = {prefix: _within(found, prefix) for prefix in (EMA, TRAINED)}
    rest = {key: value for key, value in found.items() if not key.startswith((EMA, TRAINED))}
    if not copies[EMA] and not copies[TRAINED]:
        check(rest, str(path))
        return rest
    stray = [key for key in rest if not key.startswith(beside)]
    if stray:
        raise WeightsError(f"the weights in {path} do not fit: {name_problems('not wanted', sorted(stray))}", _HINT)
    for prefix, copy in copies.items():
        if copy:
            check(copy, f"{path} ({prefix}*)")
    return {**(copies[EMA] or copies[TRAINED]), **_statistics(rest)}


_HINT = "Is it the published file of this model? `dvaedit weights import --help` names them."


def _within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def _check_paper(found: Mapping[str, Tensor], shapes: Shapes, sources: Sources, where: str) -> None:
    """All keys of one copy. A frozen network may be absent as a whole where its own file is given."""
    given = {
        upstream.IDENTITY: sources.identity,
        upstream.LANDMARKS: sources.landmarks,
        upstream.PARSER: sources.parser,
    }
    wanted = dict(shapes)
    for prefix, file in given.items():
        if file is not None and not any(key.startswith(prefix) for key in found):
            wanted = {key: shape for key, shape in wanted.items() if not key.startswith(prefix)}
    _check(found, wanted, where, upstream.unused_in_landmark_net(wanted))


def _check(found: Mapping[str, Tensor], shapes: Shapes, where: str, optional: Shapes | None = None) -> None:
    """Raise WeightsError that names keys which are missing, too much or of another shape."""
    known = {**shapes, **(optional or {})}
    missing = sorted(key for key in shapes.keys() - found.keys() if not key.endswith("num_batches_tracked"))
    extra = sorted(found.keys() - known.keys())
    other = [
        f"{key} {tuple(found[key].shape)} instead of {known[key]}"
        for key in sorted(found.keys() & known.keys())
        if tuple(found[key].shape) != known[key]
    ]
    kinds = [
        f"{key} {found[key].dtype}"
        for key in sorted(found.keys() & shapes.keys())
        if not found[key].is_floating_point() and not key.endswith("num_batches_tracked")
    ]
    problems = [
        name_problems("missing", missing),
        name_problems("not wanted", extra),
        name_problems("of another shape", other),
        name_problems("not floating point", kinds),
    ]
    if text := "; ".join(filter(None, problems)):
        raise WeightsError(f"the weights in {where} do not fit: {text}", _HINT)


def _add_file(copy: dict[str, Tensor], path: Path | None, part: str, shapes: Shapes, prefix: str = "") -> None:
    """Put one frozen network's own file in its place in ``copy``. ``part``: the place; ``prefix``: of its keys."""
    if path is None:
        return
    found = tensors_of(read_foreign(path), path)
    if prefix and any(key.startswith(prefix) for key in found):
        found = _within(found, prefix)
    wanted = _within({**shapes, **upstream.unused_in_landmark_net(shapes)}, part)
    needed = _within(shapes, part)
    _check(found, needed, str(path), {key: shape for key, shape in wanted.items() if key not in needed})
    copy.update({part + key: value for key, value in found.items()})


def _take(copy: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Tensors under our names, floating-point ones as float32; a counter that old files lack is 0."""
    absent = torch.zeros((), dtype=torch.int64)
    found = {ours: copy.get(theirs, absent) for ours, theirs in names.items()}
    return {ours: value.float() if value.is_floating_point() else value for ours, value in found.items()}


def _classifier(
    sources: Sources, name: str, config: AutoencoderConfig, unit_norm: bool, statistics: Mapping[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Card and tensors of the attribute classifier; without its file there are no attributes, only statistics.

    ``statistics``: what the checkpoint has of ``conds_mean`` and ``conds_std``; other files come before it.
    """
    size = config.identity.code_channels
    found = {**statistics}
    if sources.latents is not None:
        found.update(_statistics(tensors_of(read_foreign(sources.latents), sources.latents)))
        _check_statistics(found, size, sources.latents)
    if sources.classifier is not None:
        found.update(_read_classifier(sources.classifier, size))
        _check_statistics(found, size, sources.classifier)
    model = AttributeModel(CELEBA_ATTRIBUTES if sources.classifier is not None else (), size, unit_norm=unit_norm)
    _fill(model, found)
    config = {"attributes": list(model.names), "unit_norm": unit_norm}
    files = [sources.classifier, sources.latents] if sources.classifier or sources.latents else [sources.checkpoint]
    return _card(name, "classifier", config, files), model.state_dict()


def _fill(model: AttributeModel, found: Mapping[str, Tensor]) -> None:
    """Statistics and classifier from the published tensors; a direction is the paper's step at its example's scale."""
    size = len(model.mean)
    if "conds_mean" in found:
        model.mean.copy_(found["conds_mean"].flatten())
        model.std.copy_(found["conds_std"].flatten())
    else:
        model.std.fill_(size**-0.5 if model.unit_norm else 1.0)
    if model.names:
        weight = found["classifier.weight"].float()
        model.weight.copy_(weight)
        model.bias.copy_(found["classifier.bias"])
        model.directions.copy_(README_SCALE * size**0.5 * weight / weight.norm(dim=1, keepdim=True))


def _read_classifier(path: Path, size: int) -> dict[str, Tensor]:
    """``classifier.*`` and, where the file has them, the statistics; the copies of the base model are passed over."""
    stored = tensors_of(read_foreign(path), path)
    head = {"classifier.weight": (len(CELEBA_ATTRIBUTES), size), "classifier.bias": (len(CELEBA_ATTRIBUTES),)}
    heads = {key: value for key, value in stored.items() if not key.startswith((EMA, TRAINED, *_OF_LATENT_DPM))}
    _check(heads, head, str(path), {f"ema_{key}": shape for key, shape in head.items()})
    return {**{key: stored[key] for key in head}, **_statistics(stored)}


def _statistics(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensors[key] for key in ("conds_mean", "conds_std") if key in tensors}


def _check_statistics(found: Mapping[str, Tensor], size: int, path: Path) -> None:
    for key in ("conds_mean", "conds_std"):
        if key not in found:
            raise WeightsError(
                f"{key} is missing in {path}", "Give the file with the statistics: --latents latent.pkl."
            )
        if found[key].numel() != size:
            shape = tuple(found[key].shape)
            raise WeightsError(f"{key} in {path} has the shape {shape}, not {size} values", _HINT)
    if not bool((found["conds_std"] > 0).all()):
        raise WeightsError(f"conds_std in {path} is not positive everywhere", "The file is damaged.")


_digest = cache(sha256_file)  # one file may be the source of several cards


def _card(name: str, kind: str, config: dict[str, Any], files: Iterable[Path | None]) -> dict[str, Any]:
    used = [f"{path.name} (SHA-256 {_digest(path)})" for path in files if path is not None]
    return {
        "name": f"{name}-{kind}", "kind": kind, "config": config, "source": f"imported from {', '.join(used)}",
        "licence": "as its authors state; dvaedit has not looked",
        "training_data": [{"name": "as its authors state"}],
    }  # fmt: skip


def _write(
    folder: Path, name: str, contents: list[tuple[dict[str, Any], Mapping[str, Tensor]]], description: str
) -> list[Card]:
    """Write the parts, then the model's card: a model that is listed is whole."""
    make_folder(folder)
    cards = [write_weights(folder, fields, tensors) for fields, tensors in contents]
    parts = {card.kind: card.name for card in cards}
    fields = {"name": name, "kind": MODEL, "description": description, "licence": cards[0].licence,
              "source": cards[0].source, "parts": {"parser": COMPACT_PARSER, **parts}}  # fmt: skip
    card = make_card(fields, f"of {folder}", folder)
    write_durably(folder / f"{name}.json", card.to_text())
    return [*cards, card]
