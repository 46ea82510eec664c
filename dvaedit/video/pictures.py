"""Pictures, sequences of them and moving ones that libav does not read: in as lossless video, out as pictures again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from dvaedit.errors import UsageError, VideoError
from dvaedit.video.colour import BT709, FULL
from dvaedit.video.files import atomic, check_folder, temporary_folder, write_error
from dvaedit.video.probe import VideoInfo
from dvaedit.video.reader import read_frames

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".apng")
WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MILLISECOND = Fraction(1, 1000)
DEFAULT_DURATION = 100  # milliseconds of a moving picture's frame that states none
MAX_PIXELS = 1 << 26  # 8192 x 8192; more is refused, as a header may claim anything
_FORMATS = {"1": "gray", "L": "gray", "RGB": "rgb24", "RGBA": "rgba"}
_SAVE = {
    ".jpg": {"quality": 97, "subsampling": 0},
    ".jpeg": {"quality": 97, "subsampling": 0},
    ".webp": {"lossless": True, "exact": True},
}
log = logging.getLogger(__name__)


def is_pictures(path: Path) -> bool:
    """Whether an input is a picture, a moving one that needs Pillow, or a folder of pictures."""
    return path.suffix.lower() in SUFFIXES or path.is_dir()


def picture_files(path: Path) -> list[Path]:
    """The files of a folder of pictures by name, or the one file. Raises VideoError where there are none."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    if not files:
        hint = f"Give a video file, a picture, or a folder of pictures ({', '.join(SUFFIXES)})."
        raise VideoError(f"{path} is a directory, not a video file: it holds no pictures.", hint)
    return files


def read_pictures(path: Path, rate: Fraction) -> Iterator[tuple[Image.Image, int]]:
    """Upright pictures in mode L, RGB or RGBA, each with its time in milliseconds.

    A folder's pictures follow one another at ``rate``, the frames of a moving picture last as long as it says.
    Raises VideoError for a file that is none, is damaged, or has more than 8 bits a sample.
    """
    files, time = picture_files(path), 0
    for number, file in enumerate(files):
        if len(files) > 1:
            yield _only(file), round(number * 1000 / rate)
            continue
        with _opened(file) as picture:
            for frame in ImageSequence.Iterator(picture):
                yield _plain(frame, file), time
                time += round(frame.info.get("duration", 0)) or DEFAULT_DURATION


def _only(file: Path) -> Image.Image:
    with _opened(file) as picture:
        return _plain(picture, file)


def _opened(file: Path) -> Image.Image:
    try:
        picture = Image.open(file)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise VideoError(f"{file.name} is not a readable picture.", "Get a complete copy of it.") from error
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise VideoError(f"{file.name} claims to be {picture.width}x{picture.height} pixels.", "Make it smaller first.")
    return picture


def _plain(picture: Image.Image, file: Path) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        raise VideoError(f"{file.name} has more than 8 bits a sample.", "Convert it to 8 bits first.")
    try:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("LA", "PA", "La", "RGBa") or (upright.mode == "P" and "transparency" in upright.info):
            return upright.convert("RGBA")
        return upright.copy() if upright.mode in ("L", "RGB", "RGBA") else upright.convert(_plain_mode(upright))
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        raise VideoError(f"{file.name} is damaged.", "Get a complete copy of it.") from error


def _plain_mode(picture: Image.Image) -> str:
    return "L" if picture.mode == "1" else "RGB"


def picture_frames(pictures: Iterator[tuple[Image.Image, int]], path: Path) -> Iterator[tuple[av.VideoFrame, int, str]]:
    """(frame, time in milliseconds, pixel format) of pictures, all in the first one's size and mode.

    Raises VideoError where a picture has another size, or transparency that the first one lacks.
    """
    mode = size = None
    for number, (picture, time) in enumerate(pictures):
        mode, size = mode or picture.mode, size or picture.size
        if picture.size != size:
            was = f"{picture.width}x{picture.height} pixels, the first one {size[0]}x{size[1]}"
            raise VideoError(f"Picture {number} of {path.name} is {was}.", "Bring all pictures to one size first.")
        if picture.mode == "RGBA" != mode:
            raise VideoError(
                f"Picture {number} of {path.name} is transparent, the first one is not.", "Make all alike."
            )
        array = np.asarray(picture if picture.mode == mode else picture.convert(mode))
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=_FORMATS[mode]), time, _FORMATS[mode]


def pictures_info(path: Path, frame: av.VideoFrame, pix_fmt: str) -> VideoInfo:
    """Describes pictures as a video: full range, milliseconds."""
    return VideoInfo(
        path=path, width=frame.width, height=frame.height, rotation=0, pix_fmt=pix_fmt, time_base=MILLISECOND,
        rate=None, frames=0, duration=0.0, color_range=FULL, color_matrix=2 if pix_fmt == "gray" else 0,
        color_primaries=BT709, color_transfer=13, sar=Fraction(1), codec="", audio=(), format_name="pictures",
    )  # fmt: skip


def write_pictures(video: Path, source: Path, output: Path, comment: str = "") -> None:
    """Write the frames of a lossless ``video`` as pictures named and formatted like those of ``source``.

    output: a file for a single picture, else a folder, which must not exist or be empty. A picture that no edit has
    touched is copied bit for bit where it keeps its format; EXIF and the colour profile go with the others, whose EXIF
    names ``comment`` as the software.
    """
    files = picture_files(source)
    pairs = zip(read_frames(video), files, strict=True)
    if len(files) == 1 and not source.is_dir():
        ((frame, file),) = pairs
        with atomic(output) as partial:
            _write(frame.native, file, partial, comment)
        return
    with temporary_folder(output) as folder:
        for frame, file in pairs:
            _write(frame.native, file, folder / file.name, comment)


def check_pictures_output(output: Path, single: bool) -> None:
    """Raises UsageError or StorageError where ``write_pictures`` could not write."""
    if single and output.suffix.lower() not in WRITTEN:
        raise UsageError(f"{output} is not named as a picture.", f"Name it with one of {', '.join(WRITTEN)}.")
    if not single and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} exists and is not an empty folder", "Choose another name with -o.")
    check_folder(output.absolute().parent)


def _write(frame: av.VideoFrame, source: Path, output: Path, comment: str) -> None:
    edited = _array(frame)
    with _opened(source) as original:
        before = _plain(original, source)
        if output.suffix.lower() == source.suffix.lower() and np.array_equal(edited, np.asarray(before)):
            output.write_bytes(source.read_bytes())
            return
        keep = {name: original.info[name] for name in ("icc_profile", "dpi") if original.info.get(name)}
        exif = original.getexif()
        exif.pop(0x0112, None)  # the pixels stand upright now
        if comment:
            exif[0x0131] = comment
        if len(exif):
            keep["exif"] = exif.tobytes()
    suffix = output.suffix.lower()
    picture = Image.fromarray(edited)
    if picture.mode == "RGBA" and suffix in (".jpg", ".jpeg"):
        log.warning("%s: a JPEG is written without its transparency.", source.name)
        picture = picture.convert("RGB")
    try:
        picture.save(output, **keep, **_SAVE.get(suffix, {}))
    except (OSError, ValueError) as error:
        raise write_error(error, output) from error


def _array(frame: av.VideoFrame) -> np.ndarray:
    """uint8 (H, W), (H, W, 3) or (H, W, 4), without any conversion of samples but their order."""
    name = frame.format.name
    if name == "gray":
        return frame.to_ndarray()
    rows = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, frame.planes[0].line_size)
    samples = rows[:, : 4 * frame.width].reshape(frame.height, frame.width, 4)
    return np.ascontiguousarray(samples[..., [2, 1, 0, 3]] if name == "bgra" else samples[..., [2, 1, 0]])
