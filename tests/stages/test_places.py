import cv2
import numpy as np
import pytest

from dvaedit.face.anchor import offsets
from dvaedit.stages.places import Places, steadied

COUNT, SIZE = 6, 48


class Align:
    """A textured crop that moves a pixel to the right in every frame, and so does the face in it."""

    def __init__(self):
        noise = np.random.default_rng(0).uniform(0, 255, (SIZE, SIZE + COUNT, 3)).astype(np.float32)
        picture = cv2.GaussianBlur(noise, (0, 0), 2)
        picture = np.clip(128 + 4 * (picture - picture.mean()), 0, 255).astype(np.uint8)
        crops = np.stack([picture[:, COUNT - at : COUNT - at + SIZE] for at in range(COUNT)])
        self.of = {"crops": crops, "timeline": np.arange(COUNT)}

    def read(self, name, start=0, stop=None):
        return self.of[name][start:stop]


def face(seed: int, tremble: float) -> tuple[np.ndarray, np.ndarray]:
    """Points that go with the crop, (COUNT, 12, 2), but for a shift of each frame's own, and where they lie at rest."""
    rng = np.random.default_rng(seed)
    rest = rng.uniform(0.2, 0.7, (12, 2))
    moved = rest + np.stack([np.arange(COUNT) / SIZE, np.zeros(COUNT)], axis=1)[:, None]
    return moved + rng.normal(0, tremble, (COUNT, 1, 2)), rest


def test_places_go_with_the_motion_and_do_not_tremble():
    points, rest = face(1, tremble=0.02)
    (found,) = steadied([Places(Align(), points, rest)], 0, COUNT)
    assert found.dtype == np.float16 and found.shape == (COUNT, SIZE, SIZE, 2)
    inner = found[:, 16:-16, 16:-16].astype(np.float64).mean(axis=(1, 2))
    told = np.stack([offsets(own, rest, SIZE)[16:-16, 16:-16].mean(axis=(0, 1)) for own in points])
    motion = np.stack([-np.arange(COUNT) / SIZE, np.zeros(COUNT)], axis=1)
    assert np.ptp(inner - motion, axis=0).max() < 0.2 * np.ptp(told - motion, axis=0).max()


def test_several_are_steadied_as_each_alone():
    """Where they are needed in part of the frames only, too."""
    places = [Places(Align(), *face(seed, tremble=0.02)) for seed in (1, 2, 3)]
    together = steadied(places, 2, 5)
    assert len(together) == 3
    for each, found in zip(places, together, strict=True):
        (alone,) = steadied([each], 2, 5)
        assert found.astype(np.float32) == pytest.approx(alone.astype(np.float32), abs=1e-3)
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_nothing_is_steadied_where_nothing_lies():
    assert steadied([], 0, COUNT) == []
