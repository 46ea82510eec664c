"""How strong an edit must be to be seen in this video: what shows on one face is too little on another.

The strength that portraits need is 1. A video may be darker or softer, its hair longer, its mouth in motion; a few of
its frames are sampled under stronger and stronger edits until the model's own classifier sees what was asked for, and
only as long as SFace, which no edit is made with, sees the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from dvaedit.evaluation.identity import SFace, cosine
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.pick import spread
from dvaedit.stages.sample import gathered, sample

PROBES = 8  # frames, spread over the video
STRENGTHS = (1.0, 1.25, 1.5, 1.75, 2.0)  # tried in this order; the last is used where none is enough
SEEN, CLEARLY = 0.9, 2.5  # of the probes; logit of the classifier
SAME = 0.6  # mean cosine of SFace's codes below which strengths are too much
RELIABLE = 0.9  # AUC of an attribute's classifier; others have no say


@torch.inference_mode()
def needed_strength(
    model: Model,
    inputs: Mapping[str, Artifact],
    steps: int,
    wanted: Mapping[str, float],
    edited: Callable[[float], Tensor],
) -> float:
    """The least of ``STRENGTHS`` at which all that is wanted is seen, or the greatest at which the person is the same.

    The first where no reliable classifier knows what is wanted. inputs: align, encode and invert and, if only a few
    frames were inverted, few; wanted: attributes, with the sign of their change; edited: (1, D), the identity code
    under so strong an edit.
    """
    signs = {
        model.attributes.index(name): float(np.sign(strength))
        for name, strength in wanted.items()
        if name in model.attributes.names and model.metrics.get(name, {}).get("auc", 0.0) >= RELIABLE
    }
    if not signs or model.autoencoder.per_frame:
        return STRENGTHS[0]
    noise, codes, track = inputs["invert"], inputs.get("few", inputs["encode"]), inputs.get("few", inputs["align"])
    chosen = spread(noise.frames, PROBES)
    states = gathered(model, noise, chosen)
    z_lnd = np.concatenate([codes.read("z_lnd", n, n + 1) for n in chosen])
    sign = torch.tensor(list(signs.values()), device=model.runtime.device)
    like, enough = _likeness(track, chosen), STRENGTHS[0]
    for strength in STRENGTHS:
        crops = sample(model, states, edited(strength).cpu().numpy(), z_lnd, steps).clamp(-1, 1)
        logits = model.attributes.logits(model.autoencoder.identity(crops))[:, list(signs)] * sign
        if strength > STRENGTHS[0] and like(crops) < SAME:
            break
        enough = strength
        if (logits.amin(dim=1) > CLEARLY).float().mean() >= SEEN:
            break
    return enough


def _likeness(track: Artifact, chosen: Sequence[int]) -> Callable[[Tensor], float]:
    """How like the person edited crops of the ``chosen`` frames are, (n, 3, S, S) in [-1, 1]: mean cosine."""
    sface, size = SFace(), track.read("crops", 0, 1).shape[1]
    points = track.read("points")[list(chosen)] * size
    crops = [track.read("crops", n, n + 1)[0] for n in chosen]
    before = [sface.embed(crop, own) for crop, own in zip(crops, points, strict=True)]

    def like(edited: Tensor) -> float:
        pictures = ((edited + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        after = [sface.embed(picture, own) for picture, own in zip(pictures, points, strict=True)]
        return float(np.mean([cosine(a, b) for a, b in zip(before, after, strict=True)]))

    return like
