"""Where a thing lies that does not give way: glasses turn with the head, but they do not wink with it."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.face.anchor import fetch, offsets, pixels
from dvaedit.face.mask import smoothstep

WIDE, HIGH = 0.95, (-0.35, 0.45)  # what is rigid, around the middle of the pupils, in units of their distance
LIDS = (0.4, 0.28)  # half axes of what around a pupil moves with lids, and tells nothing, in the same unit
BENDS = (0.95, 1.3)  # where temples begin to follow the head on their way to the ears, to either side
STEP = 2  # pixels of the crop between those that tell where it lies


def moved(steady: np.ndarray, own: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Offsets to the reference face, (S, S, 2), of crops whose points go from ``own`` to ``goal``, (k, 2), later on."""
    here = pixels(len(steady))
    before = here + offsets(goal, own, len(steady))
    return before + fetch(np.asarray(steady, np.float32), before) - here


def rigid(offset: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """From each pixel of a crop to its place in the reference face, (S, S, 2), as a plane before the eyes has it.

    offset: (S, S, 2), as skin has it, which moves in itself; eyes: (2, 2), the pupils of the reference face, sides of
    the crop. Of all projections of a plane (homographies, eight numbers) the nearest one in least squares.
    """
    here = pixels(len(offset))
    skin = here + np.asarray(offset, np.float32)
    some, goals = (of[::STEP, ::STEP] for of in (here, skin))
    x, y = _from_eyes(goals, eyes)
    inside = (np.abs(x) < WIDE) & (y > HIGH[0]) & (y < HIGH[1])
    inside &= np.hypot((np.abs(x) - 0.5) / LIDS[0], y / LIDS[1]) > 1
    projection, _ = cv2.findHomography(some[inside], goals[inside])
    plane = cv2.perspectiveTransform(here, projection)
    bent = smoothstep(np.abs(_from_eyes(plane, eyes)[0]), *BENDS)[..., None]
    return plane + bent * (skin - plane) - here


def _from_eyes(places: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Places, (S, S, 2), along the line through the eyes and across it: (2, S, S), in units of their distance."""
    across = eyes[1] - eyes[0]
    axes = np.stack([across, [-across[1], across[0]]], axis=1) / (across @ across)
    return np.moveaxis((places - eyes.mean(axis=0)) @ axes, -1, 0).astype(np.float32)
