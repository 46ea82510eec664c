"""Cards: read as written, and a malformed one is refused with its name and its fault."""

import dataclasses
import json
from pathlib import Path

import pytest

from dvaedit.checkpoints.cards import Card, make_card, read_card
from dvaedit.errors import WeightsError

FIELDS = {
    "name": "tiny",
    "kind": "classifier",
    "file": "tiny.safetensors",
    "sha256": "ab" * 32,
    "size": 12,
    "version": "2",
    "source": "trained by train/tiny.py",
    "licence": "MIT",
    "training_data": [{"name": "faces", "licence": "CC0", "note": "synthetic"}],
    "config": {"width": 8, "names": ["a", "b"]},
    "mirrors": ["https://example.org/tiny.safetensors"],
    "metrics": {"accuracy": 0.5},
    "description": "A tiny one.",
}
MODEL = {"name": "compact", "kind": "model", "parts": {"autoencoder": "compact-autoencoder", "parser": "tiny"}}


@pytest.mark.parametrize("fields", [FIELDS, MODEL])
def test_read_as_written(tmp_path, fields):
    card = make_card(fields, "test")
    path = card.write(tmp_path)
    assert path == tmp_path / f"{card.name}.json"
    assert read_card(path) == card
    assert read_card(path).folder == tmp_path
    assert dataclasses.asdict(read_card(path)).items() >= fields.items()
    assert "folder" not in json.loads(path.read_text())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "poem"}, "the kind 'poem'"),
        ({"size": "12"}, "'size' is not of the type int"),
        ({"size": True}, "'size' is not of the type int"),
        ({"size": 0}, "'sha256' and 'size'"),
        ({"sha256": "null"}, "'sha256' and 'size'"),
        ({"file": "../x.safetensors"}, "file in the card's folder"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"config": []}, "'config' is not of the type dict"),
        ({"training_data": [{}]}, "training_data"),
        ({"mirrors": [1]}, "mirrors"),
        ({"name": "a/b"}, "not a good name"),
        ({"kind": "model"}, "'parts'"),
        ({"kind": "model", "parts": {"poem": "x"}}, "'parts'"),
    ],
)
def test_malformed(tmp_path, change, problem):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({**FIELDS, **change}))
    with pytest.raises(WeightsError, match=problem) as caught:
        read_card(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "tiny"}', "\xff"])
def test_not_a_card(tmp_path, text):
    path = tmp_path / "tiny.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(WeightsError, match="malformed"):
        read_card(path)


def test_no_card():
    with pytest.raises(WeightsError, match="no card"):
        read_card(Path("nowhere.json"))


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Card("a", "clip").name = "b"
