import numpy as np
import pytest

from dvaedit.evaluation.motion import LEAST_MOTION, correlation, eye_openness, mouth_openness, nme


def face(mouth=0.0, lids=0.3):
    """68 points: a mouth 10 wide with its lips ``mouth`` apart, eyes 4 wide with their lids ``lids`` * 4 apart."""
    points = np.zeros((68, 2))
    points[48], points[54] = (0, 50), (10, 50)
    for x, (upper, lower) in zip((3, 5, 7), ((61, 67), (62, 66), (63, 65)), strict=True):
        points[upper], points[lower] = (x, 50 - mouth / 2), (x, 50 + mouth / 2)
    for left, first in ((-10, 36), (16, 42)):
        points[first], points[first + 3] = (left, 20), (left + 4, 20)
        for column, (upper, lower) in enumerate(((first + 1, first + 5), (first + 2, first + 4)), 1):
            points[upper], points[lower] = (left + column, 20 - 2 * lids), (left + column, 20 + 2 * lids)
    return points


def test_openness():
    assert mouth_openness(face(0)) == 0
    assert mouth_openness(face(4)) == pytest.approx(0.4)
    assert eye_openness(face(lids=0.3)) == pytest.approx(0.3)
    assert mouth_openness(3 * face(4) + 7) == pytest.approx(0.4)


def test_nme_is_in_distances_of_the_outer_eye_corners():
    reference = face()
    assert nme(reference + np.array([3, 4]), reference) == pytest.approx(5 / 30)
    assert nme(reference, reference) == 0


def test_correlation():
    source = np.sin(np.arange(30))
    assert correlation(0.5 * source + 3, source, 0.01) == pytest.approx(1)
    assert correlation(-source, source, 0.01) == pytest.approx(-1)
    assert correlation(np.zeros(30), source, 0.01) == 0
    with_gaps = np.where(np.arange(30) % 7 == 0, np.nan, source)
    assert correlation(with_gaps, source, 0.01) == pytest.approx(1)


def test_no_motion_and_few_frames_cannot_be_told():
    still = 0.2 + 0.001 * np.sin(np.arange(30))
    assert correlation(still, still, LEAST_MOTION["mouth"]) is None
    assert correlation(np.arange(4.0), np.arange(4.0), 0.01) is None
