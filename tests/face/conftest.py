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
