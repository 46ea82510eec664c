"""A loaded model: the networks a video needs, with the digests that name them in cache keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dvaedit.face.points import landmark_code
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.morphs import Morphs
from dvaedit.models.parsing import Classes

if TYPE_CHECKING:
    from dvaedit.pipeline.artifact import Artifact
    from dvaedit.runtime import Runtime


PARSER_BATCH = 8  # crops a parser sees at once: at 512 px each takes 0.1 GB


@dataclass(frozen=True, eq=False)
class Model:
    """Networks in eval mode on the runtime's device; ``digests``: SHA-256 of each part's weights.

    ``morphs``: the changes that are not left to the networks.
    """

    name: str
    autoencoder: Autoencoder
    attributes: AttributeModel
    parser: Classes
    metrics: dict[str, dict[str, float]]
    digests: dict[str, str]
    runtime: Runtime
    morphs: Morphs | None = None

    @property
    def image_size(self) -> int:
        """Side of the crop the autoencoder works on, pixels."""
        return self.autoencoder.config.unet.image_size

    def digest(self, *parts: str) -> dict[str, str]:
        """The digests of some parts, as a stage's ``weights()``."""
        return {part: self.digests[part] for part in parts}

    def tensor(self, array) -> torch.Tensor:
        """An array as a float tensor on the model's device."""
        return torch.as_tensor(array).to(self.runtime.device, torch.float32)

    def images(self, crops) -> torch.Tensor:
        """uint8 crops (B, S, S, 3) as x_0, (B, 3, S, S), RGB in [-1, 1]."""
        return self.tensor(crops).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last) / 127.5 - 1

    @torch.inference_mode()
    def class_maps(self, x: torch.Tensor) -> np.ndarray:
        """The parser's class of each pixel, uint8 (B, H, W), for crops x (B, 3, H, W), RGB in [-1, 1]."""
        parts = [self.parser.class_map(part).to(torch.uint8) for part in x.split(PARSER_BATCH)]
        return torch.cat(parts).cpu().numpy()

    @torch.inference_mode()
    def landmark_codes(self, x_0: torch.Tensor, points: np.ndarray) -> np.ndarray:
        """z_lnd, (B, 102) float32, as the model reads it: off the crops, or from the mesh's 68 ``points``, (B, 68, 2).

        ``x_0``: (B, 3, S, S), RGB in [-1, 1]; ``points``: crop units in [0, 1].
        """
        net = self.autoencoder.landmarks
        return landmark_code(points, 1) if net is None else net(x_0).cpu().numpy()

    def identity_codes(self, codes: Artifact, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The identity codes that frames ``start`` to ``stop`` are to be seen with, from the encode stage's ``codes``.

        (1, D), the video's own, or (stop - start, D) of a model that needs each frame's.
        """
        return codes.read("z_id", start, stop) if self.autoencoder.per_frame else codes.read("z_id_rep")
