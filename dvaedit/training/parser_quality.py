"""How well a face parser's regions fit outlines drawn by hand, whose drawer saw neither its maps nor its labels.

Two regions are outlined. ``hair``: the hair of the scalp, with sideburns down to the ear canal, without brows, beard
and hats; gaps between strands wider than about 3 pixels belong to what shows through. ``face``: from the hairline, or
the top of a bald head, to the jaw, without ears and neck, with all that lies on it: brows, eyes, glasses, nose, mouth,
beard. That is the region "face" of :mod:`dvaedit.face.regions`. Hair lies in front of the face. ``ignore``: where no
line can be drawn by eye, such as wisps, shaved sides, beard below the jaw, and what the border of a crop mirrors.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from dvaedit.checkpoints.load import load_model
from dvaedit.face.align import crop
from dvaedit.face.regions import REGIONS
from dvaedit.models.parsing import Classes
from dvaedit.runtime import Runtime
from dvaedit.training.augment import to_float
from dvaedit.training.faces import is_held_out, read_image, read_rows
from dvaedit.training.outlines import OUTLINED, SIZE, Outline, read_outlines
from dvaedit.training.parser_augment import occlude
from dvaedit.video.reader import read_frames

OUTLINES = Path("tests/data/outlines.json")


def read_crop(outline: Outline, data: Path) -> np.ndarray:
    """The crop that was outlined, uint8 (256, 256, 3) RGB. ``data``: the face set."""
    if outline.quad is None:
        return read_image(data / "images" / outline.file, SIZE)
    with closing(read_frames(Path(outline.file), 0, 1)) as frames:
        return crop(next(frames).rgb(), outline.quad, SIZE)


def overlap(classes: np.ndarray, outline: Outline) -> dict[str, tuple[int, int]]:
    """By region: pixels in both a class map, uint8 (256, 256), and the outline, and pixels in either."""
    counted, found = ~outline.covered("ignore"), {}
    for name in OUTLINED:
        drawn, guess = outline.region(name), np.isin(classes, list(REGIONS[name]))
        found[name] = int((drawn & guess & counted).sum()), int(((drawn | guess) & counted).sum())
    return found


@torch.inference_mode()
def measure(parser: Classes, outlines: Sequence[Outline], data: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """:func:`overlap` by file, for a parser on the CPU."""
    found = {}
    for outline in outlines:
        found[Path(outline.file).name] = overlap(_class_map(parser, read_crop(outline, data)), outline)
    return found


def iou(counts: tuple[int, int]) -> float:
    """Intersection over union; NaN where there is neither."""
    return counts[0] / counts[1] if counts[1] else float("nan")


def summary(found: dict[str, dict[str, tuple[int, int]]], outlines: Sequence[Outline]) -> dict[str, dict[str, float]]:
    """IoU by region: "mean" over the crops whose outline has the region; "pooled": of all pixels, bald heads' too."""
    names = {region: [Path(o.file).name for o in outlines if o.rings[region]] for region in OUTLINED}
    mean = {region: float(np.mean([iou(found[name][region]) for name in names[region]])) for region in OUTLINED}
    counts = {region: np.sum([row[region] for row in found.values()], axis=0) for region in OUTLINED}
    return {"mean": mean, "pooled": {region: float(iou(counts[region])) for region in OUTLINED}}


@torch.inference_mode()
def behind(parser: Classes, data: Path, count: int, seed: int = 0) -> dict[str, float]:
    """With things pasted before ``count`` held-out faces (hands, sticks with heads, blobs): shares of pixels.

    "painted": of what covers the face, what is still taken for face; "kept": of the rest of the face, what still is.
    """
    files = [row["file"] for row in read_rows(data) if is_held_out(row["file"]) and row["occluded"] == "0"]
    rng, face = np.random.default_rng(seed), sorted(REGIONS["face"])
    counts = np.zeros((2, 2), np.int64)
    for file, other in zip(files[:: max(len(files) // count, 1)][:count], rng.permutation(files), strict=False):
        image, thing = (read_image(data / "images" / name, SIZE) for name in (file, other))
        bare = _class_map(parser, image)
        covered, left = occlude((image, bare), thing, rng)
        before, gone = np.isin(bare, face), left != bare
        after = np.isin(_class_map(parser, covered), face)
        counts += [[(after & before & part).sum(), (before & part).sum()] for part in (gone, ~gone)]
    painted, kept = (counts[:, 0] / counts[:, 1]).tolist()
    return {"painted": painted, "kept": kept}


def _class_map(parser: Classes, image: np.ndarray) -> np.ndarray:
    """The classes of one crop, both (256, 256)."""
    return parser.class_map(to_float(torch.from_numpy(image[None].copy())))[0].numpy().astype(np.uint8)


def main() -> None:
    """Print the IoU of each crop, their mean and that of all pixels together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--outlines", type=Path, default=OUTLINES, help="JSON")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--occluded", type=int, default=0, help="also paste things before so many held-out faces")
    arguments = parser.parse_args()
    outlines = read_outlines(arguments.outlines)
    network = load_model(arguments.model, Runtime.resolve("cpu")).parser
    found = measure(network, outlines, arguments.data)
    crops = {name: {region: iou(counts) for region, counts in row.items()} for name, row in found.items()}
    for name, row in (crops | summary(found, outlines)).items():
        print(f"{name:28}" + "".join(f"  {region} {value:.3f}" for region, value in row.items()))
    if arguments.occluded:
        shares = behind(network, arguments.data, arguments.occluded)
        print("covered: " + ", ".join(f"{name} {value:.3f}" for name, value in shares.items()))


if __name__ == "__main__":
    main()
