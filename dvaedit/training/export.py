"""Turn a training run of the autoencoder into the shipped compact model: EMA weights, attribute model, cards."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.load import load_sface
from dvaedit.checkpoints.store import write_weights
from dvaedit.models.autoencoder import Autoencoder, AutoencoderConfig
from dvaedit.models.config import from_dict
from dvaedit.training import classifier, faces
from dvaedit.training.classifier import EDITS
from dvaedit.training.counterfactual.pairs import Pairs
from dvaedit.training.run import Run
from dvaedit.training.sources import TRAINING_DATA
from dvaedit.training.strengths import calibrate

COMMON = {"licence": "MIT", "source": "trained for dvaedit", "training_data": TRAINING_DATA}
PARTS = {"autoencoder": "compact-autoencoder", "classifier": "compact-classifier", "parser": "compact-parser"}


def export(run: Run, data: Path, folder: Path, counterfactuals: Path | None = None) -> None:
    """Write the autoencoder's EMA weights (half precision), the attribute model fitted to it, and their cards."""
    state = run.load()
    if state is None:
        raise SystemExit(f"no checkpoint in {run.folder}")
    config = from_dict(AutoencoderConfig, state["config"]["model"])
    model = Autoencoder(config).eval().requires_grad_(False)
    model.load_state_dict({**state["model"], **state["ema"]})
    fields = {
        "name": PARTS["autoencoder"], "kind": "autoencoder", "config": asdict(config), **COMMON,
        "metrics": seen(state, run.started_from()),
        "description": "Diffusion video autoencoder at 128 px: U-Net, identity encoder and face-code map (EMA).",
    }  # fmt: skip
    write_weights(folder, fields, model.state_dict(), torch.float16)
    model.load_state_dict({name: tensor.half().float() for name, tensor in model.state_dict().items()})
    face_set = faces.load(data, run.folder / "data", size=config.unet.image_size)
    attributes, metrics = classifier.fit(model, face_set, Pairs.load(counterfactuals) if counterfactuals else None)
    embed = load_sface().embed
    for name in EDITS if counterfactuals else ():
        metrics[name]["strength"] = calibrate(model, attributes, face_set, name, 1, embed)
        metrics[name]["strength_removing"] = calibrate(model, attributes, face_set, name, -1, embed)
    fields = {
        "name": PARTS["classifier"], "kind": "classifier", **COMMON,
        "config": {"attributes": list(attributes.names), "rank": attributes.rank},
        "metrics": metrics, "description": "Attribute classifiers and edits of the normalised z_id.",
    }  # fmt: skip
    write_weights(folder, fields, attributes.state_dict(), torch.float16)
    summary = "The compact model: trained here on 6,538 labelled faces, 128 px, made for laptop CPUs."
    Card(name="compact", kind="model", parts=PARTS, description=summary, licence="MIT").write(folder)


def seen(state: dict[str, Any], before: dict[str, float]) -> dict[str, float]:
    """How much the weights were trained, together with those their run started from."""
    counts = {**state["seen"], "optimiser_steps": state["step"]}
    return {name: before.get(name, 0) + count for name, count in counts.items()}


def main() -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="weights folder")
    parser.add_argument(
        "--counterfactuals", type=Path, metavar="DIR", help="fit the edits to the counterfactuals in DIR"
    )
    arguments = parser.parse_args()
    export(Run(arguments.run), arguments.data, arguments.out, arguments.counterfactuals)


if __name__ == "__main__":
    main()
