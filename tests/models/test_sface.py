from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from dvaedit.errors import UsageError, WeightsError
from dvaedit.face.people import SAME_PERSON, cosine
from dvaedit.face.points import FACEMESH_TO_68
from dvaedit.models.sface import SFace, five_points

WEIGHTS = Path(__file__).resolve().parents[2] / "weights" / "sface.onnx"
ASTRONAUT = np.array([[204.3, 101.4], [247.2, 103.2], [223.4, 130], [201.8, 139.2], [245, 141]], np.float32)
CAT = np.array([[190, 105], [262, 112], [232, 165], [205, 185], [255, 188]], np.float32)


def points_68(five):
    """68 points that have these eye centres, nose tip and mouth corners."""
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[[30, 48, 54]] = five[0], five[1], five[2:]
    return points


@pytest.fixture(scope="module")
def sface():
    return SFace(WEIGHTS)


@pytest.fixture(scope="module")
def embedding(sface):
    return sface.embed(data.astronaut(), points_68(ASTRONAUT))


def test_embedding_is_of_unit_norm(embedding):
    assert embedding.shape == (128,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-6)


def test_turned_enlarged_and_darkened_is_the_same_person(sface, embedding):
    matrix = cv2.getRotationMatrix2D((224, 120), 20, 1.5)
    turned = cv2.warpAffine(data.astronaut() // 4 * 3, matrix, (512, 512), flags=cv2.INTER_CUBIC)
    points = points_68(ASTRONAUT @ matrix[:, :2].T + matrix[:, 2])
    assert cosine(embedding, sface.embed(turned, points)) > 0.9


def test_a_cat_is_someone_else(sface, embedding):
    assert cosine(embedding, sface.embed(data.chelsea(), points_68(CAT))) < SAME_PERSON


def test_rgb_order_matters(sface, embedding):
    """OpenCV's network takes BGR: the picture with red and blue exchanged must give something else."""
    assert cosine(embedding, sface.embed(data.astronaut()[..., ::-1], points_68(ASTRONAUT))) < 0.99


def test_facemesh_and_68_points_give_the_same_five():
    mesh = np.random.default_rng(0).uniform(0, 100, (468, 2))
    np.testing.assert_array_equal(five_points(mesh), five_points(mesh[FACEMESH_TO_68]))
    with pytest.raises(UsageError, match="shape"):
        five_points(mesh[:5])


def test_a_damaged_file_is_a_weights_error(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"bad\.onnx"):
        SFace(tmp_path / "bad.onnx")
