"""The paper's text edit to the letter: one frame, five pairs of noisy states, thousands of Adam steps on one code.

For the ``paper`` recipe and the parity checks; :mod:`dvaedit.editing.text` searches less and finds more.
Source: METHOD 8.3; Kim et al., CVPR 2023, eq. 9, and the released code where it says more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.diffusion.reference import Steps, reference_invert, reference_sample, sample_step
from dvaedit.editing.text import TextImageModel
from dvaedit.models.autoencoder import Autoencoder

NORM_FLOOR = 1e-7  # added to the length of a change of features


@dataclass(frozen=True)
class PaperObjective:
    """Weights and effort of the search; the defaults are the released script's. ``steps``: of DDIM, one pair each."""

    clip_weight: float = 3.0
    id_weight: float = 5.0
    l1_weight: float = 5.0
    learning_rate: float = 0.002
    iterations: int = 2000
    steps: int = 5


@dataclass(frozen=True)
class Start:
    """The frame a search works on.

    ``z_start``: (1, D), its own identity code; ``z_lnd``: (1, 102); ``mask``: (1, 1, H, W), the training mask;
    ``states``: (steps + 1, 3, H, W), the unedited trajectory from the last timestep down to the clean image, so that
    pair k is one step from ``states[k]``, whose unedited partner is ``states[k + 1]``; ``steps``: the tables.
    """

    z_start: Tensor
    z_lnd: Tensor
    mask: Tensor
    states: Tensor
    steps: Steps

    @property
    def index(self) -> Tensor:
        """The step of each pair, (steps,) int64, falling."""
        return torch.arange(len(self.steps) - 1, -1, -1)


@dataclass(frozen=True)
class Terms:
    """One evaluation of the objective. Scalars but for ``images``, the edited partners, and what is per pair.

    ``changes``: (P, E) unit changes of the image features; ``pair_losses``: (P,), 1 - cosine with the text's.
    """

    loss: Tensor
    directional: Tensor
    clip: Tensor
    identity: Tensor
    l1: Tensor
    z_face: Tensor
    images: Tensor
    changes: Tensor
    pair_losses: Tensor


@torch.no_grad()
def invert_frame(model: Autoencoder, x_0: Tensor, z_id: Tensor, z_lnd: Tensor, steps: Steps) -> Tensor:
    """x at the last timestep, (1, 3, H, W), of one crop under its own code."""
    states = reference_invert(model.schedule, _bound(model, model.face_code(z_id, z_lnd)), x_0, steps)
    return [state.x for state in states][-1]


@torch.no_grad()
def unedited_states(model: Autoencoder, x_T: Tensor, z_id: Tensor, z_lnd: Tensor, steps: Steps) -> Tensor:
    """All states from ``x_T``, (1, 3, H, W), down to the clean image under the unedited code: (steps + 1, 3, H, W)."""
    states = reference_sample(model.schedule, _bound(model, model.face_code(z_id, z_lnd)), x_T, steps)
    return torch.cat([x_T, *(state.x for state in states)])


def _bound(model: Autoencoder, z_face: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, t: model.denoise(x, t, z_face.expand(len(x), -1))


def feature_changes(before: Tensor, after: Tensor) -> Tensor:
    """(P, E) changes of unit-norm features (P, E), nearly of unit norm: a tiny one stays short of it."""
    change = after - before
    return change / (change.norm(dim=-1, keepdim=True) + NORM_FLOOR)


def pair_losses(before: Tensor, after: Tensor, direction: Tensor) -> Tensor:
    """1 - cos of each pair's change of features (P, E) with the text's, ``direction`` (1, E): (P,).

    Where no pair changes at all, the features of the edited images stand in for the changes.
    """
    changes = feature_changes(before, after)
    if not changes.any():
        changes = after
    return 1 - F.cosine_similarity(changes, direction, dim=1)


def minus_log(directional: Tensor) -> Tensor:
    """-ln((2 - L_dir) / 2)."""
    return -torch.log((2 - directional) / 2)


def unit(model: Autoencoder, z: Tensor) -> Tensor:
    """``z`` of unit norm; as it is where the model's codes have no fixed norm."""
    return z if model.per_frame else F.normalize(z, dim=-1)


def evaluate(
    model: Autoencoder,
    clip: TextImageModel,
    start: Start,
    code: Tensor,
    direction: Tensor,
    objective: PaperObjective,
) -> Terms:
    """The objective at the free vector ``code``, (1, D); differentiable in it. ``direction``: (1, E) of the texts."""
    z = unit(model, code)
    z_face = model.face_code(z, start.z_lnd)
    denoise = _bound(model, z_face)
    images = sample_step(model.schedule, start.steps, denoise, start.states[:-1], start.index).x
    plain = start.states[1:]
    before, after = clip.encode_image(plain), clip.encode_image(images)
    losses = pair_losses(before, after, direction)
    directional = losses.mean()
    clip_loss = minus_log(directional)
    identity = 1 - (F.cosine_similarity(z, start.z_start) if model.per_frame else (z * start.z_start).sum())
    l1 = (start.mask * (plain - images)).abs().mean()
    loss = objective.clip_weight * clip_loss + objective.id_weight * identity.sum() + objective.l1_weight * l1
    changes = feature_changes(before, after)
    return Terms(loss, directional, clip_loss, identity.sum(), l1, z_face, images, changes, losses)


class Search:
    """Adam on the free vector of one text edit, from the frame's own code (or ``code``)."""

    def __init__(self, start: Start, objective: PaperObjective, code: Tensor | None = None) -> None:
        self.start, self.objective = start, objective
        self.code = (start.z_start if code is None else code).clone().requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.code], lr=objective.learning_rate)

    def step(self, gradient: Tensor) -> None:
        """One update of ``code`` along ``gradient``, (1, D)."""
        self.code.grad = gradient
        self.optimizer.step()

    def run(
        self,
        model: Autoencoder,
        clip: TextImageModel,
        direction: Tensor,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Tensor:
        """All iterations; gives Delta, (1, D): how far the free vector (not its unit norm) has moved."""
        for iteration in range(self.objective.iterations):
            terms = evaluate(model, clip, self.start, self.code, direction, self.objective)
            self.step(torch.autograd.grad(terms.loss, self.code)[0])
            progress(iteration + 1, self.objective.iterations)
        return (self.code - self.start.z_start).detach()


def apply_delta(model: Autoencoder, z_id_rep: Tensor, delta: Tensor, scale: float) -> Tensor:
    """The edited identity code of the video, (1, D): ``n(z_id_rep + scale * Delta)``."""
    return unit(model, z_id_rep + scale * delta)
