import numpy as np
import pytest

from dvaedit.video.shots import shot_starts, thumbnail


def scene(seed, count, pan=0, size=(144, 256)):
    """Frames of one smooth random picture, moved by ``pan`` pixels a frame."""
    import cv2

    rng = np.random.default_rng(seed)
    wide = cv2.resize(rng.integers(0, 255, (6, 40, 3), np.uint8), (size[1] * 4, size[0]), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, pan * n : pan * n + size[1]]) for n in range(count)]


def starts(*scenes):
    return shot_starts(thumbnail(frame) for frames in scenes for frame in frames).tolist()


def test_cuts_are_found_to_the_frame():
    assert starts(scene(1, 20), scene(2, 30), scene(3, 10)) == [0, 20, 50]


def test_motion_is_no_cut():
    assert starts(scene(1, 40, pan=9)) == [0]
    assert starts(scene(1, 20, pan=2), scene(2, 20, pan=2)) == [0, 20]


def test_light_is_no_cut():
    frames = [
        np.clip(frame.astype(float) * (0.7 + 0.02 * n), 0, 255).astype(np.uint8) for n, frame in enumerate(scene(1, 30))
    ]
    assert starts(frames) == [0]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_short_videos(count):
    assert starts(scene(1, count)) == [0]


def test_the_result_does_not_depend_on_the_size():
    small = [np.ascontiguousarray(f[::2, ::2]) for f in [*scene(1, 20), *scene(2, 20)]]
    assert starts(small) == [0, 20]
