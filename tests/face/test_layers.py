import numpy as np
import pytest

from dvaedit.face.layers import Layers, shares, variance
from tests.face.test_matte import QUAD, SIDE

HAIR, SKIN, WALL = np.float32([40, 30, 20]), np.float32([200, 150, 130]), np.float32([90, 140, 220])


def scene():
    """Wall above, a stripe of hair, the face below; frame and the ramps of hair and face."""
    rows = np.arange(SIDE)[:, None]
    frame = np.where(rows[..., None] < 32, WALL, np.where(rows[..., None] < 80, HAIR, SKIN))
    frame = np.broadcast_to(frame, (SIDE, SIDE, 3)).astype(np.uint8)
    hair = np.clip(np.minimum(rows - 28, 84 - rows) / 8, 0, 1)
    face = np.clip((rows - 76) / 8, 0, 1)
    return frame, *(np.broadcast_to(each, (SIDE, SIDE)).astype(np.float32) for each in (hair, face))


def test_each_side_of_the_hair_has_its_own_ground():
    layers = Layers.of(*scene(), QUAD)
    assert layers.behind[8, 32, :3] == pytest.approx(WALL, abs=2)
    assert layers.behind[60, 32, :3] == pytest.approx(SKIN, abs=2)
    for place in (4, 28, 50):
        assert layers.far[place, 32, :3] == pytest.approx(HAIR, abs=6)
    assert variance(layers.far)[28, 32] < 1e-2


def test_hair_with_wall_between_is_not_the_colour_of_hair():
    frame, hair, face = scene()
    frame = frame.copy()
    frame[32:35, ::2] = WALL  # strands a pixel wide
    found = Layers.of(frame, hair, face, QUAD).near[16, 32, :3]
    assert np.abs(found - HAIR).max() < np.abs(HAIR - WALL).max() / 8


def test_what_is_read_at_places_is_the_field_there():
    layers = Layers.of(*scene(), QUAD)
    at = layers.at(QUAD, (10, 20, 60, 70), np.array([0, 51, 2499]))
    assert at.behind.shape == (3, 4)
    assert at.behind[0] == pytest.approx(layers.behind[10, 5], abs=1.5)


def test_shares_are_places_between_two_colours_and_told_where_these_are_far_apart():
    pixels = np.stack([HAIR, (HAIR + WALL) / 2, WALL, WALL])
    near = np.broadcast_to(WALL, pixels.shape)
    share, told = shares(pixels, np.broadcast_to(HAIR, pixels.shape), near, np.float32([0, 0, 0, 2]))
    assert share == pytest.approx([1, 0.5, 0, 0], abs=1e-5)
    assert told == pytest.approx([1, 1, 1, 0], abs=1e-6)
    share, told = shares(pixels, near + 3, near, np.zeros(4, np.float32))
    assert not told.any()
