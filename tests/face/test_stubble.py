import numpy as np
import pytest

from dvaedit.face.beard import BEARD, DARKEST, FAIR, GRAYING, HAIRS, NEUTRAL, PER_HAIR, YELLOWER, Beard
from dvaedit.face.lab import to_lab
from tests.face.conftest import face_points

SIZE = 64
SKIN = np.array([190.0, 150, 130])


@pytest.fixture(scope="module")
def cover():
    """Dense on the chin of a picture twice as fine as the crops."""
    cover = np.zeros((2 * SIZE, 2 * SIZE))
    cover[100:120, 40:88] = 0.4
    return cover


def grown(cover, head=None, shown=1.0):
    """From three frames of skin, which is darker but on the chin."""
    crops = np.broadcast_to(0.5 * SKIN, (3, SIZE, SIZE, 3)).copy()
    crops[:, 46:64] = SKIN
    weights, points = np.full((3, SIZE, SIZE), shown), np.repeat(face_points()[None], 3, 0)
    return Beard.as_dense(cover, crops, weights, points, face_points(), head)


def test_stubble_is_as_dense_as_it_is_told(cover):
    beard = grown(cover)
    assert np.array_equal(beard.cover, cover.astype(np.float32)) and beard.cover.dtype == np.float32
    assert np.array_equal(beard.reference, face_points())


def chroma(colour):
    return np.hypot(*colour[1:]) / colour[0]


def test_it_is_dark_beside_the_skin_it_grows_on_and_of_its_hue(cover):
    beard, skin = grown(cover), to_lab(SKIN)
    assert beard.skin == pytest.approx(skin, abs=0.5)
    assert beard.hair[0] == pytest.approx(DARKEST * skin[0], abs=0.3)
    assert chroma(beard.hair) == pytest.approx((BEARD + PER_HAIR * NEUTRAL) * chroma(skin), rel=0.02)
    hues = [np.arctan2(colour[2], colour[1]) for colour in (beard.hair, skin)]
    assert hues[0] - hues[1] == pytest.approx(YELLOWER, abs=0.02)


def test_fair_hair_makes_it_fairer_and_dark_hair_no_darker(cover):
    dark = DARKEST * to_lab(SKIN)[0]
    fair, black = (grown(cover, head=np.array([light, 8.0, 24.0])).hair for light in (dark + 40, dark - 10))
    assert fair[0] == pytest.approx(dark + FAIR * 40, abs=0.3) and black[0] == pytest.approx(dark, abs=0.3)


def test_gray_hair_makes_it_gray(cover):
    dark = DARKEST * to_lab(SKIN)[0]
    fair = dark + FAIR * (60 - dark)
    assert grown(cover, head=np.array([60.0, 1.0, 2.0])).hair[0] == pytest.approx(fair + GRAYING * (60 - fair), abs=0.3)


def test_vivid_hair_makes_it_vivid_within_bounds(cover):
    gray, red, neon = (chroma(grown(cover, head=np.array([50.0, 0, c])).hair) for c in (0, 30, 90))
    skin = chroma(to_lab(SKIN))
    assert gray == pytest.approx((BEARD + PER_HAIR * HAIRS[0]) * skin, rel=0.02)
    assert red == pytest.approx((BEARD + PER_HAIR * 0.6 / skin) * skin, rel=0.02)
    assert neon == pytest.approx((BEARD + PER_HAIR * HAIRS[1]) * skin, rel=0.02)


def test_where_no_skin_shows_none_grows(cover):
    assert grown(cover, shown=0.0) is None
