import numpy as np
import pytest

from dvaedit.face.mesh import Face
from dvaedit.face.people import people
from dvaedit.face.track import Seen, tracks


def face(x, y, size=40.0, flipped=False, who=None, yaw=0.0):
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 26), np.linspace(0, 1, 18)), -1).reshape(-1, 2)
    points = ((1 - grid if flipped else grid) * size + (x, y)).astype(np.float32)
    box, pose = np.array([x, y, x + size, y + size], np.float32), np.array([yaw, 0, 0], np.float32)
    return Seen(Face(points, 0.9, box, pose), 0.5, None if who is None else np.eye(128)[who])


def mixed(a, b, share):
    """An embedding between two people's: cosine ``share`` with a's."""
    return share * np.eye(128)[a] + (1 - share**2) ** 0.5 * np.eye(128)[b]


def looks(seen, identity):
    return Seen(seen.face, seen.sharp, identity)


def test_two_faces_whatever_their_order():
    frames = [[face(10 + t, 10), face(200 - t, 50, 60)][:: 1 if t % 2 else -1] for t in range(8)]
    found = tracks(frames)
    assert [len(track) for track in found] == [8, 8]
    (right,) = [track for track in found if track.boxes[0, 0] == 200]
    assert right.boxes[:, 0].tolist() == [200 - t for t in range(8)]
    assert right.rows.tolist() == [t % 2 for t in range(8)]


def test_a_short_gap_stays_one_track_a_long_one_does_not():
    frames = [[face(10, 10)], [], [], [face(12, 10)]]
    (one,) = tracks(frames, start=5)
    assert one.frames.tolist() == [5, 8]
    assert [track.frames.tolist() for track in tracks(frames, max_gap=1)] == [[0], [3]]


def test_no_track_crosses_a_cut():
    frames = [[face(10, 10)]] * 6
    assert [track.frames.tolist() for track in tracks(frames, shots=[0, 4])] == [[0, 1, 2, 3], [4, 5]]


def test_a_jump_is_another_face():
    assert [track.frames.tolist() for track in tracks([[face(10, 10)], [face(300, 10)]])] == [[0], [1]]


def test_another_shape_in_the_same_place_is_another_face():
    assert len(tracks([[face(10, 10)], [face(10, 10, flipped=True)]])) == 2


def test_another_person_in_the_same_place_is_another_face():
    assert len(tracks([[face(10, 10, who=1)], [face(10, 10, who=2)]])) == 2
    assert len(tracks([[face(10, 10, who=1)], [face(10, 10)], [face(10, 10, who=1)]])) == 1
    assert len(tracks([[face(10, 10, who=1)], [face(10, 10, who=2, yaw=60)]])) == 1  # a profile proves nothing


def test_the_best_overlap_wins():
    first, second = tracks([[face(10, 10), face(30, 10)], [face(24, 10), face(8, 10)]])
    assert first.boxes[:, 0].tolist() == [10, 8]
    assert second.boxes[:, 0].tolist() == [30, 24]


def test_contents():
    (track,) = tracks([[face(10, 10, who=3)], [face(11, 10, yaw=20)]])
    np.testing.assert_allclose(track.scores, 0.9)
    np.testing.assert_allclose(track.sharp, 0.5)
    assert track.pose[:, 0].tolist() == [0, 20]
    assert track.area == pytest.approx(2 * 1600)
    np.testing.assert_allclose(track.identity, np.eye(128)[3])


def test_no_face():
    assert tracks([[], []]) == []
    assert people([]) == []


def test_a_person_who_returns_is_the_same_and_the_largest_is_first():
    frames = [[face(10, 10, who=1)]] * 4 + [[face(200, 10, 50, who=2)]] * 8 + [[face(300, 10, who=1)]] * 3
    first, second = people(tracks(frames, [0, 4, 12]), [0, 4, 12])
    assert (first.number, second.number) == (1, 2)
    assert first.track.frames.tolist() == list(range(4, 12))
    assert second.track.frames.tolist() == [0, 1, 2, 3, 12, 13, 14]


def test_people_seen_together_stay_two_however_alike():
    frames = [[face(10, 10, who=1), face(200, 10, who=1)]] * 3
    assert len(people(tracks(frames))) == 2


def test_twins_are_not_joined_through_a_third_track():
    """Both look like the face of the other shot; only one can be it."""
    frames = [[face(10, 10, who=1), face(200, 10, who=1)]] * 3 + [[face(100, 10, who=1)]] * 3
    found = people(tracks(frames, [0, 3]), [0, 3])
    assert sorted(len(person.track) for person in found) == [3, 6]


def test_the_bar_is_lower_for_a_face_that_returns_to_its_place():
    away = [[]] * 20
    there = [[face(10, 10, who=1)]] * 3
    again = [[looks(face(12, 10), mixed(1, 2, 0.3))]] * 3
    assert len(people(tracks(there + away + again))) == 1
    assert len(people(tracks(there + away + again, [0, 10]), [0, 10])) == 2  # a cut between them
    elsewhere = [[looks(face(300, 10), mixed(1, 2, 0.3))]] * 3
    assert len(people(tracks(there + away + elsewhere))) == 2
    surely = [[looks(face(300, 10), mixed(1, 2, 0.5))]] * 3
    assert len(people(tracks(there + away + surely))) == 1


def test_without_an_embedding_nobody_is_joined_by_looks():
    assert len(people(tracks([[face(10, 10)], [face(300, 10)]]))) == 2
