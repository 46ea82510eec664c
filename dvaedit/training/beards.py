"""Where on a face beards grow, and how dense: the mean of full ones, as what they darken of a shaven face."""

from __future__ import annotations

import cv2
import numpy as np

from dvaedit.errors import UsageError
from dvaedit.face.anchor import seen
from dvaedit.face.beard import inside, off_the_lips
from dvaedit.face.mask import smoothstep
from dvaedit.face.points import landmarks_68
from dvaedit.training.counterfactual.library import Library, Row
from dvaedit.training.pseudo_labels import SIZE

FRONTAL, MANY, FULL = 0.15, 150, 9  # how far faces may be turned; of each kind, at most; beards that are averaged
HAIR = 0.25  # lightness of hair, relative to skin's
NONE, WHOLE = 0.2, 0.7  # mean darkness of shaven skin, in folds and shade, and where beards are fullest
ANCHORS = np.r_[0:27, 30:36, 36:60]  # all points but the ridge of the nose and the inner lips
JAW, NOSE, BELOW = slice(0, 17), (35, 33, 31), 0.02  # of the 68 points; how far below the nose hair begins, sides
CHEEKS = ((36, 31), (45, 35))  # of the 68 points; a cheek's middle lies between the two
# Places of a full beard, each between two points: the first one's share, pixels about it. The moustache is lower.
GROWN = (((8, 57), 0.75, 10), ((5, 48), 0.8, 6), ((11, 54), 0.8, 6), ((33, 51), 0.5, 4))
UPPER_LIP = np.r_[48, 31, 33, 35, 54:48:-1]  # from a corner of the mouth to the nose and back along the lip
OUTWARDS, BRISTLES = 0.03, 1 / 90  # how far a moustache goes beyond the corners; sigma of its edge, in sides
STUBBLE, SHADOW = 0.45, 0.3  # densities beside beards': of men's faces, and of a five o'clock shadow
AROUND, DOUBT = 14, 2.0  # pixels about a cheek's middle; how its darkness counts against a face
SIDEBURN = 0.15  # over how much of a side it begins, from the top of the jaw's outline
EDGE, BEYOND, SOFT = 7, 25, 2.0  # pixels: inside the outline, and how far beyond what is inside goes on; sigma


def learn_beard(library: Library, reference: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: the density of a full, short beard over the face whose 68 points are ``reference``, sides.

    Of synthetic faces, which are nobody's, those with dark beards whose cheeks are light. Raises UsageError if there
    are no bearded or no shaven men.
    """
    shaven, bearded = (
        [_lightness(library, face, reference) for face in library.donors(test, FRONTAL)[:MANY]]
        for test in (_shaven, _bearded)
    )
    if not shaven or not bearded:
        hint = "Label some men of source sfhq, facial_hair none and beard."
        raise UsageError("nobody is there to learn beards of", hint)
    bare = np.median(shaven, axis=0)
    found = [np.clip((1 - light / bare) / (1 - HAIR), 0, 1) for light in bearded]
    fullest = sorted(found, key=lambda darkness: _fullness(darkness, reference))[-FULL:]
    mean = np.mean(fullest, axis=0)
    density = np.clip(((mean + mean[:, ::-1]) / 2 - NONE) / (WHOLE - NONE), 0, 1)
    return _within(density, reference) * off_the_lips(reference, SIZE)


def moustache(beard: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The part of a beard, (S, S), that grows between nose and mouth and a little beyond its corners."""
    outline = reference[UPPER_LIP].copy()
    outline[[0, 4]] += [[-OUTWARDS, OUTWARDS], [OUTWARDS, OUTWARDS]]
    return beard * cv2.GaussianBlur(inside(outline, SIZE).astype(np.float32), (0, 0), BRISTLES * SIZE)


def _man(row: Row) -> bool:
    bare = ("glasses", "headwear", "occluded", "large_pose", "mouth_open")
    plain = row["source"] == "sfhq" and all(row[name] in ("0", "none") for name in bare)
    return plain and row["sex"] == "m" and row["age"] in ("young", "middle") and row["smile"] != "broad"


def _shaven(row: Row) -> bool:
    return _man(row) and row["facial_hair"] == "none"


def _bearded(row: Row) -> bool:
    return _man(row) and row["facial_hair"] == "beard" and row["hair_colour"] in ("black", "brown")


def _lightness(library: Library, face: int, reference: np.ndarray) -> np.ndarray:
    """(S, S): lightness, relative to that of the cheeks, as the reference face would show it."""
    points = landmarks_68(library.points[face]) / SIZE
    lab = cv2.cvtColor(library.image(face), cv2.COLOR_RGB2LAB)
    light = seen(lab[..., 0], points[ANCHORS].astype(np.float64), reference[ANCHORS].astype(np.float64))
    tone = np.median([_about(light, reference[list(pair)].mean(axis=0), 4).mean() for pair in CHEEKS])
    return light / max(float(tone), 1.0)


def _fullness(darkness: np.ndarray, reference: np.ndarray) -> float:
    """How dark the lightest part of a beard is, and how light the cheeks."""
    grown = [
        np.median(_about(darkness, share * reference[a] + (1 - share) * reference[b], around))
        for (a, b), share, around in GROWN
    ]
    cheeks = [_about(darkness, reference[list(pair)].mean(axis=0), AROUND).mean() for pair in CHEEKS]
    return float(min(grown) - DOUBT * max(cheeks))


def _about(image: np.ndarray, place: np.ndarray, around: int) -> np.ndarray:
    """The square of an image about a place, sides, that reaches ``around`` pixels from it."""
    x, y = (place * len(image)).astype(int)
    return image[y - around : y + around, x - around : x + around]


def _within(density: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """No beard above the nose; beyond the outline of the face, where pictures show something else, as at its edge."""
    jaw = reference[JAW]
    below = inside(np.vstack([jaw, reference[list(NOSE)] + [0, BELOW]]), SIZE)
    head = inside(np.vstack([jaw, [[jaw[-1, 0], 0], [jaw[0, 0], 0]]]), SIZE) > 0
    sure = cv2.erode(below, _disc(EDGE)) > 0
    shown = np.where(sure, density, 0).astype(np.float32)
    near, far = (cv2.dilate(shown, _disc(width)) for width in (EDGE, BEYOND))
    down = (np.arange(SIZE)[:, None] / SIZE - jaw[:, 1].min()) / SIDEBURN
    grown = np.where(sure, shown, np.where(head, near, far)) * smoothstep(down)
    return cv2.GaussianBlur(grown.astype(np.float32), (0, 0), SOFT)


def _disc(width: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
