from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.classifier import AttributeModel
from dvaedit.training import strengths
from dvaedit.training.augment import to_float
from dvaedit.training.faces import FaceSet
from tests.models.test_unet import TINY

NAMES = ("Smiling", "Male")


@pytest.fixture
def face_set():
    rng = np.random.default_rng(0)
    labels = np.zeros((20, 2), np.float32)
    labels[:, 1] = 1
    return FaceSet(
        rows=[{}] * 20,
        images=rng.integers(0, 256, (20, 32, 32, 3), np.uint8),
        masks=np.full((20, 32, 32), 255, np.uint8),
        points=rng.uniform(8, 24, (20, 68, 2)).astype(np.float32),
        labels=labels,
        weights=np.ones(20),
        held_out=np.arange(20) < 10,
        names=NAMES,
    )


def test_no_edit_gives_the_faces_back(face_set):
    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    attributes = AttributeModel(NAMES, TINY.identity.code_channels)
    inverted = strengths.invert(model, face_set, np.arange(3))
    sampled = strengths.sample_edited(model, attributes, inverted, AttributeEdit("Smiling", 0.0))
    torch.testing.assert_close(sampled, to_float(torch.from_numpy(face_set.images[:3])), atol=1e-4, rtol=0)


def test_good_from_where_it_is_seen_to_where_the_person_is_lost(face_set, monkeypatch):
    """An edit shows from strength 1 on and costs 0.3 of the likeness per unit."""
    attributes = AttributeModel(NAMES, 1)
    attributes.weight[:] = torch.tensor([[1.0], [1.0]])
    attributes.bias[:] = torch.tensor([-0.9, 0.9])
    strength = 0.0

    def sampled(model, attributes, faces, edit):
        nonlocal strength
        strength = edit.strength
        return torch.full((strengths.FACES, 3, 32, 32), edit.strength)

    def embed(picture, points):
        angle = 0.0 if picture.max() > 127 and picture.std() > 1 else np.arccos(1 - 0.3 * abs(strength))
        return np.array([np.cos(angle), np.sin(angle)])

    monkeypatch.setattr(strengths, "invert", lambda model, faces, chosen: SimpleNamespace(
        images=face_set.images[chosen], points=face_set.points[chosen]))  # fmt: skip
    monkeypatch.setattr(strengths, "sample_edited", sampled)
    model = SimpleNamespace(identity=lambda x: x[:, :1, 0, 0])
    assert strengths.good_strengths(model, attributes, face_set, "Smiling", 1, embed) == [1.0, 1.5]
    assert strengths.good_strengths(model, attributes, face_set, "Male", -1, embed) == [-1.0, -1.5]
    assert strengths.good_strengths(model, attributes, face_set, "Male", 1, embed) is None  # all have it
    attributes.bias[0] = -9
    assert strengths.good_strengths(model, attributes, face_set, "Smiling", 1, embed) is None  # never seen


def test_calibrated_edits_are_seen_at_strength_one(face_set, monkeypatch):
    attributes = AttributeModel(NAMES, 3, rank=2)
    for tensor in (attributes.offset, attributes.left):
        tensor.fill_(1.0)
    found = {("Smiling", 1): [1.5, 3.0], ("Smiling", -1): None, ("Male", 1): [0.5, 0.75], ("Male", -1): [-3.0, -3.0]}
    monkeypatch.setattr(
        strengths, "good_strengths", lambda model, attributes, faces, name, sign, embed: found[name, sign]
    )
    ranges = {key: strengths.calibrate(None, attributes, face_set, *key, None) for key in found}
    assert ranges == {
        ("Smiling", 1): [1.0, 2.0], ("Smiling", -1): None, ("Male", 1): [0.67, 1.0], ("Male", -1): [-1.5, -1.5],
    }  # fmt: skip
    gains = attributes.offset[:, :, 0]
    assert gains.tolist() == [[1.5, 0.75], [1.0, 2.0]]
    assert torch.equal(attributes.left[..., 0, 0], gains)
