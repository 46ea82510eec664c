import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from dvaedit.face.mesh import FaceMesher, _centres, _tiles, iou, quiet
from dvaedit.face.points import landmarks_68

QUIET = """
from skimage import data
from dvaedit.face.mesh import FaceMesher
mesher = FaceMesher()
print(len(mesher.detect(data.astronaut())))
"""


def relative_error(found, expected):
    """Mean distance of the points over the face's width."""
    return np.linalg.norm(found.points - expected, axis=1).mean() / (found.box[2] - found.box[0])


def test_finds_the_face(face):
    points = landmarks_68(face.points)
    np.testing.assert_allclose(points[36:42].mean(0), [203, 102], atol=3)
    np.testing.assert_allclose(points[42:48].mean(0), [248, 105], atol=3)
    np.testing.assert_allclose(points[[48, 54]].mean(0), [223, 141], atol=3)
    assert face.points.shape == (468, 2) and face.points.dtype == np.float32
    assert 0.8 < face.score <= 1
    np.testing.assert_array_equal(face.box, [*face.points.min(0), *face.points.max(0)])


def test_depends_on_the_frame_alone(mesher, astronaut, face):
    mesher.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    (again,) = mesher.detect(astronaut)
    with FaceMesher() as fresh:
        (other,) = fresh.detect(astronaut)
    np.testing.assert_array_equal(again.points, face.points)
    np.testing.assert_array_equal(other.points, face.points)


def test_small_face_in_a_large_frame(mesher, astronaut, face):
    zoom = 45 / (face.box[2] - face.box[0])
    small = cv2.resize(astronaut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    frame = np.full((1080, 1920, 3), 90, np.uint8)
    frame[700 : 700 + len(small), 1200 : 1200 + len(small)] = small
    (found,) = mesher.detect(frame)
    assert relative_error(found, face.points * zoom + (1200, 700)) < 0.03


@pytest.mark.parametrize("margin", [0.3, 0.0, -0.1])
def test_close_up(mesher, astronaut, face, margin):
    x0, y0, x1, y1 = face.box.astype(int)
    border = int(margin * (x1 - x0))
    low = np.array([x0 - border, y0 - border])
    part = astronaut[low[1] : y1 + border, low[0] : x1 + border]
    (found,) = mesher.detect(cv2.resize(part, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC))
    assert relative_error(found, (face.points - low) * 6) < 0.05


def test_two_faces_largest_first(mesher, astronaut):
    small = cv2.resize(astronaut, (360, 360), interpolation=cv2.INTER_AREA)
    frame = np.full((512, 872, 3), 90, np.uint8)
    frame[:360, :360], frame[:, 360:] = small, astronaut
    found = mesher.detect(frame)
    assert [face.box[0] > 360 for face in found] == [True, False]
    assert found[0].area > 1.5 * found[1].area


def test_no_face(mesher):
    assert mesher.detect(np.zeros((96, 96, 3), np.uint8)) == []
    assert mesher.detect(np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8)) == []


def test_iou():
    box = np.array([0.0, 0, 10, 10])
    assert iou(box, box) == 1
    assert iou(box, box + 5) == pytest.approx(25 / 175)
    assert iou(box, box + 10) == 0
    assert iou(box, np.array([3.0, 3, 3, 3])) == 0


def test_tiles_cover_the_frame():
    seen = np.zeros((1080, 1920), bool)
    for x, y, side in _tiles(1920, 1080):
        assert x - side / 2 >= 0 and x + side / 2 <= 1920
        seen[max(0, int(y - side / 2)) : int(y + side / 2), int(x - side / 2) : int(x + side / 2)] = True
    assert seen.all()
    assert _tiles(640, 480) == []
    assert _centres(600) == [300]


def test_start_up_is_silent():
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_errors_are_not_silenced(capfd):
    lines = ["I0000 00:00:1.5 1 gl.cc:1] context", "INFO: Created TensorFlow Lite XNNPACK delegate", "E0000 1 lost"]
    with pytest.raises(ValueError, match="boom"), quiet():
        os.write(2, "\n".join(lines).encode())
        raise ValueError("boom")
    assert capfd.readouterr().err == "E0000 1 lost\n"
