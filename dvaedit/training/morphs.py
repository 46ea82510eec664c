"""Learn how faces with something differ on average: the shapes, shades, teeth and so on of ``compact-morphs``.

    python -m dvaedit.training.morphs --data FACES --work WORK --export weights

Groups of labelled faces are compared point by point and, brought to one shape, pixel by pixel (medians; Rowland &
Perrett, 1995). It takes a minute or two. ``WORK`` holds the class maps of ``pseudo_labels``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from dvaedit.checkpoints.store import write_weights
from dvaedit.face.align import LEFT_EYE, RIGHT_EYE
from dvaedit.face.anchor import pixels
from dvaedit.face.lipstick import coverage
from dvaedit.face.mask import smoothstep
from dvaedit.face.points import MIRROR_68, landmarks_68, mirrored
from dvaedit.training.beards import SHADOW, STUBBLE, learn_beard, moustache
from dvaedit.training.cosmetics import BLUSH, ROSY, blush, eyes_made_up, lipstick
from dvaedit.training.counterfactual.library import Library, Row, Test
from dvaedit.training.locks import learn_locks
from dvaedit.training.pseudo_labels import SIZE
from dvaedit.training.sources import TRAINING_DATA
from dvaedit.training.teeth import learn_teeth
from dvaedit.training.wrinkles import learn_wrinkles

COUNT, FRONTAL = 400, 0.15  # faces of a group, at most; how far they may be turned
EYES, BROWS, LIPS = (LEFT_EYE, RIGHT_EYE), (slice(17, 22), slice(22, 27)), (slice(48, 60),)
NOSE, WINGS = np.r_[29, 31, 33, 35], 0.035  # its lower half; how far its wings go beyond, in sides of the crop
ROOT, MUZZLE = (np.r_[21, 22, 27],), (np.r_[31:36, 54:47:-1],)  # between the brows; between nose and mouth
BESIDE = 19  # pixels by which lips, of which shades would move the outlines, are let out
UNDER = 0.016  # how far the lower edge of brows lies below their points, in sides of the crop
CORNERS, CORNER = [48, 54], 0.05  # of the mouth; how wide, in sides of the crop
CREASED, LINED = 0.5, 0.75  # share of an old face's lines by them, and above the brows
TALL, WIDER = 0.14, 25  # height of foreheads, sides of the crop; pixels beyond the face's outline
FADE = 23  # pixels over which a texture ends before the mesh does
ABOVE, ACROSS = 5, 14.0  # pixels above the brows from which on a forehead's relief runs across; sigma of that
RELIEF = 8.0  # sigma of what counts as shade, not relief
FOUNDATION = 0.5  # share of the skin's fine relief that make-up hides
STILL = np.array([0, 1, 15, 16, 27, 28, 36, 39, 42, 45])  # points that say how large and how tilted a face is


@dataclass(frozen=True)
class Look:
    """What becomes of a mean difference before it is put on faces.

    ``shape``, ``texture``: how much of it is taken; ``relief``: so much more of what is fine; ``tint``: share of
    its colour, its lightness being whole; ``darker``, ``lighter``: Lab lightness it does not exceed; ``eyes``,
    ``lips``, ``brows``: share that these, and the skin beside lips, take, whose mean is a blur; ``steady``: share
    that brows and upper lids move; ``smooth``: share of wrinkles and folds that goes; ``soft``: sigma, pixels, by
    which lightness and colour are blurred: where a face has no folds, what lightens them is streaks; ``nose``:
    share of it all that the nose's lower half takes, whose wings are edges, no folds; ``root``, ``muzzle``: the
    same of the skin between the brows, and between nose and mouth; ``mouth``: share of its own change of size that
    the mouth takes; ``jaw``: share that the outline of the face moves, and with it what lies behind; ``plucked``:
    share of what is dark that goes from the lower edge of brows and between them.
    """

    shape: float = 1.0
    texture: float = 1.0
    relief: float = 0.0
    tint: float = 1.0
    darker: float = 30.0
    lighter: float = 4.0
    eyes: float = 1.0
    lips: float = 1.0
    brows: float = 1.0
    steady: float = 1.0
    smooth: float = 0.0
    soft: float = 0.0
    nose: float = 1.0
    root: float = 1.0
    muzzle: float = 1.0
    mouth: float = 1.0
    jaw: float = 1.0
    plucked: float = 0.0


LOOKS: dict[str, Look] = {
    "Smiling+": Look(texture=1.1, tint=0.6, lighter=15, eyes=0, lips=0, brows=0, steady=0.4, muzzle=0.5,
                     jaw=0.0),
    "Male+": Look(shape=1.5, texture=1.9, tint=0.5, lighter=1, eyes=0.3, lips=0, brows=0.6, root=0.3),
    "Male-": Look(shape=-1.3, texture=-1.6, tint=0.3, darker=10, eyes=0.5, lips=0, brows=0.15, smooth=0.3,
                  plucked=0.3),
    "Young-": Look(shape=1.1, texture=0.75, relief=1.0, tint=0.25, darker=20, eyes=0.2, lips=0, brows=0.6,
                   muzzle=0.7, mouth=0.2),
    "Young+": Look(shape=-0.9, texture=-1.2, relief=0.3, tint=0.3, darker=1, lighter=2, eyes=0.1, lips=0.5, brows=0.1,
                   smooth=0.95, soft=10, nose=0.3, mouth=0.2),
    "Child+": Look(shape=0.8, texture=1.2, tint=0.3, darker=8, lighter=8, eyes=0.2, lips=0.5, brows=0.3, smooth=0.9,
                   nose=0.3, mouth=0.5),
    "Mouth_Slightly_Open+": Look(shape=1.5, texture=0, steady=0),
}  # fmt: skip


def _plain(row: Row) -> bool:
    return all(row[name] in ("0", "none") for name in ("glasses", "headwear", "occluded")) and row["smile"] != "broad"


def _group(**wanted: str) -> Test:
    """Plain faces, shaven unless said otherwise, with these labels; several are separated by "|"."""
    wanted = {"facial_hair": "none", **wanted}
    return lambda row: _plain(row) and all(row[name] in value.split("|") for name, value in wanted.items())


def _smiling(row: Row) -> bool:
    return row["smile"] == "broad" and row["mouth_open"] == "1" and row["age"] in ("young", "middle")


def _serious(row: Row) -> bool:
    return row["smile"] == "none" and row["mouth_open"] == "0" and row["age"] in ("young", "middle")


def _agape(row: Row) -> bool:
    return row["smile"] == "none" and row["mouth_open"] == "1" and row["age"] in ("young", "middle")


def _bare(test: Test) -> Test:
    return lambda row: test(row) and row["glasses"] == "none" and row["facial_hair"] == "none"


def learn(library: Library) -> dict[str, np.ndarray]:
    """The tensors of the file, by name: see :class:`dvaedit.models.morphs.Morphs`."""
    reference = _even(landmarks_68(library.canonical) / SIZE)
    smile = [(_bare(_smiling), _bare(_serious))]
    sexes = [(_group(sex="m", age="young", facial_hair="none|stubble"), _group(sex="f", age="young"))]
    ages = [(_group(sex=sex, age="old"), _group(sex=sex, age="young")) for sex in "mf"]
    childhood = [(_group(sex=sex, age="child"), _group(sex=sex, age="young")) for sex in "mf"]
    mouths = [(_bare(_agape), _bare(_serious))]
    pairs = {"Smiling+": smile, "Male+": sexes, "Male-": sexes, "Young-": ages, "Young+": ages, "Child+": childhood,
             "Mouth_Slightly_Open+": mouths}  # fmt: skip
    found = {"reference": reference, "teeth": learn_teeth(library, library.donors(_smiling, FRONTAL))}
    for name, groups in pairs.items():
        differences = [difference(library, *pair) for pair in groups]
        texture, shape = (np.mean(part, axis=0) for part in zip(*differences, strict=True))
        look = LOOKS[name]
        found[f"texture/{name}"] = dressed(texture, look, reference)
        if look.smooth:
            skin = look.smooth * bare_skin(reference) * _but_nose(reference, look)
            found[f"smooth/{name}"] = np.maximum(skin, look.plucked * _under_brows(reference))
        found[f"shape/{name}"] = look.shape * _moving(shape, look)
    found["coat"] = coverage(lipstick(library, library.donors(_group(sex="f", smile="none"), FRONTAL)))
    lines = learn_wrinkles(library, skin_of(reference), covered(texture))
    found["texture/Young-"][..., 0] += lines * _lined(reference)
    found |= make_up(reference, bare_skin(reference)) | hair_of_faces(library, reference)
    found["locks"] = learn_locks(library, reference)
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def difference(library: Library, present: Test, absent: Test, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """How faces with ``present`` differ from those with ``absent``: Lab over the mean face, (S, S, 3), and the points.

    These, (68, 2), sides of the crop, are of faces brought to one place, size and tilt.
    """
    rng = np.random.default_rng(seed)
    groups = [library.donors(test, FRONTAL) for test in (present, absent)]
    chosen = [rng.choice(pool, min(COUNT, len(pool)), replace=False) for pool in groups]
    with_, without = (np.median([library.canonical_lab(k) for k in pool], axis=0) for pool in chosen)
    shapes = [np.mean([_placed(library, k) for k in pool], axis=0) for pool in groups]
    return with_ - without, _sym(shapes[0] - shapes[1])


def _placed(library: Library, index: int) -> np.ndarray:
    """Points of a face, (68, 2), sides of the crop, laid upon the mean face by eyes, nose and temples."""
    own, mean = (landmarks_68(points) / SIZE for points in (library.points[index], library.canonical))
    own, mean = own.astype(np.float64), mean.astype(np.float64)
    a, b = own[STILL] - own[STILL].mean(axis=0), mean[STILL] - mean[STILL].mean(axis=0)
    size = (a**2).sum()
    cos, sin = (a * b).sum() / size, (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / size
    return (own - own[STILL].mean(axis=0)) @ np.array([[cos, sin], [-sin, cos]]) + mean[STILL].mean(axis=0)


def dressed(texture: np.ndarray, look: Look, reference: np.ndarray) -> np.ndarray:
    """A mean difference, (S, S, 3) Lab, as it is put on: even, without the change of all the skin alike, and fading."""
    inside = covered(texture)
    texture = look.texture * (texture + texture[:, ::-1]) / 2
    texture = (texture - np.median(texture[inside > 0], axis=0)) * [1, look.tint, look.tint]
    light = texture[..., 0]
    light = light + look.relief * (light - cv2.GaussianBlur(light, (0, 0), RELIEF))
    light = light + _forehead(reference) * (_across(light, inside) - light)
    bound = np.where(light > 0, look.lighter, look.darker)
    weight = fading(inside) * _but_nose(reference, look)
    for parts, share, grow in (
        (EYES, look.eyes, 5), (LIPS, look.lips, BESIDE), (BROWS, look.brows, 13), (ROOT, look.root, 25),
        (MUZZLE, look.muzzle, 3),
    ):  # fmt: skip
        weight *= 1 - (1 - share) * _filled(reference, parts, grow)
    change = np.dstack([bound * np.tanh(light / bound), texture[..., 1:]])
    return weight[..., None] * (cv2.GaussianBlur(change, (0, 0), look.soft) if look.soft else change)


def _across(light: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """``light`` averaged along its rows, (S, S), where the mesh is."""
    total, weight = (
        cv2.GaussianBlur(one.astype(np.float32), (0, 0), sigmaX=ACROSS, sigmaY=0.1) for one in (light * inside, inside)
    )
    return np.where(inside > 0, total / np.maximum(weight, 1e-6), light)


def _forehead(reference: np.ndarray) -> np.ndarray:
    """(S, 1) in [0, 1]: the rows of the mean face above its brows."""
    low = min(reference[part, 1].min() for part in BROWS) * SIZE - ABOVE
    return smoothstep(low - np.arange(SIZE), 0, 2 * ABOVE)[:, None]


def _lined(reference: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: share of one face's lines that are put on; forehead and corners of the mouth have fewer, lips
    none."""
    places = pixels(SIZE)
    away = np.min([np.linalg.norm(places - corner, axis=2) for corner in reference[CORNERS]], axis=0)
    creases = CREASED + (1 - CREASED) * smoothstep(away, CORNER, 2 * CORNER)
    return creases * (1 - (1 - LINED) * _forehead(reference)) * (1 - _filled(reference, LIPS, BESIDE))


def covered(texture: np.ndarray) -> np.ndarray:
    """uint8 (S, S): where the mesh of the mean face is, outside of which a difference is the same everywhere."""
    differs = np.abs(texture - texture[0, 0]).sum(axis=2) > 1e-3
    return cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9)))


def fading(inside: np.ndarray) -> np.ndarray:
    """float32 (S, S): one inside, ending softly with the mesh."""
    return cv2.GaussianBlur(cv2.erode(inside, np.ones((FADE, FADE))).astype(np.float32), (0, 0), FADE / 4)


def bare_skin(reference: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: the mean face without eyes, brows and lips, up to where hair begins and a little beyond its
    outline: what shows there tells skin from what is beside it."""
    hairline = [reference[brow] - [0, TALL] for brow in BROWS]
    ring = np.vstack([reference, *hairline])
    outline = ring[cv2.convexHull(ring.astype(np.float32), returnPoints=False)[:, 0]]
    return _filled(outline, (slice(None),), WIDER) * skin_of(reference, eyes=9, brows=21)


def skin_of(reference: np.ndarray, eyes: int = 7, brows: int = 13) -> np.ndarray:
    """(S, S) in [0, 1]: zero on eyes, brows, lips and nostrils of the mean face. eyes, brows: pixels by which they are
    let out."""
    weight = np.ones((SIZE, SIZE), np.float32)
    for parts, grow in ((EYES, eyes), (LIPS, 7), (BROWS, brows), ((slice(31, 36),), 7)):
        weight = weight * (1 - _filled(reference, parts, grow))
    return weight


def _under_brows(reference: np.ndarray) -> np.ndarray:
    """(S, S) in [0, 1]: between the brows of the mean face, and the lower edge of both."""
    return np.maximum(_filled(reference + np.array([0, UNDER]), BROWS, 9), _filled(reference, ROOT, 9))


def _but_nose(reference: np.ndarray, look: Look) -> np.ndarray:
    """(S, S) in [0, 1]: what the lower half of the nose takes, and one elsewhere."""
    outline = reference[NOSE] + WINGS * np.array([[0, 0], [-1, 0], [0, 0.3], [1, 0]])
    return 1 - (1 - look.nose) * _filled(outline, (slice(None),), 9)


def make_up(reference: np.ndarray, bare: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors of what is painted on skin and eyes. bare: (S, S) in [0, 1], see :func:`bare_skin`."""
    colours = {
        "Heavy_Makeup+": eyes_made_up(reference) + blush(reference, BLUSH),
        "Rosy_Cheeks+": blush(reference, ROSY),
    }
    found = {f"texture/{name}": colour for name, colour in colours.items()}
    found |= {f"shape/{name}": np.zeros_like(reference) for name in colours}
    return found | {"smooth/Heavy_Makeup+": FOUNDATION * bare}


def hair_of_faces(library: Library, reference: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors of the hair that grows on faces."""
    beard = learn_beard(library, reference)
    return {
        "cover/Male+": STUBBLE * beard,
        "cover/5_o_Clock_Shadow+": SHADOW * beard,
        "cover/Mustache+": moustache(beard, reference),
        "cover/No_Beard-": beard,
    }


def _moving(shape: np.ndarray, look: Look) -> np.ndarray:
    shape = shape.copy()
    shape[np.r_[17:27, 36:40, 42:46]] *= look.steady
    shape[:17] *= look.jaw
    mean = shape[48:68].mean(axis=0)
    shape[48:68] = mean + look.mouth * (shape[48:68] - mean)
    return shape


def _filled(reference: np.ndarray, parts: Sequence[slice], grow: int) -> np.ndarray:
    """(S, S) in [0, 1]: parts of the face, ``grow`` pixels wider than their points, with soft edges."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for part in parts:
        cv2.fillPoly(mask, [np.rint((reference[part] * SIZE - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return cv2.GaussianBlur(cv2.dilate(mask, np.ones((grow, grow))).astype(np.float32), (0, 0), 1.5 + grow / 12)


def _even(points: np.ndarray) -> np.ndarray:
    return (points + mirrored(points)) / 2


def _sym(shift: np.ndarray) -> np.ndarray:
    return (shift + shift[MIRROR_68] * [-1, 1]) / 2


def export(library: Library, folder: Path) -> None:
    """Write ``compact-morphs`` and its card."""
    tensors = {name: torch.from_numpy(value).contiguous() for name, value in learn(library).items()}
    fields = {
        "name": "compact-morphs", "kind": "morphs", "version": "1", "source": "python -m dvaedit.training.morphs",
        "licence": "MIT", "training_data": TRAINING_DATA,
        "description": "Mean differences between groups of labelled faces: how smiles, sex, age and childhood move and "
                       "shade a face; the lines of one old face, a synthetic one; the teeth of smiles; where make-up "
                       "lies, and stubble, moustaches and beards grow; where long hair hangs and how its strands run. "
                       "Stored as float16.",
    }  # fmt: skip
    card = write_weights(folder, fields, tensors, torch.float16)
    print(f"{card.file}: {card.size / 1e6:.2f} MB")


def main() -> None:
    """Learn and write the morphs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--work", type=Path, required=True, help="work folder with the class maps of pseudo_labels")
    parser.add_argument("--export", type=Path, required=True, metavar="FOLDER", help="where to write them")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    export(Library.load(arguments.data, arguments.work), arguments.export)


if __name__ == "__main__":
    main()
