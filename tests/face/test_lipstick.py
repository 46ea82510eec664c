import cv2
import numpy as np
import pytest

from dvaedit.face.lab import from_lab, saturation, to_lab
from dvaedit.face.lipstick import (
    BARE,
    BLUER,
    EXPOSED,
    LIGHTER,
    MEAN_SKIN,
    OPAQUE,
    PAINTS,
    PALER,
    RED,
    REDDER,
    RELIEF,
    SHADE,
    beside,
    coverage,
    in_light,
    painted,
)
from dvaedit.face.mouth import INNER, OUTER
from tests.face.test_mouth import speaking

SIZE = 128
LIPS = np.array([45.0, 20.0, 12.0])
DARK = np.array([30.0, 10.0, 14.0])


def hue(lab):
    return np.degrees(np.arctan2(lab[2], lab[1])) % 360


def crop_of(lips, skin, points):
    """A face of two colours, and teeth between its lips."""
    crop = np.broadcast_to(from_lab(skin), (SIZE, SIZE, 3)).copy()
    for part, colour in ((OUTER, from_lab(lips)), (INNER, np.full(3, 250.0))):
        cv2.fillPoly(crop, [np.rint(points[part] * SIZE).astype(np.int32)], colour.tolist())
    return np.rint(crop).astype(np.uint8)


def test_lips_and_cheeks_are_looked_at_but_not_teeth():
    points = speaking(opened=0.06)
    crops = np.stack([crop_of(LIPS, MEAN_SKIN, points)] * 2)
    lips, skin = beside(crops, np.stack([points] * 2))
    assert lips == pytest.approx(LIPS, abs=1) and skin == pytest.approx(MEAN_SKIN, abs=1)
    assert beside(crops, np.stack([points + 5] * 2)) is None


@pytest.mark.parametrize("name", PAINTS)
def test_paint_has_its_colour_whatever_the_lips(name):
    light, chroma, angle = PAINTS[name]
    for lips in (LIPS, DARK):
        colour = in_light(PAINTS[name], lips, MEAN_SKIN)
        assert colour[0] == pytest.approx(light) and saturation(colour) == pytest.approx(chroma, abs=0.01)
        assert abs((hue(colour) - angle + 180) % 360 - 180) < 3


def test_paint_is_seen_in_the_light_that_skin_is_seen_in():
    colours = [in_light(PAINTS[RED], LIPS, np.array(skin)) for skin in ([30.0, 8, 11], [61, 24, 8], [61, 14, 42])]
    assert colours[0][0] == pytest.approx(PAINTS[RED][0] * (30 / MEAN_SKIN[0]) ** EXPOSED)
    assert hue(colours[1]) < PAINTS[RED][2] - 3 and hue(colours[2]) > PAINTS[RED][2] + 3  # pink, yellow
    assert saturation(colours[2]) > 1.1 * PAINTS[RED][1]


def test_bare_lips_stay_and_painted_ones_lose_their_paint():
    dark, brown = np.array([28.0, 9.0, 9.0]), np.array([33.0, 11.0, 15.0])
    for lips, skin in ((np.array([52.0, 26, 14]), MEAN_SKIN), (dark, brown)):
        assert in_light(BARE, lips, skin) == pytest.approx(lips)
    for skin in (MEAN_SKIN, brown):
        red = in_light(PAINTS[RED], LIPS, skin)
        usual = np.array([skin[1] / skin[0] + REDDER, BLUER * skin[2] / skin[0]])
        bare = in_light(BARE, red, skin)
        assert bare[0] == pytest.approx(min(PALER * skin[0], LIGHTER * red[0]))
        assert saturation(bare) == pytest.approx(np.hypot(*usual))
        assert hue(bare) == pytest.approx((hue(red) + hue([0, *usual])) / 2)


def test_a_coat_covers_and_lets_relief_through():
    lab = (LIPS + np.array([[[0, 0, 0], [10, 0, 0], [-10, 5, 5]]])).astype(np.float32)
    paint = np.array([40.0, 50.0, 20.0])
    full = painted(lab, np.full((1, 3), 1 / OPAQUE), LIPS, paint)[0]
    assert full[:, 0] == pytest.approx([40, 40 + 10 * RELIEF, 40 - 10 * RELIEF])
    thick = 1 / OPAQUE
    share = thick * np.clip([1, 1 + 10 * RELIEF / 40, 1 - 10 * RELIEF / 40], *SHADE)
    assert full[:, 1:] == pytest.approx(np.outer(share, paint[1:]), abs=1e-3)
    half, none = (painted(lab, np.full((1, 3), coat), LIPS, paint)[0] for coat in (0.5, 0.0))
    assert half[0] == pytest.approx(LIPS + 0.5 * OPAQUE * (paint - LIPS))
    assert none == pytest.approx(lab[0])


def test_lipstick_lies_where_the_mean_face_is_changed_most():
    change = np.zeros((4, 4, 3), np.float32)
    change[1, :, 0] = -20  # shade
    change[2] = [[0, 30, 0], [0, 24, 0], [0, 10.5, 0], [0, 0, 0]]
    assert coverage(change)[2] == pytest.approx([1, 1, 0.5, 0]) and not coverage(change)[[0, 1, 3]].any()
    assert not coverage(np.zeros((2, 2, 3), np.float32)).any()


def test_red_paint_is_red():
    r, g, b = from_lab(in_light(PAINTS[RED], LIPS, MEAN_SKIN))
    assert r > 2.5 * max(g, b) and to_lab(np.array([r, g, b]))[0] < LIPS[0]
