"""The paper's edits of the identity code: along a classifier, or by its text search on the first frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.diffusion.reference import Steps
from dvaedit.editing.attributes import AttributeEdit, classifier_step
from dvaedit.editing.paper_text import PaperObjective, Search, Start, apply_delta, invert_frame, unedited_states
from dvaedit.editing.text import TextEdit, prompts
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter

FIRST = slice(0, 1)  # the frame a text search looks at


@dataclass(frozen=True)
class PaperEdit(Stage):
    """Makes ``z_id`` (1, D), or (n, D) of a model with a code per frame. ``meta``: ``cosine`` to before.

    A strength is the paper's scale, of a classifier's normal or of a search's Delta. Several edits follow each other.
    """

    name: ClassVar[str] = "paper-edit"
    version: ClassVar[int] = 1
    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()
    objective: PaperObjective = field(default_factory=PaperObjective)
    model: Model = unkeyed(None)
    clip: TextImageModel | None = unkeyed(None)

    def weights(self) -> dict[str, str]:
        digests = self.model.digest("autoencoder", "classifier", "parser")
        return {**digests, "clip": self.clip.digest} if self.texts else digests

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        model = self.model
        before = z_id = model.tensor(model.identity_codes(inputs["encode"]))
        for edit in self.attributes:
            z_id = classifier_step(model.attributes, z_id, edit.name, edit.strength)
        for number, text in enumerate(self.texts):
            delta = self._search(text, inputs, self._part(progress, number))
            z_id = apply_delta(model.autoencoder, z_id, delta, text.strength)
        out.meta.update(region="square", mix={}, strength=1.0, length=float((z_id - before).norm()))
        out.meta["cosine"] = float(F.cosine_similarity(z_id, before).mean())
        out.save({"z_id": z_id.cpu().numpy()})
        progress(1, 1)

    def _part(self, progress: StageProgress, number: int) -> StageProgress:
        """The share of the stage's progress that belongs to text ``number``."""
        return lambda done, total: progress(number * total + done, len(self.texts) * total)

    def _search(self, text: TextEdit, inputs: dict[str, Artifact], progress: StageProgress) -> Tensor:
        """Delta, (1, D), of one text."""
        with torch.no_grad():
            before, after = (self.clip.encode_text(prompts(words, many=True)) for words in (text.source, text.target))
            direction = F.normalize((after - before).mean(dim=0, keepdim=True), dim=-1)
            start = self._start(inputs)
        search = Search(start, self.objective)
        return search.run(self.model.autoencoder, self.clip, direction, progress)

    def _start(self, inputs: dict[str, Artifact]) -> Start:
        """The first frame under its own identity code."""
        model, network, codes = self.model, self.model.autoencoder, inputs["encode"]
        x_0 = model.images(inputs["align"].read("crops", FIRST.start, FIRST.stop))
        z_start, z_lnd = (model.tensor(codes.read(name, FIRST.start, FIRST.stop)) for name in ("z_id", "z_lnd"))
        mask = model.tensor(np.isin(model.class_maps(x_0), sorted(TRAINING_FACE)))[:, None]
        steps = Steps.of(network.schedule, self.objective.steps)
        x_T = invert_frame(network, x_0, z_start, z_lnd, steps)
        return Start(z_start, z_lnd, mask, unedited_states(network, x_T, z_start, z_lnd, steps), steps)
