from pathlib import Path

import av
import mediapipe as mp
import numpy as np
import pytest

CLIP = Path(__file__).resolve().parents[1] / "examples" / "astronaut.mp4"
LIDS = ((33, 159, 145, 133), (362, 386, 374, 263))  # corner, upper lid, lower lid, corner
LIPS = (78, 13, 14, 308)


@pytest.fixture(scope="module")
def frames():
    with av.open(str(CLIP)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def points(frames):
    """FaceMesh points of every second frame, (50, 468, 2); a frame without a face fails the tests."""
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True) as mesh:
        found = [mesh.process(frame).multi_face_landmarks for frame in frames[::2]]
    assert all(found)
    return np.array([[(mark.x, mark.y) for mark in face[0].landmark] for face in found]) * 512


def openness(points, indices):
    """Height over width of an eye or the mouth."""
    left, upper, lower, right = (points[:, index] for index in indices)
    return np.linalg.norm(upper - lower, axis=1) / np.linalg.norm(left - right, axis=1)


def test_streams():
    with av.open(str(CLIP)) as container:
        (video,), (audio,) = container.streams.video, container.streams.audio
        assert (video.codec_context.name, video.format.name, video.average_rate) == ("h264", "yuv420p", 25)
        assert (audio.codec_context.name, audio.rate) == ("aac", 48000)
        assert abs(float(audio.duration * audio.time_base) - 4) < 0.05
    assert CLIP.stat().st_size < 600_000


def test_frames(frames):
    assert len(frames) == 100
    assert {frame.shape for frame in frames} == {(512, 512, 3)}


def test_the_face_is_large_and_moves(points):
    assert np.ptp(points, axis=1).min() > 170
    travel = np.ptp(points[:, 1], axis=0)  # of the tip of the nose, pixels
    assert travel.min() > 5
    assert travel.max() > 15


def test_the_eyes_blink_and_the_mouth_talks(points):
    eyes = np.mean([openness(points, indices) for indices in LIDS], axis=0)
    assert eyes.min() < 0.7 * np.median(eyes)
    assert (eyes < 0.8 * np.median(eyes)).mean() < 0.25  # mostly open
    mouth = openness(points, LIPS)
    assert mouth.min() < 0.1
    assert mouth.max() > 0.22
