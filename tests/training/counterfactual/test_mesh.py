import numpy as np
import pytest

from dvaedit.training.counterfactual.mesh import Raster, relight, triangulate


@pytest.fixture
def points():
    """A grid of vertices over the middle of a 64 px square, as a stand-in for the 468 of a face."""
    y, x = np.mgrid[0:26, 0:18]
    return np.stack([10 + 44 * x.ravel() / 17, 8 + 48 * y.ravel() / 25], 1)


@pytest.fixture
def ramp():
    y, x = np.mgrid[0:64, 0:64].astype(np.float32) + 0.5
    return np.stack([x, y, x + y], -1) / 128


def test_interpolation_is_linear_inside_and_zero_outside(points):
    raster = Raster(points, triangulate(points), 64)
    field = raster.interpolate(points)
    rows, columns = np.nonzero(raster.inside)
    assert raster.inside.sum() > 0.9 * 44 * 48
    assert np.allclose(field[raster.inside], np.stack([columns, rows], 1) + 0.5, atol=1e-3)
    assert not field[~raster.inside].any()


def test_pull_brings_a_moved_face_home(points, ramp):
    raster = Raster(points, triangulate(points), 64)
    moved = points + np.array([3.0, -2.0])
    pulled = raster.pull(ramp, moved)
    expected = ramp + np.float32([3, -2, 1]) / 128
    assert np.allclose(pulled[raster.inside], expected[raster.inside], atol=2e-3)


def test_reshape_moves_the_face_and_leaves_the_far_border(points, ramp):
    raster = Raster(points + np.array([2.0, 0.0]), triangulate(points), 64)
    reshaped = raster.reshape(ramp, points)
    assert reshaped[32, 32, 0] == pytest.approx(ramp[32, 30, 0], abs=2e-3)
    assert reshaped[32, 63, 0] == pytest.approx(ramp[32, 63, 0], abs=0.02)
    assert Raster(points, triangulate(points), 64).reshape(ramp, points) == pytest.approx(ramp, abs=1e-3)


def test_weights_end_at_the_mesh(points):
    raster = Raster(points, triangulate(points), 64)
    weight = raster.weight(np.ones(len(points)), 2.0)
    assert not weight[~raster.inside].any()
    assert weight[32, 32] == pytest.approx(1, abs=1e-3)


def test_relight_takes_the_tone_of_each_cheek():
    points = np.zeros((468, 2))
    points[[50, 205, 101, 108]], points[[280, 425, 330, 337]] = (16, 32), (48, 32)
    donor = np.full((64, 64, 3), 0.5, np.float32)
    image = np.full((64, 64, 3), 0.25, np.float32)
    image[:, 32:] = 0.75
    lit = relight(donor, image, points)
    assert lit[0, 10, 0] == pytest.approx(0.25, abs=0.01)
    assert lit[0, 60, 0] == pytest.approx(0.75, abs=0.01)
    assert lit[0, 32, 0] == pytest.approx(0.5, abs=0.02)
