from types import SimpleNamespace

import numpy as np
import pytest

from dvaedit.face.align import crop
from dvaedit.stages.paste import Patches
from dvaedit.stages.png import encode_masks

QUAD = np.array([[[16, 8], [16, 72], [80, 72], [80, 8]]], np.float64)
POINTS = np.full((1, 68, 2), 0.5)


class Stored(dict):
    """What a stage left, one frame long."""

    def __init__(self, meta=None, **arrays):
        super().__init__(arrays)
        self.meta = meta

    @property
    def names(self):
        return self.keys()

    def read(self, name, start=0, stop=None):
        return self[name][start:stop]

    def read_blobs(self, name, start, stop):
        return self[name][start:stop]


@pytest.fixture
def frame():
    picture = np.full((80, 96, 3), 150, np.uint8)
    picture[:, ::2] = 110
    return SimpleNamespace(index=0, rgb=lambda: picture)


def pasted(frame, region, **masks):
    small = crop(frame.rgb(), QUAD[0], 16)
    levels = np.broadcast_to(40.0 - 0.2 * small, (1, 16, 16, 3)).astype(np.float16)
    stored = Stored(
        {"region": region, "mode": "delta"}, levels=levels, **{k: encode_masks(m) for k, m in masks.items()}
    )
    align = Stored(quads=QUAD, frames=np.array([0]), timeline=np.array([0]), crops=small[None], points=POINTS)
    return Patches(stored, align).patch(frame, (96, 80))


def test_hair_that_is_part_of_a_region_is_recoloured_and_the_rest_is_not(frame):
    mask, hair = np.ones((2, 1, 32, 32), np.float32)
    hair[:, 16:] = 0
    (_, y0, _, _), added = pasted(frame, "head", mask=mask, hair=hair)
    whole = pasted(frame, "hair", mask=mask)[1]
    plain = pasted(frame, "face", mask=mask)[1]
    above, below = np.s_[12 - y0 : 34 - y0], np.s_[46 - y0 : 68 - y0]
    np.testing.assert_allclose(added[above], whole[above], atol=1e-3)
    np.testing.assert_allclose(added[below], plain[below], atol=1e-3)
    assert np.abs(whole - plain)[above].max() < 25  # both change colours alike, in detail only they differ


def test_a_frame_without_the_face_gets_nothing(frame):
    mask = np.ones((1, 32, 32), np.float32)
    assert pasted(SimpleNamespace(index=0, rgb=frame.rgb), "face", mask=mask) is not None
    small = crop(frame.rgb(), QUAD[0], 16)[None]
    stored = Stored({"region": "face", "mode": "delta"}, levels=small.astype(np.float16), mask=encode_masks(mask))
    patches = Patches(
        stored, Stored(quads=QUAD, frames=np.array([7]), timeline=np.array([7]), crops=small, points=POINTS)
    )
    assert patches.patch(frame, (96, 80)) is None
