import numpy as np

from dvaedit.training.counterfactual.hair import _unlike_background
from dvaedit.training.pseudo_labels import BACKGROUND, HAIR


def test_background_seen_through_strands_is_not_hair():
    image = np.full((64, 64, 3), 0.8, np.float32)
    classes = np.full((64, 64), BACKGROUND, np.uint8)
    classes[8:56, 8:40] = HAIR
    image[8:56, 8:36] = 0.1  # the class map goes four pixels too far
    share = _unlike_background(image, classes)
    assert share[20:44, 37:40].max() < 0.2
    assert share[20:44, 12:34].min() > 0.95


def test_where_hair_and_background_have_one_colour_the_class_decides():
    image = np.full((64, 64, 3), 0.3, np.float32)
    classes = np.full((64, 64), BACKGROUND, np.uint8)
    classes[8:56, 8:40] = HAIR
    assert _unlike_background(image, classes)[10:54, 10:38].min() > 0.95
