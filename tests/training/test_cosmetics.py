import cv2
import numpy as np
import pytest

from dvaedit.face.points import landmarks_68, mirrored
from dvaedit.training import cosmetics
from dvaedit.training.cosmetics import (
    BLUSH,
    CHEEKS,
    LIDDED,
    LIDS,
    LIFTED,
    LINED,
    LIPSTICK,
    ROSY,
    blush,
    eyes_made_up,
    lipstick,
)
from dvaedit.training.pseudo_labels import SIZE
from tests.training.conftest import Drawn


@pytest.fixture(scope="module")
def reference(mean_face):
    points = landmarks_68(mean_face) / SIZE
    return (points + mirrored(points)) / 2


@pytest.fixture(scope="module")
def library(mean_face):
    drawn = Drawn(mean_face)
    drawn.add(3)
    return drawn.library()


def at(image, place):
    """What a picture over the mean face shows at a place, sides of it."""
    column, row = np.rint(np.asarray(place) * SIZE - 0.5).astype(int)
    return image[row, column]


def outline(points):
    """bool (S, S): the inside of an outline, sides of the crop."""
    return cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [np.rint(points * SIZE).astype(np.int32)], 1) > 0


def test_lipstick_is_what_paint_changes_on_lips(library, monkeypatch):
    """Drawn paint: lips 20 levels redder, on each face; over the mean face more of it."""

    def painted(image, points, rng, heavy):
        assert not heavy
        lips = outline(landmarks_68(points)[48:60] / SIZE)
        return image + np.float32([20 / 255, 0, 0]) * lips[..., None]

    monkeypatch.setattr(cosmetics, "make_up", painted)
    change, points = lipstick(library, np.arange(3)), landmarks_68(library.canonical)
    skin = np.float32([[[190, 150, 130]]]) / 255
    redder = cv2.cvtColor(np.concatenate([skin, skin + np.float32([20 / 255, 0, 0])]), cv2.COLOR_RGB2LAB)[:, 0]
    lip = (points[57] + points[66]) / 2 / SIZE
    assert at(change, lip) == pytest.approx(LIPSTICK * (redder[1] - redder[0]), rel=0.2, abs=0.6)
    assert change.shape == (SIZE, SIZE, 3) and np.array_equal(change, change[:, ::-1])
    assert np.abs(change[: round(points[33, 1])]).max() < 1e-3


def test_shadow_lies_between_lids_and_brows_and_a_line_along_the_lashes(reference):
    change = eyes_made_up(reference)
    for lid, brow in zip(LIDS, ((17, 22), (22, 27)), strict=True):
        upper, above = reference[lid][1:3].mean(axis=0), reference[slice(*brow)].mean(axis=0)
        middle = upper + 0.5 * LIFTED * (above - upper)
        assert at(change, middle) == pytest.approx(LIDDED, rel=0.3)
        assert at(change, upper)[0] < LINED[0] and np.abs(at(change, above)).max() < 0.5
    assert np.abs(change[round(0.6 * SIZE) :]).max() < 1e-3  # nothing below the eyes
    assert np.array_equal(change, change[:, ::-1])
    pupils = [reference[36:42].mean(axis=0), reference[42:48].mean(axis=0)]
    assert all(abs(at(change, pupil)[0]) < 0.2 * -LINED[0] for pupil in pupils)


@pytest.mark.parametrize("colour", [BLUSH, ROSY], ids=["blush", "rosy"])
def test_blush_lies_along_the_cheekbones(reference, colour):
    change = blush(reference, colour)
    assert change.dtype == np.float32 and np.array_equal(change, change[:, ::-1])
    light = change[..., 1] / colour[1]
    assert 0.9 < light.max() < 1.1 and change == pytest.approx(light[..., None] * colour, abs=1e-4)
    for temple, nose, eye in CHEEKS:
        half = np.s_[:, : SIZE // 2] if reference[temple, 0] < 0.5 else np.s_[:, SIZE // 2 :]
        row, column = np.unravel_index(np.argmax(light[half]), light[half].shape)
        place = (np.array([column, row]) + 0.5) / SIZE + [0.5 * (reference[temple, 0] > 0.5), 0]
        low, high = np.sort(reference[[temple, nose], 0])
        assert low < place[0] < high and reference[eye, 1] < place[1] < reference[nose, 1]
        along = (reference[temple] - reference[nose]) / np.hypot(*(reference[temple] - reference[nose]))
        across = np.array([-along[1], along[0]])
        assert at(light, place + 0.06 * along) > at(light, place + 0.06 * across) + 0.1
    for bare in (reference[27], reference[30], reference[8], reference[19] - [0, 0.05]):
        assert at(light, bare) < 0.1
