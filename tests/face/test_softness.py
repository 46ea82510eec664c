import cv2
import numpy as np
import pytest

from dvaedit.face.softness import OWN, TOO_SOFT, softened, softness

WHOLE = np.ones((96, 96))


def edge(sigma):
    """A step, upright, as soft as a camera of this blur shows it."""
    picture = np.zeros((96, 96), np.float32)
    picture[:, 48:] = 150
    if sigma:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return np.repeat(picture[..., None], 3, 2) + 20


@pytest.mark.parametrize("sigma", [0.9, 1.2, 1.6])
def test_the_blur_of_edges_is_measured(sigma):
    assert softness(edge(sigma), WHOLE) == pytest.approx(sigma, rel=0.15)


def test_no_frame_is_softer_than_is_useful_and_what_is_hidden_does_not_count():
    assert softness(edge(4), WHOLE) == TOO_SOFT
    assert softness(edge(0), WHOLE) < OWN
    assert softness(edge(1), 0 * WHOLE) == 0 == softness(0 * edge(1), WHOLE)
    two = edge(1.2)
    two[:48] = edge(0)[:48]
    lower = WHOLE.copy()
    lower[:52] = 0
    assert softness(two, lower) == pytest.approx(1.2, rel=0.15)


def test_drawings_become_as_soft_as_the_frame():
    line = edge(OWN)[..., 0]
    (soft,) = softened([line], 1.4)
    assert softness(np.repeat(soft[..., None], 3, 2), WHOLE) == pytest.approx(1.4, rel=0.15)
    (same,) = softened([line], OWN)
    assert np.array_equal(same, line)
