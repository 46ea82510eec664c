"""Class maps for the face parser without human masks: FaceMesh regions, person segmentation, colour statistics.

FaceMesh gives brows, eyes, nose, mouth and the outline of the face below the hairline; a person segmentation gives the
background. Between them, head skin, hair (or hat) and cloth are told apart picture by picture: colour histograms and
priors by place are fitted to each other by EM, with an edge-preserving filter in each round.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dvaedit.face.regions import TRAINING_FACE
from dvaedit.training import faces
from dvaedit.training.outlines import read_outlines, redrawn

SIZE = 256
BACKGROUND, SKIN, L_BROW, R_BROW, L_EYE, R_EYE, GLASSES, L_EAR, R_EAR, _EARRING = range(10)
NOSE, MOUTH, U_LIP, L_LIP, NECK, _NECKLACE, CLOTH, HAIR, HAT = range(10, 19)
HEAD = sorted(TRAINING_FACE)

# FaceMesh vertices around each region, in order. "Left" is the left of the picture.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
        148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
POLYGONS: dict[int, tuple[int, ...]] = {
    NOSE: (168, 122, 196, 236, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 456, 419, 351),
    L_BROW: (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    R_BROW: (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
    L_EYE: (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    R_EYE: (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
    U_LIP: (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
    L_LIP: (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
    MOUTH: (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
}
TOP, CHIN, LEFT_EDGE, RIGHT_EDGE = 10, 152, 234, 454

# Colour classes of the segmentation inside a picture: head skin, hair (or hat), cloth, background.
K_SKIN, K_HAIR, K_CLOTH, K_BACK = range(4)
BINS = 24


@dataclass(frozen=True)
class Geometry:
    """Where each pixel of a crop lies with respect to the face; all (S, S) float32, in units of the face's height.

    ``outside``: signed distance to the face oval, which is let out at the jaw, positive outside; ``down``: 0 at the
    oval's top, 1 at the chin; ``side``: distance from the face's axis.
    """

    outside: np.ndarray
    down: np.ndarray
    side: np.ndarray
    height: float


def fill(points: np.ndarray, vertices: tuple[int, ...], size: int = SIZE) -> np.ndarray:
    """uint8 (size, size), 1 inside the polygon of ``vertices``; ``points``: (468, 2), pixels."""
    shape = np.rint(points[list(vertices)] * 16 - 8).astype(np.int32)  # pixel centres lie at half-integers
    return cv2.fillPoly(np.zeros((size, size), np.uint8), [shape], 1, lineType=cv2.LINE_8, shift=4)


def geometry(points: np.ndarray) -> Geometry:
    """Face coordinates of a 256 px crop from its (468, 2) FaceMesh points."""
    oval = fill(points, OVAL)
    axis = points[CHIN] - points[TOP]
    height = float(np.hypot(*axis))
    outside = cv2.distanceTransform(1 - oval, cv2.DIST_L2, 5) - cv2.distanceTransform(oval, cv2.DIST_L2, 5)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5 - np.float32([[[points[TOP][1]]], [[points[TOP][0]]]])
    down = (x * axis[0] + y * axis[1]) / height**2
    centre = (points[LEFT_EDGE] + points[RIGHT_EDGE]) / 2 - points[TOP]
    along = (centre[0] * axis[1] - centre[1] * axis[0]) / height**2
    side = np.abs((x * axis[1] - y * axis[0]) / height**2 - along)
    jaw = 0.022 * ramp(down, 0.45, 0.75)  # FaceMesh's chin lies above the one that is seen
    return Geometry(outside / height - jaw, down, side, height)


def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 at ``start``, 1 at ``end``, linear between, clipped."""
    return np.clip((value - start) / (end - start), 0, 1)


def skin_prior(place: Geometry, row: Mapping[str, str]) -> np.ndarray:
    """(S, S): how likely skin is at each place of a head, from place and labels alone."""
    s, down, side = place.outside, place.down, place.side
    bald, long = row["hair_colour"] == "bald", row["hair_length"] == "long"
    thin = row["receding_hairline"] == "1" or (row["sex"] == "m" and row["age"] == "old")
    reach = 0.6 if bald or thin else 0.33
    forehead = 0.68 * (1 - ramp(s, 0.0, reach)) ** 1.5 + (0.3 if bald else 0.01)
    ear_zone = (1 - ramp(s, 0.03, 0.17)) * ramp(down, 0.12, 0.25) * (1 - ramp(down, 0.7, 0.85))
    neck_zone = ramp(down, 0.75, 1.0) * (1 - 0.85 * ramp(down, 1.05, 1.35)) * (1 - ramp(side, 0.35, 0.75))
    oval = (1 - ramp(s, -0.05, 0.01)) * (1 - hair_over_face(place, row))
    return np.maximum.reduce([forehead * (down < 0.3), 0.45 * ear_zone, (0.5 if long else 0.7) * neck_zone, oval])


def hair_over_face(place: Geometry, row: Mapping[str, str]) -> np.ndarray:
    """(S, S): how likely hair is at each place of the oval: at its top, and along its sides down to a beard."""
    rim, bangs = 1 - ramp(-place.outside, 0.05, 0.25), row["bangs"] == "1"
    top = (0.35 if bangs else 0.03 * (0.2 + 0.8 * rim)) * (1 - ramp(place.down, 0.15, 0.42))
    end = (0.8, 1.0) if row["facial_hair"] == "none" else (0.45, 0.6)
    sides = (0.03 if bangs or row["hair_length"] == "long" else 0.01) * rim * (1 - ramp(place.down, *end))
    return np.maximum(np.maximum(top, sides), 0.003)


def priors(place: Geometry, row: Mapping[str, str]) -> np.ndarray:
    """(3, S, S): how likely skin, hair and cloth are at each place of a person, from place and labels alone."""
    s, down, skin = place.outside, place.down, skin_prior(place, row)
    long = row["hair_length"] == "long"
    below = ramp(down, 0.75, 1.1) if long else ramp(down, 0.45, 0.55)
    hair = (1 - below) + below * (0.75 * ramp(place.side, 0.15, 0.35) + 0.03 if long else 0.004)
    hair *= 0.02 if row["hair_colour"] == "bald" else 1.0
    if row["hair_colour"] == "hidden":
        hair = np.maximum(hair * (down < 0.4), 0.05)
    cloth = 0.005 + 0.6 * ramp(down, 0.95, 1.25) * ramp(s, 0.0, 0.1) + (0.1 * below * ramp(s, 0, 0.1))
    cloth *= ramp(s, -0.03, 0.02)
    stack = np.stack([skin, hair * np.clip(1 - skin, 0.002, 1), cloth * np.clip(1 - skin, 0.05, 1)])
    return (stack + 1e-3) / (stack + 1e-3).sum(axis=0)


def trust(place: Geometry, row: Mapping[str, str]) -> np.ndarray:
    """(4, S, S): how much a pixel says about the colours of each class: all where place alone gives the class."""
    s, down = place.outside, place.down
    weights = np.full((4, SIZE, SIZE), 0.2, np.float32)
    weights[K_BACK] = 1
    weights[K_SKIN][(s < -0.06) & (down > 0.3)] = 1
    if row["bangs"] != "1":
        weights[K_SKIN][(s < -0.1) & (down > 0)] = 1
    if row["facial_hair"] != "beard":
        weights[K_SKIN][(place.side < 0.15) & (down > 1.0) & (down < 1.12)] = 1  # the neck, in the chin's shadow
    weights[K_HAIR][(s > 0.25) & (down < 0.35)] = 1
    weights[K_CLOTH][down > 1.15] = 1
    return weights


_GAUSS = np.exp(-0.5 * ((np.arange(BINS)[:, None] - np.arange(BINS)) / 1.0) ** 2).astype(np.float32)
_GAUSS /= _GAUSS.sum(axis=1, keepdims=True)


def colour_bins(image: np.ndarray) -> np.ndarray:
    """Bin numbers of a (S, S, 3) uint8 RGB picture in Lab, three (S, S) arrays stacked, 0..BINS - 1."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 1:] = (lab[..., 1:] - 128) * 2.2 + 128  # skin and hair differ by little chroma
    return np.clip(lab * (BINS / 256), 0, BINS - 1).astype(np.int64)


def flat_bins(bins: np.ndarray) -> np.ndarray:
    """One number per pixel of three bin numbers."""
    return (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]


def colour_histogram(bins: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """p(colour | class), (BINS^3,), smoothed, from pixels weighted by ``weight``."""
    counts = np.bincount(flat_bins(bins).ravel(), weight.ravel(), BINS**3).reshape(BINS, BINS, BINS).astype(np.float32)
    for _ in range(3):  # one axis a turn
        counts = (_GAUSS @ counts.reshape(BINS, -1)).reshape(BINS, BINS, BINS).transpose(1, 2, 0)
    return (counts / max(counts.sum(), 1e-6)).reshape(-1)


def guided(image: np.ndarray, maps: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """Smooth (K, S, S) float32 maps along the edges of a uint8 RGB picture (guided filter, He et al. 2010, eq. 19).

    Written out here because cv2.ximgproc is missing from some builds of OpenCV.
    """

    def mean(array: np.ndarray) -> np.ndarray:
        side = 2 * radius + 1
        return cv2.blur(array, (side, side), borderType=cv2.BORDER_REFLECT).reshape(array.shape)

    guide, maps = image.astype(np.float32) / 255, np.ascontiguousarray(maps.transpose(1, 2, 0))
    mean_i, mean_p = mean(guide), mean(maps)
    rr, rg, rb, gg, gb, bb = (
        mean(guide[..., i] * guide[..., j]) - mean_i[..., i] * mean_i[..., j] + (eps if i == j else 0)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    cofactors = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb)
    determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]
    cofactors = (*cofactors, rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg)
    i_rr, i_rg, i_rb, i_gg, i_gb, i_bb = ((part / determinant)[..., None] for part in cofactors)
    cov_r, cov_g, cov_b = (mean(guide[..., i, None] * maps) - mean_i[..., i, None] * mean_p for i in range(3))
    a = [
        i_rr * cov_r + i_rg * cov_g + i_rb * cov_b,
        i_rg * cov_r + i_gg * cov_g + i_gb * cov_b,
        i_rb * cov_r + i_gb * cov_g + i_bb * cov_b,
    ]
    b = mean_p - sum(a[i] * mean_i[..., i, None] for i in range(3))
    return (sum(mean(a[i]) * guide[..., i, None] for i in range(3)) + mean(b)).transpose(2, 0, 1)


def segment(image: np.ndarray, person: np.ndarray, place: Geometry, features: np.ndarray, row: Mapping[str, str],
            rounds: int = 3) -> np.ndarray:  # fmt: skip
    """Posterior of head skin, hair, cloth and background, (4, S, S), by EM over colour histograms.

    ``person``: (S, S) in [0, 1]; ``features``: (S, S) bool, pixels whose colour says nothing about skin (eyes ...).
    The first rounds run at half the size.
    """
    prior = np.concatenate([priors(place, row) * person, (1 - person)[None]])
    prior = np.clip(prior, 2e-4, None)
    seed = prior**1.5 / (prior**1.5).sum(axis=0)
    seed[K_SKIN] *= np.where(place.outside < -0.06, 1.0, 0.1)
    weights = (trust(place, row) * ~features)[:, ::2, ::2]
    small = (colour_bins(image[::2, ::2]), prior[:, ::2, ::2], image[::2, ::2])
    posterior = seed[:, ::2, ::2]
    for _ in range(rounds - 1):
        posterior = _em_round(*small, _histograms(small[0], posterior * weights), radius=3)
    histograms = _histograms(small[0], posterior * weights)
    return _em_round(colour_bins(image), prior, image, histograms, radius=12)


def colour_classes(posterior: np.ndarray) -> np.ndarray:
    """(S, S): the likeliest of the colour classes; scraps of hair apart from the head's become the next likeliest."""
    found = posterior.argmax(axis=0)
    _, parts, stats, _ = cv2.connectedComponentsWithStats((found == K_HAIR).astype(np.uint8), connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    scraps = area < 0.1 * area[1:].max(initial=0)
    scraps[0] = False
    without = np.where(np.arange(len(posterior))[:, None, None] == K_HAIR, 0, posterior).argmax(axis=0)
    return np.where(scraps[parts], without, found)


def _histograms(bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.stack([colour_histogram(bins, w) if w.sum() > 10 else np.full(BINS**3, 1e-5) for w in weights])


def _em_round(bins: np.ndarray, prior: np.ndarray, image: np.ndarray, histograms: np.ndarray,
              radius: int) -> np.ndarray:  # fmt: skip
    likelihood = histograms[:, flat_bins(bins)] + 2e-5
    # The background is many things: where the person segmentation speaks, its colours count for little.
    likelihood[K_BACK] = likelihood[K_BACK] ** 0.3 * likelihood[:K_BACK].max(axis=0) ** 0.7
    posterior = prior * likelihood
    posterior /= posterior.sum(axis=0)
    posterior = np.clip(guided(image, posterior.astype(np.float32), radius, 2e-3), 1e-4, 1)
    return posterior / posterior.sum(axis=0)


def label(image: np.ndarray, points: np.ndarray, person: np.ndarray, row: Mapping[str, str]) -> np.ndarray:
    """The class map, uint8 (256, 256), of an aligned crop.

    ``image``: uint8 (256, 256, 3) RGB; ``points``: (468, 2) FaceMesh, crop pixels; ``person``: (256, 256) in [0, 1];
    ``row``: the face's labels as in faces.csv.
    """
    place = geometry(points)
    shapes = {number: fill(points, vertices) > 0 for number, vertices in POLYGONS.items()}
    features = np.any([shapes[n] for n in (L_BROW, R_BROW, L_EYE, R_EYE, U_LIP, L_LIP, MOUTH)], axis=0)
    if row["glasses"] != "none":
        features |= glasses_zone(points)
    posterior = segment(image, person, place, features, row)
    classes = split_skin(colour_classes(posterior), place, points)
    if row["headwear"] == "1":
        classes[hat_pixels(image, classes == HAIR, place, row)] = HAT
    bald_spot = (classes == HAIR) & (row["hair_colour"] == "bald")
    classes[bald_spot] = SKIN
    in_front = (classes == HAIR) | (classes == HAT)
    for number in (NOSE, MOUTH, U_LIP, L_LIP, L_EYE, R_EYE, L_BROW, R_BROW):
        classes[shapes[number] & (~in_front if number in (L_BROW, R_BROW) else True)] = number
    if row["glasses"] != "none":
        classes[glasses_pixels(image, points, posterior[K_SKIN], row["glasses"] == "sunglasses")] = GLASSES
    return classes


def split_skin(colours: np.ndarray, place: Geometry, points: np.ndarray) -> np.ndarray:
    """Colour classes (S, S) to class ids: skin of the head becomes skin, ears or neck by where it lies."""
    classes = np.array([SKIN, HAIR, CLOTH, BACKGROUND], np.uint8)[colours]
    skin, outside, down = classes == SKIN, place.outside, place.down
    classes[skin & (outside > 0.005) & (down > 0.72)] = NECK
    x = np.arange(SIZE)[None] + 0.5
    ears = skin & (outside > 0.015) & (down > 0.2) & (down <= 0.72)
    middle = (points[LEFT_EDGE, 0] + points[RIGHT_EDGE, 0]) / 2
    classes[ears & (x < middle)] = L_EAR
    classes[ears & (x >= middle)] = R_EAR
    return classes


def hat_pixels(image: np.ndarray, covered: np.ndarray, place: Geometry, row: Mapping[str, str]) -> np.ndarray:
    """Which of the pixels over and beside the face, (S, S) bool, are hat and not hair."""
    if row["hair_colour"] == "hidden":
        return covered
    hat = np.clip(0.95 - 0.65 * ramp(place.down, -0.12, 0.1) - 0.27 * ramp(place.down, 0.1, 0.35), 0.03, 1)
    brim = ramp(place.side, 0.55, 0.75) * (1 - ramp(place.down, 0.3, 0.5))
    hat = np.maximum(hat, 0.7 * brim)
    bins, prior = colour_bins(image), np.stack([hat, 1 - hat])
    posterior = prior**2 / (prior**2).sum(axis=0)
    for _ in range(3):
        likelihood = _histograms(bins, posterior * covered)[:, flat_bins(bins)] + 2e-5
        posterior = prior * likelihood / (prior * likelihood).sum(axis=0)
    return covered & (guided(image, posterior.astype(np.float32), 5, 2e-3)[0] > 0.5)


def glasses_zone(points: np.ndarray) -> np.ndarray:
    """(S, S) bool: where the frame of glasses can lie, from the brows to the cheeks and out to the temples."""
    edge = points[[127, 70, 105, 107, 336, 334, 300, 356, 352, 330, 419, 196, 101, 123]]
    return fill(edge, tuple(range(len(edge)))) > 0


def glasses_pixels(image: np.ndarray, points: np.ndarray, skin: np.ndarray, dark: bool) -> np.ndarray:
    """Pixels of the frame, or of the whole of sunglasses (``dark``), (S, S) bool."""
    zone = glasses_zone(points)
    light = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 0]
    if dark:
        level = np.median(light[fill(points, POLYGONS[NOSE]) > 0])
        lens = (zone & (light < 0.75 * level)).astype(np.uint8)
        return cv2.morphologyEx(lens, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)).astype(bool) & zone
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    thin = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, kernel)
    kept = fill(points, POLYGONS[L_EYE]) | fill(points, POLYGONS[R_EYE])
    brows = fill(points, POLYGONS[L_BROW]) | fill(points, POLYGONS[R_BROW])
    free = zone & (cv2.dilate(kept, np.ones((5, 5), np.uint8)) == 0) & (brows == 0)
    return free & (thin > max(18, np.percentile(thin[free], 75)))


def head_mask(classes: np.ndarray, size: int = 128) -> np.ndarray:
    """uint8 (size, size): 255 on face, hair, neck and ears, 0 on background, cloth and hat; soft at the border."""
    head = np.isin(classes, HEAD).astype(np.float32) * 255
    return np.rint(cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA)).astype(np.uint8)


def prepare(root: Path, work: Path) -> None:
    """Write ``classes256.npy`` (N, 256, 256) and ``head128.npy`` (N, 128, 128) for the face set at ``root``.

    Rows are in the order of faces.csv. Outlines drawn by hand replace what was found. Needs MediaPipe.
    """
    import mediapipe as mp

    cv2.setNumThreads(1)
    rows, work = faces.read_rows(root), work.expanduser()
    work.mkdir(parents=True, exist_ok=True)
    points = faces.facemesh_of(root, rows)
    by_hand = {outline.file: outline for outline in read_outlines()}
    classes = np.lib.format.open_memmap(work / "classes256.partial.npy", "w+", np.uint8, (len(rows), SIZE, SIZE))
    segmentation = mp.solutions.selfie_segmentation.SelfieSegmentation
    with segmentation(model_selection=0) as general, segmentation(model_selection=1) as landscape:
        for index, row in enumerate(rows):
            image = np.ascontiguousarray(faces.read_image(root / "images" / row["file"], SIZE))
            both = [model.process(image).segmentation_mask for model in (general, landscape)]
            person = np.average(both, axis=0, weights=(0.6, 0.4))  # each alone has holes and takes in background
            classes[index] = label(image, points[index], person, row)
            if row["file"] in by_hand:
                classes[index] = redrawn(classes[index], by_hand[row["file"]])
            if index % 500 == 0:
                print(f"{index} of {len(rows)}", flush=True)
    classes.flush()
    np.save(work / "head128.npy", np.stack([head_mask(each) for each in classes]))
    (work / "classes256.partial.npy").replace(work / "classes256.npy")


def main() -> None:
    """Make the class maps from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--out", type=Path, required=True, help="work folder of the class maps")
    arguments = parser.parse_args()
    prepare(arguments.data, arguments.out)


if __name__ == "__main__":
    main()
