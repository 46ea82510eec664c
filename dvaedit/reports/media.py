"""The pictures of a report: one small video per edit, source and edit side by side in it, and strips of key frames."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dvaedit.evaluation.measure import Edited, Original, partner_frames
from dvaedit.face.align import crop
from dvaedit.video.siting import read_sited
from dvaedit.video.writer import write_rgb_video

SIDE = 960  # pixels, longest side of a picture in the report's video
LARGEST = 24_000_000  # bytes of one video; above, it is encoded again, smaller
LEAST_SIDE = 240
SHRINK = 0.7
CRF, GOP = 20, 12  # a keyframe every 12 frames makes stepping quick
KEY_FRAMES = 6
THUMB = 176  # pixels, side of a key frame
GAIN = 4  # of the difference in the strips
TICKS = 1000  # of the video's clock, per second
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 82]


@dataclass(frozen=True)
class Clip:
    """A video as a data URI: source on the left, edit on the right, each ``width`` x ``height``.

    ``note``: in words, how it differs from the files.
    """

    uri: str
    width: int
    height: int
    note: str


@dataclass(frozen=True)
class KeyFrame:
    """The face in one frame, as JPEG data URIs: before, after, and the difference times ``GAIN``."""

    frame: int
    time: float
    label: str
    before: str
    after: str
    difference: str


def page_bytes(videos: Sequence[Path]) -> int:
    """What a page with these videos takes at the most: each as it is or ``LARGEST``, in base64, and the pictures."""
    return sum(min(video.stat().st_size * 2, LARGEST) * 4 // 3 + 2_000_000 for video in videos if video.is_file())


def make_media(
    original: Original, edit: Edited, chosen: Sequence[int], worst: int | None, progress: Callable[[int, int], None]
) -> tuple[Clip, list[KeyFrame]]:
    """The video and the key frames ``chosen`` (frame numbers) of one edit; ``worst`` is labelled as such."""
    wanted, keys = set(chosen), []
    place = {int(frame): position for position, frame in enumerate(original.frames)}

    def pairs(collect: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        source = read_sited(original.path, original.location)
        with closing(source) as frames, closing(partner_frames(edit)) as partners:
            for frame, after in zip(frames, partners, strict=True):
                before = frame.rgb()
                if collect and frame.index in wanted and after is not None:
                    label = "least like the person" if frame.index == worst else ""
                    quad = original.quads[place[frame.index]]
                    keys.append(_key_frame(frame.index, original.times, label, before, after, quad))
                yield before, np.zeros_like(before) if after is None else after
                progress(frame.index + 1, len(original.times))

    clip = _encode(original, pairs)
    return clip, keys


def choose_frames(original: Original, edit: Edited, identity: Sequence[float | None]) -> tuple[list[int], int | None]:
    """Key frames, spread over those of the original that show the face and have a partner in the edit, whatever that
    shows; and which of them keeps the identity least, None where that is known of none."""
    shown = [int(frame) for frame in original.frames if edit.pairing.partner[frame] >= 0]
    if not shown:
        return [], None
    known = [frame for frame in shown if identity[frame] is not None]
    worst = min(known, key=lambda frame: identity[frame]) if known else None
    places = np.unique(np.linspace(0, len(shown) - 1, KEY_FRAMES).round().astype(int))
    chosen = [shown[place] for place in places.tolist()]
    if worst is not None and worst not in chosen and len(chosen) == KEY_FRAMES:
        nearest = min(range(1, KEY_FRAMES - 1), key=lambda k: abs(chosen[k] - worst))
        chosen[nearest] = worst
    return sorted(chosen), worst


def _encode(original: Original, pairs: Callable[[bool], Iterator[tuple[np.ndarray, np.ndarray]]]) -> Clip:
    side, first = SIDE, True
    with tempfile.TemporaryDirectory(prefix="dvaedit-") as folder:
        path = Path(folder) / "clip.mp4"
        while True:
            width, height = _shown_size(original.size, side)
            write_pair_video(path, original.times, pairs(first), (width, height))
            if path.stat().st_size <= LARGEST or side <= LEAST_SIDE:
                break
            side, first = max(LEAST_SIDE, int(side * SHRINK)), False
        data = path.read_bytes()
    shrunk = "" if (width, height) == original.size else f" and reduced from {original.size[0]} x {original.size[1]}"
    note = f"shown at {width} x {height} pixels, encoded again{shrunk} ({_size(len(data))})"
    return Clip(data_uri("video/mp4", data), width, height, note)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _shown_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(width, height), both even, at most ``side`` long."""
    scale = min(1.0, side / max(size))
    return tuple(max(2, 2 * round(length * scale / 2)) for length in size)


def write_pair_video(
    path: Path, times: np.ndarray, pairs: Iterator[tuple[np.ndarray, np.ndarray]], size: tuple[int, int]
) -> None:
    """Encode pairs of pictures side by side, so that no player can show them out of step.

    times: (F,) seconds, rising; they start at 0 in the file.
    """
    ticks = np.rint((times - times[0]) * TICKS).astype(int)
    ticks = np.maximum.accumulate(ticks - np.arange(len(ticks))) + np.arange(len(ticks))  # strictly rising
    frames = (np.hstack([_sized(before, size), _sized(after, size)]) for before, after in pairs)
    write_rgb_video(path, frames, rate=Fraction(TICKS), pts=ticks.tolist(), crf=CRF, preset="fast", gop=GOP)


def _sized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    smaller = rgb.shape[1] > size[0]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _key_frame(
    index: int, times: np.ndarray, label: str, before: np.ndarray, after: np.ndarray, quad: np.ndarray
) -> KeyFrame:
    pictures = [crop(one, quad, THUMB) for one in (before, after)]
    difference = np.clip(cv2.absdiff(*pictures).astype(int) * GAIN, 0, 255).astype(np.uint8)
    return KeyFrame(index, float(times[index] - times[0]), label, *(jpeg_uri(one) for one in (*pictures, difference)))


def jpeg_uri(rgb: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as a data URI."""
    return data_uri("image/jpeg", cv2.imencode(".jpg", rgb[:, :, ::-1], JPEG)[1].tobytes())


def data_uri(kind: str, data: bytes) -> str:
    """Bytes as a data URI of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
