"""Edit the video's identity code once, by attributes and by text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.checkpoints.store import find_card
from dvaedit.editing.attributes import AttributeEdit, apply_shift, attribute_shift
from dvaedit.editing.effects import DYES, EFFECTS, KNOWN, added, region_of, turning
from dvaedit.editing.parts import Parts
from dvaedit.editing.reading import colours, read_change
from dvaedit.editing.text import (
    Pairs,
    TextEdit,
    TextObjective,
    attribute_mix,
    make_pairs,
    prompts,
    search_shift,
    text_direction,
)
from dvaedit.face.mask import soft_mask
from dvaedit.face.morph import Morph
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.adapt import FARTHER, MORPHED, Finish, MorphedProbes, SampledProbes, hair_of, needed_strength
from dvaedit.stages.long_hair import LongHair
from dvaedit.stages.parse import read_maps

log = logging.getLogger(__name__)
SEARCH_TIMESTEPS = (350, 550, 750)
BEARD, LONG, LIPSTICK, GLASSES, DYED = "No_Beard", "Long_Hair", "Wearing_Lipstick", "Eyeglasses", "Dyed_Hair"
SHAVEN = 1.5  # strength at which the beards of men go that are made women


@dataclass(frozen=True)
class Edit(Stage):
    """Makes ``z_id`` (1, D), or (n, D) of a model with a code per frame.

    ``meta``: ``region`` it shows in, ``dyed``: hair takes on another colour, ``turns``: into which, see
    :func:`dvaedit.editing.effects.turning`, ``added``: what is put on the face, ``grown``: by what hair grows there and
    how much, ``beard``: of which colour, ``morphed``: what is moved and shaded, and how much, ``lips``: the colour of
    lipstick; these colours only if a text names one, ``bearded``: whether a beard is morphed,
    ``bespectacled``: logit of glasses before they are put on, ``rest``: whether anything else is left, ``mix`` of
    attributes per text, ``cosine`` to before.

    ``drawn``: what can be is dyed, drawn and morphed; otherwise all is ``rest``.
    ``split``: what is put on the face has a code of its own, ``z_drawn``, and no part in ``z_id``, nor has what is
    morphed. Without, all is left to the network but where nothing is ``rest``. What turns a face into another
    expression, sex or age has a code besides, ``z_shaded``, under which the network tells its light and shade.

    Edits add up in the normalised code; ``text_frames`` frames spread over the video guide the text search. ``adapt``:
    one change alone is as strong as :func:`needed_strength` says, ``meta["strength"]``, but for colours of hair that
    are known beforehand (:func:`colours`); ``steps``: of the sampling that
    tells it.
    """

    name: ClassVar[str] = "edit"
    version: ClassVar[int] = 57
    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()
    objective: TextObjective = field(default_factory=TextObjective)
    text_frames: int = 2
    seed: int = 0
    adapt: bool = False
    drawn: bool = True
    split: bool = False
    steps: int = 10
    model: Model = unkeyed(None)
    clip: TextImageModel | None = unkeyed(None)

    def weights(self) -> dict[str, str]:
        digests = self.model.digest("autoencoder", "classifier")
        if self.model.morphs:
            digests |= self.model.digest("morphs")
        if self.adapt:
            digests["sface"] = find_card("sface").sha256
        return {**digests, "clip": self.clip.digest} if self.texts else digests

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        model = self.model
        z_id_rep = model.tensor(model.identity_codes(inputs["encode"]))
        touched, mixes, worded = {edit.name: edit.strength for edit in self.attributes if edit.strength}, {}, 0.0
        for number, text in enumerate(self.texts):
            change, mixes[text.target] = self._text_shift(text, inputs, z_id_rep, _part(progress, number, self))
            worded = worded + text.strength * change
            for name, share in (mixes[text.target] or {"": 1.0}).items():
                touched[name] = touched.get(name, 0.0) + text.strength * share

        def shift(strength: float) -> Tensor:
            edits = [AttributeEdit(edit.name, edit.strength * strength) for edit in self.attributes]
            return attribute_shift(model.attributes, z_id_rep, edits) + strength * worded

        def edited(strength: float) -> Tensor:
            return apply_shift(model.attributes, z_id_rep, shift(strength))

        parts = Parts.of(touched, model.morphs) if self.drawn else Parts.sampled(touched)
        put_on = self._put_on(touched, parts, z_id_rep)
        colour = self._said(DYED) if parts.dyed and touched.get(DYED, 0) > 0 else None
        shaded = self._code(z_id_rep, _edits(parts.turned, parts.turned, 1.0)) if parts.turned else None
        adapt = self.adapt and colour is None
        strength = self._needed_strength(inputs, touched, parts, put_on, edited, shaded) if adapt else 1.0
        codes = {"z_id": edited(strength)}
        out.meta.update(mix=mixes, length=float(shift(strength).norm()), strength=strength)
        out.meta.update(dyed=parts.dyed, turns={colour: 1.0} if colour else turning(touched))
        out.meta["cosine"] = float(torch.cosine_similarity(codes["z_id"], z_id_rep).mean())
        split = self.split and parts.split
        own = split or not parts.rest  # otherwise all is left to the network
        more = self._more(inputs, parts, edited, shaded) if self.adapt else 1.0
        morphed = scaled(parts.morphed, strength) | scaled(parts.turned, strength * more)
        morphed |= self._implied(touched, parts, z_id_rep)
        put_on, morphed = (put_on, morphed) if own else ([], {})
        out.meta.update(region=parts.region, rest=bool(parts.rest), added=put_on, morphed=morphed)
        stubble = {} if BEARD in touched else morphed  # who says something of beards has no stubble besides
        out.meta["grown"] = stubble | parts.adding if "whiskers" in put_on else {}
        out.meta.update(lips=self._said(LIPSTICK), beard=self._said(BEARD))
        out.meta["bearded"] = bool(morphed) and self._bearded(z_id_rep, put_on)
        out.meta["bespectacled"] = self._logit(GLASSES, z_id_rep) if "glasses" in put_on else None
        vague = [DYED] if touched.get(DYED, 0) > 0 and colour is None else []
        self._warn({name: touched[name] for name in [*parts.rest, *vague] if name in touched})
        if shaded is not None:
            codes["z_shaded"] = shaded
        shaven = [AttributeEdit(BEARD, SHAVEN)] if "shave" in put_on else []
        if split:
            left_out = attribute_shift(model.attributes, z_id_rep, _edits(touched, parts.unsampled, strength))
            codes["z_drawn"] = self._code(z_id_rep, [*_edits(touched, parts.adding, strength), *shaven])
            codes["z_id"] = apply_shift(model.attributes, z_id_rep, shift(strength) - left_out)
        elif shaven:  # all else is moved and shaded, but for colours
            codes["z_id"] = self._code(z_id_rep, [*_edits(touched, DYES & touched.keys(), strength), *shaven])
        out.save({name: code.cpu().numpy() for name, code in codes.items()})
        progress(1, 1)

    def _code(self, z_id_rep: Tensor, edits: list[AttributeEdit]) -> Tensor:
        """The code under some edits."""
        attributes = self.model.attributes
        return apply_shift(attributes, z_id_rep, attribute_shift(attributes, z_id_rep, edits))

    def _said(self, name: str) -> str | None:
        """The first colour that a text names for an attribute, of those known beforehand."""
        return next(filter(None, (colours(text.target).get(name) for text in self.texts)), None)

    def _put_on(self, touched: dict[str, float], parts: Parts, z_id_rep: Tensor) -> list[str]:
        """What is drawn on the face. With a morph, where nothing is said of them, come stubble, or a man's long hair,
        and his beard goes."""
        found, morphs = added(parts.adding), self.model.morphs
        if not parts.morphed:
            return found
        grows = morphs.cover(parts.morphed) is not None and BEARD not in touched
        if grows and "whiskers" not in found:
            found = [*found, "whiskers"]
        if not morphs.hangs(parts.morphed) or not self._man(z_id_rep):
            return found
        if LONG not in touched:
            found = [*found, "locks"]
        shaven = BEARD not in touched and BEARD in self.model.attributes.names
        return [*found, "shave"] if shaven else found

    def _warn(self, sampled: dict[str, float]) -> None:
        """Say which changes that are sampled no strength is known to show on held-out faces, of a model so measured."""
        metrics, ways = self.model.metrics, ("strength", "strength_removing")
        assessed = any(way in row for row in metrics.values() for way in ways)
        weak = [name for name, value in sampled.items() if metrics.get(name, {}).get(ways[value < 0]) is None]
        if assessed and weak:
            log.warning("this model does not do well what is asked for, look at the result: %s", ", ".join(weak))

    def _implied(self, touched: dict[str, float], parts: Parts, z_id_rep: Tensor) -> dict[str, float]:
        """What is morphed too where nothing is said of it: a woman's lipstick comes off as she becomes a man."""
        lips = {LIPSTICK: -1.0}
        bare = parts.morphed.get("Male", 0) > 0 and LIPSTICK not in touched and not self._man(z_id_rep)
        return self.model.morphs.known(lips) if bare else {}

    def _man(self, z_id_rep: Tensor) -> bool:
        """Whether the classifier sees one."""
        return self._logit("Male", z_id_rep) > 0

    def _bearded(self, z_id_rep: Tensor, put_on: list[str]) -> bool:
        """Whether a beard is put on, or the classifier, if it knows of beards, sees one that stays."""
        if "shave" in put_on:
            return False
        return "whiskers" in put_on or (BEARD in self.model.attributes.names and self._logit(BEARD, z_id_rep) < 0)

    def _logit(self, name: str, z_id_rep: Tensor) -> float:
        """How surely the classifier sees an attribute in the unedited face."""
        attributes = self.model.attributes
        return float(attributes.logits(z_id_rep)[:, attributes.index(name)].mean())

    def _needed_strength(
        self, inputs: dict[str, Artifact], touched: dict[str, float], parts: Parts, put_on: list[str],
        edited: Callable[[float], Tensor], shaded: Tensor | None,
    ) -> float:  # fmt: skip
        """How strong the edit must be; 1 for several changes, all of which would follow the one that needs most."""
        if len(parts.rest) + len(parts.morphed) > 1 or (parts.morphed and parts.adding):
            return 1.0
        known = [name for name in parts.adding if EFFECTS[name].adds in KNOWN]
        wanted = {name: value for name, value in touched.items() if name not in known}
        if not wanted:
            return 1.0  # it looks as it does
        if parts.morphed.get("Smiling", 0) < 0:
            return 1.0  # a smile is taken off once
        if parts.morphed:
            morphs = self.model.morphs
            locks = LongHair(inputs, morphs.locks, morphs.reference) if "locks" in put_on else None
            finish = locks.on if locks is not None and locks.fits else None
            probes = self._morphed(inputs, parts, edited, shaded, finish)
        else:
            probes = SampledProbes(self.model, inputs, self.steps, edited)
        return needed_strength(self.model, probes, wanted)

    def _more(
        self, inputs: dict[str, Artifact], parts: Parts, edited: Callable[[float], Tensor], shaded: Tensor | None
    ) -> float:
        """How many times as strong a change of expression, sex or age must be that is one of several changes."""
        turns = parts.turned
        alone = not parts.adding and len(parts.morphed) == 1
        if parts.rest or alone or len(turns) != 1:
            return 1.0
        return needed_strength(self.model, self._morphed(inputs, parts, lambda _: edited(1.0), shaded), turns)

    def _morphed(
        self, inputs: dict[str, Artifact], parts: Parts, edited: Callable[[float], Tensor], shaded: Tensor | None,
        finish: Finish | None = None,
    ) -> MorphedProbes:  # fmt: skip
        sampled, morphs = SampledProbes(self.model, inputs, self.steps, edited), self.model.morphs
        told = None if shaded is None else SampledProbes(self.model, inputs, self.steps, lambda _: shaded)
        hair = hair_of(inputs, sampled) if parts.dyed else np.zeros((1, 1, 1, 1))
        strengths = FARTHER if morphs.hangs(parts.morphed) else MORPHED

        def morph(strength: float) -> Morph:
            return morphs.combined(scaled(parts.morphed, strength))

        return MorphedProbes(morph, sampled, hair, strengths, finish, told)

    def _text_shift(
        self, text: TextEdit, inputs: dict[str, Artifact], z_id_rep: Tensor, progress: StageProgress
    ) -> tuple[Tensor, dict[str, float]]:
        model, clip = self.model, self.clip
        with torch.no_grad():
            direction = text_direction(clip, prompts(text.source, clip.large), prompts(text.target, clip.large))
            mix = self._mix(text, direction)
        start = attribute_shift(model.attributes, z_id_rep, [AttributeEdit(*item) for item in mix.items()])
        if not clip.known_words(text.target)[0] or not (mix or clip.large):
            return start, mix  # not one word says anything to the model: a search would follow noise
        chosen = spread(inputs["encode"].frames, self.text_frames)
        if model.autoencoder.per_frame:
            z_id_rep = z_id_rep[chosen]
        pairs = self._pairs(inputs, chosen, z_id_rep, region_of(list(mix) or [""]))
        if model.autoencoder.per_frame:
            z_id_rep = z_id_rep.repeat(len(SEARCH_TIMESTEPS), 1)
        search = search_shift(
            model.autoencoder, model.attributes, clip, direction, z_id_rep, pairs, start, self.objective, progress
        )
        return search, mix

    def _mix(self, text: TextEdit, direction: Tensor) -> dict[str, float]:
        """The attributes a text asks for: as its words say or, where they say nothing known, as CLIP sees it."""
        known = read_change(text.target, text.source, self.model.attributes.names)
        if known or not self.clip.large or not self.clip.known_words(text.target)[0]:
            return known  # what its own table does not read says nothing to the compact model
        return attribute_mix(self.clip, self.model.attributes, direction)

    def _pairs(self, inputs: dict[str, Artifact], chosen: list[int], z_id_rep: Tensor, region: str) -> Pairs:
        """States of the frames ``chosen``; change is unwanted outside ``region``."""
        crops, codes, parsed = inputs["align"], inputs["encode"], inputs["parse"]
        x_0 = torch.cat([self.model.images(crops.read("crops", n, n + 1)) for n in chosen])
        z_lnd = torch.cat([self.model.tensor(codes.read("z_lnd", n, n + 1)) for n in chosen])
        inside = np.concatenate([soft_mask(read_maps(parsed, n, n + 1), region) for n in chosen])
        inside = F.interpolate(self.model.tensor(inside)[:, None], x_0.shape[-2:], mode="area")
        return make_pairs(self.model.autoencoder, z_id_rep, x_0, z_lnd, 1 - inside, list(SEARCH_TIMESTEPS), self.seed)


def scaled(strengths: dict[str, float], factor: float) -> dict[str, float]:
    """All of them ``factor`` times as strong."""
    return {name: value * factor for name, value in strengths.items()}


def _edits(strengths: dict[str, float], names: Iterable[str], factor: float) -> list[AttributeEdit]:
    return [AttributeEdit(name, strengths[name] * factor) for name in names]


def spread(total: int, count: int) -> list[int]:
    """``count`` of ``total`` frames (fewer where there are fewer), spread over the video."""
    return np.unique(np.linspace(0, total - 1, count + 2).round().astype(int)[1:-1]).tolist()


def _part(progress: StageProgress, number: int, stage: Edit) -> StageProgress:
    """The share of the stage's progress that belongs to text ``number``."""
    return lambda done, total: progress(number * total + done, len(stage.texts) * total)
