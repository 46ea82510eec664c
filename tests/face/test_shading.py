import numpy as np
import pytest

from dvaedit.face.anchor import fetch, offsets, pixels
from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.shading import DEEPEST, SHARE, TINTED, shading
from tests.face.test_mouth import speaking

SIZE = 128
SKIN = np.array([60.0, 0.0, 0.0])  # Lab
CHEEK, FOREHEAD, LIPS, EYE = [0.7, 0.62], [0.5, 0.05], slice(48, 60), slice(36, 42)


def seen_as(change, count=3):
    """The skin of ``count`` frames before and after a change of Lab, (3,) or (SIZE, SIZE, 3)."""
    before = np.broadcast_to(SKIN, (count, SIZE, SIZE, 3))
    return from_lab(before), from_lab(before + change)


def told(change, points=None, **how):
    points = np.stack([speaking()] * 3) if points is None else points
    return shading(*seen_as(change), points, speaking(), **how)


def at(image, place):
    return fetch(image, np.float32(place)[None, None])[0, 0]


@pytest.mark.parametrize("by", [3.0, 30.0, -4.0])
def test_a_change_of_skin_is_told_in_part_and_within_bounds(by):
    found = at(told([by, 0, 0]), CHEEK)
    assert found[0] == pytest.approx(SHARE * DEEPEST * np.tanh(by / DEEPEST), abs=0.3)
    assert np.abs(found[1:]).max() < 0.3


def test_tints_have_a_bound_of_their_own():
    found = at(told([0, 20, -3]), CHEEK)
    assert found[1:] == pytest.approx(SHARE * TINTED * np.tanh([20 / TINTED, -3 / TINTED]), abs=0.3)


def test_eyes_lips_and_what_is_beyond_the_face_are_left_out():
    found = told([-10, 0, 0])
    points = speaking()
    for place in (points[LIPS].mean(axis=0), points[EYE].mean(axis=0), FOREHEAD, [0.03, 0.9]):
        assert np.abs(at(found, place)).max() < 0.1, place
    assert at(found, CHEEK)[0] < -4


def test_what_is_fine_is_left_out_and_what_is_broad_is_kept():
    x = np.arange(SIZE)
    fine, broad = (np.zeros((SIZE, SIZE, 3)) for _ in range(2))
    fine[..., 0] = 6 * np.sin(2 * np.pi * x / 4)
    broad[..., 0] = 6 * np.sin(2 * np.pi * x / 64)
    face = slice(70, 85), slice(80, 100)
    assert np.abs(told(fine)[face]).max() < 0.4 and told(broad)[face][..., 0].std() > 1


def test_it_lies_where_the_changed_face_has_it():
    """Seen on a face that has moved aside, over the reference face."""
    aside = np.array([0.06, 0.0])
    change = np.zeros((SIZE, SIZE, 3))
    change[..., 0] = 8 * np.exp(-(((pixels(SIZE) - CHEEK - aside) ** 2).sum(axis=2)) / 0.004)
    found = told(change, np.stack([speaking() + aside] * 3))[..., 0]
    peak = (np.array(np.unravel_index(found.argmax(), found.shape))[::-1] + 0.5) / SIZE
    assert peak == pytest.approx(CHEEK, abs=0.02)
    assert np.abs(offsets(speaking() + aside, speaking(), SIZE) + aside).max() < 1e-4


def test_one_frame_that_errs_has_no_say():
    before, after = seen_as([2, 0, 0], 5)
    after[2] = 255
    found = shading(before, after, np.stack([speaking()] * 5), speaking())
    assert at(found, CHEEK)[0] == pytest.approx(SHARE * DEEPEST * np.tanh(2 / DEEPEST), abs=0.3)
    assert to_lab(after[2])[0, 0, 0] > 99


def test_what_it_darkens_is_darkened_by_a_share():
    plain, fresh = (at(told([-6, 0, 4], darkens=share), CHEEK) for share in (1.0, 0.35))
    assert fresh[0] == pytest.approx(0.35 * plain[0], abs=0.05) and fresh[2] == pytest.approx(plain[2], abs=0.05)
    assert at(told([6, 0, 0], darkens=0.35), CHEEK)[0] == pytest.approx(at(told([6, 0, 0]), CHEEK)[0], abs=0.01)


def test_eyes_take_the_share_that_they_are_given():
    eye = speaking()[EYE].mean(axis=0)
    none, half, all_ = (at(told([-10, 0, 0], eyes=share), eye)[0] for share in (0.0, 0.5, 1.0))
    assert abs(none) < 0.1 and half == pytest.approx(all_ / 2, rel=0.05) and all_ < -4
