import numpy as np
import pytest

from dvaedit.errors import UsageError
from dvaedit.evaluation.identity import temporal_identity


def test_temporal_identity():
    a, b = np.eye(2)
    half = np.array([0.5, np.sqrt(0.75)])
    source = [a, a, a]
    same = temporal_identity(source, source)
    assert (same.tl_id, same.tg_id) == (1, 1)
    drifting = temporal_identity([a, half, b], source)
    assert drifting.tl_id == pytest.approx((0.5 + np.sqrt(0.75)) / 2)
    assert drifting.tg_id == pytest.approx((0.5 + np.sqrt(0.75) + 0) / 3)
    with pytest.raises(UsageError):
        temporal_identity([a], [a])


def test_the_two_sides_of_a_gap_are_not_adjacent():
    a, b = np.eye(2)
    frames = [a, a, b, b]
    assert temporal_identity(frames, [a] * 4).tl_id == pytest.approx(2 / 3)
    with_gap = temporal_identity(frames, [a] * 4, frames=[0, 1, 5, 6])
    assert with_gap.tl_id == 1
    assert with_gap.tg_id == pytest.approx(2 / 6)
    assert np.isnan(temporal_identity([a, b], [a, a], frames=[0, 2]).tl_id)
