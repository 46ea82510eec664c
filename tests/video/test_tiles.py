import numpy as np
import pytest
from PIL import ImageFont

from dvaedit.video import tiles
from dvaedit.video.tiles import BACK, GAP, bar_height, columns_of, grid, labelled


def test_a_grid_holds_every_tile_where_it_belongs():
    cells = [np.full((20, 30, 3), 40 * n + 40, np.uint8) for n in range(5)]
    sheet = grid(cells, 3)
    assert sheet.shape == (2 * (20 + GAP) + GAP, 3 * (30 + GAP) + GAP, 3)
    for number, tile in enumerate(cells):
        y, x = GAP + number // 3 * (20 + GAP), GAP + number % 3 * (30 + GAP)
        np.testing.assert_array_equal(sheet[y : y + 20, x : x + 30], tile)
    assert tuple(sheet[0, 0]) == BACK and tuple(sheet[-GAP - 1, -GAP - 1]) == BACK


@pytest.mark.parametrize(("count", "shape", "columns"), [(5, (256, 280), 3), (25, (192, 220), 7), (6, (768, 280), 2),
                                                         (1, (100, 100), 1), (2, (640, 360), 1)])  # fmt: skip
def test_grids_come_near_a_pleasant_shape(count, shape, columns):
    assert columns_of(count, *shape) == columns


def test_a_label_is_drawn_above_the_picture_and_leaves_it_alone():
    picture = np.full((64, 200, 3), 200, np.uint8)
    named, detailed = labelled(picture, "Blond Hair 1.5"), labelled(picture, "Blond Hair 1.5", "judge 0.93")
    height = bar_height(200)
    np.testing.assert_array_equal(named[height:], picture)
    assert named[:height].max() > 200
    assert (named[:height, :100] == detailed[:height, :100]).all()
    assert (named[:height, 120:] != detailed[:height, 120:]).any()
    marked = labelled(picture, "Blond Hair 1.5", mark=True)
    assert marked[:height, :, 0].max() < named[:height, :, 0].max()  # the accent has less red than the ink


def test_a_long_label_is_cut_to_fit():
    picture = np.zeros((10, 120, 3), np.uint8)
    bar = labelled(picture, "a very long name of an attribute that nobody reads", "judge 0.10")[: bar_height(120)]
    free = 120 - bar_height(120) // 4 + 1
    assert (bar[:, free:] == BACK).all()


@pytest.mark.parametrize("text", ["coiffée", "große Augen", "Łódź"])
def test_letters_beyond_ascii_are_drawn(text):
    font = tiles._font(text, 14)
    assert tiles._legible(text, font) == text and all(tiles._has(font, letter) for letter in text)


def test_what_no_font_has_is_told_without_accents_or_escaped(monkeypatch):
    monkeypatch.setattr(tiles, "_fonts", lambda size: (ImageFont.load_default(size),))  # of ASCII only
    assert tiles._legible("coiffée 黒い", tiles._font("coiffée", 14)) == r"coiffee \u9ed2\u3044"
    assert tiles._legible("a\nb", tiles._font("a", 14)) == "a b"
