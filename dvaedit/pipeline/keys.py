"""Keys of the cache: what a result depends on, and nothing else, as one digest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Any

from dvaedit.files import sha256_bytes


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no blanks, ASCII; equal numbers (2 and 2.0) read the same.

    Takes None, bool, int, float, str, Fraction, Enum (its value), lists, tuples, mappings with str keys and
    dataclasses (their key-relevant fields). Raises TypeError for anything else, ValueError for NaN and infinity.
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """A value as JSON has it, dataclasses as objects with their key-relevant fields. Raises as ``canonical_json``."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_text(name): plain(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return config_of(value)
    raise TypeError(f"a {type(value).__name__} cannot be part of a cache key: {value!r}")


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"names in a cache key are text, not {name!r}")
    return name


def config_of(config: Any) -> dict[str, Any]:
    """The fields of a dataclass that belong to the key: all but those with ``metadata={"key": False}``."""
    fields = [field for field in dataclasses.fields(config) if field.metadata.get("key", True)]
    return {field.name: plain(getattr(config, field.name)) for field in fields}


def key_of(
    stage: str,
    version: int,
    config: Mapping[str, Any],
    weights: Mapping[str, str],
    upstream: Mapping[str, str],
    root: str,
) -> str:
    """SHA-256, in hex, of all a stage's result depends on.

    ``weights``: digest by part; ``upstream``: key by input name; ``root``: digest of the video file.
    """
    whole = {
        "stage": stage,
        "version": version,
        "config": config,
        "weights": weights,
        "upstream": upstream,
        "root": root,
    }
    return sha256_bytes(canonical_json(whole).encode("ascii"))
