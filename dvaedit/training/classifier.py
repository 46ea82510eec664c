"""Fit what is linear in z_id: statistics, attribute classifiers and edit directions of a trained autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.training.attributes import NAMES
from dvaedit.training.augment import to_float
from dvaedit.training.counterfactual.pairs import Pairs
from dvaedit.training.faces import FaceSet
from dvaedit.training.objective import attribute_loss


@torch.no_grad()
def identity_codes(model: Autoencoder, images: np.ndarray, batch: int = 64) -> Tensor:
    """z_id of uint8 crops (N, S, S, 3): (N, D), each the mean over a face and its mirror image, not re-normalised."""
    codes = []
    for start in range(0, len(images), batch):
        x_0 = to_float(torch.from_numpy(np.array(images[start : start + batch])))
        codes.append((model.identity(x_0) + model.identity(x_0.flip(3))) / 2)
    return torch.cat(codes)


def fit_classifier(z: Tensor, labels: Tensor, steps: int = 400, weight_decay: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Logistic regression on normalised codes ``z`` (N, D) with labels (N, A) in {0, 1, NaN}: weight and bias."""
    weight = torch.zeros(labels.shape[1], z.shape[1], requires_grad=True)
    bias = torch.zeros(labels.shape[1], requires_grad=True)
    share = labels.nanmean(dim=0).clamp(0.02, 0.98)
    optimizer = torch.optim.AdamW([weight, bias], lr=3e-2, weight_decay=0)
    for _ in range(steps):
        penalty = weight_decay * weight.square().sum(dim=1).mean()
        loss = attribute_loss(z @ weight.T + bias, labels, share) + penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weight.detach(), bias.detach()


def fit_directions(z: Tensor, labels: Tensor, ridge: float = 10.0) -> Tensor:
    """Regress normalised codes on all labels at once: (A, D), the effect of each attribute with the others fixed.

    Unknown labels take the attribute's mean, so that such a face says nothing about it.
    """
    mean = labels.nanmean(dim=0)
    design = torch.where(labels.isnan(), mean, labels) - mean
    gram = design.T @ design + ridge * torch.eye(design.shape[1])
    return torch.linalg.solve(gram, design.T @ (z - z.mean(dim=0)))


@dataclass(frozen=True)
class EditMap:
    """A change of the normalised code z that depends on it: ``offset + left @ (right @ z)``."""

    offset: Tensor
    left: Tensor
    right: Tensor


def fit_edit_map(before: Tensor, after: Tensor, rank: int, ridge: float = 300.0) -> EditMap:
    """Reduced-rank ridge regression of ``after - before`` on ``before``, normalised codes (N, D).

    Codes that already are as wanted belong into both: the edit must leave them where they are.
    """
    change = after - before
    mean, mean_change = before.mean(dim=0), change.mean(dim=0)
    x = before - mean
    gram = x.T @ x + ridge * torch.eye(x.shape[1])
    slope = torch.linalg.solve(gram, x.T @ (change - mean_change))
    _, _, v = torch.linalg.svd(x @ slope, full_matrices=False)
    left = v[:rank].T
    right = (slope @ left).T
    return EditMap(mean_change - left @ (right @ mean), left, right)


# Which counterfactuals add an attribute and which take it away: their kinds, or, with "-", the way back.
EDITS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Black_Hair": (("black_hair",), ("-black_hair",)),
    "Blond_Hair": (("blond_hair",), ("-blond_hair",)),
    "Brown_Hair": (("brown_hair",), ("-brown_hair",)),
    "Gray_Hair": (("gray_hair",), ("-gray_hair",)),
    "Red_Hair": (("red_hair",), ("-red_hair",)),
    "Eyeglasses": (("eyeglasses",), ("-eyeglasses",)),
    "Sunglasses": (("sunglasses",), ("-sunglasses",)),
    "No_Beard": (("-beard", "-stubble", "-moustache"), ("beard",)),
    "5_o_Clock_Shadow": (("stubble",), ("-stubble",)),
    "Mustache": (("moustache",), ("-moustache",)),
    "Smiling": (("smile",), ("-smile",)),
    "Male": (("male", "-female"), ("female", "-male")),
    "Young": (("young", "-old"), ("old", "-young")),
    "Wearing_Lipstick": (("lipstick",), ("-lipstick",)),
    "Heavy_Makeup": (("makeup",), ("-makeup",)),
}


def fit_edits(attributes: AttributeModel, z: Tensor, z_pairs: Tensor, pairs: Pairs) -> None:
    """Fill the edit maps of ``attributes``: from ``pairs`` where there are any, else from the directions.

    ``z``: normalised codes of the faces; ``z_pairs``: of the counterfactuals.
    """
    attributes.offset.copy_(torch.stack([attributes.directions, -attributes.directions]))
    for name, signs in EDITS.items():
        for sign, kinds in enumerate(signs):
            before, after = (
                torch.cat(part) for part in zip(*(_codes(kind, z, z_pairs, pairs) for kind in kinds), strict=True)
            )
            found = fit_edit_map(torch.cat([before, after]), torch.cat([after, after]), attributes.rank)
            row = attributes.index(name)
            attributes.offset[sign, row] = found.offset
            attributes.left[sign, row] = found.left
            attributes.right[sign, row] = found.right


def _codes(kind: str, z: Tensor, z_pairs: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    chosen = np.flatnonzero(pairs.kind == pairs.names.index(kind.removeprefix("-")))
    face, made = z[pairs.base[chosen]], z_pairs[chosen]
    return (made, face) if kind.startswith("-") else (face, made)


def fit(
    model: Autoencoder, face_set: FaceSet, pairs: Pairs | None = None, rank: int = 16
) -> tuple[AttributeModel, dict[str, dict[str, float]]]:
    """The attribute model and, per attribute, its held-out balanced accuracy, AUC and number of positives.

    With counterfactual ``pairs`` edits become maps of rank ``rank`` fitted to them.
    """
    codes = identity_codes(model, face_set.images)
    labels, train = torch.from_numpy(face_set.labels), torch.from_numpy(~face_set.held_out)
    attributes = AttributeModel(NAMES, codes.shape[1], rank if pairs else 0)
    attributes.mean.copy_(codes[train].mean(dim=0))
    attributes.std.copy_(codes[train].std(dim=0))
    z = attributes.normalise(codes)
    weight, bias = fit_classifier(z[train], labels[train])
    attributes.weight.copy_(weight)
    attributes.bias.copy_(bias)
    attributes.directions.copy_(fit_directions(z[train], labels[train]))
    if pairs:
        fit_edits(attributes, z, attributes.normalise(identity_codes(model, pairs.images)), pairs)
    logits = attributes.logits(F.normalize(codes[~train], dim=1)).numpy()
    truth = labels[~train].numpy()
    return attributes, {name: held_out_metrics(logits[:, k], truth[:, k]) for k, name in enumerate(NAMES)}


def held_out_metrics(logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Balanced accuracy, area under the ROC curve (rank statistic) and the count of positives; NaN labels drop out."""
    known = ~np.isnan(truth)
    logits, positive = logits[known], truth[known] > 0.5
    ranks = logits.argsort().argsort()
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    auc = (ranks[positive].sum() - n_pos * (n_pos - 1) / 2) / max(n_pos * n_neg, 1)
    accuracy = ((logits[positive] > 0).mean() + (logits[~positive] <= 0).mean()) / 2 if n_pos and n_neg else np.nan
    return {"balanced_accuracy": round(float(accuracy), 3), "auc": round(float(auc), 3), "positives": n_pos}
