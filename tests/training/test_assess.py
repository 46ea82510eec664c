from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.training import assess
from dvaedit.training.faces import FaceSet

JUDGED = ("Male", "Wearing_Lipstick")


@pytest.fixture
def face_set():
    """Twelve faces of growing lightness, half of them women, the last two trained on."""
    images = np.repeat(np.arange(12, dtype=np.uint8) * 10, 32 * 32 * 3).reshape(12, 32, 32, 3)
    return FaceSet(
        rows=[{"sex": "fm"[n % 2], "age": "young" if n < 6 else "old"} for n in range(12)],
        images=images, masks=np.full((12, 32, 32), 255, np.uint8), points=np.full((12, 68, 2), 16, np.float32),
        labels=np.zeros((12, 1), np.float32), weights=np.ones(12), held_out=np.arange(12) < 10, names=("Male",),
    )  # fmt: skip


@pytest.fixture
def by():
    """A judge that calls light pictures male; who somebody is never changes."""
    judge = lambda crops: np.stack([crops.mean(axis=(1, 2, 3)) / 255] * 2, axis=1)  # noqa: E731
    return assess.Instruments(judge, JUDGED, lambda picture, points: np.array([1.0, 0.0]))


def test_groups_are_by_label_and_by_thirds_of_lightness(face_set):
    groups = assess.groups_of(face_set)
    assert groups["women"].sum() == 6 and groups["young"].tolist() == [True] * 6 + [False] * 6
    assert groups["dark skin"][:3].all() and groups["light skin"][7:].all() and not groups["child"].any()


@pytest.mark.parametrize(("edit", "level", "faces", "success"), [
    (AttributeEdit("Male"), 1.0, 10, 0.5), (AttributeEdit("Wearing_Lipstick"), 1.0, 10, 0.5),
    (AttributeEdit("Male"), -1.0, 10, 0.0), (AttributeEdit("Male", -1), -1.0, 0, None),
])  # fmt: skip
def test_success_is_counted_by_group(face_set, by, monkeypatch, edit, level, faces, success):
    """The edit makes every other face, the men, light or dark."""
    monkeypatch.setattr(assess, "invert", lambda model, data, chosen: SimpleNamespace(
        images=data.images[chosen], points=data.points[chosen], chosen=chosen))  # fmt: skip

    def sampled(model, attributes, batch, edit):
        change = torch.from_numpy(np.where(batch.chosen % 2 == 1, level, -1)).float()
        return change[:, None, None, None].expand(-1, 3, 32, 32)

    monkeypatch.setattr(assess, "sample_edited", sampled)
    found = assess.assess(None, None, face_set, edit, 48, by)
    assert (found["faces"], found["success"]) == (faces, success)
    if faces:
        assert found["identity"] == [1.0, 1.0]
        assert found["groups"]["men"] == {"success": 1.0 if level > 0 else 0.0, "faces": 5}
        assert found["groups"]["women"] == {"success": 0.0, "faces": 5}
        assert found["groups"]["child"] == {"success": None, "faces": 0}
