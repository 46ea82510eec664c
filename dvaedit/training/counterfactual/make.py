"""Counterfactual faces: each training face again with one attribute changed and all else kept.

A face set of stills says what faces with glasses look like, never what glasses do to a face: whatever goes with them
in the data (age, sex, light) becomes part of every direction learnt from it. Pairs that differ in one attribute alone
teach the identity encoder and the U-Net the change itself. They are made from the labelled faces: drawn (glasses,
make-up), recoloured (hair), borrowed from another face in this one's geometry (beards, smiles, wrinkles) or moved
along the mean difference of two groups (sex, age; Rowland & Perrett, 1995).

What is made follows from the face as far as it can: an edit has one code for all that might be made, and a network
that learns from many different beards on like faces answers with their smear.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dvaedit.face.points import landmarks_68
from dvaedit.training.counterfactual import features, glasses, hair
from dvaedit.training.counterfactual.library import Contrast, Library, Row, Test

Made = tuple[np.ndarray, np.ndarray]  # picture, float32 (S, S, 3) in [0, 1], and its (468, 2) points
Maker = Callable[[int, np.random.Generator], Made]
COLOURS = ("black", "brown", "blond", "red", "gray")
SIZE = 128
LENDERS = 2  # donors that a feature of a face may come from


@dataclass(frozen=True)
class Change:
    """One kind of counterfactual.

    ``labels``: attributes it sets, in {0, 1}; ``applies``: to which faces; ``share``: how often it is chosen there.
    """

    name: str
    labels: dict[str, float]
    applies: Test
    share: float
    make: Maker


def changes(library: Library) -> list[Change]:
    """All that can be made of the faces of ``library``."""
    return [*_hair_changes(library), *_worn_changes(library), *_beard_changes(library), *_age_sex_changes(library),
            _smile_change(library)]  # fmt: skip


def _hair_changes(library: Library) -> list[Change]:
    found = []
    for colour in COLOURS:
        pool = hair_donors(library, colour)

        def make(index: int, rng: np.random.Generator, pool: np.ndarray = pool) -> Made:
            donor = library.choose(pool, index, rng, nearest=12)
            return hair.recolour(library, index, donor, rng), library.points[index]

        labels = {f"{c.title()}_Hair": float(c == colour) for c in COLOURS} | {"Dyed_Hair": 0.0}
        share = 0.6 if colour == "brown" else 1.0
        applies = partial(_has_other_hair, colour=colour)
        found.append(Change(f"{colour}_hair", labels, applies, share, make))
    return found


def hair_donors(library: Library, colour: str) -> np.ndarray:
    """Faces with enough hair that is ``colour`` in the light it stands in, not only by its label.

    What is gray or black by its label may be teal in the picture's light, and would dye hair teal in another.
    """
    pool = library.donors(lambda row: row["hair_colour"] == colour)
    light, green_red, blue_yellow = library.hair[pool, :3].T
    chroma, neutral = np.hypot(green_red, blue_yellow), (np.abs(green_red) < 3.5) & (blue_yellow > -2.5)
    fits = {
        "gray": (chroma < 8) & (light > 45) & neutral & (blue_yellow > 1),
        "blond": (light > 50) & (chroma > 18) & (green_red < 0.33 * blue_yellow),
        "black": (chroma < 8) & (light < 28) & neutral,
        "red": (chroma > 25) & (light > 25),
    }.get(colour, light > 0)
    return pool[fits & (light > 0)]  # NaN, too little hair, compares false


def _has_other_hair(row: Row, colour: str) -> bool:
    return row["hair_colour"] not in (colour, "bald", "hidden")


def _worn_changes(library: Library) -> list[Change]:
    def wear(index: int, rng: np.random.Generator, sun: bool) -> Made:
        points = library.points[index]
        return glasses.wear(library.image(index), points, library.classes[index], rng, sun), points

    def make_up(index: int, rng: np.random.Generator, heavy: bool) -> Made:
        points = library.points[index]
        return features.make_up(library.image(index), points, rng, heavy), points

    none = lambda row: row["glasses"] == "none"  # noqa: E731
    bare = lambda row: row["makeup"] != "1" and row["facial_hair"] in ("none", "stubble")  # noqa: E731
    return [
        Change("eyeglasses", {"Eyeglasses": 1, "Sunglasses": 0}, none, 2.0, partial(wear, sun=False)),
        Change("sunglasses", {"Sunglasses": 1}, none, 0.5, partial(wear, sun=True)),
        Change("lipstick", {"Wearing_Lipstick": 1}, bare, 1.0, partial(make_up, heavy=False)),
        Change("makeup", {"Wearing_Lipstick": 1, "Heavy_Makeup": 1}, bare, 0.6, partial(make_up, heavy=True)),
    ]


def _beard_changes(library: Library) -> list[Change]:
    found = []
    kinds = (
        ("beard", 1.8, 2.1, {"No_Beard": 0}),
        ("stubble", 0.5, 1.4, {"5_o_Clock_Shadow": 1}),
        ("moustache", 0.4, 2.0, {"Mustache": 1}),
    )
    for kind, share, amount, labels in kinds:
        grow = partial(_grown, library=library, beards=beards(library, kind), amount=amount)
        found.append(Change(kind, labels, _can_grow_beard, share, partial(grow, moustache_only=kind == "moustache")))
    return found


def beards(library: Library, kind: str) -> dict[bool, Contrast]:
    """What a beard, stubble or a moustache adds to a face, by whether its hair is gray."""
    shaven = lambda row: row["sex"] == "m" and row["facial_hair"] == "none" and row["age"] != "child"  # noqa: E731
    with_ = lambda row: row["facial_hair"] == kind and row["age"] != "child"  # noqa: E731
    return {
        gray: library.contrast(
            lambda row, gray=gray: with_(row) and (row["hair_colour"] == "gray") == gray,
            lambda row, gray=gray: shaven(row) and (row["hair_colour"] == "gray") == gray,
        )
        for gray in (False, True)
    }


def _grown(
    index: int, rng: np.random.Generator, *, library: Library, beards: dict[bool, Contrast], amount: float,
    moustache_only: bool,
) -> Made:  # fmt: skip
    contrast = beards[library.rows[index]["hair_colour"] == "gray"]
    return features.grow_beard(library, index, contrast, amount, moustache_only), library.points[index]


def _can_grow_beard(row: Row) -> bool:
    return row["facial_hair"] == "none" and row["age"] != "child" and row["occluded"] != "1"


def _smile_change(library: Library) -> Change:
    grown = lambda row: row["age"] in ("young", "middle")  # noqa: E731
    pool = library.donors(lambda row: row["smile"] == "broad" and row["facial_hair"] == "none" and grown(row))
    pool = library.evenly_lit(pool, 0.4)

    def make(index: int, rng: np.random.Generator) -> Made:
        return features.graft_smile(library, index, library.choose(pool, index, rng, nearest=LENDERS))

    applies = lambda row: row["smile"] == "none" and row["facial_hair"] in ("none", "stubble")  # noqa: E731
    return Change("smile", {"Smiling": 1}, applies, 2.5, make)


def _age_sex_changes(library: Library) -> list[Change]:
    plain = lambda row: row["facial_hair"] == "none" and row["glasses"] == "none" and row["smile"] != "broad"  # noqa: E731

    def group(**wanted: str) -> Test:
        return lambda row: plain(row) and all(row[name] == value for name, value in wanted.items())

    old = {sex: library.contrast(group(sex=sex, age="old"), group(sex=sex, age="young")) for sex in "mf"}
    sexes = library.contrast(group(sex="m", age="young"), group(sex="f", age="young"))
    wrinkled = library.donors(lambda row: plain(row) and row["age"] == "old" and row["smile"] == "none")
    wrinkled = features.most_wrinkled(library, library.evenly_lit(wrinkled, 0.4))
    stubble = beards(library, "stubble")
    gray = hair_donors(library, "gray")

    def age(index: int, rng: np.random.Generator) -> Made:
        image, points = features.shift_towards(library, index, old[library.rows[index]["sex"]], 1.3, 1.0, parts=0.3)
        image = features.lend_wrinkles(library, image, points, index, wrinkled, gain=0.6)
        if not np.isnan(library.hair[index, 0]):
            grayed = hair.recolour(library, index, library.choose(gray, index, rng, nearest=LENDERS), rng)
            mask = hair.hair_mask(library.image(index), library.classes[index])[..., None]
            image = image + 0.8 * mask * (grayed - image)
        return image, points

    def rejuvenate(index: int, rng: np.random.Generator) -> Made:
        image, points = features.shift_towards(library, index, old[library.rows[index]["sex"]], -0.9, -1.0)
        return features.lend_wrinkles(library, image, points, index, index, gain=0.0, keep=0.45), points

    def masculine(index: int, rng: np.random.Generator) -> Made:
        image, points = features.shift_towards(library, index, sexes, 1.6, 1.3)
        contrast = stubble[library.rows[index]["hair_colour"] == "gray"]
        grown = features.grow_beard(library, index, contrast, 1.6) - library.image(index)
        return np.clip(image + library.raster(points).pull(grown, library.points[index]), 0, 1), points

    def feminine(index: int, rng: np.random.Generator) -> Made:
        image, points = features.shift_towards(library, index, sexes, -1.6, -1.3)
        image = features.lend_wrinkles(library, image, points, index, index, gain=0.0, keep=0.55)
        return features.make_up(image, points, rng, heavy=False), points

    return [
        Change("old", {"Young": 0, "Child": 0}, lambda row: row["age"] in ("young", "middle"), 1.8, age),
        Change("young", {"Young": 1}, lambda row: row["age"] in ("old", "middle"), 1.8, rejuvenate),
        Change("male", {"Male": 1}, lambda row: row["sex"] == "f" and row["age"] != "child", 1.8, masculine),
        Change("female", {"Male": 0}, lambda row: row["sex"] == "m" and row["age"] != "child" and row["facial_hair"] in
               ("none", "stubble"), 1.8, feminine),
    ]  # fmt: skip


def plan(library: Library, kinds: list[Change], each: int, seed: int) -> list[tuple[int, int]]:
    """(face, kind) of every counterfactual to make: ``each`` kinds of every face that trains and is not in profile."""
    rng = np.random.default_rng(seed)
    chosen = []
    for index, row in enumerate(library.rows):
        if library.held_out[index] or abs(library.pose[index, 0]) > 0.6:
            continue
        fits = np.array([kind.share if kind.applies(row) else 0.0 for kind in kinds])
        if np.isnan(library.hair[index, 0]):
            fits[[kind.name.endswith("_hair") for kind in kinds]] = 0
        count = min(each, int((fits > 0).sum()))
        picks = rng.choice(len(kinds), count, replace=False, p=fits / fits.sum()) if count else []
        chosen += [(index, int(kind)) for kind in picks]
    rng.shuffle(chosen)
    return [tuple(pair) for pair in np.array(chosen).tolist()]


def make(root: Path, work: Path, each: int, seed: int, again: Collection[str] = ()) -> None:
    """Write ``counterfactuals.npz`` (base, kind, points, kind names and labels) and ``counterfactuals128.npy``.

    The pictures are uint8 (N, 128, 128, 3); the table covers those that are finished. ``again``: kinds to make anew in
    a finished set, whose others stay as they are.
    """
    cv2.setNumThreads(1)
    library = Library.load(root, work)
    kinds = changes(library)
    todo = plan(library, kinds, each, seed)
    table = work / "counterfactuals.npz"
    shape, points = (len(todo), SIZE, SIZE, 3), np.zeros((len(todo), 68, 2), np.float32)
    pictures = np.lib.format.open_memmap(work / "counterfactuals128.npy", "r+" if again else "w+", np.uint8, shape)
    if again:
        points[:] = np.load(table)["points"]
    for number, (index, kind) in enumerate(todo):
        if again and kinds[kind].name not in again:
            continue
        image, moved = kinds[kind].make(index, np.random.default_rng((seed, number)))
        small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        pictures[number] = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
        points[number] = landmarks_68(moved) * (SIZE / len(image))
        if not again and ((number + 1) % 500 == 0 or number + 1 == len(todo)):
            pictures.flush()
            base, kind_of = np.array(todo[: number + 1]).T
            np.savez(work / "partial.npz", base=base, kind=kind_of, points=points[: number + 1],
                     names=[k.name for k in kinds], labels=np.array([repr(k.labels) for k in kinds]))  # fmt: skip
            (work / "partial.npz").replace(table)
            print(f"{number + 1} of {len(todo)}", flush=True)


def main() -> None:
    """Make the counterfactuals from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--work", type=Path, required=True, help="work folder with the class maps of pseudo_labels")
    parser.add_argument("--each", type=int, default=6, help="counterfactuals per face")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", nargs="+", default=(), metavar="KIND", help="make these anew in a finished set")
    arguments = parser.parse_args()
    make(arguments.data, arguments.work, arguments.each, arguments.seed, arguments.again)


if __name__ == "__main__":
    main()
