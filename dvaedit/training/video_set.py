"""The paper's training layout, ``root/{train,test}/<video>/<frame>.png``: found, checked, read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from dvaedit.errors import UsageError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
LAYOUT_HINT = "It needs train/VIDEO/FRAME.png, aligned crops: make them with `dvaedit prepare VIDEO... --out FOLDER`."

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Video:
    """``frames``: file names in the folder, in order."""

    name: str
    frames: tuple[str, ...]


@dataclass(frozen=True)
class VideoSet:
    """One split of a data set. ``image_size``: side to which crops are brought, pixels."""

    root: Path
    split: str
    image_size: int
    videos: tuple[Video, ...]

    @property
    def frames(self) -> int:
        """All frames of all videos."""
        return sum(len(video.frames) for video in self.videos)

    def path(self, video: Video, frame: str) -> Path:
        """Of one frame."""
        return self.root / self.split / video.name / frame

    def read(self, video: Video, index: int) -> np.ndarray:
        """One crop, uint8 (S, S, 3) RGB."""
        return read_crop(self.path(video, video.frames[index]), self.image_size)


def open_split(root: Path, split: str, image_size: int, batch_size: int = 1) -> VideoSet:
    """The videos of ``root/split``, sorted by name, once the first frame of each has been looked at.

    Raises UsageError where data are missing, too few for one batch, too small or no square crops.
    """
    folder = root / split
    if not root.is_dir():
        raise UsageError(f"there are no training data at {root}", LAYOUT_HINT)
    if not folder.is_dir():
        raise UsageError(f"{root} has no folder {split}", LAYOUT_HINT)
    found = [Video(path.name, _frames(path)) for path in sorted(folder.iterdir()) if path.is_dir()]
    if not found and _frames(folder):
        raise UsageError(f"{folder} holds pictures, not a folder for each video", LAYOUT_HINT)
    videos = tuple(video for video in found if video.frames)
    if empty := len(found) - len(videos):
        logger.warning("%d of the %d folders in %s hold no pictures", empty, len(found), folder)
    data = VideoSet(root, split, image_size, videos)
    if data.frames < batch_size:
        raise UsageError(
            f"{folder} holds {data.frames} frames of {len(videos)} videos, too few for a batch of {batch_size}",
            LAYOUT_HINT if not videos else "Prepare more videos, or take a smaller batch.",
        )
    for video in videos:
        check_size(data.path(video, video.frames[0]), image_size)
    return data


def _frames(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES))


def check_size(path: Path, image_size: int) -> None:
    """Raises UsageError for a picture that is no aligned crop of at least ``image_size`` pixels; reads its header."""
    with _opened(path) as image:
        _check_size(path, image.size, image_size)


def read_crop(path: Path, image_size: int) -> np.ndarray:
    """A crop as uint8 (S, S, 3) RGB; a larger one is reduced (bilinear, antialiased, as in the paper's training)."""
    with _opened(path) as image:
        _check_size(path, image.size, image_size)
        try:
            image = image.convert("RGB")
        except (OSError, SyntaxError) as error:  # what Pillow raises for a damaged PNG
            raise _unreadable(path, error) from error
        if image.size != (image_size, image_size):
            image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
        return np.array(image)


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(f"cannot read the frame {path}: {error}", "Remove it, or prepare that video again.")


def _check_size(path: Path, size: tuple[int, int], image_size: int) -> None:
    width, height = size
    if width != height:
        raise UsageError(f"{path} is {width} x {height} pixels: an aligned crop is square", LAYOUT_HINT)
    if width < image_size:
        raise UsageError(
            f"{path} is {width} pixels wide, the model is trained at {image_size}",
            f"Prepare the data with --size {image_size}, or train with --size {width}.",
        )
