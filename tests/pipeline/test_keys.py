"""Keys: goldens, and what changes a key and what does not."""

import dataclasses
import hashlib
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest

from dvaedit.pipeline.keys import canonical_json, config_of, key_of
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.stage import Stage, unkeyed
from dvaedit.pipeline.store import Cache


class Solver(Enum):
    DDIM = "ddim"


@dataclasses.dataclass(frozen=True)
class Invert(Stage):
    name, version = "invert", 3
    steps: int = 100
    solver: Solver = Solver.DDIM
    regions: tuple[str, ...] = ("hair", "mouth")
    batch: int = unkeyed(8)
    device: str = unkeyed("cpu")
    digest: str = unkeyed("d1")

    def weights(self):
        return {"autoencoder": self.digest}


def key(stage: Stage, root: str = "r1", upstream: Stage | None = None) -> str:
    nodes = [] if upstream is None else [Node(upstream, label="up")]
    nodes.append(Node(stage, {} if upstream is None else {"x": "up"}, "it"))
    return Pipeline(nodes, Cache("unused"), root).keys["it"]


def test_golden():
    text = (
        '{"config":{"regions":["hair","mouth"],"solver":"ddim","steps":100},"root":"r1","stage":"invert",'
        '"upstream":{},"version":3,"weights":{"autoencoder":"d1"}}'
    )
    assert key(Invert()) == hashlib.sha256(text.encode()).hexdigest()
    assert key(Invert()) == "9c5f129b28021829975ebd917ce6e8f7be6b8cc3bc317e6fdaef66e19269c972"


def test_what_changes_the_key():
    class Newer(Invert):
        version = 4

    class Other(Invert):
        name = "invert-fast"

    keys = [
        key(Invert()),
        key(Invert(steps=50)),
        key(Invert(regions=("mouth", "hair"))),
        key(Invert(digest="d2")),
        key(Invert(), root="r2"),
        key(Newer()),
        key(Other()),
        key(Invert(), upstream=Invert(steps=1)),
        key(Invert(), upstream=Invert(steps=2)),
        key(Invert(), upstream=Invert(digest="d2")),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "same", [Invert(batch=1), Invert(device="cuda:1"), Invert(steps=100.0), Invert(regions=["hair", "mouth"])]
)
def test_what_does_not_change_the_key(same):
    assert key(same) == key(Invert())


def test_a_label_is_not_in_the_key(tmp_path):
    first, second = Invert(), Invert(steps=1)
    one = Pipeline([Node(first, label="a"), Node(second, {"x": "a"}, "b")], Cache(tmp_path), "r")
    two = Pipeline([Node(first, label="c"), Node(second, {"x": "c"}, "d")], Cache(tmp_path), "r")
    assert list(one.keys.values()) == list(two.keys.values())


def test_input_names_are_in_the_key(tmp_path):
    up = Invert()
    keys = Pipeline([up, Node(Invert(), {"a": up}, "1"), Node(Invert(), {"b": up}, "2")], Cache(tmp_path), "r").keys
    assert len(set(keys.values())) == 3


def test_canonical_json():
    value = {"b": (1, 2.0, 0.1), "a": {"z": None, "y": True}, "c": Fraction(30000, 1001), "d": "\u00e9"}
    assert canonical_json(value) == '{"a":{"y":true,"z":null},"b":[1,2,0.1],"c":"30000/1001","d":"\\u00e9"}'
    assert canonical_json(-0.0) == "0"
    assert canonical_json(1e22) == "10000000000000000000000"


@pytest.mark.parametrize("bad", [{1: 2}, np.float32(1), np.zeros(2), object(), {"a": b"x"}])
def test_only_plain_values(bad):
    with pytest.raises(TypeError):
        canonical_json(bad)


def test_not_a_number():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_nested_dataclass_leaves_out_its_own_fields():
    @dataclasses.dataclass(frozen=True)
    class Inner:
        a: int = 1
        b: int = unkeyed(2)

    @dataclasses.dataclass(frozen=True)
    class Outer:
        inner: Inner = Inner()

    assert config_of(Outer()) == {"inner": {"a": 1}}


def test_key_of_is_order_free():
    assert key_of("s", 1, {"a": 1, "b": 2}, {}, {}, "r") == key_of("s", 1, {"b": 2, "a": 1}, {}, {}, "r")
