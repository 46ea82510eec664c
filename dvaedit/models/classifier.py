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
    """What is linear in z_id: its statistics, one classifier and one edit direction per attribute.

    ``weight``, ``bias``: the classifier's logits are ``weight @ (z_id - mean) / std + bias`` (Kim et al., section
    3.3). ``directions``: (A, D), the change of the normalised code that comes with the attribute when every other
    attribute stays; an edit by a row of ``weight`` (the paper's) also drags along whatever goes with it in the data.
    ``unit_norm``: whether codes have unit norm, as those of all models but DiffAE have.
    """

    def __init__(self, names: tuple[str, ...], code_channels: int, unit_norm: bool = True) -> None:
        super().__init__()
        self.names, self.unit_norm = names, unit_norm
        self.register_buffer("mean", torch.zeros(code_channels))
        self.register_buffer("std", torch.ones(code_channels))
        self.register_buffer("weight", torch.zeros(len(names), code_channels))
        self.register_buffer("bias", torch.zeros(len(names)))
        self.register_buffer("directions", torch.zeros(len(names), code_channels))

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
