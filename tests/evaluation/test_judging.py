import numpy as np
import pytest

from dvaedit.checkpoints.store import find_card
from dvaedit.editing.attributes import AttributeEdit
from dvaedit.evaluation import judging
from dvaedit.training.attributes import NAMES


def test_success_counts_the_frames_that_lacked_the_attribute():
    before, after = np.array([0.1, 0.2, 0.9, 0.3]), np.array([0.8, 0.4, 0.95, 0.6])
    seen = judging.verdict("Smiling", True, before, after)
    assert (seen.missing, seen.success) == (3, pytest.approx(2 / 3))
    assert (seen.before, seen.after) == (pytest.approx(before.mean()), pytest.approx(after.mean()))
    gone = judging.verdict("No_Beard", False, np.array([0.9, 0.8, 0.1]), np.array([0.2, 0.7, 0.1]))
    assert (gone.missing, gone.success) == (2, 0.5)
    assert judging.verdict("Smiling", True, np.ones(3), np.ones(3)).success is None
    assert (seen.title, gone.title) == ("Smiling", "No_Beard taken away")


def test_side_effects_are_what_was_neither_asked_for_nor_implied():
    change = {"Blond_Hair": 0.9, "Black_Hair": -0.8, "Male": 0.3, "Young": -0.5, "Smiling": 0.1}
    assert judging.side_effects(change, {"Blond_Hair": True}) == {"Young": -0.5, "Male": 0.3}
    assert "Mouth_Slightly_Open" not in judging.side_effects({"Mouth_Slightly_Open": 0.6}, {"Smiling": True})


def test_targets_follow_the_sign_of_the_strength():
    edits = [AttributeEdit("Young", -1), AttributeEdit("Smiling", 0.5), AttributeEdit("Male", 0)]
    assert judging.targets_of(edits) == {"Young": False, "Smiling": True}


def test_what_the_judge_was_not_taught_is_said():
    known, notes = judging.known([AttributeEdit("Smiling"), AttributeEdit("Wings")], ("Smiling", "Heavy_Makeup"))
    assert known == [AttributeEdit("Smiling")] and notes == ["the judge does not know Wings"]


def test_every_name_in_the_table_of_implications_is_an_attribute():
    assert set(judging.IMPLIED) <= set(NAMES)
    assert set().union(*judging.IMPLIED.values()) <= set(NAMES)


def test_the_shipped_judge_knows_the_attributes_an_edit_can_be_asked_for():
    card = find_card(judging.CARD)
    wanted = {"Black_Hair", "Blond_Hair", "Gray_Hair", "Red_Hair", "Brown_Hair", "Eyeglasses", "No_Beard", "Smiling",
              "Male", "Young", "Heavy_Makeup", "Wearing_Lipstick", "Bald", "Bangs", "Wearing_Hat",
              "Mouth_Slightly_Open"}  # fmt: skip
    assert wanted <= set(card.config["attributes"])
    measured = card.metrics["attributes"]
    assert all(measured[name]["auc"] > 0.9 for name in wanted)
    assert card.size < 4_000_000


def test_the_shipped_judge_sees_a_smiling_blond_person_without_a_beard():
    from skimage import data

    from dvaedit.face.align import crop, quads
    from dvaedit.face.mesh import FaceMesher
    from dvaedit.face.points import landmarks_68

    picture = data.astronaut()
    with FaceMesher() as mesher:
        points = landmarks_68(mesher.detect(picture)[0].points)
    judge = judging.load_judge()
    view = crop(picture, quads(points[None])[0], judge.config.image_size)
    seen = dict(zip(judge.config.attributes, judging.probabilities(judge, [view])[0], strict=True))
    assert min(seen[name] for name in ("Smiling", "No_Beard", "Blond_Hair", "Mouth_Slightly_Open")) > 0.8
    assert max(seen[name] for name in ("Black_Hair", "Gray_Hair", "Sunglasses", "Bald", "Child")) < 0.4
