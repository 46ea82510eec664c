"""Attribute labels of the face set under CelebA's names, where one fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Row = Mapping[str, str]
Rule = Callable[[Row], float]  # 1 present, 0 absent, NaN not known

_UNKNOWN = float("nan")
LIFTED = ("hair_colour", "glasses", "facial_hair", "age", "sex")  # columns whose rare values are drawn more often


def _hair(colour: str) -> Rule:
    return lambda row: _UNKNOWN if row["hair_colour"] == "hidden" else float(row["hair_colour"] == colour)


def _among(column: str, present: set[str], absent: set[str]) -> Rule:
    return lambda row: 1.0 if row[column] in present else 0.0 if row[column] in absent else _UNKNOWN


def _flag(column: str) -> Rule:
    return lambda row: float(row[column] == "1")


# Slight smiles, stubble and middle age are the labels' least certain values: they teach neither side.
RULES: dict[str, Rule] = {
    "Black_Hair": _hair("black"),
    "Blond_Hair": _hair("blond"),
    "Brown_Hair": _hair("brown"),
    "Gray_Hair": _hair("gray"),
    "Red_Hair": _hair("red"),
    "Dyed_Hair": _hair("dyed"),
    "Bald": _hair("bald"),
    "Long_Hair": _among("hair_length", {"long"}, {"short"}),
    "Wavy_Hair": _among("hair_texture", {"wavy"}, {"straight"}),
    "Bangs": _flag("bangs"),
    "Receding_Hairline": _flag("receding_hairline"),
    "Eyeglasses": _among("glasses", {"eyeglasses"}, {"none"}),
    "Sunglasses": _among("glasses", {"sunglasses"}, {"none"}),
    "No_Beard": _among("facial_hair", {"none"}, {"beard"}),
    "5_o_Clock_Shadow": _among("facial_hair", {"stubble"}, {"none", "beard"}),
    "Mustache": _among("facial_hair", {"moustache"}, {"none", "stubble"}),
    "Smiling": _among("smile", {"broad"}, {"none"}),
    "Mouth_Slightly_Open": _flag("mouth_open"),
    "Male": _among("sex", {"m"}, {"f"}),
    "Young": _among("age", {"young", "child"}, {"old"}),
    "Child": _among("age", {"child"}, {"middle", "old"}),
    "Heavy_Makeup": _flag("makeup"),
    "Wearing_Lipstick": _among("sex", set(), {"m"}),  # not labelled: counterfactuals teach it
    "Wearing_Hat": _flag("headwear"),
    "Rosy_Cheeks": _flag("rosy_or_freckled"),
}
NAMES: tuple[str, ...] = tuple(RULES)


def label_matrix(rows: list[Row]) -> np.ndarray:
    """(N, len(NAMES)) float32: 1 present, 0 absent, NaN where the labels do not say."""
    return np.array([[rule(row) for rule in RULES.values()] for row in rows], dtype=np.float32)


def sampling_weights(rows: list[Row], columns: tuple[str, ...] = LIFTED, strongest: float = 4.0) -> np.ndarray:
    """(N,) float64 draw weights that lift rare values of ``columns``.

    They are the root of the inverse frequency, at most ``strongest``.
    """
    weights = np.ones(len(rows))
    for column in columns:
        values = np.array([row[column] for row in rows])
        names, index, counts = np.unique(values, return_inverse=True, return_counts=True)
        weights = np.maximum(weights, np.sqrt(len(rows) / (len(names) * counts))[index])
    return np.minimum(weights, strongest)
