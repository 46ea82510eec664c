import numpy as np
import pytest

from dvaedit.face.locks import in_room
from dvaedit.face.points import landmarks_68, mirrored
from dvaedit.training import locks as locks_of
from dvaedit.training.locks import learn_locks, long_haired
from dvaedit.training.pseudo_labels import SIZE
from tests.training.conftest import LONG, PLAIN, Drawn, beside

WOMAN = {**PLAIN, **LONG}


@pytest.mark.parametrize(
    ("slope", "double"),
    [((1, 0), (-1, 0)), ((0, 1), (1, 0)), ((1, -1), (0, 1)), ((1, 1), (0, -1))],
    ids=["vertical", "horizontal", "falling", "rising"],
)
def test_directions_of_stripes_are_found(slope, double):
    """Twice their angle, along which lightness stays the same."""
    x, y = np.meshgrid(*[np.arange(64, dtype=np.float32)] * 2)
    light = 50 + 10 * np.sin((slope[0] * x + slope[1] * y) / 2)
    found = locks_of._directions(light, np.ones_like(light))
    assert found.shape == (64, 64, 2) and found[8:-8, 8:-8].mean(axis=(0, 1)) == pytest.approx(double, abs=0.05)


def test_what_has_no_stripes_has_no_direction():
    rng, everywhere = np.random.default_rng(0), np.ones((96, 96), np.float32)
    even, noise = np.full((96, 96), 50, np.float32), rng.normal(50, 10, (96, 96)).astype(np.float32)
    assert not locks_of._directions(even, everywhere).any()
    assert np.hypot(*np.moveaxis(locks_of._directions(noise, everywhere), -1, 0)).mean() < 0.4
    x = np.broadcast_to(np.arange(96, dtype=np.float32), (96, 96))
    assert not locks_of._directions(50 + 10 * np.sin(x), 0 * everywhere).any()  # nor what is not looked at


@pytest.mark.parametrize(
    "other",
    [{"hair_length": "short"}, {"hair_texture": "wavy"}, {"sex": "m"}, {"age": "old"}, {"headwear": "1"},
     {"occluded": "1"}],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_straight_long_hair_of_women_is_looked_at(other):
    assert long_haired(WOMAN) and long_haired(WOMAN | {"age": "middle"}) and not long_haired(WOMAN | other)


@pytest.fixture(scope="module")
def drawn(mean_face):
    """Women whose hair hangs beside the face, on one side only, and not at all; men's hangs before the face."""
    drawn, hanging = Drawn(mean_face), beside(mean_face)
    left = np.arange(SIZE) < SIZE // 2
    drawn.add(6, hair=hanging, **LONG)
    drawn.add(3, hair=hanging & left, **LONG)
    drawn.add(3, **LONG)
    drawn.add(6, hair=~hanging, **LONG | {"sex": "m"})
    return drawn


@pytest.fixture(scope="module")
def reference(mean_face):
    points = landmarks_68(mean_face) / SIZE
    return (points + mirrored(points)) / 2


@pytest.fixture(scope="module")
def maps(drawn, reference):
    return learn_locks(drawn.library(), reference)


def at(maps, x, y):
    """What is told around a place of the crop, sides of it: mean of (4,)."""
    column, row = np.rint(in_room(np.array([x, y])) * len(maps)).astype(int)
    return maps[row - 3 : row + 4, column - 3 : column + 4].mean(axis=(0, 1))


def test_hair_is_found_where_it_hangs(maps, reference):
    """Only heads count where it hangs on both sides; so all of those that do have some there."""
    assert maps.shape == (256, 256, 4) and maps.dtype == np.float32 and np.isfinite(maps).all()
    jaw, brows = reference[:17, 0], reference[:17, 1].min()
    for x in (jaw.min() - 0.08, jaw.max() + 0.08):
        assert at(maps, x, 0.7)[0] > 0.95 and at(maps, x, brows - 0.1)[0] < 0.05
    assert at(maps, 0.5, 0.5)[0] < 1e-3 and at(maps, 0.5, 0.9)[0] < 1e-3
    assert maps[..., 0].min() >= 0 and maps[..., 0].max() <= 1


def test_its_strands_hang_down(maps, reference):
    for x in (reference[:17, 0].min() - 0.08, reference[:17, 0].max() + 0.08):
        _, cos, sin, light = at(maps, x, 0.7)
        assert cos < -0.8 and abs(sin) < 0.3 and abs(light) < 15
    assert np.hypot(maps[..., 1], maps[..., 2]).max() <= 1 + 1e-3


def test_both_sides_are_alike(maps):
    flipped = maps[:, ::-1] * [1, 1, -1, 1]
    assert maps == pytest.approx(flipped, abs=1e-3) and not np.allclose(maps[..., 2], 0)


def test_where_hair_is_lighter_is_told(mean_face, reference):
    """The mean of heads whose hair is lighter below."""
    drawn, hanging = Drawn(mean_face, seed=1), beside(mean_face)
    drawn.add(3, hair=hanging, **LONG)
    for image in drawn.images:
        image[round(0.7 * SIZE) :] = np.minimum(image[round(0.7 * SIZE) :].astype(int) + 60, 255)
    found, x = learn_locks(drawn.library(), reference), reference[:17, 0].min() - 0.08
    assert at(found, x, 0.85)[3] - at(found, x, 0.55)[3] > 15
