"""Between which strengths an edit is good: enough to be seen, not so much that the person is lost.

Measured on faces that were not trained on: each is inverted, edited and sampled, and the picture is encoded anew. An
edit is seen where the model's own classifier then says so; who it is, SFace says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvaedit.diffusion.reversible import States, reversible_invert, reversible_sample, reversible_timesteps
from dvaedit.editing.attributes import AttributeEdit, apply_shift, attribute_shift
from dvaedit.face.people import cosine
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.stages.sample import pictures_of
from dvaedit.training.augment import to_float
from dvaedit.training.face_batches import landmark_codes
from dvaedit.training.faces import FaceSet

GRID = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
FACES = 8
STEPS = 10
SEEN_SHARE = 0.8  # of the faces
MAX_GAIN = 2.0
SAME_PERSON = 0.5  # mean cosine of SFace's codes

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Inverted:
    """Faces ready to be sampled under edited codes: uint8 ``images`` (n, S, S, 3), ``points`` (n, 68, 2), codes."""

    images: np.ndarray
    points: np.ndarray
    z_id: Tensor
    z_lnd: Tensor
    states: States


def good_strengths(
    model: Autoencoder, attributes: AttributeModel, face_set: FaceSet, name: str, sign: int, embed: Embed
) -> list[float] | None:
    """Least and greatest of GRID, times ``sign``, at which adding (1) or removing (-1) ``name`` is good; None: never.

    ``embed``: who is on a picture with its 68 points, for instance SFace's.
    """
    known = face_set.labels[:, attributes.names.index(name)]
    chosen = np.flatnonzero(face_set.held_out & (known == (0 if sign > 0 else 1)))[:FACES]
    if len(chosen) < FACES:
        return None
    faces = invert(model, face_set, chosen)
    good = [s for s in GRID if _is_good(model, attributes, faces, AttributeEdit(name, sign * s), embed)]
    return [sign * good[0], sign * good[-1]] if good else None


def calibrate(
    model: Autoencoder, attributes: AttributeModel, face_set: FaceSet, name: str, sign: int, embed: Embed
) -> list[float] | None:
    """Scale an edit map so that strength 1 is good: up to MAX_GAIN where it is too little, down where it is too much.

    Returns the good strengths of the scaled map, None where there are none.
    """
    good = good_strengths(model, attributes, face_set, name, sign, embed)
    if good is None:
        return None
    least, greatest = map(abs, good)
    gain = min(max(1.0, least), greatest, MAX_GAIN)
    place = (0 if sign > 0 else 1, attributes.names.index(name))
    attributes.offset[place] *= gain
    attributes.left[place] *= gain
    return [round(strength / gain, 2) for strength in good]


@torch.no_grad()
def invert(model: Autoencoder, face_set: FaceSet, chosen: np.ndarray) -> Inverted:
    """The noise codes of the ``chosen`` faces."""
    images, points = np.array(face_set.images[chosen]), face_set.points[chosen]
    x_0 = to_float(torch.from_numpy(images))
    z_lnd = landmark_codes(torch.from_numpy(points), face_set.image_size)
    z_id = model.identity(x_0)
    z_face = model.face_code(z_id, z_lnd)
    states = reversible_invert(
        model.schedule, lambda x, t: model.denoise(x, t, z_face), x_0, reversible_timesteps(STEPS)
    )
    return Inverted(images, points, z_id, z_lnd, states)


@torch.no_grad()
def sample_edited(model: Autoencoder, attributes: AttributeModel, faces: Inverted, edit: AttributeEdit) -> Tensor:
    """The faces under the edit, (n, 3, S, S) in [-1, 1]."""
    z_id = torch.cat(
        [apply_shift(attributes, z[None], attribute_shift(attributes, z[None], [edit])) for z in faces.z_id]
    )
    z_face = model.face_code(z_id, faces.z_lnd)
    sampled = reversible_sample(
        model.schedule, lambda x, t: model.denoise(x, t, z_face), faces.states, reversible_timesteps(STEPS)
    )
    return sampled.clamp(-1, 1)


def likeness(images: np.ndarray, points: np.ndarray, pictures: np.ndarray, embed: Embed) -> list[float]:
    """Cosine of who each face is and who is on what was made of it, both uint8 (n, S, S, 3)."""
    return [
        cosine(embed(before, own), embed(after, own))
        for before, after, own in zip(images, pictures, points, strict=True)
    ]


def _is_good(
    model: Autoencoder, attributes: AttributeModel, faces: Inverted, edit: AttributeEdit, embed: Embed
) -> bool:
    sampled = sample_edited(model, attributes, faces, edit)
    with torch.no_grad():
        logits = attributes.logits(model.identity(sampled))[:, attributes.names.index(edit.name)]
    seen = (logits * (1 if edit.strength > 0 else -1) > 0).float().mean()
    alike = likeness(faces.images, faces.points, pictures_of(sampled), embed)
    return bool(seen >= SEEN_SHARE and np.mean(alike) >= SAME_PERSON)
