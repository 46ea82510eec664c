"""Turn edited crops into what must be added to each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dvaedit.face.mask import soft_masks
from dvaedit.face.paste import delta_patch
from dvaedit.face.regions import WHOLE_SQUARE
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.parse import read_maps

SHARD = 32


@dataclass(frozen=True)
class Paste(Stage):
    """Makes ``mask``: per track frame a PNG of the soft mask, (S, S) uint8, and ``delta`` (n, 3, S, S) float16."""

    name: ClassVar[str] = "paste"
    version: ClassVar[int] = 1
    region: str = "auto"
    mode: Literal["delta", "replace"] = "delta"
