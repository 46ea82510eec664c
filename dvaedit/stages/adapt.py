"""How strong an edit must be to be seen in this video: what shows on one face is too little on another.

The strength that portraits need is 1. A video may be darker or softer, its hair longer, its mouth in motion; a few of
its frames are sampled under stronger and stronger edits until the model's own classifier sees what was asked for, and
only as long as SFace, which no edit is made with, sees the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dvaedit.checkpoints.load import load_sface
from dvaedit.face.morph import Morph
from dvaedit.face.people import cosine
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.morphing import alone, morphed_crops
from dvaedit.stages.parse import read_maps
from dvaedit.stages.pick import spread
from dvaedit.stages.probes import weights_of
from dvaedit.stages.sample import gathered, pictures_of, sample

PROBES = 8  # frames, spread over the video
STRENGTHS = (1.0, 1.25, 1.5, 1.75, 2.0)  # tried in this order; the last that helps is used where none is enough
MORPHED = STRENGTHS[:3]  # of what is moved and shaded: beyond, faces are caricatures
FARTHER = STRENGTHS[:4]  # of those who are made women, who look natural still
SEEN, CLEARLY = 0.9, 2.5  # of the probes; logit of the classifier
PAYS = 0.2  # by which that logit must grow for more strength; otherwise it only makes a caricature
PATIENCE = 2  # strengths in a row that do not pay
SAME = 0.6  # mean cosine of SFace's codes below which strengths are too much
RELIABLE = 0.9  # AUC of an attribute's classifier; others have no say

Finish = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Crops, uint8 (n, S, S, 3), and the numbers of their frames in the video: the same with something on them."""


class Probes(Protocol):
    """Frames to try strengths on: the ``chosen`` places of ``track``, and the ``strengths`` to try."""

    track: Artifact
    chosen: Sequence[int]
    strengths: Sequence[float]

    def crops(self, strength: float) -> np.ndarray:
        """Their edited crops, uint8 (n, S, S, 3)."""
        ...


class SampledProbes:
    """Probes that are sampled under the edited code."""

    strengths = STRENGTHS

    def __init__(
        self, model: Model, inputs: Mapping[str, Artifact], steps: int, edited: Callable[[float], Tensor]
    ) -> None:
        """inputs: align, encode and invert and, if only a few frames were inverted, few; edited: (1, D), the identity
        code under so strong an edit."""
        noise, codes = inputs["invert"], inputs.get("few", inputs["encode"])
        self.track, self.chosen = inputs.get("few", inputs["align"]), spread(noise.frames, PROBES)
        self._model, self._steps, self._edited = model, steps, edited
        self._states = gathered(model, noise, self.chosen)
        self._z_lnd = np.concatenate([codes.read("z_lnd", n, n + 1) for n in self.chosen])

    def crops(self, strength: float) -> np.ndarray:
        x = sample(self._model, self._states, self._edited(strength).cpu().numpy(), self._z_lnd, self._steps)
        return pictures_of(x.clamp(-1, 1))


class MorphedProbes:
    """Probes that are moved and shaded, their hair as others show it."""

    def __init__(
        self, morph: Callable[[float], Morph], sampled: SampledProbes, hair: np.ndarray,
        strengths: Sequence[float] = MORPHED, finish: Finish | None = None, shaded: SampledProbes | None = None,
    ) -> None:  # fmt: skip
        """morph: under so strong an edit; hair: float (n, S, S, 1) in [0, 1], how much of the crops it is; finish: what
        is put on; shaded: the same as the network changes them, where it tells light and shade."""
        self.strengths, self._finish = strengths, finish
        self._shaded = shaded
        self.track, self.chosen, self._sampled, self._hair = sampled.track, sampled.chosen, sampled, hair
        self._morph, self._points = morph, self.track.read("points").astype(np.float64)[self.chosen]
        self._frames = self.track.read("frames")[self.chosen]
        self._crops = np.concatenate([self.track.read("crops", n, n + 1) for n in self.chosen])

    def crops(self, strength: float) -> np.ndarray:
        crops = self._crops
        if self._hair.any():
            crops = crops + self._hair * (self._sampled.crops(strength).astype(np.float32) - crops)
            crops = np.rint(crops).astype(np.uint8)
        morph = self._morph(strength)
        if self._shaded is not None:
            morph = morph.shaded(self._crops, self._told, alone(morph, self._points)[1])
        crops = morphed_crops(morph, crops, self._points)
        return crops if self._finish is None else self._finish(crops, self._frames)

    @cached_property
    def _told(self) -> np.ndarray:
        """The crops as the network changes them, however strong the edit is."""
        return self._shaded.crops(STRENGTHS[0])


def hair_of(inputs: Mapping[str, Artifact], probes: SampledProbes) -> np.ndarray:
    """How much of the probes' crops is hair, float (n, S, S, 1) in [0, 1]. inputs: align and parse."""
    frames, size = inputs["align"].read("frames"), probes.track.read("crops", 0, 1).shape[1:3]
    places = np.searchsorted(frames, probes.track.read("frames")[list(probes.chosen)])
    maps = np.concatenate([read_maps(inputs["parse"], at, at + 1) for at in places])
    return weights_of(maps, "hair", size)[..., None]


@torch.inference_mode()
def needed_strength(model: Model, probes: Probes, wanted: Mapping[str, float]) -> float:
    """The least strength at which all that is wanted is seen, or the greatest that helps and keeps the person the same.

    The first where no reliable classifier knows what is wanted. wanted: attributes, with the sign of their change.
    """
    signs = {
        model.attributes.index(name): float(np.sign(strength))
        for name, strength in wanted.items()
        if name in model.attributes.names and model.metrics.get(name, {}).get("auc", 0.0) >= RELIABLE
    }
    if not signs or model.autoencoder.per_frame:
        return STRENGTHS[0]
    sign = torch.tensor(list(signs.values()), device=model.runtime.device)
    like, enough, best, idle = _likeness(probes), STRENGTHS[0], -np.inf, 0
    for strength in probes.strengths:
        crops = probes.crops(strength)
        every = model.attributes.logits(model.autoencoder.identity(model.images(crops)))[:, list(signs)] * sign
        logits = every.amin(dim=1)
        mean = float(logits.mean())
        if strength > STRENGTHS[0] and like(crops) < SAME:
            break
        pays = mean >= best + PAYS
        enough, best, idle = (strength, mean, 0) if pays else (enough, best, idle + 1)
        if idle == PATIENCE or (pays and (logits > CLEARLY).float().mean() >= SEEN):
            break
    return enough


def _likeness(probes: Probes) -> Callable[[np.ndarray], float]:
    """How like the person edited crops of the probes are, uint8 (n, S, S, 3): mean cosine."""
    sface, track = load_sface(), probes.track
    points = track.read("points")[list(probes.chosen)] * track.read("crops", 0, 1).shape[1]
    crops = [track.read("crops", n, n + 1)[0] for n in probes.chosen]
    before = [sface.embed(crop, own) for crop, own in zip(crops, points, strict=True)]

    def like(edited: np.ndarray) -> float:
        after = [sface.embed(picture, own) for picture, own in zip(edited, points, strict=True)]
        return float(np.mean([cosine(a, b) for a, b in zip(before, after, strict=True)]))

    return like
