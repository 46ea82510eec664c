import numpy as np

from dvaedit.training.attributes import NAMES, label_matrix, sampling_weights

FACE = {
    "sex": "f", "age": "young", "hair_colour": "black", "hair_length": "long", "hair_texture": "wavy",
    "glasses": "none", "facial_hair": "none", "smile": "slight", "mouth_open": "0",
    "large_pose": "0", "bangs": "1", "headwear": "0",
    "makeup": "0", "eyes_closed": "0", "occluded": "0", "receding_hairline": "0", "rosy_or_freckled": "0",
}  # fmt: skip


def labels(**changes):
    return dict(zip(NAMES, label_matrix([FACE | changes])[0], strict=True))


def test_labels_follow_the_table():
    found = labels()
    assert found["Black_Hair"] == 1
    assert found["Blond_Hair"] == 0
    assert found["Male"] == 0
    assert found["Bangs"] == 1
    assert found["No_Beard"] == 1
    assert found["Eyeglasses"] == 0


def test_uncertain_values_teach_neither_side():
    assert np.isnan(labels()["Smiling"])  # a slight smile
    assert np.isnan(labels(facial_hair="stubble")["No_Beard"])
    assert np.isnan(labels(age="middle")["Young"])
    assert np.isnan(labels(glasses="sunglasses")["Eyeglasses"])
    hidden = labels(hair_colour="hidden", hair_length="", hair_texture="")
    assert all(np.isnan(hidden[name]) for name in ("Black_Hair", "Gray_Hair", "Long_Hair", "Wavy_Hair"))


def test_rare_faces_are_drawn_more_often_within_bounds():
    rows = [FACE] * 99 + [FACE | {"hair_colour": "red"}]
    weights = sampling_weights(rows)
    assert weights[-1] == 4.0
    assert np.allclose(weights[:99], 1.0)
    assert np.allclose(sampling_weights(rows, ("sex",)), 1.0)
