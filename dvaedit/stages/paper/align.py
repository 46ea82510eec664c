"""The paper's crops: as aligned there, kept as JPEG at 1024 pixels, reduced to what the network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dvaedit.face.paper import dataset_crop
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.align import Align


@dataclass(frozen=True)
class PaperAlign(Align):
    """As :class:`Align`, but crops are the paper's, black outside the frame; all frames count and show the edit alike.

    The identity code of the video is then the plain mean over its frames, and no edit fades.
    """

    name: ClassVar[str] = "paper-align"
    version: ClassVar[int] = 1
    cut = staticmethod(dataset_crop)

    def _table(self, decoded: Artifact, people: Artifact) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        table, meta = super()._table(decoded, people)
        same = np.ones_like(table["weights"])
        return {**table, "weights": same, "quality": same}, meta
