"""One fixture folder: its manifest, its arrays, and the networks its salt makes."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvaedit.checkpoints import upstream
from dvaedit.checkpoints.importing import PAPER_PARSER
from dvaedit.errors import UsageError
from dvaedit.models.autoencoder import PAPER, Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.parsing import PaperParser
from dvaedit.parity import pseudo
from dvaedit.parity.layout import LAYOUTS, names_of
from dvaedit.parity.report import Report


@dataclass
class Folder:
    """A fixture folder. Nothing outside it is read. Raises UsageError for one that is none."""

    path: Path
    manifest: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.manifest = json.loads((self.path / "manifest.json").read_text("utf-8"))
            self.salt: str = self.manifest["salt"]
            self.keys: dict[str, dict[str, Any]] = self.manifest["keys"]
            self.classifier_keys: dict[str, dict[str, Any]] = self.manifest["classifier_checkpoint"]["keys"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = "Give a folder with manifest.json and the .npz files of the fixtures."
            raise UsageError(f"{self.path} is not a fixture folder: {error}", hint) from error

    def report(self, file: str) -> Report:
        """The arrays of ``<file>.npz``, all missing where the file is."""
        arrays = self.arrays(file)
        crop_frames = arrays.get("crop_frames", np.zeros(0, np.int64)).tolist()
        return Report(f"{file}.npz", arrays, names_of(file, arrays.keys(), crop_frames))

    def arrays(self, file: str) -> dict[str, np.ndarray]:
        """All arrays of ``<file>.npz``; none where it is absent. Raises UsageError for a damaged file."""
        path = self.path / f"{file}.npz"
        if not path.is_file():
            return {}
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, EOFError) as error:
            raise UsageError(f"{path} is damaged: {error}") from error

    def unknown_files(self) -> list[str]:
        """Array files in the folder that no check knows."""
        return sorted(path.name for path in self.path.glob("*.npz") if path.stem not in LAYOUTS)

    def pseudo(self, name: str) -> Tensor:
        """The pseudo-weight of one key of the manifest."""
        entry = self.keys.get(name) or self.classifier_keys[name]
        source = entry.get("alias_of") or name
        return pseudo.weight(self.salt, source, entry["shape"], entry["kind"])

    def noise(self, tag: str, shape: tuple[int, ...]) -> Tensor:
        """The input noise N(tag)."""
        return pseudo.noise(self.salt, tag, shape)

    @cached_property
    def autoencoder(self) -> Autoencoder:
        """The paper's model with this folder's weights, in eval mode, without gradients, one crop at a time."""
        with torch.device("meta"):
            model = Autoencoder(PAPER)
        state = {ours: self.pseudo(theirs) for ours, theirs in upstream.paper_names(model).items()}
        constants = Autoencoder.face_code_constants()
        model.load_state_dict({**state, **constants}, assign=True)
        model.max_batch = 1
        return model.eval().requires_grad_(False)

    @cached_property
    def parser(self) -> PaperParser:
        """The face parser with this folder's weights."""
        with torch.device("meta"):
            parser = PaperParser(PAPER_PARSER)
        names = upstream.parser_names(parser).items()
        parser.load_state_dict({ours: self.pseudo(upstream.PARSER + name) for ours, name in names}, assign=True)
        return parser.eval().requires_grad_(False)

    def attributes(self, names: tuple[str, ...]) -> AttributeModel:
        """The classifier with this folder's weights and statistics."""
        model = AttributeModel(names, self.classifier_keys["classifier.weight"]["shape"][1])
        for ours in ("weight", "bias"):
            getattr(model, ours).copy_(self.pseudo(f"classifier.{ours}"))
        model.mean.copy_(self.pseudo("conds_mean").flatten())
        model.std.copy_(self.pseudo("conds_std").flatten())
        return model
