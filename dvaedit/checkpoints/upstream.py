"""The key names of the published checkpoints, and ours for the same tensors. Upstream names end here.

Diffusion Video Autoencoders: one copy of the model is the U-Net (``time_embed``, ``input_blocks``, ``middle_block``,
``output_blocks``, ``out``), ``encoder.idnet.backbone`` (IR-SE50), ``encoder.lndnet.backbone`` (landmark net; its
``pretrain_net.features`` are aliases of ``base_net.0``, its ``pretrain_net.classifier`` is unused),
``encoder.bgnet.backbone`` (BiSeNet) and ``encoder.linear``. DiffAE: the same U-Net names, and ``encoder`` is the
semantic encoder (``input_blocks``, ``middle_block``, ``out``). A residual block is ``in_layers.{0,2}`` (norm, conv),
``emb_layers.1``, ``cond_emb_layers.1``, ``out_layers`` and ``skip_connection``; attention is ``norm, qkv, proj_out``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torch import nn

from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.unet import UNet

IDENTITY, LANDMARKS, PARSER, LINEAR = (
    "encoder.idnet.backbone.", "encoder.lndnet.backbone.", "encoder.bgnet.backbone.", "encoder.linear.",
)  # fmt: skip
ALIAS, ALIASED = "pretrain_net.features.", "base_net.0."  # two names of the same tensors in the landmark net
UNUSED_HEAD = {"pretrain_net.classifier.1.weight": (1000, 1280), "pretrain_net.classifier.1.bias": (1000,)}
# Not in any checkpoint: the paper's face-code map standardises nothing.
CONSTANTS = frozenset({"face_code.lnd_mean", "face_code.lnd_std", "face_code.id_scale"})

_RES = {
    "norm_in": "in_layers.0", "conv_in": "in_layers.2", "time_proj": "emb_layers.1", "cond_proj": "cond_emb_layers.1",
    "norm_time": "out_layers.0", "conv_mid": "out_layers.2", "norm_cond": "out_layers.3", "conv_out": "out_layers.6",
    "skip": "skip_connection",
}  # fmt: skip
_RES_OF_SCALE = {**_RES, "conv_out": "out_layers.3"}  # DiffAE: one convolution fewer


def paper_names(model: Autoencoder) -> dict[str, str]:
    """Our key -> the paper's, for every tensor of ``model`` that its checkpoint holds (without ``ema_model.``)."""
    return _names(model, _paper_name(model))


def diffae_names(model: Autoencoder) -> dict[str, str]:
    """Our key -> DiffAE's, for every tensor of ``model``."""
    unet = _unet_name(model.unet)
    parts = {"unet": unet, "identity": lambda key: "encoder." + _semantic_name(key)}
    return _names(model, lambda key: _by_part(key, parts))


def parser_names(parser: nn.Module) -> dict[str, str]:
    """Our key -> that of the parser's own file; within the paper's checkpoint it has :data:`PARSER` before it."""
    return {key: key.removeprefix("network.") for key in parser.state_dict()}


def unused_in_landmark_net(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """What the landmark net's files hold beyond the keys in ``shapes``: second names of tensors, and an unused head."""
    used = LANDMARKS + ALIASED
    found = {LANDMARKS + ALIAS + key[len(used) :]: shape for key, shape in shapes.items() if key.startswith(used)}
    return {**found, **{LANDMARKS + key: shape for key, shape in UNUSED_HEAD.items()}} if found else {}


def block_name(unet: UNet, key: str) -> str:
    """The paper's name of one U-Net key of ours, for instance of a gradient."""
    return _unet_name(unet)(key)


def _names(model: nn.Module, rename: Callable[[str], str]) -> dict[str, str]:
    return {key: rename(key) for key in model.state_dict() if key not in CONSTANTS}


def _by_part(key: str, parts: dict[str, Callable[[str], str]]) -> str:
    part, _, rest = key.partition(".")
    return parts[part](rest)


def _paper_name(model: Autoencoder) -> Callable[[str], str]:
    parts = {
        "unet": _unet_name(model.unet),
        "identity": lambda key: IDENTITY + key,
        "landmarks": lambda key: LANDMARKS + _prefixed(key, "features.", ALIASED),
        "face_code": lambda key: LINEAR + key.removeprefix("map."),
    }
    return lambda key: _by_part(key, parts)


def _prefixed(key: str, ours: str, theirs: str) -> str:
    return theirs + key[len(ours) :] if key.startswith(ours) else key


def _unet_name(unet: UNet) -> Callable[[str], str]:
    table = _RES if unet.config.condition == "norm" else _RES_OF_SCALE
    attended = {number for number, block in enumerate(unet.up) if block.attention is not None}

    def rename(key: str) -> str:
        part, *rest = key.split(".")
        if part == "up":
            number, kind, *inner = rest
            place = {"res": 0, "attention": 1, "up": 2 if int(number) in attended else 1}[kind]
            return _join("output_blocks", number, place, *_inner(kind, inner, table))
        return _shared(part, rest, table) or _join({"norm_out": "out.0", "conv_out": "out.2"}[part], *rest)

    return rename


def _semantic_name(key: str) -> str:
    part, *rest = key.split(".")
    return _shared(part, rest, _RES) or _join({"norm_out": "out.0", "head": "out.3"}[part], *rest)


def _shared(part: str, rest: list[str], table: dict[str, str]) -> str:
    """The names that the U-Net and the semantic encoder have in common; "" for others."""
    if part == "time_embed":
        return _join("time_embed.time_embed", *rest)
    if part == "stem":
        return _join("input_blocks.0.0", *rest)
    if part not in ("down", "middle"):
        return ""
    number, kind, *inner = rest
    place = 0 if kind == "res" else 1
    at = ("input_blocks", int(number) + 1, place) if part == "down" else ("middle_block", 2 * int(number) + place)
    return _join(*at, *_inner(kind, inner, table))


def _inner(kind: str, inner: Iterable[str], table: dict[str, str]) -> list[str]:
    """The rest of a key within a residual block (renamed) or an attention block (as it is)."""
    first, *rest = inner
    return [first if kind == "attention" else table[first], *rest]


def _join(*parts: object) -> str:
    return ".".join(map(str, parts))
