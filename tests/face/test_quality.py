import cv2
import numpy as np

from dvaedit.face.mesh import pose_of
from dvaedit.face.quality import frame_quality, pose_weight, sharpness, size_weight


def test_frontal_sharp_large_frames_count_most():
    pose = np.array([[0, 0, 0], [50, 0, 0], [0, 40, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], float)
    sharp = np.array([1, 1, 1, 0.2, 1, 1], float)
    score = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.9])
    size = np.array([200, 200, 200, 200, 200, 64], float)
    quality = frame_quality(pose, sharp, score, size)
    assert quality.argmax() == 0
    np.testing.assert_allclose(quality[1:] / quality[0], [0.2656, 0.4495, 0.2, 0.5 / 0.9, 0.5], rtol=1e-3)


def test_blur_lowers_the_sharpness(astronaut, face):
    values = [sharpness(cv2.GaussianBlur(astronaut, (0, 0), s) if s else astronaut, face.box) for s in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True) and values[3] < values[0] / 4
    dark = (astronaut * 0.3).astype(np.uint8)
    assert sharpness(dark, face.box) > values[1]  # light does not count


def test_sharpness_of_nothing():
    assert sharpness(np.zeros((50, 50, 3), np.uint8), np.array([10, 10, 30, 30])) == 0
    assert sharpness(np.zeros((50, 50, 3), np.uint8), np.array([60, 60, 90, 90])) == 0


def test_pose_of_a_turned_mesh():
    solid = np.zeros((468, 3))
    solid[33], solid[263], solid[10], solid[152] = (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0)
    np.testing.assert_allclose(pose_of(solid), [0, 0, 0], atol=1e-5)
    turn = np.radians(30)
    right = solid @ np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    np.testing.assert_allclose(pose_of(right), [30, 0, 0], atol=1e-5)
    tilted = solid @ np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    np.testing.assert_allclose(pose_of(tilted), [0, 0, 30], atol=1e-5)


def test_mirrored_faces_look_the_other_way(mesher, astronaut, face):
    (other,) = mesher.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    np.testing.assert_allclose(other.pose, face.pose * (-1, 1, -1), atol=4)


def test_limits():
    pose = np.zeros((9, 3))
    pose[:, 0] = [0, 0, 0, -60, -60, -60, 49, 49, 49]
    np.testing.assert_allclose(pose_weight(pose), [1, 1, 1, 0, 0, 0, 0.5, 0.5, 0.5])
    assert size_weight(np.array([60, 60, 47, 60, 60, 60.0])).tolist() == [1] * 6  # one frame does not decide
    assert size_weight(np.full(5, 47.9)).tolist() == [0] * 5
    assert size_weight(np.full(5, 40.0), least=40).tolist() == [1] * 5
