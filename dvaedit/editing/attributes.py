"""Edits of the identity code along the directions of attributes (Kim et al., CVPR 2023, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.editing.effects import DYES
from dvaedit.errors import UsageError
from dvaedit.models.classifier import AttributeModel

MAX_STRENGTH = 10.0
NATURAL = DYES - {"Dyed_Hair"}  # colours of hair, of which it has one


@dataclass(frozen=True)
class AttributeEdit:
    """Move along one attribute; ``strength`` 1 adds it, -1 takes it away, 0 does nothing."""

    name: str
    strength: float = 1.0

    @classmethod
    def parse(cls, text: str) -> AttributeEdit:
        """Read "NAME" or "NAME=STRENGTH"."""
        name, _, value = text.partition("=")
        try:
            strength = float(value) if value else 1.0
        except ValueError:
            raise UsageError(f"strength '{value}' of {name} is not a number", hint="Write NAME=1.5.") from None
        check_strength(strength, name)
        return cls(name, strength)


def check_strength(strength: float, name: str) -> None:
    """Raise UsageError where the strength of what is called ``name`` is no finite number within +-MAX_STRENGTH."""
    if not abs(strength) <= MAX_STRENGTH:
        hint = f"Give a number within +-{MAX_STRENGTH:g}, --strength included."
        raise UsageError(f"strength {strength:g} of {name} is out of range", hint=hint)


def known_edits(attributes: AttributeModel, edits: Iterable[AttributeEdit]) -> tuple[AttributeEdit, ...]:
    """Edits under the model's own spelling of their names. Raises UsageError for a name it does not know."""
    return tuple(AttributeEdit(_known_name(attributes, edit.name), edit.strength) for edit in edits)


def _known_name(attributes: AttributeModel, name: str) -> str:
    try:
        return attributes.names[attributes.index(name)]
    except UsageError as error:
        raise UsageError(error.message, f"{error.hint.rstrip('.')}: {', '.join(attributes.names)}.") from None


def merged(edits: Iterable[AttributeEdit]) -> tuple[AttributeEdit, ...]:
    """Each name once, where it is first, with its strengths added up.

    Raises UsageError where they cancel out or add up to more than MAX_STRENGTH.
    """
    found: dict[str, list[float]] = {}
    for edit in edits:
        found.setdefault(edit.name, []).append(edit.strength)
    return tuple(AttributeEdit(name, _added_up(name, strengths)) for name, strengths in found.items())


def _added_up(name: str, strengths: list[float]) -> float:
    total = math.fsum(strengths)
    if min(strengths) < 0 < max(strengths) and abs(total) < 1e-9:
        said = " and ".join(f"{name}={strength:g}" for strength in strengths)
        raise UsageError(f"{said} cancel each other out", hint="They add up; leave out what is not wanted.")
    check_strength(total, name)
    return total


def check_agreement(wishes: Sequence[tuple[str, Mapping[str, float]]]) -> None:
    """Raise UsageError where of two wishes, each as the user gave it and its strengths by attribute, one takes away
    what the other adds, or both give hair a natural colour, and not the same."""
    hint = "Leave one of them out."
    for (first, one), (second, other) in combinations(wishes, 2):
        for name in one:
            if one[name] * other.get(name, 0.0) < 0:
                raise UsageError(f"{first} and {second} contradict each other in {name}", hint=hint)
        hair, another = ({name for name in NATURAL if wish.get(name, 0.0) > 0} for wish in (one, other))
        if hair and another and hair != another:
            raise UsageError(f"{first} and {second} give hair two colours", hint=hint)


def attribute_shift(attributes: AttributeModel, z_id_rep: Tensor, edits: list[AttributeEdit]) -> Tensor:
    """The summed change of the normalised identity code by ``edits`` of ``z_id_rep``, (1, D). (D,)."""
    changes = [attributes.change(edit.name, edit.strength, z_id_rep) for edit in edits if edit.strength]
    return torch.stack(changes).sum(dim=0) if changes else torch.zeros_like(attributes.mean)


def classifier_move(
    attributes: AttributeModel, z_id: Tensor, name: str, scale: float, normalise: bool = True
) -> Tensor:
    """The paper's own edit before the final norm, (B, D): ``scale * sqrt(D)`` along the attribute's classifier.

    ``normalise``: in the normalised code, along the classifier's unit normal; without, in ``z_id`` itself, along the
    weights as they are.
    """
    normal = attributes.weight[attributes.index(name)]
    if not normalise:
        return z_id + scale * len(normal) ** 0.5 * normal
    z = attributes.normalise(z_id) + scale * len(normal) ** 0.5 * F.normalize(normal, dim=0)
    return z * attributes.std + attributes.mean


def classifier_step(
    attributes: AttributeModel, z_id: Tensor, name: str, scale: float, normalise: bool = True
) -> Tensor:
    """The paper's own edit, (B, D): :func:`classifier_move`, brought to unit norm where the model's codes are."""
    moved = classifier_move(attributes, z_id, name, scale, normalise)
    return F.normalize(moved, dim=-1) if attributes.unit_norm else moved


def apply_shift(attributes: AttributeModel, z_id_rep: Tensor, shift: Tensor) -> Tensor:
    """The edited identity codes, (B, D): ``shift`` added to the normalised code, brought back to the length it had.

    A video's mean code is shorter than 1; keeping its length makes the zero shift change nothing at all.
    """
    if not shift.requires_grad and not shift.any():
        return z_id_rep
    z_id = attributes.denormalise(attributes.normalise(z_id_rep) + shift)
    return z_id * z_id_rep.norm(dim=-1, keepdim=True) if attributes.unit_norm else z_id
