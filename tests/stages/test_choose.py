from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from dvaedit.checkpoints.load import load_sface
from dvaedit.errors import NoFaceError, UsageError
from dvaedit.face.mesh import FaceMesher
from dvaedit.stages import choose
from dvaedit.stages.choose import Choice, parse_range
from tests.face.test_track import face, looks


def everyone(monkeypatch, *identities, frames=10):
    from dvaedit.face.people import people
    from dvaedit.face.track import tracks

    seen = [[looks(face(150 * n, 10, 60 - 5 * n), i) for n, i in enumerate(identities)] for _ in range(frames)]
    monkeypatch.setattr(choose, "read_people", lambda artifact: people(tracks(seen)))
    return SimpleNamespace()


@pytest.mark.parametrize(
    ("text", "span"),
    [("00:01:02-00:01:20", (62, 80)), ("62-80", (62, 80)), ("1:02-", (62, None)), ("-80", (0, 80)),
     ("0.5-0.75", (Fraction(1, 2), Fraction(3, 4))), ("01:00:00-2:00:00.5", (3600, Fraction(14401, 2)))],
)  # fmt: skip
def test_ranges(text, span):
    assert parse_range(text) == span


@pytest.mark.parametrize("text", ["", "-", "5", "a-b", "10-5", "5-5", "1:2:3:4-5", "-5-10", "5--10", "1e3-2e3"])
def test_no_ranges(text):
    with pytest.raises(UsageError) as raised:
        parse_range(text)
    assert "00:01:02-00:01:20" in raised.value.hint


def test_largest_number_and_all(monkeypatch):
    people = everyone(monkeypatch, np.eye(128)[0], np.eye(128)[1])
    assert Choice.parse("largest").resolve(people) == (1,)
    assert Choice.parse(2).resolve(people) == Choice.parse("2").resolve(people) == (2,)
    assert Choice.parse("all").resolve(people) == (1, 2)


@pytest.mark.parametrize("text", ["0", "-1", "nobody.jpg", "biggest"])
def test_no_choice(text):
    with pytest.raises(UsageError) as raised:
        Choice.parse(text)
    assert raised.value.hint


def test_reference_photo(monkeypatch, tmp_path):
    rgb = data.astronaut()
    with FaceMesher() as mesher:
        (found,) = mesher.detect(rgb)
    people = everyone(monkeypatch, np.eye(128)[5], load_sface().embed(rgb, found.points).astype(float))
    photo = tmp_path / "wanted é.jpg"
    small = cv2.resize(rgb[..., ::-1], None, fx=0.8, fy=0.8)
    photo.write_bytes(cv2.imencode(".jpg", small)[1].tobytes())
    assert Choice.parse(photo).resolve(people) == (2,)
    people = everyone(monkeypatch, np.eye(128)[5], np.eye(128)[6])
    with pytest.raises(NoFaceError, match="nobody"):
        Choice.parse(photo).resolve(people)


@pytest.mark.parametrize(("content", "error"), [(b"", UsageError), (b"text", UsageError), (None, NoFaceError)])
def test_bad_photos(monkeypatch, tmp_path, content, error):
    people, photo = everyone(monkeypatch, np.eye(128)[0]), tmp_path / "photo.png"
    photo.write_bytes(
        cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes() if content is None else content
    )
    with pytest.raises(error, match="photo"):
        Choice.parse(photo).resolve(people)
