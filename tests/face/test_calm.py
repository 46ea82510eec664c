import cv2
import numpy as np
import pytest

from dvaedit.face.calm import MEMORY, Calm

BOX = (20, 20, 100, 90)
QUAD = np.array([[0.0, 0], [0, 120], [120, 120], [120, 0]])
EVERYWHERE = BOX, np.ones((70, 80), np.float32)


def picture(shift=0):
    """A frame of (120, 120) with detail to follow, moved to the right."""
    noise = np.random.default_rng(0).normal(0, 60, (120, 160, 3))
    smooth = np.clip(cv2.GaussianBlur(noise, (0, 0), 2.0) * 4 + 128, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(smooth[:, 20 - shift : 140 - shift])


def disc(x, level=40.0):
    """A difference in BOX: a disc about (x, 55) of the frame."""
    rows, columns = np.mgrid[20:90, 20:100]
    return np.repeat(level * (np.hypot(columns - x, rows - 55) < 15)[..., None], 3, axis=2).astype(np.float32)


def test_what_trembles_becomes_calm():
    calm, rgb = Calm(), picture()
    trembling = [disc(60) + 5 * (-1) ** n for n in range(12)]
    made = [calm.calmed((BOX, each.copy()), n, rgb, QUAD, EVERYWHERE)[1] for n, each in enumerate(trembling)]
    assert np.array_equal(made[0], trembling[0])
    steps = [float(np.abs(b - a)[10:-10, 10:-10].mean()) for a, b in zip(made[-3:], made[-2:], strict=False)]
    assert max(steps) < 10 * (1 - MEMORY) * 1.5  # of 10 levels
    assert made[-1][35, 40] == pytest.approx(40, abs=2)


def test_it_goes_with_the_motion():
    calm = Calm()
    for n in range(5):
        box, made = calm.calmed((BOX, disc(50 + 2 * n)), n, picture(2 * n), QUAD, EVERYWHERE)
    assert box == BOX
    assert float(np.abs(made - disc(58)).mean()) < 1.0
    assert made[35, 38 + 10] == pytest.approx(40, abs=2) and made[35, 38 - 19] == pytest.approx(0, abs=2)


def test_nothing_is_remembered_across_a_gap_nor_of_what_is_gone():
    calm, rgb = Calm(), picture()
    calm.calmed((BOX, disc(60)), 0, rgb, QUAD, EVERYWHERE)
    assert not calm.calmed((BOX, disc(60, 0)), 2, rgb, QUAD, EVERYWHERE)[1].any()
    calm.calmed((BOX, disc(60, 120)), 3, rgb, QUAD, EVERYWHERE)
    assert np.abs(calm.calmed((BOX, disc(60, 0)), 4, rgb, QUAD, EVERYWHERE)[1][35, 40]).max() < 0.1


def test_it_stays_within_the_mask_and_boxes_may_differ():
    calm, rgb = Calm(), picture()
    calm.calmed((BOX, disc(60, 10)), 0, rgb, QUAD, EVERYWHERE)
    mask = (40, 30, 90, 90), np.ones((60, 50), np.float32)
    box = (30, 25, 95, 90)
    _, made = calm.calmed((box, np.zeros((65, 65, 3), np.float32)), 1, rgb, QUAD, mask)
    assert made[55 - 25, 60 - 30] == pytest.approx(10 * MEMORY * np.exp(-((10 / 30) ** 2)), rel=0.1)
    assert not made[:, : 40 - 30].any() and not made[:5].any()


def test_boxes_may_be_small_or_empty():
    calm, rgb = Calm(), picture()
    empty = (0, 0, 0, 0), np.zeros((0, 0, 3), np.float32)
    small = (0, 0, 3, 2), np.full((2, 3, 3), 5, np.float32)
    mask = (0, 0, 3, 2), np.ones((2, 3), np.float32)
    for n, patch in enumerate((small, empty, small, small)):
        box, made = calm.calmed((patch[0], patch[1].copy()), n, rgb, QUAD, mask)
        assert box == patch[0] and made == pytest.approx(patch[1], abs=0.01)


def test_where_a_frame_shows_something_else_nothing_is_carried():
    calm, other = Calm(), np.ascontiguousarray(255 - picture())
    calm.calmed((BOX, disc(60, 10)), 0, picture(), QUAD)
    made = calm.calmed((BOX, disc(60, 0)), 1, other, QUAD)[1]
    assert np.abs(made).mean() < 0.1 * np.abs(disc(60, 10)).mean()


def test_strips_change_nothing(monkeypatch):
    def made():
        calm, rng = Calm(), np.random.default_rng(0)
        return [calm.calmed((BOX, disc(60 + n, rng.uniform(20, 40))), n, picture(n), QUAD)[1] for n in range(3)][-1]

    at_once = made()
    monkeypatch.setattr("dvaedit.face.paste.STRIP", 700)
    np.testing.assert_allclose(made(), at_once, atol=1e-4)


def test_what_is_free_is_not_averaged():
    calm, rgb = Calm(), picture()
    free = (55, 50, 70, 60), np.ones((10, 15), np.float32)
    calm.calmed((BOX, disc(60, 10)), 0, rgb, QUAD, EVERYWHERE, free)
    made = calm.calmed((BOX, disc(60, 14)), 1, rgb, QUAD, EVERYWHERE, free)[1]
    assert made[35, 40] == pytest.approx(14, abs=1e-3)
    assert made[25, 40] == pytest.approx(14 - 4 * MEMORY, abs=0.2)
