import numpy as np
import pytest

from dvaedit.face.combed import DEEP, Combed
from dvaedit.face.lab import from_lab
from tests.face.conftest import square

SIZE, CROP = 64, 64
DYE = np.array([[12.0, 0, 0], [50.0, 5, 20]])
REFERENCE = np.random.default_rng(0).uniform(0.2, 0.8, (68, 2))
POINTS = np.repeat(REFERENCE[None], 2, axis=0)
VERTICAL = np.dstack([-np.ones((SIZE, SIZE)), np.zeros((SIZE, SIZE))]).astype(np.float32)


def heads(contrast):
    """Two crops all of dark hair, whose lightness differs by so much in their left half, and nothing in the right."""
    rng = np.random.default_rng(1)
    light = np.full((2, CROP, CROP), 12.0)
    light[:, :, : CROP // 2] += contrast * rng.standard_normal((2, CROP, CROP // 2))
    lab = np.stack([light, *np.zeros((2, *light.shape))], axis=-1)
    return np.rint(from_lab(lab)).astype(np.uint8), np.ones(light.shape, bool)


def test_hair_without_strands_gets_some_and_hair_with_them_none():
    found = Combed.learn(VERTICAL, *heads(6.0), DYE, POINTS, REFERENCE)
    middle = found.depth[SIZE // 2 - 4 : SIZE // 2]
    assert middle[:, 18:24].max() == 0 and middle[:, 40:46] == pytest.approx(DEEP * DYE[1, 0], abs=0.1)


@pytest.mark.parametrize("dye", [DYE[::-1], DYE[[0, 0]]])
def test_hair_that_gets_no_lighter_needs_none(dye):
    assert Combed.learn(VERTICAL, *heads(0.0), dye, POINTS, REFERENCE) is None


def test_without_hair_there_is_nothing_to_comb():
    crops, hair = heads(0.0)
    assert Combed.learn(VERTICAL, crops, ~hair, DYE, POINTS, REFERENCE) is None


def test_strands_run_along_the_directions_and_lie_where_the_face_does():
    combed = Combed.learn(VERTICAL, *heads(0.0), DYE, POINTS, REFERENCE)
    still = np.zeros((16, 16, 2), np.float32)
    quad, box = square(200), (40, 40, 160, 160)
    found = combed.strands(quad, still, 0.0, box)
    across, down = (np.abs(np.diff(found, axis=axis)).mean() for axis in (1, 0))
    assert found.shape == (120, 120) and across > 3 * down
    assert 0.6 * DEEP * DYE[1, 0] < found.std() < 1.6 * DEEP * DYE[1, 0]
    moved = combed.strands(quad, still + np.float32([0.1, 0]), 0.0, box)
    assert np.corrcoef(moved[:, :-20].ravel(), found[:, 20:].ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(moved[:, 20:].ravel(), found[:, 20:].ravel())[0, 1]) < 0.3
    soft = combed.strands(quad, still, 2.0, box)
    assert soft.std() < 0.8 * found.std()
