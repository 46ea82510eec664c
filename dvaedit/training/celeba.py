"""CelebA-HQ's images with the attribute list of CelebAMask-HQ: first line = count, second = names, then one a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dvaedit.errors import UsageError
from dvaedit.training.video_set import read_crop

HINT = "It is CelebAMask-HQ-attribute-anno.txt: a count, a line of names, then lines of FILE and -1 or 1 for each name."


@dataclass(frozen=True)
class AttributeSet:
    """``names``: (A,); ``files``: (N,) paths; ``labels``: float32 (N, A) in {0, 1}; ``image_size``: pixels."""

    names: tuple[str, ...]
    files: tuple[Path, ...]
    labels: np.ndarray
    image_size: int

    def read(self, index: int) -> np.ndarray:
        """uint8 (S, S, 3) RGB."""
        return read_crop(self.files[index], self.image_size)


def read_attributes(path: Path) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """The names, and per file the labels, float32 (A,) in {0, 1}. Raises UsageError that names the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the attribute list {path}: {error}", HINT) from error
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise UsageError(f"{path} is no attribute list: its first line is not a count", HINT)
    names, rows = tuple(lines[1].split()), {}
    for number, line in enumerate(lines[2:], 3):
        file, *values = line.split() or [""]
        if not file:
            continue
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            raise UsageError(f"line {number} of {path} does not give {len(names)} values of -1 or 1", HINT)
        rows[file] = np.array([value == "1" for value in values], np.float32)
    if len(rows) != int(lines[0]):
        raise UsageError(f"{path} says {lines[0].strip()} images and lists {len(rows)}", "Is it complete?")
    return names, rows


def open_set(images: Path, attributes: Path, image_size: int) -> AttributeSet:
    """The images of the list, all of which must be there. Raises UsageError."""
    names, rows = read_attributes(attributes)
    if not images.is_dir():
        raise UsageError(f"there is no folder {images}", "It holds CelebA-HQ's images: 0.jpg, 1.jpg, ...")
    files = tuple(images / file for file in rows)
    if missing := [file.name for file in files if not file.is_file()]:
        raise UsageError(
            f"{len(missing)} of the {len(files)} images in {attributes.name} are not in {images}: {missing[0]}, ...",
            "Is the set complete, and is it the right folder?",
        )
    return AttributeSet(names, files, np.stack(list(rows.values())), image_size)
