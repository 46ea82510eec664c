"""Frozen configuration dataclasses from the plain dictionaries of a weight card."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from dvaedit.errors import WeightsError

T = TypeVar("T")


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build ``cls`` from ``values``: nested dataclasses from dictionaries, tuples from lists.

    Raises WeightsError for a field that ``cls`` does not have: the card is newer than this program.
    """
    types = get_type_hints(cls)
    unknown = values.keys() - types.keys()
    if unknown:
        raise WeightsError(
            f"unknown setting '{min(unknown)}' of {cls.__name__} in a weight card", hint="Is dvaedit up to date?"
        )
    return cls(**{name: _convert(types[name], value) for name, value in values.items()})


def _convert(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        return from_dict(kind, value)
    return tuple(value) if isinstance(value, list) else value
