"""What the compact image-text model has learned, measured on held-out faces by prompts alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dvaedit.models.clip import TextImageModel
from dvaedit.models.wording import INDEX
from dvaedit.training import captions
from dvaedit.training.augment import to_float
from dvaedit.training.faces import FaceSet
from dvaedit.training.run import append_row

# concept: (a prompt that claims it, a prompt that denies it)
PROMPTS: dict[str, tuple[str, str]] = {
    "black_hair": ("face with black hair", "face with blond hair"),
    "brown_hair": ("face with brown hair", "face with gray hair"),
    "blond_hair": ("face with blond hair", "face with dark hair"),
    "red_hair": ("face with red hair", "face with dark hair"),
    "gray_hair": ("face with gray hair", "face with dark hair"),
    "dyed_hair": ("face with dyed hair", "face with dark hair"),
    "bald": ("bald face", "face with hair"),
    "long_hair": ("face with long hair", "face with short hair"),
    "wavy_hair": ("face with wavy hair", "face with straight hair"),
    "eyeglasses": ("face with glasses", "face without glasses"),
    "sunglasses": ("face with sunglasses", "face without sunglasses"),
    "beard": ("face with beard", "face without beard"),
    "moustache": ("face with mustache", "face without a mustache"),
    "stubble": ("face with stubble", "clean-shaven face"),
    "smiling": ("smiling face", "serious face"),
    "broad_smile": ("face with a broad smile", "face with a slight smile"),
    "mouth_open": ("face with open mouth", "face with closed mouth"),
    "male": ("man's face", "woman's face"),
    "child": ("child", "adult"),
    "old": ("old face", "young face"),
    "bangs": ("face with bangs", "face without bangs"),
    "receding": ("face with receding hairline", "face"),
    "hat": ("face with a hat", "face without a hat"),
    "makeup": ("face with makeup", "face without makeup"),
    "rosy": ("face with rosy cheeks", "face"),
    "eyes_closed": ("face with closed eyes", "face with open eyes"),
    "side_view": ("face looking to the side", "face looking at the camera"),
}
COLOURS = ("black", "brown", "blond", "red", "gray")
# text, another wording of it, another meaning
SYNONYMS = (
    ("blond hair", "golden hair", "black hair"), ("glasses", "specs", "no glasses"),
    ("ginger hair", "red hair", "black hair"), ("grey hair", "silver hair", "brown hair"),
    ("a beard", "bearded", "clean shaven"), ("grinning", "a big smile", "serious"),
    ("old man", "elderly gentleman", "young man"), ("woman", "lady", "man"),
    ("no glasses", "without eyeglasses", "glasses"), ("boy", "little boy", "old woman"),
    ("fringe", "bangs", "no bangs"), ("a cap", "wearing a hat", "without a hat"),
    ("curly hair", "curls", "straight hair"), ("lipstick", "wearing makeup", "no makeup"),
    ("bald", "no hair", "long hair"), ("mustache", "moustache", "clean shaven"),
    ("not smiling", "serious", "smiling"), ("fair-haired", "blonde", "brunette"),
)  # fmt: skip


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a face with the attribute outscores one without; NaN if one lacks."""
    positive, negative = scores[truth == 1], scores[truth == 0]
    if not len(positive) or not len(negative):
        return float("nan")
    above = positive[:, None] > negative[None]
    return float((above + 0.5 * (positive[:, None] == negative[None])).mean())


def balanced_accuracy(decided: np.ndarray, truth: np.ndarray) -> float:
    """Mean of the hit rates on faces with and without the attribute."""
    with np.errstate(invalid="ignore"):
        return float((decided[truth == 1].mean() + (~decided[truth == 0]).mean()) / 2)


@torch.no_grad()
def image_features(model: TextImageModel, images: np.ndarray, batch: int = 64) -> Tensor:
    """(N, D) of uint8 (N, S, S, 3) images."""
    parts = [torch.from_numpy(images[start : start + batch]) for start in range(0, len(images), batch)]
    return torch.cat([model.encode_image(to_float(part)) for part in parts])


def zero_shot(model: TextImageModel, face_set: FaceSet) -> dict[str, dict[str, float]]:
    """Of each attribute: ``auc`` of the direction from "face" to the claim, ``accuracy`` (balanced) of claim against
    denial, ``fit``: cosine of that direction and the mean difference of the images, ``count`` of faces that have it.
    """
    index = np.flatnonzero(face_set.held_out)
    features = image_features(model, face_set.images[index])
    truth = captions.truth_matrix([face_set.rows[i] for i in index])
    neutral, result = model.encode_text(["face"]), {}
    for name, pair in PROMPTS.items():
        claim, denial = model.encode_text(list(pair)).split(1)
        holds = truth[:, INDEX[name]]
        direction = (claim - neutral)[0]
        moved = features[torch.from_numpy(holds == 1)].mean(0) - features[torch.from_numpy(holds == 0)].mean(0)
        decided = (features @ (claim - denial)[0] > 0).numpy()
        result[name] = {
            "auc": auc((features @ direction).numpy(), holds), "accuracy": balanced_accuracy(decided, holds),
            "fit": float(torch.cosine_similarity(direction, moved, dim=0)), "count": int((holds == 1).sum()),
        }  # fmt: skip
    return result


def hair_colour_accuracy(model: TextImageModel, face_set: FaceSet) -> float:
    """Share of held-out faces whose hair colour, of five, is the nearest of five prompts; each colour counts alike."""
    index = [i for i in np.flatnonzero(face_set.held_out) if face_set.rows[i]["hair_colour"] in COLOURS]
    truth = np.array([COLOURS.index(face_set.rows[i]["hair_colour"]) for i in index])
    text = model.encode_text([f"face with {colour} hair" for colour in COLOURS])
    guess = (image_features(model, face_set.images[index]) @ text.T).argmax(dim=1).numpy()
    return float(np.mean([(guess[truth == k] == k).mean() for k in np.unique(truth)]))


def synonym_accuracy(model: TextImageModel) -> float:
    """Share of triples (text, another wording of it, another meaning) where the wording is the nearer."""
    text, same, other = (model.encode_text([row[k] for row in SYNONYMS]) for k in range(3))
    return float(((text * same).sum(1) > (text * other).sum(1)).float().mean())


def summary(model: TextImageModel, face_set: FaceSet) -> dict[str, float]:
    """All measures flat: ``auc_*``, ``accuracy_*``, ``fit_*``, their means, hair colours and synonyms."""
    table = zero_shot(model, face_set)
    flat = {
        f"{measure}_{name}": round(row[measure], 4)
        for measure in ("auc", "accuracy", "fit")
        for name, row in table.items()
    }
    for measure in ("auc", "accuracy", "fit"):
        flat[f"mean_{measure}"] = round(float(np.nanmean([row[measure] for row in table.values()])), 4)
    flat["hair_colour_of_5"] = round(hair_colour_accuracy(model, face_set), 4)
    return flat | {"synonyms": round(synonym_accuracy(model), 4)}


def log_test(path: Path, step: int, model: TextImageModel, face_set: FaceSet) -> None:
    """Append :func:`summary` to a CSV file and print its means."""
    row = {"step": step, **summary(model, face_set)}
    append_row(path, row)
    print(
        "held out: " + " ".join(f"{k}={v}" for k, v in row.items() if not k.startswith(("auc", "acc", "fit"))),
        flush=True,
    )
