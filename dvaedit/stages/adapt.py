"""How strong an edit must be to be seen in this video: what shows on one face is too little on another.

The strength that portraits need is 1. A video may be darker or softer, its hair longer, its mouth in motion; a few of
its frames are sampled under stronger and stronger edits until the model's own classifier sees what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.pick import spread
from dvaedit.stages.sample import gathered, sample

PROBES = 8  # frames, spread over the video
STRENGTHS = (1.0, 1.25, 1.5, 1.75, 2.0)  # tried in this order; the last is used where none is enough
SEEN, CLEARLY = 0.9, 1.5  # of the probes; logit of the classifier
RELIABLE = 0.9  # AUC of an attribute's classifier; others have no say


@torch.inference_mode()
def needed_strength(
    model: Model,
    inputs: Mapping[str, Artifact],
    steps: int,
    wanted: Mapping[str, float],
    edited: Callable[[float], Tensor],
) -> float:
    """The least of ``STRENGTHS`` at which all that is wanted is seen; 1 where no reliable classifier knows any of it.

    inputs: encode and invert and, if only a few frames were inverted, few; wanted: attributes, with the sign of their
    change; edited: (1, D), the identity code under so strong an edit.
    """
    signs = {
        model.attributes.index(name): float(np.sign(strength))
        for name, strength in wanted.items()
        if name in model.attributes.names and model.metrics.get(name, {}).get("auc", 0.0) >= RELIABLE
    }
    if not signs or model.autoencoder.per_frame:
        return STRENGTHS[0]
    noise, codes = inputs["invert"], inputs.get("few", inputs["encode"])
    chosen = spread(noise.frames, PROBES)
    states = gathered(model, noise, chosen)
    z_lnd = np.concatenate([codes.read("z_lnd", n, n + 1) for n in chosen])
    sign = torch.tensor(list(signs.values()), device=model.runtime.device)
    for strength in STRENGTHS:
        crops = sample(model, states, edited(strength).cpu().numpy(), z_lnd, steps).clamp(-1, 1)
        logits = model.attributes.logits(model.autoencoder.identity(crops))[:, list(signs)] * sign
        if (logits.amin(dim=1) > CLEARLY).float().mean() >= SEEN:
            break
    return strength
