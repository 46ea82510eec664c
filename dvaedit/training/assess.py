"""How often edits succeed on faces that were not trained on, for whom, and whether the person stays the same.

The judge decides, who has no part in editing. Groups by sex and age are those of the labels; by skin, thirds of the
lightness of the cheeks, which the light in a picture changes too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.checkpoints.load import load_model, load_sface
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.evaluation.judging import SEEN, load_judge, probabilities
from dvaedit.files import write_durably
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.morphs import Morphs
from dvaedit.stages.morphing import morphed_crops
from dvaedit.stages.sample import pictures_of
from dvaedit.training import faces
from dvaedit.training.faces import FaceSet
from dvaedit.training.strengths import Embed, invert, likeness, sample_edited

EDITS = (
    AttributeEdit("Blond_Hair"), AttributeEdit("Black_Hair"), AttributeEdit("Gray_Hair"), AttributeEdit("Red_Hair"),
    AttributeEdit("Eyeglasses"), AttributeEdit("No_Beard", -1), AttributeEdit("Smiling"), AttributeEdit("Male"),
    AttributeEdit("Male", -1), AttributeEdit("Young"), AttributeEdit("Young", -1), AttributeEdit("Wearing_Lipstick"),
)  # fmt: skip
CHEEKS = ((31, 2), (35, 14))  # of the 68 points; a cheek's middle lies between the two
BATCH = 16


@dataclass(frozen=True)
class Instruments:
    """``judge``: probabilities (n, A) of uint8 crops (n, S, S, 3); ``names``: of its attributes; ``embed``: who."""

    judge: Callable[[np.ndarray], np.ndarray]
    names: tuple[str, ...]
    embed: Embed

    @classmethod
    def load(cls) -> Instruments:
        """The shipped judge and SFace."""
        network, sface = load_judge(), load_sface()
        side = network.config.image_size

        def judge(crops: np.ndarray) -> np.ndarray:
            return probabilities(network, [cv2.resize(c, (side, side), interpolation=cv2.INTER_AREA) for c in crops])

        return cls(judge, tuple(network.config.attributes), sface.embed)


def assess(
    model: Autoencoder, attributes: AttributeModel, face_set: FaceSet, edit: AttributeEdit, count: int, by: Instruments,
    morphs: Morphs | None = None,
) -> dict[str, object]:  # fmt: skip
    """What ``edit`` does to up to ``count`` held-out faces that the judge does not see it in yet.

    ``success``: share in which the judge sees it afterwards; ``moved``: mean change of its probability; ``identity``:
    mean and least cosine; ``groups``: success and number of faces by group; all None without faces.
    """
    at = by.names.index(edit.name)
    held_out = np.flatnonzero(face_set.held_out)
    before = _wanted(by.judge(face_set.images[held_out])[:, at], edit)
    lacking = before < SEEN
    chosen, before = held_out[lacking][:count], before[lacking][:count]
    after, alike = [], []
    for start in range(0, len(chosen), BATCH):
        some = chosen[start : start + BATCH]
        pictures = _edited(model, attributes, face_set, some, edit, morphs)
        after += _wanted(by.judge(pictures)[:, at], edit).tolist()
        alike += likeness(face_set.images[some], face_set.points[some], pictures, by.embed)
    done = np.array(after) >= SEEN
    groups = {
        name: {"success": _share(done[members[chosen]]), "faces": int(members[chosen].sum())}
        for name, members in groups_of(face_set).items()
    }
    return {
        "edit": f"{edit.name}={edit.strength:g}", "faces": len(chosen), "success": _share(done),
        "moved": float(np.mean(np.array(after) - before)) if after else None,
        "identity": [float(np.mean(alike)), float(np.min(alike))] if alike else None, "groups": groups,
    }  # fmt: skip


def _edited(
    model: Autoencoder, attributes: AttributeModel, face_set: FaceSet, chosen: np.ndarray, edit: AttributeEdit,
    morphs: Morphs | None,
) -> np.ndarray:  # fmt: skip
    """uint8 (n, S, S, 3): faces morphed, without stubble and other hair, or as the network paints them."""
    wanted = {edit.name: edit.strength}
    if morphs and morphs.known(wanted):
        points = face_set.points[chosen] / face_set.image_size
        return morphed_crops(morphs.combined(wanted), face_set.images[chosen], points)
    return pictures_of(sample_edited(model, attributes, invert(model, face_set, chosen), edit))


def groups_of(face_set: FaceSet) -> dict[str, np.ndarray]:
    """(N,) bool for each group of people."""
    light = np.array([_skin(image, points) for image, points in zip(face_set.images, face_set.points, strict=True)])
    thirds = np.quantile(light[face_set.held_out], [1 / 3, 2 / 3])
    band = np.searchsorted(thirds, light)
    rows = face_set.rows
    found = {name: np.array([row.get("sex") == key for row in rows]) for name, key in (("women", "f"), ("men", "m"))}
    found |= {age: np.array([row.get("age") == age for row in rows]) for age in ("child", "young", "middle", "old")}
    return found | {f"{name} skin": band == at for at, name in enumerate(("dark", "medium", "light"))}


def _skin(image: np.ndarray, points: np.ndarray) -> float:
    """Lightness, Lab, of the cheeks of a uint8 crop (S, S, 3)."""
    spots = np.array([points[list(pair)].mean(axis=0) for pair in CHEEKS])
    x, y = np.clip(spots.round().astype(int), 0, len(image) - 1).T
    return float(cv2.cvtColor(cv2.blur(image, (5, 5)), cv2.COLOR_RGB2LAB)[y, x, 0].mean()) / 2.55


def _wanted(probability: np.ndarray, edit: AttributeEdit) -> np.ndarray:
    return probability if edit.strength > 0 else 1 - probability


def _share(done: np.ndarray) -> float | None:
    return float(done.mean()) if len(done) else None


def main() -> None:
    """Assess the edits of a model from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps decoded images")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--count", type=int, default=48, help="faces per edit")
    parser.add_argument("--out", type=Path, required=True, help="JSON")
    arguments = parser.parse_args()
    model, by = load_model(arguments.model), Instruments.load()
    face_set = faces.load(arguments.data, arguments.work, size=model.image_size)
    rows = []
    for edit in EDITS:
        rows.append(assess(model.autoencoder, model.attributes, face_set, edit, arguments.count, by, model.morphs))
        print(json.dumps(rows[-1]), flush=True)
    write_durably(arguments.out, (json.dumps(rows, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
