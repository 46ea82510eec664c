"""Image-text models: the compact one that is shipped, or any other of open_clip's.

CLIP: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import open_clip
import torch
from open_clip.factory import parse_model_name
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.errors import UsageError, WeightsError
from dvaedit.models import wording
from dvaedit.offline import enforce, is_offline

COMPACT = "compact"
DEFAULT_CLIP = COMPACT
COMPACT_FOLDER = "compact-clip"
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# open_clip asserts where a checkpoint is of another model; WeightsError is what offline mode lets a download end with.
_LOADING_ERRORS = (
    RuntimeError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, EOFError,
    ImportError, OverflowError, MemoryError, StopIteration, zipfile.BadZipFile, pickle.UnpicklingError,
    SafetensorError, WeightsError,
)  # fmt: skip


class TextImageModel(nn.Module):
    """Text and images as unit vectors of one space, whatever the model; float32, frozen, on the CPU until moved.

    ``antialias``: images are filtered before they are reduced; the paper's environment did not (METHOD 8.3).
    """

    def __init__(self, name: str, clip: nn.Module, tokenizer: object, antialias: bool = True) -> None:
        super().__init__()
        self.clip = clip.float().eval().requires_grad_(False)
        self.name, self.tokenizer, self.antialias = name, tokenizer, antialias
        config = open_clip.get_model_preprocess_cfg(clip)
        self.image_size: tuple[int, int] = _pair(config.get("size", 224))
        self.interpolation = "bilinear" if config.get("interpolation") == "bilinear" else "bicubic"
        self.register_buffer("mean", torch.tensor(config["mean"]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config["std"]).view(3, 1, 1), persistent=False)

    @property
    def large(self) -> bool:
        """Whether the model was trained on the wide world, so that many prompt frames are worth their time."""
        return self.name != COMPACT

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights and of how images are prepared, for the keys of stages."""
        digest = hashlib.sha256(repr((self.image_size, self.interpolation, self.antialias)).encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy())
        return digest.hexdigest()

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Tensor:
        """(N, D) float32 of unit norm; a text longer than the model's context is cut."""
        tokens = self.tokenizer(list(texts)).to(self.mean.device)
        return F.normalize(self.clip.encode_text(tokens).float(), dim=-1)

    def encode_image(self, x: Tensor) -> Tensor:
        """(B, D) float32 of unit norm, differentiable in ``x``: (B, 3, H, W) RGB, square, in [-1, 1].

        Values outside [-1, 1], as noisy x_t have them, are not clamped.
        """
        x = preprocess(x, self.image_size, self.interpolation, self.antialias, self.mean, self.std)
        return F.normalize(self.clip.encode_image(x).float(), dim=-1)

    def known_words(self, text: str) -> tuple[list[str], list[str]]:
        """The content words of ``text`` the model was trained on, and those it never met.

        Only the compact model has a small vocabulary; others are taken to know every word.
        """
        if self.name == COMPACT:
            return wording.known_words(text)
        return list(dict.fromkeys(wording.words_of(text))), []

    def familiarity(self, text: str) -> float:
        """Share, in [0, 1], of the content words of ``text`` that the model knows."""
        return wording.familiarity(text) if self.name == COMPACT else 1.0


def preprocess(
    x: Tensor, size: tuple[int, int], mode: str, antialias: bool, mean: Tensor | Sequence[float],
    std: Tensor | Sequence[float],
) -> Tensor:  # fmt: skip
    """RGB in [-1, 1], (B, 3, H, W), as a CLIP network wants it: resized to ``size``, its statistics taken out."""
    x = resize((x.float() + 1) / 2, size, mode, antialias)
    mean, std = (torch.as_tensor(values, dtype=x.dtype, device=x.device).view(3, 1, 1) for values in (mean, std))
    return (x - mean) / std


def resize(x: Tensor, size: tuple[int, int], mode: str = "bicubic", antialias: bool = True) -> Tensor:
    """(B, C, H, W) to ``size``, differentiable; as it is where it already fits."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size, mode=mode, align_corners=False, antialias=antialias)


def load_clip(name: str = COMPACT, folder: Path | None = None, antialias: bool = True) -> TextImageModel:
    """The image-text model called ``name``.

    ``name``: "compact" (the shipped one, from ``folder`` or where the package keeps its weights); "MODEL:TAG" or
    "MODEL:FILE", a model of open_clip with published weights or with a checkpoint on this disk; "MODEL" alone, with its
    first published weights; "local-dir:FOLDER", or a folder in open_clip's format; "hf-hub:OWNER/MODEL".

    Raises ``UsageError`` for a model open_clip does not know and ``WeightsError`` for weights that are missing, damaged
    or cannot be downloaded.
    """
    if name == COMPACT:
        model, pretrained = f"local-dir:{folder or compact_folder()}", None
    else:
        model, pretrained = _parse(name)
    enforce()  # open_clip downloads by itself
    quick_gelu = bool(pretrained and open_clip.get_pretrained_cfg(model, pretrained).get("quick_gelu"))
    try:
        with _quiet():
            clip = open_clip.create_model(
                model, pretrained=pretrained, force_quick_gelu=quick_gelu, require_pretrained=True, device="cpu"
            )
            tokenizer = open_clip.get_tokenizer(model)
    except _LOADING_ERRORS as error:
        raise _weights_error(name, model, pretrained, error) from error
    return TextImageModel(name, clip, tokenizer, antialias)


def compact_folder() -> Path:
    """The folder of the shipped model: inside the installed package, or ``weights/`` of a checkout."""
    package = Path(__file__).parents[1]
    for root in (package / "_weights", package.parent / "weights"):
        if (root / COMPACT_FOLDER / "open_clip_config.json").is_file():
            return root / COMPACT_FOLDER
    raise WeightsError(
        "the compact image-text model is missing", hint="Install dvaedit again, or choose another model."
    )


def _parse(name: str) -> tuple[str, str | None]:
    """open_clip's model name and pretrained tag or file of a user's ``name``."""
    if (Path(name) / "open_clip_config.json").is_file():
        return f"local-dir:{name}", None
    if name.startswith(("local-dir:", "hf-hub:")):
        schema, identifier = parse_model_name(name) if name.split(":", 1)[1] else ("", "")
        if not identifier or (schema == "local-dir" and not (Path(identifier) / "open_clip_config.json").is_file()):
            raise WeightsError(f"no image-text model at {identifier or name}", hint="It needs open_clip_config.json.")
        return name, None
    model, _, pretrained = name.partition(":")
    model = model.replace("/", "-")
    if model not in open_clip.list_models():
        raise UsageError(
            f"unknown image-text model {model!r}", hint="Use compact, or a model of open_clip: ViT-B-16:openai."
        )
    return model, _pretrained(model, pretrained)


def _pretrained(model: str, wanted: str) -> str:
    """``wanted`` if it is a published tag of ``model`` or a file; the first tag where nothing is wanted."""
    tags = open_clip.list_pretrained_tags_by_model(model)
    if wanted.lower() in tags or (wanted and Path(wanted).is_file()):
        return wanted
    if not wanted and tags:
        return tags[0]
    if wanted and not wanted.isidentifier():
        raise WeightsError(f"no checkpoint at {wanted}", hint=f"Give a file, or one of: {', '.join(tags)}.")
    raise WeightsError(f"{model} has no weights called {wanted!r}", hint=f"Give a file, or one of: {', '.join(tags)}.")


def _weights_error(name: str, model: str, pretrained: str | None, error: Exception) -> WeightsError:
    """What went wrong with loading: a download that failed, or a file that does not fit."""
    if (code := _code_within(error)) is not None:
        return WeightsError(
            f"the checkpoint of {name} holds more than tensors and plain data ({code}): refused, nothing of it was run",
            hint="Give a file of tensors alone (.safetensors, or a state_dict), or a published tag: ViT-B-16:openai.",
        )
    reason = _first_words(error)
    published = pretrained is not None and not Path(pretrained).is_file()
    if published or model.startswith("hf-hub:"):
        connect = "leave out --offline" if is_offline() else "connect"
        return WeightsError(
            f"cannot get the weights of {name}: {reason}",
            hint=f"They must be downloaded once: {connect}, give a file as MODEL:FILE, or use --clip compact.",
        )
    return WeightsError(
        f"cannot load the image-text model {name}: {reason}", hint="Is it the checkpoint of that model?"
    )


def _code_within(error: Exception) -> str | None:
    """What a checkpoint asks for beyond tensors, where it was refused for that; None for other errors."""
    text = str(error)
    if "TorchScript" in text:
        return "a TorchScript program"
    if isinstance(error, pickle.UnpicklingError) or "allow_pickle" in text:
        found = re.search(r"GLOBAL ([\w.]+)", text)
        return found[1].rstrip(".") if found else "a pickle"
    return None


def _first_words(error: Exception) -> str:
    """The first line of an error, with the next one where it only announces that; its name where it has no text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2])[:300] if lines[0].endswith(":") else lines[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs to the root logger and configures it; neither may show in a program that uses this one."""
    root, level = logging.getLogger(), logging.root.manager.disable
    handlers = list(root.handlers)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about files that are refused anyhow
            yield
    finally:
        logging.disable(level)
        root.handlers[:] = handlers


def _pair(size: int | tuple[int, int] | list[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
