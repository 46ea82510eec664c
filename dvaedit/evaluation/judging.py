"""Did the edit do what it was asked for, and nothing else: attributes as the judge sees them, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.models.config import from_dict
from dvaedit.models.judge import Judge, JudgeConfig

CARD = "judge"
SEEN = 0.5  # probability from which on an attribute counts as there
MIXED = 0.3  # weight from which an attribute that a text is read as counts as what the text asks for
MOVED = 0.2  # mean change of a probability that counts as a side effect

_HAIR = frozenset({"Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Red_Hair", "Dyed_Hair"})
_NO_HAIR = frozenset({"Bald", "Receding_Hairline", "Bangs", "Long_Hair", "Wavy_Hair"})
_MAKEUP = frozenset({"Heavy_Makeup", "Wearing_Lipstick", "Rosy_Cheeks"})
_SEX = frozenset(
    {"Heavy_Makeup", "Wearing_Lipstick", "No_Beard", "5_o_Clock_Shadow", "Mustache", "Long_Hair", "Receding_Hairline"}
)
_AGE = frozenset({"Gray_Hair", "Child", "Receding_Hairline", "Bald"})
# What may move along with an attribute, because it is a part of what the word means.
IMPLIED: dict[str, frozenset[str]] = {
    **{name: _HAIR | {"Bald"} for name in _HAIR},
    "Gray_Hair": _HAIR | {"Bald", "Young"},
    "Bald": _HAIR | _NO_HAIR,
    "Wearing_Hat": _HAIR | _NO_HAIR | {"Bald"},
    "Bangs": _NO_HAIR,
    "Receding_Hairline": _NO_HAIR,
    "Long_Hair": frozenset({"Bald", "Wavy_Hair"}),
    "Wavy_Hair": frozenset({"Bald", "Long_Hair"}),
    "Eyeglasses": frozenset({"Sunglasses"}),
    "Sunglasses": frozenset({"Eyeglasses"}),
    "No_Beard": frozenset({"5_o_Clock_Shadow", "Mustache"}),
    "5_o_Clock_Shadow": frozenset({"No_Beard", "Mustache"}),
    "Mustache": frozenset({"No_Beard", "5_o_Clock_Shadow"}),
    "Smiling": frozenset({"Mouth_Slightly_Open", "Rosy_Cheeks"}),
    "Mouth_Slightly_Open": frozenset({"Smiling"}),
    "Male": _SEX,
    "Young": _AGE | _HAIR,
    "Child": _AGE | {"Young"},
    "Heavy_Makeup": _MAKEUP,
    "Wearing_Lipstick": _MAKEUP,
}


@dataclass(frozen=True)
class Verdict:
    """What came of one target: ``name``, ``wanted`` (present or absent), mean probability ``before`` and ``after``.

    ``missing``: frames in which the target was not met before; ``success``: the share of those in which it is met
    afterwards, None where there are none (the face already had it).
    """

    name: str
    wanted: bool
    before: float
    after: float
    missing: int
    success: float | None

    @property
    def title(self) -> str:
        """The target in words."""
        return self.name if self.wanted else f"{self.name} taken away"


def load_judge() -> Judge:
    """The shipped judge, on the CPU. Raises WeightsError."""
    card = find_card(CARD)
    judge = Judge(from_dict(JudgeConfig, card.config))
    load_into(judge, load_tensors(card))
    return judge.eval().requires_grad_(False)


def probabilities(judge: Judge, crops: Sequence[np.ndarray]) -> np.ndarray:
    """(n, A) of n crops, uint8 (S, S, 3) RGB with S the judge's ``image_size``."""
    x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return judge.probabilities(x).numpy()


def known(edits: Sequence[AttributeEdit], names: Sequence[str]) -> tuple[list[AttributeEdit], list[str]]:
    """The edits that the judge (of ``names``) knows, and what a reader should know of the others."""
    notes = [f"the judge does not know {edit.name}" for edit in edits if edit.name not in names]
    return [edit for edit in edits if edit.name in names], notes


def targets_of(edits: Sequence[AttributeEdit]) -> dict[str, bool]:
    """Attribute -> whether it is wanted there; edits of strength 0 want nothing."""
    return {edit.name: edit.strength > 0 for edit in edits if edit.strength}


def asked(
    attributes: Sequence[AttributeEdit], strengths: Mapping[str, float], mix: Mapping[str, Mapping[str, float]]
) -> tuple[AttributeEdit, ...]:
    """The attributes asked for by name, and those that texts are read as; ``strengths``, ``mix``: by text."""
    read = [
        AttributeEdit(name, weight * strengths.get(text, 1.0))
        for text, weights in mix.items()
        for name, weight in weights.items()
        if abs(weight) >= MIXED
    ]
    return (*attributes, *read)


def verdict(name: str, wanted: bool, before: np.ndarray, after: np.ndarray) -> Verdict:
    """``before``, ``after``: (n,) probabilities of the attribute in the frames of both videos, no NaN."""
    missing = (before < SEEN) if wanted else (before >= SEEN)
    met = (after >= SEEN) if wanted else (after < SEEN)
    success = float(met[missing].mean()) if missing.any() else None
    return Verdict(name, wanted, float(before.mean()), float(after.mean()), int(missing.sum()), success)


def asked_for(targets: Iterable[str]) -> set[str]:
    """The targets and what they imply, by name."""
    targets = set(targets)
    return targets.union(*(IMPLIED.get(name, frozenset()) for name in targets))


def side_effects(change: Mapping[str, float], targets: Mapping[str, bool]) -> dict[str, float]:
    """Changes of more than ``MOVED`` in what is neither a target nor implied by one, the largest first."""
    allowed = asked_for(targets)
    moved = {name: value for name, value in change.items() if abs(value) > MOVED and name not in allowed}
    return dict(sorted(moved.items(), key=lambda item: -abs(item[1])))
