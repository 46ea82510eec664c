from pathlib import Path

import numpy as np
import pytest
from skimage import data

from dvaedit.face.mesh import FaceMesher

PARITY = Path(__file__).resolve().parents[3] / "shared" / "parity" / "public" / "align.npz"


@pytest.fixture(scope="session")
def mesher():
    with FaceMesher() as made:
        yield made


@pytest.fixture(scope="session")
def astronaut():
    """A real face, public domain: 94 px wide, uint8 (512, 512, 3)."""
    return data.astronaut()


@pytest.fixture(scope="session")
def face(mesher, astronaut):
    (found,) = mesher.detect(astronaut)
    return found


@pytest.fixture(scope="session")
def parity():
    if not PARITY.exists():
        pytest.skip("the paper's fixtures (../shared/parity) are not here")
    return np.load(PARITY)


@pytest.fixture
def points_68():
    """(40, 68, 2): eyes 100 px apart, mouth 100 px below them, moving right by 2 px a frame."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[48], points[54] = (150, 200), (250, 200), (170, 300), (230, 300)
    return points[None] + np.arange(40)[:, None, None] * np.array([2.0, 0.0])


def face_points() -> np.ndarray:
    """68 points of a face seen from the front, sides of the crop; those that drawings do not use lie in its middle."""
    points = np.full((68, 2), 0.5)
    turn = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.5 + 0.3 * np.cos(turn), 0.45 + 0.45 * np.sin(turn)], 1)
    points[27:31] = [(0.5, 0.44), (0.5, 0.49), (0.5, 0.53), (0.5, 0.58)]
    points[31:36] = [(0.44, 0.6), (0.47, 0.61), (0.5, 0.62), (0.53, 0.61), (0.56, 0.6)]
    points[[36, 39, 42, 45]] = [(0.33, 0.45), (0.44, 0.46), (0.56, 0.46), (0.67, 0.45)]
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    points[48:60] = np.stack([0.5 - 0.1 * np.cos(around), 0.73 + 0.03 * np.sin(around)], 1)
    return points


def square(size: int) -> np.ndarray:
    """The corners of a frame of ``size`` pixels a side: (4, 2), NW SW SE NE."""
    return np.array([[0, 0], [0, size], [size, size], [size, 0]], float)
