import numpy as np
import pytest

from dvaedit.errors import NoFaceError
from dvaedit.face.mesh import Face
from dvaedit.face.track import largest_track, tracks


def face(x, y, size=40.0, flipped=False):
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 26), np.linspace(0, 1, 18)), -1).reshape(-1, 2)
    points = ((1 - grid if flipped else grid) * size + (x, y)).astype(np.float32)
    return Face(points, 0.9, np.array([x, y, x + size, y + size], np.float32))


def test_two_faces_whatever_their_order():
    frames = [[face(10 + t, 10), face(200 - t, 50, 60)][:: 1 if t % 2 else -1] for t in range(8)]
    found = tracks(frames)
    assert [len(track) for track in found] == [8, 8]
    assert largest_track(found).boxes[:, 0].tolist() == [200 - t for t in range(8)]


def test_a_short_gap_stays_one_track_a_long_one_does_not():
    frames = [[face(10, 10)], [], [], [face(12, 10)]]
    (one,) = tracks(frames, start=5)
    assert one.frames.tolist() == [5, 8]
    assert [track.frames.tolist() for track in tracks(frames, max_gap=1)] == [[0], [3]]


def test_a_jump_is_another_face():
    assert [track.frames.tolist() for track in tracks([[face(10, 10)], [face(300, 10)]])] == [[0], [1]]


def test_another_shape_in_the_same_place_is_another_face():
    assert len(tracks([[face(10, 10)], [face(10, 10, flipped=True)]])) == 2


def test_the_best_overlap_wins():
    first, second = tracks([[face(10, 10), face(30, 10)], [face(24, 10), face(8, 10)]])
    assert first.boxes[:, 0].tolist() == [10, 8]
    assert second.boxes[:, 0].tolist() == [30, 24]


def test_largest_is_by_total_area():
    short, long = [face(10, 10, 60)], [face(200, 10, 40)]
    found = tracks([short + long] + [long] * 4)
    assert largest_track(found).boxes[0, 0] == 200
    assert largest_track(found).area == pytest.approx(5 * 1600)


def test_contents():
    (track,) = tracks([[face(10, 10)], [face(11, 10)]])
    assert track.points.shape == (2, 468, 2) and track.points.dtype == np.float32
    np.testing.assert_array_equal(track.points[1], face(11, 10).points)
    np.testing.assert_allclose(track.scores, 0.9)


def test_no_face():
    assert tracks([[], []]) == []
    with pytest.raises(NoFaceError, match="no face") as caught:
        largest_track([])
    assert caught.value.exit_code == 4 and caught.value.hint
