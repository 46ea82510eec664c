"""The shipped parser against regions outlined by hand. The pictures of the face set are no part of the repository."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dvaedit.checkpoints.load import load_model
from dvaedit.face.regions import CLASS_ID
from dvaedit.models.parsing import Classes
from dvaedit.runtime import Runtime
from dvaedit.training.faces import is_held_out
from dvaedit.training.outlines import Outline, read_outlines
from dvaedit.training.parser_quality import behind, iou, measure, overlap, summary

OUTLINES = Path(__file__).parents[1] / "data" / "outlines.json"
FACES = Path(__file__).resolve().parents[3] / "shared" / "data" / "faces"

# Just below what is measured. Wished for: hair 0.85, face (the skin and what lies on it) 0.9.
LEAST_ASTRONAUT = {"hair": 0.955, "face": 0.955}  # 0.965, 0.965
LEAST_MEAN = {"hair": 0.848, "face": 0.948}  # 0.854, 0.953
LEAST_POOLED = {"hair": 0.888, "face": 0.949}  # 0.893, 0.954

SQUARE = np.array([[10, 10], [10, 50], [50, 50], [50, 10]], float)


@pytest.fixture(scope="module")
def outlines() -> list[Outline]:
    return read_outlines(OUTLINES)


@pytest.fixture(scope="module")
def parser() -> Classes:
    cv2.setNumThreads(1)
    return load_model("compact", Runtime.resolve("cpu")).parser


@pytest.fixture
def drawn() -> Outline:
    """Hair: a square of 40 pixels with a hole of 20; face: the same square and as much below it."""
    rings = {"hair": [SQUARE, SQUARE / 2 + 15], "face": [SQUARE * (1, 2) - (0, 10)], "ignore": []}
    return Outline("", rings)


def test_rings_cover_the_pixels_whose_centres_they_hold(drawn: Outline) -> None:
    hair = drawn.region("hair")
    assert hair[10:50, 10:50].sum() == hair.sum() == 40**2 - 20**2
    assert not hair[20:40, 20:40].any() and not drawn.covered("ignore").any()
    assert drawn.region("face").sum() == 40 * 80 - hair.sum()  # hair lies in front of the face


def test_ignored_pixels_count_nowhere(drawn: Outline) -> None:
    classes = np.where(drawn.region("hair"), CLASS_ID["hair"], 0).astype(np.uint8)
    classes[drawn.region("face")] = CLASS_ID["nose"]
    classes[200:220] = CLASS_ID["hair"]
    assert overlap(classes, drawn) == {"hair": (1200, 1200 + 20 * 256), "face": (2000, 2000)}
    drawn.rings["ignore"] = [np.array([[0, 200], [256, 200], [256, 220], [0, 220]], float)]
    assert overlap(classes, drawn)["hair"] == (1200, 1200)
    assert np.isnan(iou((0, 0)))


def test_outlines_are_of_held_out_faces_and_lie_within_the_crop(outlines: list[Outline]) -> None:
    assert len(outlines) == 25 and sum(o.quad is not None for o in outlines) == 1
    for outline in outlines:
        assert outline.quad is not None or is_held_out(outline.file)
        corners = np.concatenate([ring for rings in outline.rings.values() for ring in rings])
        assert corners.min() >= 0 and corners.max() <= 256 and outline.region("face").sum() > 8000


def assert_at_least(found: dict[str, float], least: dict[str, float]) -> None:
    assert all(found[region] >= floor for region, floor in least.items()), found


def test_shipped_parser_on_the_example(parser: Classes, outlines: list[Outline]) -> None:
    (row,) = measure(parser, [o for o in outlines if o.quad is not None], FACES).values()
    assert_at_least({region: iou(counts) for region, counts in row.items()}, LEAST_ASTRONAUT)


@pytest.mark.skipif(not FACES.is_dir(), reason="the face set (../shared/data/faces) is not here")
def test_shipped_parser_on_held_out_faces(parser: Classes, outlines: list[Outline]) -> None:
    found = summary(measure(parser, outlines, FACES), outlines)
    assert_at_least(found["mean"], LEAST_MEAN)
    assert_at_least(found["pooled"], LEAST_POOLED)


@pytest.mark.skipif(not FACES.is_dir(), reason="the face set (../shared/data/faces) is not here")
def test_what_is_before_a_face_is_left_out(parser: Classes) -> None:
    shares = behind(parser, FACES, 100)
    assert shares["painted"] < 0.25 and shares["kept"] > 0.95
