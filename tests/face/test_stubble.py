import numpy as np
import pytest

from dvaedit.face.beard import DARK, FAIR, NEUTRAL, Beard
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


def test_it_is_dark_beside_the_skin_it_grows_on(cover):
    beard, skin = grown(cover), to_lab(SKIN)
    assert beard.skin == pytest.approx(skin, abs=0.5)
    light = DARK * skin[0]
    shade = np.clip(light / NEUTRAL[0], 0.4, 1.2)
    assert beard.hair == pytest.approx([light, *(NEUTRAL[1:] * shade)], abs=0.3)


def test_fair_hair_makes_it_fairer_and_dark_hair_no_darker(cover):
    dark = DARK * to_lab(SKIN)[0]
    fair, black = (grown(cover, head=np.array([light, 8.0, 24.0])).hair for light in (dark + 40, dark - 10))
    assert fair[0] == pytest.approx(dark + FAIR * 40, abs=0.3) and black[0] == pytest.approx(dark, abs=0.3)
    share = fair[0] / (dark + 40)
    assert fair[1:] == pytest.approx(np.array([8, 24]) * share, abs=0.3)


def test_where_no_skin_shows_none_grows(cover):
    assert grown(cover, shown=0.0) is None
