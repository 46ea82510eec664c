"""Encoding frames with exact times and the source's own format and colour."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Interpolation

from dvaedit.errors import VideoError
from dvaedit.video.codecs import check_container, choose_pix_fmt, encoder_options, get_codec, has_alpha
from dvaedit.video.colour import BT709, FULL, LIMITED, colour_tags, is_full_range, is_rgb, sws_matrix
from dvaedit.video.files import atomic, check_writable, container_of, temporary, write_error
from dvaedit.video.mux import mux
from dvaedit.video.planes import copy_frame
from dvaedit.video.probe import VideoInfo
from dvaedit.video.siting import kept_location

log = logging.getLogger(__name__)

__all__ = ["VideoWriter", "check_writable", "mux", "write_rgb_video", "write_video"]

_CONVERT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_DEFAULT_RATE = Fraction(25)


class VideoWriter:
    """Writes frames to a file without sound; a context manager.

    The file appears under its name when the block ends without an error, else nothing is left behind.
    Frames keep their pixel format where the codec holds it (``choose_pix_fmt``), colour tags, sample aspect ratio,
    PTS and time base; mp4 and mov keep times exactly, mkv and webm in milliseconds. Rotation is set by ``mux``.

    info: describes the frames as they are stored. crf, preset: the encoder's; None for visually lossless defaults
    (h264: crf 16, medium). threads: of the encoder, 0 for its own choice. gop: frames from keyframe to keyframe, None
    for the encoder's choice; few make seeking quick and the file larger. pix_fmt, lossless: see ``Encoding``.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        codec: str = "h264",
        crf: int | None = None,
        preset: str | None = None,
        threads: int = 0,
        gop: int | None = None,
        pix_fmt: str | None = None,
        lossless: bool = False,
    ) -> None:
        self.path, self.info, self.codec = Path(path), info, get_codec(codec)
        self.frames, self._step = 0, 1
        self._format = container_of(self.path)
        self._options = encoder_options(self.codec, crf, preset, lossless)
        self._pix_fmt = choose_pix_fmt(self.codec, info.pix_fmt, info.stored_size, pix_fmt, lossless)
        self._tags = colour_tags(info.pix_fmt, info.tags, self._pix_fmt)
        self._reduced = self.codec.limited and self._tags["color_range"] == FULL
        self._threads, self._gop = threads, gop
        self._options = self._with_mastering(self._options) | self._siting()
        self._exit = ExitStack()
        self._container: av.container.OutputContainer | None = None
        self._pending: av.VideoFrame | None = None  # a frame's duration is known when the next one comes
        if self.path.suffix.lower() != self.codec.working:
            check_container(self.path, codec)
        check_writable(self.path)
        if has_alpha(info.pix_fmt) and not has_alpha(self._pix_fmt) and info.format_name != "gif":
            log.warning("%s: %s video is written without its transparency.", info.path.name, codec)
        if self._reduced:
            self._tags["color_range"] = LIMITED
            log.warning("%s: %s video is written in limited range.", info.path.name, codec)

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            partial = stack.enter_context(atomic(self.path))
            try:
                self._open(partial)
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self._abandon()
                raise write_error(error, self.path) from error
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._exit:
                self._finish()
        else:
            self._abandon()
            self._exit.__exit__(kind, value, trace)

    def write(self, native: av.VideoFrame, pts: int) -> None:
        """Encode a frame, stored orientation; pts in ticks of info.time_base, greater than the one before.

        The writer sets the frame's time and tags, and keeps it until the next one comes: leave it alone afterwards.
        Raises VideoError if its size differs from the video's or pts does not rise, StorageError if the disk is full.
        """
        if (native.width, native.height) != self.info.stored_size:
            size, wanted = f"{native.width}x{native.height}", "{}x{}".format(*self.info.stored_size)
            hint = "Videos whose picture size changes cannot be written; convert the input to one size first."
            raise VideoError(f"Frame {self.frames} is {size} pixels, the video is {wanted}.", hint)
        if self._pending is not None and pts <= self._pending.pts:
            raise VideoError(f"The time of frame {self.frames} does not rise.", "Write frames in display order.")
        frame = self._prepare(native)
        frame.pts, frame.time_base = pts, self.info.time_base
        self._encode_pending(pts)
        self._pending = frame
        self.frames += 1

    def _with_mastering(self, options: dict[str, str]) -> dict[str, str]:
        """The options with those that carry the mastering metadata; what cannot be carried is said."""
        mastering, name = self.info.mastering, self.info.path.name
        if mastering.dynamic:
            log.warning("%s: HDR metadata of each frame (HDR10+, Dolby Vision) is left out.", name)
        if not mastering.known:
            return options
        more = mastering.encoder_options(self.codec.encoder)
        if more is None:
            log.warning("%s: %s video is written without HDR mastering metadata.", name, self.codec.name)
            return options
        return options | {key: f"{options[key]}:{value}" if key in options else value for key, value in more.items()}

    def _siting(self) -> dict[str, str]:
        """The option that says where chroma samples lie, where the source tells it and they stay there."""
        location = kept_location(self.info, self._pix_fmt) if self.info.codec else ""
        return {"chroma_sample_location": location} if location else {}

    def _open(self, partial: Path) -> None:
        info, ticks = self.info, str(self.info.time_base.denominator)
        exact = {"video_track_timescale": ticks, "movie_timescale": ticks} if self._format in ("mp4", "mov") else {}
        self._container = av.open(f"file:{partial}", "w", format=self._format, container_options=exact)
        self._stream = self._container.add_stream(
            self.codec.encoder, rate=info.rate or _DEFAULT_RATE, options=self._options
        )
        context = self._stream.codec_context
        context.width, context.height = info.stored_size
        context.pix_fmt = self._pix_fmt
        context.time_base = self._stream.time_base = info.time_base
        context.flags |= Flags.frame_duration
        context.sample_aspect_ratio = info.sar
        context.thread_count = self._threads
        if self._gop is not None:
            context.gop_size = self._gop
        for name, tag in self._tags.items():
            setattr(context, name, tag)
        self._container.start_encoding()

    def _prepare(self, native: av.VideoFrame) -> av.VideoFrame:
        """The frame in the format of the encoder, tagged, its picture type left to the encoder."""
        same = native.format.name == self._pix_fmt and not self._reduced
        frame = native if same else _convert(native, self._pix_fmt, self._reduced)
        for name, tag in self._tags.items():
            setattr(frame, name, tag)
        frame.pict_type = av.video.frame.PictureType.NONE
        return frame

    def _encode_pending(self, next_pts: int | None) -> None:
        """Encode the frame that waits; the last one lasts as long as it did in the source, or as the one before."""
        frame = self._pending
        if frame is None:
            return
        if next_pts is not None:
            self._step = frame.duration = next_pts - frame.pts
        elif not frame.duration:
            frame.duration = self._step
        self._mux(frame)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise write_error(error, self.path) from error

    def _finish(self) -> None:
        try:
            if not self.frames:
                raise VideoError(f"{self.path.name} would hold no frame.", "Check the range of frames.")
            self._encode_pending(None)
            self._mux(None)
            try:
                self._container.close()
            except (av.error.FFmpegError, OSError) as error:
                raise write_error(error, self.path) from error
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Close the file, which is then removed: an error while closing adds nothing to the one under way."""
        self._pending = None
        if self._container is not None:
            with suppress(av.error.FFmpegError, OSError):
                self._container.close()


def write_video(
    out: str | Path,
    info: VideoInfo,
    frames: Iterable[tuple[av.VideoFrame, int]],
    codec: str = "h264",
    crf: int | None = None,
    preset: str | None = None,
) -> int:
    """Write (native frame, pts) pairs with the sound, subtitles, chapters, metadata and rotation of ``info.path``.

    Returns the number of frames. ``out`` appears complete or not at all; the pictures alone are written beside it
    first. Raises UsageError, VideoError or StorageError; those that can be known are raised before the first frame.
    """
    out = Path(out)
    check_writable(out, info.path)
    check_container(out, codec)
    with temporary(out, get_codec(codec).working) as video_only:
        count = _write(video_only, info, frames, codec, crf, preset)
        mux(video_only, info.path, out)
    return count


def write_rgb_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    rate: Fraction | None = None,
    pts: Sequence[int] | None = None,
    info: VideoInfo | None = None,
    codec: str = "h264",
    crf: int | None = None,
    preset: str | None = None,
    gop: int | None = None,
    comment: str = "",
) -> int:
    """Write upright RGB pictures as 8-bit 4:2:0 BT.709, for comparisons and reconstructions.

    frames: uint8, (H, W, 3), all of one size; odd sizes are made even by repeating the last column and row.
    Times: ``pts`` in ticks of info.time_base (without info, of 1 / ``rate``), else a constant ``rate`` (default
    info.rate, else 25).
    info: the video whose sound, chapters and metadata the file gets; None for a silent one. comment: see ``mux``.
    Returns the number of frames. Raises as ``write_video``.
    """
    path = Path(path)
    check_writable(path, info.path if info else None)
    check_container(path, codec)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise VideoError(f"{path.name} would hold no frame.", "Check the range of frames.")
    step = rate or (info.rate if info else None) or _DEFAULT_RATE
    spec = _rgb_info(path, _even(first), step, info, timed=pts is not None)
    pairs = (
        (_yuv420(_even(rgb)), index if pts is None else pts[index])
        for index, rgb in enumerate(itertools.chain([first], iterator))
    )
    if info is None:
        return _write(path, spec, pairs, codec, crf, preset, gop)
    with temporary(path, get_codec(codec).working) as video_only:
        count = _write(video_only, spec, pairs, codec, crf, preset, gop)
        mux(video_only, info.path, path, upright=True, comment=comment)
    return count


def _write(
    path: Path,
    info: VideoInfo,
    frames: Iterable[tuple[av.VideoFrame, int]],
    codec: str,
    crf: int | None,
    preset: str | None,
    gop: int | None = None,
) -> int:
    with VideoWriter(path, info, codec, crf, preset, gop=gop) as writer:
        for native, pts in frames:
            writer.write(native, pts)
    return writer.frames


def _rgb_info(path: Path, rgb: np.ndarray, rate: Fraction, info: VideoInfo | None, timed: bool) -> VideoInfo:
    """Describes the file that write_rgb_video encodes; rgb: its first picture."""
    turned = info is not None and info.rotation % 180 != 0
    return VideoInfo(
        path=path,
        width=rgb.shape[1],
        height=rgb.shape[0],
        rotation=0,
        pix_fmt="yuv420p",
        time_base=info.time_base if info and timed else 1 / Fraction(rate),
        rate=Fraction(rate),
        frames=0,
        duration=0.0,
        color_range=LIMITED,
        color_matrix=BT709,
        color_primaries=BT709,
        color_transfer=BT709,
        sar=Fraction(1) if info is None else 1 / info.sar if turned else info.sar,
        codec="",
        audio=(),
        format_name="",
    )


def _even(rgb: np.ndarray) -> np.ndarray:
    """Repeat the last row and column of (H, W, 3) where the size is odd."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(rgb)


def _yuv420(rgb: np.ndarray) -> av.VideoFrame:
    """uint8, (H, W, 3) to limited-range BT.709 4:2:0."""
    return _from_rgb(av.VideoFrame.from_ndarray(rgb, format="rgb24"), "yuv420p")


def _from_rgb(frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    return frame.reformat(
        format=pix_fmt,
        interpolation=_CONVERT,
        src_color_range=ColorRange(FULL),
        dst_color_range=ColorRange(LIMITED),
        dst_colorspace=BT709,
    )


def _convert(frame: av.VideoFrame, pix_fmt: str, reduced: bool = False) -> av.VideoFrame:
    """The frame in a format that loses nothing (``choose_pix_fmt``), matrix and range unchanged.

    reduced: full range becomes limited.
    """
    if frame.format.name.replace("yuvj", "yuv") == pix_fmt and not reduced:
        return copy_frame(frame, pix_fmt)
    if is_rgb(frame.format):
        return _from_rgb(frame, pix_fmt) if not is_rgb(av.VideoFormat(pix_fmt)) else frame.reformat(format=pix_fmt)
    matrix, before = sws_matrix(frame), ColorRange(FULL if is_full_range(frame) else LIMITED)
    return frame.reformat(
        format=pix_fmt,
        interpolation=_CONVERT,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=before,
        dst_color_range=ColorRange(LIMITED) if reduced else before,
    )
