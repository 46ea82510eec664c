"""Outlines of regions of aligned faces, drawn by hand, and the class maps that follow from them.

``outlines.json`` beside this file has those of 735 training faces, most of a kind that class maps made from colours get
wrong: hats, receding and thin hair, fringes, hair before its own colour. How regions are drawn is said in
:mod:`dvaedit.training.parser_quality`; here "hat" is one more. Files of the face set are named; nothing of them
is here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import cv2
import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.regions import CLASS_ID, REGIONS, ids

SIZE = 256
OUTLINED = ("hair", "face")
OF_TRAINING_FACES = Path(__file__).with_name("outlines.json")
SKIN, HAIR, HAT = (CLASS_ID[name] for name in ("skin", "hair", "hat"))
BESIDE = sorted(ids("background", "l_ear", "r_ear", "ear_r", "neck", "neck_l", "cloth"))


def inside(ring: np.ndarray) -> np.ndarray:
    """(256, 256) bool: pixels whose centres a closed line holds, by the even-odd rule. ring: (K, 2), crop pixels."""
    centres, held = np.arange(SIZE) + 0.5, np.zeros((SIZE, SIZE), bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        rows = np.flatnonzero((centres > min(y0, y1)) & (centres <= max(y0, y1)))
        slope = (x1 - x0) / (y1 - y0) if len(rows) else 0.0
        held[rows] ^= centres > (x0 + slope * (centres[rows] - y0))[:, None]
    return held


@dataclass(frozen=True)
class Outline:
    """The outlined regions of a crop of 256 pixels.

    ``file``: a picture of the face set or, with ``quad``, (4, 2) frame pixels, a video whose first frame is cut there;
    ``rings``: by region, and of "ignore", closed lines of (K, 2) crop pixels, a ring within a ring being a hole.
    """

    file: str
    rings: dict[str, list[np.ndarray]]
    quad: np.ndarray | None = None

    def covered(self, name: str) -> np.ndarray:
        """(256, 256) bool: inside the rings called ``name``. Those of "ignore" may overlap and have no holes."""
        join = np.logical_or if name == "ignore" else np.logical_xor
        return reduce(join, map(inside, self.rings[name]), np.zeros((SIZE, SIZE), bool))

    def region(self, name: str) -> np.ndarray:
        """(256, 256) bool: the region "hair" or "face" as one sees it."""
        return self.covered(name) & ~self.covered("hair") if name == "face" else self.covered(name)


def read_outlines(path: Path = OF_TRAINING_FACES) -> list[Outline]:
    """The outlines in a JSON file; videos are named relative to it."""
    if not path.is_file():
        raise UsageError(f"no outlines at {path}", hint="They are in the repository.")
    return [
        Outline(
            str(path.parent / entry["file"]) if "quad" in entry else entry["file"],
            {name: [np.array(ring, float) for ring in entry.get(name, [])] for name in (*OUTLINED, "hat", "ignore")},
            np.array(entry["quad"]) if "quad" in entry else None,
        )
        for entry in json.loads(path.read_text())
    ]


def redrawn(classes: np.ndarray, outline: Outline) -> np.ndarray:
    """A class map, uint8 (256, 256), with hair, hat and face as outlined; where "ignore" lies it stays as it is."""
    hair, hat, known = outline.covered("hair"), outline.covered("hat"), ~outline.covered("ignore")
    hair, face = hair & ~hat, outline.covered("face") & ~hair & ~hat
    out = classes.copy()
    out[face & np.isin(classes, [*BESIDE, HAIR, HAT]) & known] = SKIN
    features = sorted(REGIONS["face"])
    wrong = ~hair & ~hat & ~face & np.isin(classes, [HAIR, HAT, *features]) & known
    out = np.where(wrong, _nearest(classes, np.isin(classes, BESIDE)), out)
    out[hair & known], out[hat & known] = HAIR, HAT
    return out.astype(np.uint8)


def _nearest(classes: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The class of the nearest pixel that is ``among``, bool (S, S); background where there is none."""
    if not among.any():
        return np.zeros_like(classes)
    labelled = cv2.distanceTransformWithLabels(
        (~among).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    table = np.zeros(labelled.max() + 1, np.uint8)
    table[labelled[among]] = classes[among]
    return table[labelled]
