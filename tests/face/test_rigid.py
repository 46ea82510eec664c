import cv2
import numpy as np
import pytest

from dvaedit.face.anchor import fetch, pixels
from dvaedit.face.rigid import BENDS, moved, rigid
from tests.face.conftest import face_points

SIZE = 96
EYES = np.array([[0.4, 0.45], [0.6, 0.45]])
SEEN = np.array([[0.95, 0.06, 0.02], [-0.04, 1.03, -0.01], [0.12, -0.08, 1.0]])  # of a head that turns


@pytest.fixture
def plane():
    return cv2.perspectiveTransform(pixels(SIZE), SEEN) - pixels(SIZE)


def from_middle(offset):
    return np.abs((pixels(SIZE) + offset)[..., 0] - EYES.mean(axis=0)[0]) / 0.2


def winked(plane):
    """Where skin lies that folds around one eye."""
    fold = np.exp(-(((pixels(SIZE) - [0.62, 0.47]) / 0.04) ** 2).sum(axis=2))
    return plane + 0.02 * fold[..., None] * np.array([0, 1])


def test_a_plane_stays_as_it_is(plane):
    assert rigid(plane, EYES) == pytest.approx(plane, abs=1e-5)


def test_what_is_before_a_winking_eye_does_not_wink(plane):
    skin = winked(plane)
    rows = (pixels(SIZE) + plane)[..., 1]
    before = (from_middle(plane) < 0.9) & (rows > 0.4) & (rows < 0.52)
    assert np.abs(skin - plane)[before].max() > 0.015
    assert np.abs(rigid(skin, EYES) - plane)[before].max() < 0.008


def test_lids_that_shut_move_nothing(plane):
    """Both eyes, which no fit can tell from a head that nods, were they seen."""
    eyes = np.stack([((pixels(SIZE) + plane - eye) / [0.03, 0.02]) for eye in EYES])
    shut = np.exp(-0.5 * (eyes**2).sum(axis=3)).sum(axis=0)
    skin = plane + 0.02 * shut[..., None] * np.array([0, 1])
    inside = (from_middle(plane) < 0.9) & (np.abs((pixels(SIZE) + plane)[..., 1] - EYES[0, 1]) < 0.08)
    assert np.abs(skin - plane)[inside].max() > 0.018
    assert np.abs(rigid(skin, EYES) - plane)[inside].max() < 0.001


def test_lines_stay_straight_before_the_eyes(plane):
    found = pixels(SIZE) + rigid(winked(plane), EYES)
    row = found[40, 30:66]
    line = np.linalg.svd(row - row.mean(axis=0))[1]
    assert line[1] < 1e-4 * line[0]


def test_temples_follow_the_head(plane):
    skin = plane + np.where(from_middle(plane) > 1.0, 0.03, 0.0)[..., None] * np.array([0, 1], np.float32)
    aside = from_middle(plane) > BENDS[1]
    assert rigid(skin, EYES)[aside] == pytest.approx(skin[aside], abs=1e-6)


def test_what_lies_on_a_face_goes_where_its_points_go(plane):
    own, shift = face_points(), np.array([0.01, -0.02])
    found = moved(plane, own, own + shift)
    here = pixels(SIZE)
    inside = np.s_[10:-10, 10:-10]
    expected = fetch(pixels(SIZE) + plane.astype(np.float32), here - np.float32(shift)) - here
    assert found[inside] == pytest.approx(expected[inside], abs=5e-4)
