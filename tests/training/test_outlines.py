import numpy as np
import pytest

from dvaedit.errors import UsageError
from dvaedit.face.regions import CLASS_ID
from dvaedit.training import faces
from dvaedit.training.outlines import SIZE, Outline, read_outlines, redrawn

SKIN, HAIR, HAT, CLOTH = (CLASS_ID[name] for name in ("skin", "hair", "hat", "cloth"))


def square(x0, y0, x1, y1):
    return np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]], float)


def outline(**rings):
    return Outline("a.jpg", {name: rings.get(name, []) for name in ("hair", "face", "hat", "ignore")})


def test_hair_hat_and_face_are_as_outlined():
    classes = np.zeros((SIZE, SIZE), np.uint8)
    classes[:100] = HAIR  # as colours had it: too low, and a hat taken for hair
    classes[100:200, 50:200] = SKIN
    classes[200:] = CLOTH
    drawn = outline(hat=[square(50, 0, 200, 40)], hair=[square(50, 30, 200, 80)], face=[square(50, 60, 200, 200)])
    found = redrawn(classes, drawn)
    assert (found[:40, 50:200] == HAT).all()  # before the hair
    assert (found[40:80, 50:200] == HAIR).all()
    assert (found[80:200, 50:200] == SKIN).all()
    assert not found[:100, :40].any()  # hair of nobody becomes what is nearest
    assert (found[200:] == CLOTH).all()


def test_what_is_to_be_ignored_stays():
    classes = np.full((SIZE, SIZE), HAIR, np.uint8)
    found = redrawn(classes, outline(face=[square(0, 0, 256, 256)], ignore=[square(0, 0, 256, 100)]))
    assert (found[:100] == HAIR).all() and (found[100:] == SKIN).all()


def test_a_ring_within_a_ring_is_a_hole():
    drawn = outline(hair=[square(0, 0, 100, 100), square(20, 20, 40, 40)])
    assert drawn.covered("hair").sum() == 100 * 100 - 20 * 20


def test_outlines_are_of_training_faces_and_lie_within_the_crop():
    found = read_outlines()
    assert len({each.file for each in found}) == len(found) == 735
    for each in found:
        assert not faces.is_held_out(each.file)
        for rings in each.rings.values():
            assert all(ring.shape[1] == 2 and ring.min() >= 0 and ring.max() <= SIZE for ring in rings)


def test_missing_outlines_are_one_line(tmp_path):
    with pytest.raises(UsageError, match="no outlines"):
        read_outlines(tmp_path / "none.json")
