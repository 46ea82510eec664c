"""Frames of a video in display order, each with its exact presentation time."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from dvaedit.errors import VideoError
from dvaedit.video.alpha import has_alpha_beside
from dvaedit.video.colour import FULL, LIMITED, is_full_range, sws_matrix
from dvaedit.video.probe import decoder, open_video, orientation, packets, truncated
from dvaedit.video.whole import cut_off

# Without the last two flags libswscale is off by up to 3 levels and repeats chroma columns.
_TO_RGB = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# Containers in which one packet is one frame, packets carry their own PTS and seeking is exact.
_SEEKABLE = ("mov,", "matroska,")


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame.

    index: from 0, in display order. pts: ticks of time_base, rising from frame to frame.
    native: the frame as decoded, in its own pixel format, not rotated.
    rotation: degrees clockwise that turn it upright.
    """

    index: int
    pts: int
    time_base: Fraction
    native: av.VideoFrame
    rotation: int = 0

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    def rgb(self) -> np.ndarray:
        """The upright picture: uint8, (H, W, 3), full-range R'G'B' by the frame's matrix and range."""
        return upright(to_rgb(self.native), self.rotation)


def to_rgb(frame: av.VideoFrame) -> np.ndarray:
    """The stored picture, not rotated: uint8, (H, W, 3), full-range R'G'B' by the frame's matrix and range."""
    return frame.to_ndarray(
        format="rgb24",
        interpolation=_TO_RGB,
        src_colorspace=sws_matrix(frame),
        src_color_range=ColorRange(FULL if is_full_range(frame) else LIMITED),
        dst_color_range=ColorRange(FULL),
    )


def upright(picture: np.ndarray, rotation: int) -> np.ndarray:
    """Turn a stored picture, (H, W, ...), by so many degrees clockwise. Contiguous."""
    return np.ascontiguousarray(np.rot90(picture, -rotation // 90))


def read_frames(path: str | Path, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
    """Frames start <= index < stop of a video, decoded one after the other; the file is closed when the iterator is.

    A start other than 0 seeks where seeking is exact (mp4, mov, mkv, webm) and decodes from the beginning elsewhere.
    Raises VideoError if the file is no video, or "... is truncated or damaged after frame N" where it breaks off;
    a stop past the end is no error.
    """
    path = Path(path)
    if stop is not None and stop <= start:
        return
    rotation: int | None = None
    for index, pts, native, time_base in _decode(path, start):
        if rotation is None:
            # Of the first frame only: a look at its side data ties a PyAV frame to itself, and only the garbage
            # collector frees it then, tens of frames late.
            rotation = orientation(native)[0]
        if index >= start:
            yield Frame(index, pts, time_base, native, rotation)
        if index + 1 == stop:
            return


class _CannotSeekError(Exception):
    """Seeking does not lead exactly to the wanted frame: decode from the beginning instead."""


def _decode(path: Path, start: int) -> Iterator[tuple[int, int, av.VideoFrame, Fraction]]:
    """(index, pts, frame, time base) from frame ``start`` or from an earlier one on, to the end."""
    if start > 0:
        try:
            yield from _decode_from_keyframe(path, start)
            return
        except _CannotSeekError:
            pass  # raised before the first frame is out
    with open_video(path) as (container, stream):
        clock = _Clock(stream, use_dts=container.format.name == "avi")
        index = 0
        for native in _natives(container, stream, path, index):
            yield index, clock.tick(native), native, stream.time_base
            index += 1
        _check_end(path, container, stream, index)


def _decode_from_keyframe(path: Path, start: int) -> Iterator[tuple[int, int, av.VideoFrame, Fraction]]:
    with open_video(path) as (container, stream):
        target = _seek(path, container, stream, start)
        clock, index = _Clock(stream, use_dts=False), start
        for native in _natives(container, stream, path, start):
            if native.pts is None or (index == start and native.pts > target):
                raise _CannotSeekError
            if native.pts >= target:
                yield index, clock.tick(native), native, stream.time_base
                index += 1
        if index == start:
            raise _CannotSeekError
        _check_end(path, container, stream, index)


def _check_end(path: Path, container: av.container.InputContainer, stream: av.VideoStream, index: int) -> None:
    if cut_off(path, container, stream) is not None:
        raise truncated(path, index)


def _natives(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path, first: int
) -> Iterator[av.VideoFrame]:
    """Decoded frames. Errors before the first good frame are a recording's start between keyframes, later ones damage.

    ``first`` is the index of the first frame, for the message.
    """
    index, good = first, False
    decode = decoder(stream)
    for packet in packets(container, stream, path):
        try:
            decoded = decode(packet)
        except av.error.FFmpegError as error:
            if good:
                raise truncated(path, index) from error
            continue
        for native in decoded:
            if native.is_corrupt and good:
                raise truncated(path, index)
            good = good or not native.is_corrupt
            yield native
            index += 1
    if not good and first == 0:
        raise VideoError(f"{path.name} has no frame that can be decoded.", "Get a complete copy of the video.")


class _Clock:
    """PTS of each frame in display order; repairs the missing and the repeated ones, so that they always rise."""

    def __init__(self, stream: av.VideoStream, use_dts: bool) -> None:
        # AVI stores no PTS: decoders then report those of the packets, out of order where there are B-frames.
        self.use_dts = use_dts
        rate = stream.average_rate or stream.guessed_rate
        self.step = max(1, round(1 / (rate * stream.time_base))) if rate else 1
        self.last: int | None = None

    def tick(self, frame: av.VideoFrame) -> int:
        pts = frame.dts if self.use_dts else frame.pts
        if self.last is None:
            pts = pts or 0
        elif pts is None:
            pts = self.last + self.step
        elif pts <= self.last:
            pts = self.last + 1
        self.last = pts
        return pts


def _seek(path: Path, container: av.container.InputContainer, stream: av.VideoStream, start: int) -> int:
    """Move to a keyframe before frame ``start``; returns its PTS. Raises _CannotSeekError if that is not exact."""
    if not container.format.name.startswith(_SEEKABLE) or has_alpha_beside(stream):
        raise _CannotSeekError  # the keyframes of transparency need not be those of the pictures
    stat = path.stat()
    times, keys = _display_times(path.absolute(), stream.index, stat.st_mtime_ns, stat.st_size)
    # One keyframe earlier than needed: frames next to an open group of pictures may refer to the group before.
    place = bisect_right(keys, times[start]) - 2 if start < len(times) else 0
    if place < 1:
        raise _CannotSeekError
    container.seek(keys[place], stream=stream)
    return times[start]


@functools.lru_cache(maxsize=8)
def _display_times(path: Path, stream_index: int, mtime: int, size: int) -> tuple[list[int], list[int]]:
    """(PTS of all frames, PTS of the keyframes), both rising, by reading the packets without decoding them.

    Both are empty if a packet has no PTS or two have the same one. mtime and size key the memo only.
    """
    times, keys = [], []
    with open_video(path) as (container, stream):
        for packet in packets(container, stream, path):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
                keys += [packet.pts] if packet.is_keyframe else []
    if None in times or len(set(times)) < len(times):
        return [], []
    return sorted(times), sorted(keys)
