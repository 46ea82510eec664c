import numpy as np
import pytest

from dvaedit.face.lips import lips_in_frame
from dvaedit.face.settle import CALMER, MOST, Settled
from tests.face.test_calm import BOX, QUAD, disc, picture

NOTHING = (0, 0, 0, 0), np.zeros((0, 0), np.float32)


def settled(frames, differences, free=NOTHING, first=0, box=BOX):
    settling = Settled()
    return [
        settling.settled((box, one.copy()), first + n, rgb, QUAD, free)[1]
        for n, (rgb, one) in enumerate(zip(frames, differences, strict=True))
    ]


def restless(frames, made):
    """How much the edited disc differs from frame to frame where nothing moves, levels."""
    edited = [rgb[20:90, 20:100] + one for rgb, one in zip(frames, made, strict=True)]
    return float(np.abs(np.diff(edited, axis=0))[1:, 25:45, 30:50].mean())


def noisy(level, count=8):
    rng = np.random.default_rng(1)
    return [np.clip(picture() + rng.normal(0, level, (120, 120, 1)), 0, 255).astype(np.uint8) for _ in range(count)]


def test_what_trembles_in_a_still_frame_is_settled():
    frames, trembling = [picture()] * 8, [disc(60, 40 + 4 * (-1) ** n) for n in range(8)]
    made = settled(frames, trembling)
    assert np.array_equal(made[0], trembling[0])
    assert restless(frames, made) < 1.5 * 8 * (1 - MOST) / (1 + MOST)  # of a recursive filter on 8 levels


def test_it_may_differ_as_the_frames_do():
    frames = noisy(6)
    own = restless(frames, [disc(60, 0)] * 8)
    calm, trembling = [disc(60)] * 8, [disc(60, 40 + 8 * (-1) ** n) for n in range(8)]
    assert restless(frames, settled(frames, calm)) > 0.7 * own  # noise is not averaged away
    assert CALMER * own < restless(frames, settled(frames, trembling)) < 0.8 * restless(frames, trembling)


def test_it_goes_with_the_motion():
    frames, differences = [picture(2 * n) for n in range(5)], [disc(50 + 2 * n) for n in range(5)]
    made = settled(frames, differences)
    assert float(np.abs(made[-1] - differences[-1]).mean()) < 0.5


def test_nothing_is_added_where_the_patch_adds_nothing():
    made = settled([picture()] * 2, [disc(60, 10), disc(50, 12)])
    assert not made[1][disc(50, 12) == 0].any()


def test_lips_and_what_is_something_else_are_not_held_back():
    frames, differences = [picture()] * 2, [disc(60, 10), disc(60, 14)]
    mouth = np.full((68, 2), 0.5) + 0.1 * np.stack([np.cos(np.arange(68)), np.sin(np.arange(68))], 1)
    assert settled(frames, differences, lips_in_frame(mouth, QUAD, (120, 120)))[1][35, 40] == pytest.approx(14, abs=0.1)
    assert settled(frames, differences)[1][35, 40] == pytest.approx(14 - 4 * MOST, abs=0.2)
    sudden = [disc(60, 10), disc(60, 110)]
    assert settled(frames, sudden)[1][35, 40] == pytest.approx(110, abs=0.1)


def test_nothing_is_remembered_across_a_gap():
    settling, rgb = Settled(), picture()
    settling.settled((BOX, disc(60, 10)), 0, rgb, QUAD, NOTHING)
    later = settling.settled((BOX, disc(60, 14)), 2, rgb, QUAD, NOTHING)[1]
    assert np.array_equal(later, disc(60, 14))


def test_patches_may_be_small_or_empty():
    settling, rgb = Settled(), picture()
    empty = (0, 0, 0, 0), np.zeros((0, 0, 3), np.float32)
    small = (0, 0, 3, 2), np.full((2, 3, 3), 5, np.float32)
    for n, patch in enumerate((small, empty, small, small)):
        box, made = settling.settled((patch[0], patch[1].copy()), n, rgb, QUAD, NOTHING)
        assert box == patch[0] and made == pytest.approx(patch[1], abs=0.01)


def test_strips_change_nothing(monkeypatch):
    frames, differences = noisy(3, 3), [disc(60 + n, 30 + 4 * (-1) ** n) for n in range(3)]
    at_once = settled(frames, differences)[-1]
    monkeypatch.setattr("dvaedit.face.paste.STRIP", 700)
    np.testing.assert_allclose(settled(frames, differences)[-1], at_once, atol=1e-3)
