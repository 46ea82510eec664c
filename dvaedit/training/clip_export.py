"""Turn a trained compact image-text model into a folder open_clip reads, with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import torch
from open_clip import CLIP, set_model_preprocess_cfg
from safetensors.torch import save_file

from dvaedit.checkpoints.cards import Card
from dvaedit.files import sha256_file
from dvaedit.models.clip import COMPACT, COMPACT_FOLDER, TextImageModel, load_clip
from dvaedit.training import clip_eval
from dvaedit.training.clip_tokens import Tokens
from dvaedit.training.faces import FaceSet
from dvaedit.training.sources import TRAINING_DATA

PREPROCESS = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "shortest"}


class Trained(Protocol):
    """A run: its ``config.model``, as open_clip has it, its ``tokens``, and how many images it has seen."""

    config: Any
    tokens: Tokens
    samples: int

    def averaged(self) -> CLIP:
        """The model with the mean weights of the run, with the run's tokens alone."""
        ...


def full_model(run: Trained) -> CLIP:
    """The averaged model with the tokenizer's whole vocabulary."""
    small = run.averaged()
    state = dict(small.state_dict())
    state["token_embedding.weight"] = run.tokens.full_embedding(state["token_embedding.weight"])
    model = CLIP(**run.config.model)
    model.load_state_dict(state)
    set_model_preprocess_cfg(model, PREPROCESS | {"size": run.config.model["vision_cfg"]["image_size"]})
    return model


def runnable(run: Trained) -> TextImageModel:
    """The averaged model as it will be used."""
    return TextImageModel(COMPACT, full_model(run), run.tokens.tokenizer)


def write_folder(folder: Path, model: CLIP, model_config: dict[str, Any]) -> Path:
    """Write ``open_clip_config.json`` and ``open_clip_model.safetensors`` (float16); returns the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": model_config, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    state = model.state_dict()
    halves = {name: v.half().contiguous() if v.is_floating_point() else v for name, v in state.items()}
    save_file(halves, folder / "open_clip_model.safetensors", {"format": "pt"})
    return folder / "open_clip_model.safetensors"


DESCRIPTION = (
    "Image-text model (a small CLIP in open_clip's format) of faces: hair, glasses, facial hair, expression, age, "
    "sex, hats and makeup in many wordings. Trained from scratch on labels made by eye; it knows no other words. "
    "Metrics are of held-out faces of the same five sources. The tokenizer's vocabulary is open_clip's (MIT)."
)


def card(path: Path, run: Trained, metrics: dict[str, float]) -> Card:
    """The card of the weights at ``path``."""
    return Card(
        name=COMPACT_FOLDER, kind="clip", file=f"{COMPACT_FOLDER}/{path.name}", sha256=sha256_file(path),
        size=path.stat().st_size, source="python -m dvaedit.training.clip", licence="MIT",
        training_data=TRAINING_DATA, config=run.config.model, description=DESCRIPTION,
        metrics={**metrics, "images_seen": run.samples},
    )  # fmt: skip


@torch.no_grad()
def export(run: Trained, face_set: FaceSet, weights: Path) -> None:
    """Write ``compact-clip/`` and ``compact-clip.json`` below ``weights``, with what the written file measures."""
    path = write_folder(weights / COMPACT_FOLDER, full_model(run), run.config.model)
    metrics = clip_eval.summary(load_clip(COMPACT, folder=path.parent), face_set)
    print(json.dumps(metrics, indent=1))
    card(path, run, metrics).write(weights)
