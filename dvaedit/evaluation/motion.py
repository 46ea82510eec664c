"""What a face does: landmarks kept, and how far mouth and eyes are open, from 68 points (iBUG order)."""

from __future__ import annotations

import numpy as np

EYE_CORNERS = 36, 45  # the outer ones: their distance is the unit of the NME (300-W, Sagonas et al. 2013)
LIPS = ((61, 67), (62, 66), (63, 65))  # upper and lower inner lip
MOUTH_CORNERS = 48, 54
EYES = (((37, 41), (38, 40), (36, 39)), ((43, 47), (44, 46), (42, 45)))  # lids, lids, corners
# Standard deviation below which there is nothing to follow: on a face of 65 pixels, encoding alone moves both by 0.01;
# talking moves the mouth, and blinking the eyes, by 0.04 to 0.08.
LEAST_MOTION = {"mouth": 0.02, "eyes": 0.02}


def nme(points: np.ndarray, reference: np.ndarray) -> float:
    """Mean distance of (68, 2) points from the reference's, over the distance of the reference's outer eye corners."""
    unit = np.linalg.norm(reference[EYE_CORNERS[0]] - reference[EYE_CORNERS[1]])
    return float(np.linalg.norm(points - reference, axis=1).mean() / unit)


def mouth_openness(points: np.ndarray) -> float:
    """Distance of the inner lips over the mouth's width: 0 closed, about 0.5 wide open. points: (68, 2)."""
    return _mean_distance(points, LIPS) / _distance(points, MOUTH_CORNERS)


def eye_openness(points: np.ndarray) -> float:
    """Eye aspect ratio (Soukupova and Cech 2016), mean of both eyes: about 0.3 open, 0.1 shut. points: (68, 2)."""
    return float(np.mean([_mean_distance(points, eye[:2]) / _distance(points, eye[2]) for eye in EYES]))


def correlation(edited: np.ndarray, source: np.ndarray, least: float) -> float | None:
    """Pearson's correlation of two series (n,) that may hold NaN; None where the source hardly moves or few are known.

    least: standard deviation of the source below which there is no motion to keep.
    """
    known = ~(np.isnan(edited) | np.isnan(source))
    a, b = edited[known], source[known]
    if len(a) < 5 or b.std() < least:
        return None
    return 0.0 if a.std() == 0 else float(np.corrcoef(a, b)[0, 1])


def _distance(points: np.ndarray, pair: tuple[int, int]) -> float:
    return float(np.linalg.norm(points[pair[0]] - points[pair[1]]))


def _mean_distance(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> float:
    return float(np.mean([_distance(points, pair) for pair in pairs]))
