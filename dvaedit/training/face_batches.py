"""Batches from the labelled face set: balanced, augmented, with two views of each face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvaedit.face.points import landmark_code
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.augment import (
    ENCODER_VIEW,
    TARGET_VIEW,
    another_camera,
    random_affine,
    to_float,
    warp,
    warp_points,
)
from dvaedit.training.batch import Batch
from dvaedit.training.counterfactual.pairs import Pairs
from dvaedit.training.faces import FaceSet


class FaceSource:
    """Draws balanced, augmented batches from a face set; batch n depends on the seed and n alone.

    The last ``counterfactuals`` crops of each come from ``pairs``.
    """

    def __init__(
        self, face_set: FaceSet, batch_size: int, seed: int, pairs: Pairs | None = None, counterfactuals: int = 0
    ) -> None:
        self.faces, self.seed, self.pairs = face_set, seed, pairs
        self.counterfactuals = counterfactuals if pairs else 0
        self.plain = batch_size - self.counterfactuals
        weights = torch.from_numpy(np.where(face_set.held_out, 0, face_set.weights))
        self.weights = weights / weights.sum()
        labels = face_set.labels[~face_set.held_out]
        self.positive_share = torch.from_numpy(np.nanmean(labels, axis=0)).clamp(0.02, 0.98)

    def __getitem__(self, draw: int) -> Batch:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + draw)
        index = torch.multinomial(self.weights, self.plain, replacement=True, generator=generator).numpy()
        drawn = plain_faces(self.faces, index)
        if self.counterfactuals:
            drawn = drawn.join(counterfactual_faces(self.faces, self.pairs, self.counterfactuals, generator))
        return make_batch(drawn, self.faces.image_size, generator)

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
        return {"kind": "faces", "faces": len(self.faces.images), "held_out": int(self.faces.held_out.sum()),
                "counterfactuals": self.counterfactuals}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """Crops as stored: uint8 ``target``, ``source`` (B, S, S, 3), ``mask`` (B, S, S), the source's points, labels."""

    target: np.ndarray
    source: np.ndarray
    mask: np.ndarray
    points: np.ndarray
    labels: np.ndarray

    def join(self, other: Drawn) -> Drawn:
        """Both, one after the other."""
        return Drawn(*(np.concatenate([a, b]) for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def plain_faces(face_set: FaceSet, index: np.ndarray) -> Drawn:
    """The faces at ``index``, each its own source."""
    images = face_set.images[index]
    return Drawn(images, images, face_set.masks[index], face_set.points[index], face_set.labels[index])


def counterfactual_faces(face_set: FaceSet, pairs: Pairs, count: int, generator: torch.Generator) -> Drawn:
    """``count`` pairs; most lead from the face to its counterfactual, the others back."""
    index, back = pairs.draw(count, generator)
    base = pairs.base[index]
    real, made = face_set.images[base], pairs.images[index]
    flip = back[:, None, None, None]
    return Drawn(
        np.where(flip, real, made), np.where(flip, made, real), face_set.masks[base],
        np.where(back[:, None, None], pairs.points[index], face_set.points[base]),
        np.where(back[:, None], face_set.labels[base], pairs.labels_of(face_set, index)),
    )  # fmt: skip


def make_batch(drawn: Drawn, size: int, generator: torch.Generator) -> Batch:
    """Augmented views: target and source alike, and another view of the target for the identity encoder."""
    both = torch.stack([to_float(torch.from_numpy(images)) for images in (drawn.target, drawn.source)], dim=1)
    target, source = another_camera(both, generator).unbind(dim=1)
    masks = torch.from_numpy(drawn.mask)[:, None].float() / 255
    theta, flip = random_affine(len(target), TARGET_VIEW, generator)
    moved = warp(torch.cat([target, source, masks], dim=1), theta)
    points = warp_points(torch.from_numpy(drawn.points), theta, flip, size)
    view, _ = random_affine(len(target), ENCODER_VIEW, generator)
    return Batch(
        moved[:, :3], warp(target, view), moved[:, 6:], landmark_codes(points, size), torch.from_numpy(drawn.labels),
        source=moved[:, 3:6],
    )  # fmt: skip


def landmark_codes(points: Tensor, size: float) -> Tensor:
    """z_lnd, (B, 102), of points (B, 68, 2) in pixels of a crop of ``size``."""
    return torch.from_numpy(landmark_code(points.numpy(), size))


def set_code_statistics(model: Autoencoder, codes: Tensor) -> None:
    """Store mean and spread of the landmark codes (N, 102), and the scale of z_id, in the face-code map."""
    model.face_code.lnd_mean.copy_(codes.mean(dim=0))
    model.face_code.lnd_std.copy_(codes.std(dim=0))
    model.face_code.id_scale.fill_(model.config.identity.code_channels**0.5)
