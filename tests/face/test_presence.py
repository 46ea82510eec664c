import numpy as np
import pytest

from dvaedit.face.presence import presence


def at(frames, allowed=None, shots=(0,), total=100, rate=24.0, span=(0, 100)):
    frames = np.asarray(frames)
    level = np.ones(len(frames)) if allowed is None else np.asarray(allowed, float)
    return presence(frames, level, np.asarray(shots), total, rate, span)


def strength(shown):
    return dict(zip(shown.frames.tolist(), shown.weights.tolist(), strict=True))


def test_a_face_that_is_always_there_has_full_strength():
    shown = at(range(100))
    assert shown.frames.tolist() == list(range(100))
    assert (shown.weights == 1).all() and not shown.bridged.any()


def test_it_fades_in_and_out_within_a_shot_and_never_jumps():
    weights = at(range(20, 80)).weights
    assert 0 < weights[0] < 0.1 and weights[30] == 1 and 0 < weights[-1] < 0.1
    assert np.abs(np.diff(weights)).max() <= 1.5 / 6 + 1e-9  # a quarter of a second, smoothly
    np.testing.assert_allclose(weights, weights[::-1])


def test_a_cut_needs_no_fade():
    weights = at(range(20, 60), shots=(0, 20, 60)).weights
    assert (weights == 1).all()


def test_a_short_gap_is_bridged_at_full_strength():
    shown = at([*range(40), *range(43, 100)])
    assert shown.frames.tolist() == list(range(100))
    assert shown.bridged.sum() == 3 and (shown.weights == 1).all()
    points = np.arange(97.0)[:, None]
    np.testing.assert_allclose(shown.spread(points)[39:44, 0], [39, 39.25, 39.5, 39.75, 40])


def test_a_longer_gap_dips_and_a_long_one_is_left_alone():
    dip = strength(at([*range(40), *range(50, 100)]))
    assert dip[39] < 1 and 0 < dip[44] < 0.5 and dip[20] == dip[70] == 1
    away = strength(at([*range(40), *range(80, 100)]))
    assert not set(range(40, 80)) & set(away)
    assert away[39] < 0.1 and away[80] < 0.1


def test_a_gap_over_a_cut_is_not_bridged():
    shown = at([*range(40), *range(42, 100)], shots=(0, 42))
    assert 40 not in strength(shown) and strength(shown)[42] == 1 and strength(shown)[39] < 1


def test_the_timeline_jumps_at_cuts():
    shown = at(range(10), shots=(0, 4), total=10)
    assert shown.timeline.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]


def test_pose_limits_fade():
    allowed = np.ones(100)
    allowed[50:60] = 0
    weights = at(range(100), allowed).weights
    assert (weights[50:60] == 0).all() and 0 < weights[49] < 0.1 and weights[40] == 1
    assert np.abs(np.diff(weights)).max() <= 1.5 / 6 + 1e-9


def test_nothing_outside_the_span():
    weights = at(range(100), span=(30, 60)).weights
    assert not weights[:30].any() and not weights[60:].any() and weights[45] == 1 and 0 < weights[30] < 0.1
    weights = at(range(100), span=(30, 60), shots=(0, 30)).weights
    assert weights[29] == 0 and weights[30] == 1


@pytest.mark.parametrize("rate", [5.0, 24.0, 120.0])
def test_the_fade_lasts_as_long_at_any_rate(rate):
    weights = at(range(20, 90), rate=rate).weights
    assert np.abs(np.diff(weights)).max() <= 1.5 / max(2, round(rate / 4)) + 1e-9


def test_a_single_frame():
    shown = at([5], total=6, shots=(0, 5))
    assert shown.frames.tolist() == [5] and shown.weights.tolist() == [1]
