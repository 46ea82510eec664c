import numpy as np
import pytest

from dvaedit.training.counterfactual.glasses import (
    LEFT_EYE,
    NOSE_BRIDGE,
    RIGHT_EYE,
    STANDARD,
    STANDARD_SHARE,
    TEMPLES,
    Style,
    wear,
)


@pytest.fixture
def points():
    points = np.full((468, 2), 128.0)
    points[list(LEFT_EYE)], points[list(RIGHT_EYE)] = (96, 120), (160, 120)
    points[NOSE_BRIDGE] = (128, 118)
    points[list(TEMPLES)] = (50, 118), (206, 118)
    return points


@pytest.mark.parametrize("sun", [False, True])
def test_glasses_sit_on_the_eyes_and_nowhere_else(points, sun):
    skin = np.full((256, 256, 3), 0.7, np.float32)
    worn = wear(skin, points, np.zeros((256, 256), np.uint8), np.random.default_rng(3), sun)
    change = np.abs(worn - skin).max(axis=2)
    assert change[:60].max() < 0.02 and change[185:].max() < 0.02
    assert change[90:150, 60:200].max() > 0.2
    lenses = change[116:124, [92, 164]].mean()
    assert lenses > 0.3 if sun else lenses < 0.3


def test_hair_covers_the_temples(points):
    skin, hair = np.full((256, 256, 3), 0.7, np.float32), np.zeros((256, 256), np.uint8)
    hair[:, :64] = 17
    open_, covered = (wear(skin, points, c, np.random.default_rng(4)) for c in (hair * 0, hair))
    assert np.abs(covered - skin)[100:130, 52:58].max() < 0.05 < np.abs(open_ - skin)[100:130, 52:58].max()


def test_most_glasses_are_of_one_style_and_follow_from_the_face():
    styles = [Style.draw(np.random.default_rng(seed), sun=False) for seed in range(400)]
    assert np.mean([style == STANDARD for style in styles]) == pytest.approx(STANDARD_SHARE, abs=0.06)
    assert all(Style.draw(np.random.default_rng(seed), sun=True) != STANDARD for seed in range(20))
