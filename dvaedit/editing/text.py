"""Edits of the identity code by text: the directional CLIP objective (Kim et al., CVPR 2023, section 3.3, eq. 9).

The paper optimises one frame's code from scratch for 2,000 iterations. Here the search starts at the mix of known
attribute directions that CLIP itself finds nearest to the text, looks at several frames, compares denoised
pictures (pred_x_0) instead of noisy states, and needs a dozen iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.editing.attributes import apply_shift
from dvaedit.editing.effects import EFFECTS
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel


class TextImageModel(Protocol):
    """What a text edit needs of a CLIP model; both return unit-norm features."""

    def encode_text(self, texts: list[str]) -> Tensor:
        """(len(texts), E)."""

    def encode_image(self, x: Tensor) -> Tensor:
        """(B, E) of RGB images (B, 3, H, W) in [-1, 1], differentiable."""


@dataclass(frozen=True)
class TextEdit:
    """A text and what it is compared with; ``strength`` scales the change found."""

    target: str
    source: str = "face"
    strength: float = 1.0


@dataclass(frozen=True)
class TextObjective:
    """Weights and effort of the search. The weights are the paper's names: directional CLIP, identity, L1."""

    clip_weight: float = 3.0
    id_weight: float = 1.0
    l1_weight: float = 5.0
    iterations: int = 12
    learning_rate: float = 0.01


@dataclass(frozen=True)
class Pairs:
    """Noisy states of some frames, to be denoised with the old and the new code.

    ``x_t``: (P, 3, H, W); ``t``: (P,) int64; ``z_lnd``: (P, 102); ``mask``: (P, 1, H, W), where change is unwanted;
    ``plain``: (P, 3, H, W), pred_x_0 with the old code.
    """

    x_t: Tensor
    t: Tensor
    z_lnd: Tensor
    mask: Tensor
    plain: Tensor


def text_direction(clip: TextImageModel, source: list[str], target: list[str]) -> Tensor:
    """Unit-norm mean change of the text features from ``source`` prompts to ``target`` prompts. (E,)."""
    return F.normalize((clip.encode_text(target) - clip.encode_text(source)).mean(dim=0), dim=0)


def attribute_mix(
    clip: TextImageModel, attributes: AttributeModel, direction: Tensor, keep: int = 3
) -> dict[str, float]:
    """The few attributes, with signed weights, whose words point where ``direction`` does.

    Ridge regression of ``direction`` on the directions of the attributes' own words; small weights are dropped and
    the rest scaled so that the largest is 1. Empty if no attribute's words come near.
    """
    names = [name for name in attributes.names if name in EFFECTS]
    if not names:
        return {}
    words = torch.stack([text_direction(clip, [EFFECTS[n].absent], [EFFECTS[n].present]) for n in names])
    gram = words @ words.T + 0.3 * torch.eye(len(names))
    weights = torch.linalg.solve(gram, words @ direction)
    largest = weights.abs().max()
    chosen = weights.abs().topk(min(keep, len(names))).indices.tolist()
    fit = F.cosine_similarity(weights @ words, direction, dim=0)
    if fit < 0.3:
        return {}
    return {names[k]: float(weights[k] / largest) for k in chosen if weights[k].abs() > 0.4 * largest}


def directional_loss(clip: TextImageModel, before: Tensor, after: Tensor, direction: Tensor) -> Tensor:
    """mean (1 - cos(change of the image features, ``direction``)) over pairs of images (Gal et al., 2022)."""
    change = clip.encode_image(after) - clip.encode_image(before)
    return (1 - F.cosine_similarity(change, direction[None], dim=1, eps=1e-4)).mean()


def search_shift(
    model: Autoencoder,
    attributes: AttributeModel,
    clip: TextImageModel,
    direction: Tensor,
    z_id_rep: Tensor,
    pairs: Pairs,
    start: Tensor,
    objective: TextObjective,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """Optimise the change of the normalised code, (D,), from ``start`` by Adam on the paper's objective.

    ``w_clip * -ln((2 - L_dir) / 2) + w_id * (1 - z . z_id_rep) + w_l1 * mean |mask (a - b)|``.
    """
    shift = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([shift], lr=objective.learning_rate)
    for iteration in range(objective.iterations):
        z_id = apply_shift(attributes, z_id_rep, shift)
        output = model.denoise(pairs.x_t, pairs.t, model.face_code(z_id, pairs.z_lnd))
        edited, _ = model.schedule.split(pairs.x_t, pairs.t, output)
        clip_loss = -torch.log((2 - directional_loss(clip, pairs.plain, edited, direction)).clamp_min(1e-3) / 2)
        identity = 1 - F.cosine_similarity(z_id, z_id_rep).mean()
        change = (pairs.mask * (edited - pairs.plain)).abs().mean()
        loss = objective.clip_weight * clip_loss + objective.id_weight * identity + objective.l1_weight * change
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress(iteration + 1, objective.iterations)
    return shift.detach()


@torch.no_grad()
def make_pairs(
    model: Autoencoder, z_id_rep: Tensor, x_0: Tensor, z_lnd: Tensor, mask: Tensor, timesteps: list[int], seed: int
) -> Pairs:
    """Noise frames ``x_0``, (F, 3, H, W), to each of ``timesteps`` and denoise them with the old code, (1 or F, D)."""
    count = len(timesteps)
    z_id_rep = z_id_rep.repeat(count, 1) if len(z_id_rep) > 1 else z_id_rep
    t = torch.tensor(timesteps, device=x_0.device).repeat_interleave(len(x_0))
    x_0, z_lnd, mask = (v.repeat(count, *[1] * (v.dim() - 1)) for v in (x_0, z_lnd, mask))
    noise = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(seed)).to(x_0)
    x_t = model.schedule.q_sample(x_0, t, noise)
    plain, _ = model.schedule.split(x_t, t, model.denoise(x_t, t, model.face_code(z_id_rep, z_lnd)))
    return Pairs(x_t, t, z_lnd, mask, plain)


PLAIN_TEMPLATES = ("{}", "a photo of {}", "a picture of {}")


def prompts(text: str, many: bool) -> list[str]:
    """``text`` in the field's prompt frames: the 79 the paper uses, or a few plain ones for a small text model."""
    if not many:
        return [template.format(text) for template in PLAIN_TEMPLATES]
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    framed = [template(text) for template in OPENAI_IMAGENET_TEMPLATES]
    return [prompt for prompt in framed if prompt != f"a photo of many {text}."]
