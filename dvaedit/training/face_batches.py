"""Batches from the labelled face set: balanced, augmented, with two views of each face."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvaedit.face.points import landmark_code
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.augment import ENCODER_VIEW, TARGET_VIEW, random_affine, to_float, warp, warp_points
from dvaedit.training.batch import Batch
from dvaedit.training.faces import FaceSet


class FaceSource:
    """Draws balanced, augmented batches from a face set; batch n depends on the seed and n alone."""

    def __init__(self, face_set: FaceSet, batch_size: int, seed: int) -> None:
        self.faces, self.batch_size, self.seed = face_set, batch_size, seed
        weights = torch.from_numpy(np.where(face_set.held_out, 0, face_set.weights))
        self.weights = weights / weights.sum()
        labels = face_set.labels[~face_set.held_out]
        self.positive_share = torch.from_numpy(np.nanmean(labels, axis=0)).clamp(0.02, 0.98)

    def __getitem__(self, draw: int) -> Batch:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + draw)
        index = torch.multinomial(self.weights, self.batch_size, replacement=True, generator=generator).numpy()
        return make_batch(self.faces, index, generator)

    def set_statistics(self, model: Autoencoder) -> None:
        """Over augmented crops: the map sees no others."""
        generator = torch.Generator().manual_seed(0)
        theta, flip = random_affine(len(self.faces.points), TARGET_VIEW, generator)
        points = warp_points(torch.from_numpy(self.faces.points), theta, flip, self.faces.image_size)
        set_code_statistics(model, landmark_codes(points, self.faces.image_size))

    def examples(self, count: int) -> Batch:
        index = np.flatnonzero(self.faces.held_out)[:count]
        points = torch.from_numpy(self.faces.points[index])
        x_0 = to_float(torch.from_numpy(self.faces.images[index]))
        return Batch(x_0, z_lnd=landmark_codes(points, self.faces.image_size))

    def describe(self) -> dict[str, Any]:
        return {"kind": "faces", "faces": len(self.faces.images), "held_out": int(self.faces.held_out.sum())}


def make_batch(face_set: FaceSet, index: np.ndarray, generator: torch.Generator) -> Batch:
    """Two augmented views of the faces at ``index``: the one to denoise and the one the identity encoder sees."""
    images = to_float(torch.from_numpy(face_set.images[index]))
    masks = torch.from_numpy(face_set.masks[index])[:, None].float() / 255
    size = face_set.image_size
    theta, flip = random_affine(len(index), TARGET_VIEW, generator)
    target = warp(torch.cat([images, masks], dim=1), theta)
    points = warp_points(torch.from_numpy(face_set.points[index]), theta, flip, size)
    view, _ = random_affine(len(index), ENCODER_VIEW, generator)
    return Batch(target[:, :3], warp(images, view), target[:, 3:], landmark_codes(points, size),
                 torch.from_numpy(face_set.labels[index]))  # fmt: skip


def landmark_codes(points: Tensor, size: float) -> Tensor:
    """z_lnd, (B, 102), of points (B, 68, 2) in pixels of a crop of ``size``."""
    return torch.from_numpy(landmark_code(points.numpy(), size))


def set_code_statistics(model: Autoencoder, codes: Tensor) -> None:
    """Store mean and spread of the landmark codes (N, 102), and the scale of z_id, in the face-code map."""
    model.face_code.lnd_mean.copy_(codes.mean(dim=0))
    model.face_code.lnd_std.copy_(codes.std(dim=0))
    model.face_code.id_scale.fill_(model.config.identity.code_channels**0.5)
