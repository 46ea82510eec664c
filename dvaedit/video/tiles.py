"""Pictures in a grid, each with a label above it."""

from __future__ import annotations

import importlib.util
import math
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SHAPE = 1.6  # width over height that a grid comes near
GAP = 6  # pixels between tiles
NO_LETTER = "\U0010ffff"
SYSTEM_FONTS = ("NotoSansCJK-Regular.ttc", "DroidSansFallbackFull.ttf", "msgothic.ttc", "Arial Unicode.ttf")
BACK, INK, SOFT, MARK = (18, 22, 27), (236, 240, 244), (160, 172, 184), (79, 195, 217)


def columns_of(count: int, width: int, height: int) -> int:
    """How many of ``count`` tiles of a size stand in a row, so that the grid's shape is pleasant."""
    shapes = {}
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        empty = rows * columns - count
        shapes[columns] = abs(math.log(columns * width / (rows * height) / SHAPE)) + 0.15 * empty
    return min(shapes, key=lambda columns: shapes[columns])


def grid(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Tiles of one size, uint8 (H, W, 3), in rows of ``columns``; the last row is filled up with the background."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.empty((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), np.uint8)
    sheet[:] = BACK
    for place, tile in enumerate(tiles):
        y, x = (at * (size + GAP) + GAP for at, size in zip(divmod(place, columns), (height, width), strict=True))
        sheet[y : y + height, x : x + width] = tile
    return sheet


def labelled(picture: np.ndarray, label: str, detail: str = "", mark: bool = False) -> np.ndarray:
    """A picture, uint8 (H, W, 3), with a bar above it: the label on the left, cut to fit, and a detail on the right.

    ``mark``: a line in the accent colour, for the tile that others are compared with.
    """
    return np.vstack([_bar(picture.shape[1], label, detail, mark), picture])


def bar_height(width: int) -> int:
    """Height of the bar above a picture of this width, pixels; even."""
    return 2 * max(11, min(18, width // 28))


@lru_cache(maxsize=256)
def _bar(width: int, label: str, detail: str, mark: bool) -> np.ndarray:
    height = bar_height(width)
    image = Image.new("RGB", (width, height), BACK)
    draw = ImageDraw.Draw(image)
    font, small = _font(label, round(height * 0.58)), _font(detail, round(height * 0.5))
    label, detail = _legible(label, font), _legible(detail, small)
    middle, pad = height // 2, height // 4
    room = width - 2 * pad
    if detail:
        taken = draw.textlength(detail, small)
        if taken < 0.6 * room:
            draw.text((width - pad, middle), detail, SOFT, small, anchor="rm")
            room -= taken + pad
    draw.text((pad, middle), _cut(draw, label, font, room), MARK if mark else INK, font, anchor="lm")
    return np.asarray(image)


def _cut(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    if draw.textlength(text, font) <= room:
        return text
    while text and draw.textlength(text + "...", font) > room:
        text = text[:-1]
    return text + "..."


def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The first font that has all letters of a text, or else the one that has most."""
    return min(_fonts(size), key=lambda font: sum(not _has(font, letter) for letter in text))


@lru_cache(maxsize=16)
def _fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Pillow's own, of ASCII; that of matplotlib, which mediapipe brings, of European letters; the system's, if any."""
    found = [ImageFont.load_default(size)]
    spec = importlib.util.find_spec("matplotlib")
    beside = [] if spec is None else [Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"]
    for font in (*beside, *SYSTEM_FONTS):
        with suppress(OSError):  # not there
            found.append(ImageFont.truetype(str(font), size))
    return tuple(found)


def _legible(text: str, font: ImageFont.FreeTypeFont) -> str:
    """A text in letters that a font has: without their accents, or escaped, where it has them not."""
    return "".join(letter if _has(font, letter) else _plain(letter, font) for letter in " ".join(text.split()))


def _plain(letter: str, font: ImageFont.FreeTypeFont) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    known = base != letter and all(_has(font, part) for part in base)
    return base if known else letter.encode("ascii", "backslashreplace").decode("ascii")


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font has a letter, which it would otherwise draw as a box."""
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER))
