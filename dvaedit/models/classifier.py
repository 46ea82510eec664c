"""Linear attribute classifiers on the normalised identity code, and the directions that edit it."""

from __future__ import annotations

import difflib

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.errors import UsageError

CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose",
    "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses",
    "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache",
    "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks",
    "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick",
    "Wearing_Necklace", "Wearing_Necktie", "Young",
)  # fmt: skip
"""CelebA's 40 attributes in the order of its annotation file, which is that of the paper's classifier."""


class AttributeModel(nn.Module):
    """What is linear in z_id: its statistics, one classifier and the edits of each attribute.

    ``weight``, ``bias``: the classifier's logits are ``weight @ (z_id - mean) / std + bias`` (Kim et al., section
    3.3). ``directions``: (A, D), the change of the normalised code that comes with the attribute when every other
    attribute stays; an edit by a row of ``weight`` (the paper's) also drags along whatever goes with it in the data.
    ``unit_norm``: whether codes have unit norm, as those of all models but DiffAE have.

    With ``rank`` > 0 an edit depends on the face it is made to: black hair turns blond by another change than red hair,
    and a face that has glasses gets none. The change of the normalised code z is then ``offset + left @ (right @ z)``,
    of (2, A, D), (2, A, D, rank) and (2, A, rank, D): first for adding the attribute, then for taking it away.
    """

    def __init__(self, names: tuple[str, ...], code_channels: int, rank: int = 0, unit_norm: bool = True) -> None:
        super().__init__()
        self.names, self.rank, self.unit_norm = names, rank, unit_norm
        count = len(names)
        self.register_buffer("mean", torch.zeros(code_channels))
        self.register_buffer("std", torch.ones(code_channels))
        self.register_buffer("weight", torch.zeros(count, code_channels))
        self.register_buffer("bias", torch.zeros(count))
        self.register_buffer("directions", torch.zeros(count, code_channels))
        if rank:
            self.register_buffer("offset", torch.zeros(2, count, code_channels))
            self.register_buffer("left", torch.zeros(2, count, code_channels, rank))
            self.register_buffer("right", torch.zeros(2, count, rank, code_channels))

    def change(self, name: str, strength: float, z_id: Tensor) -> Tensor:
        """The change of the normalised code of ``z_id``, (1, D), by ``strength`` of the attribute ``name``. (D,)."""
        row = self.index(name)
        if not self.rank:
            return strength * self.directions[row]
        sign = 0 if strength > 0 else 1
        z = self.normalise(F.normalize(z_id, dim=-1))[0]
        return abs(strength) * (self.offset[sign, row] + self.left[sign, row] @ (self.right[sign, row] @ z))

    def normalise(self, z_id: Tensor) -> Tensor:
        """(z_id - mean) / std."""
        return (z_id - self.mean) / self.std

    def denormalise(self, z: Tensor) -> Tensor:
        """The identity code of a normalised one, of unit norm where the model's codes are."""
        z_id = z * self.std + self.mean
        return F.normalize(z_id, dim=-1) if self.unit_norm else z_id

    def logits(self, z_id: Tensor) -> Tensor:
        """(B, A) logits of ``z_id``, (B, D)."""
        return self.normalise(z_id) @ self.weight.T + self.bias

    def index(self, name: str) -> int:
        """The row of the attribute called ``name``, whatever its case; an unknown one gets the nearest as a hint."""
        known = {known.lower(): index for index, known in enumerate(self.names)}
        if name.lower() in known:
            return known[name.lower()]
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.4)
        suggestion = f"Did you mean {self.names[known[near[0]]]}? " if near else ""
        raise UsageError(f"unknown attribute '{name}'", hint=f"{suggestion}`dvaedit attributes` lists all.")
