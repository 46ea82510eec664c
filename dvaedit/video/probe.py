"""What a video file holds, read off the file itself, and clear errors for files that are no usable video."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from dvaedit.errors import VideoError
from dvaedit.files import sha256_file
from dvaedit.video.alpha import AlphaDecoder, has_alpha_beside, hidden
from dvaedit.video.hdr import Mastering, mastering_of
from dvaedit.video.whole import cut_off

VIDEO_HINT = "Give a video file that ffmpeg can read, such as .mp4, .mov, .mkv, .webm, .avi, .mpg or .gif."
_UNREADABLE_HINT = VIDEO_HINT + " An .mp4 that was cut off before it was finished cannot be opened either."
REPAIR_HINT = (
    "Get a complete copy; or keep what can be decoded: "
    "ffmpeg -i INPUT -c:v libx264 -crf 12 -c:a copy REPAIRED.mp4, then edit that."
)
MAX_STREAMS = 256
MAX_PIXELS = 1 << 26  # 8192 x 8192; a header may claim anything, and memory is taken by what it claims
_LISTS = ("hls", "dash", "concat", "concatf", "sdp", "imf")


@dataclass(frozen=True)
class AudioStream:
    """One audio stream: its index in the file, codec name, sample rate in Hz, channel count, language ("" unknown)."""

    index: int
    codec: str
    rate: int
    channels: int
    language: str


@dataclass(frozen=True)
class VideoInfo:
    """A video file and its main video stream.

    width, height: pixels of the upright picture, after rotation.
    rotation: degrees clockwise (0, 90, 180, 270) by which the stored frames are turned to stand upright.
    mirrored: whether the display matrix also flips them; the flip is carried to the output, pixels stay unflipped.
    time_base: seconds of one PTS tick. rate: average frames per second, None if unknown. frames: an estimate.
    duration: seconds. start: time of the first packet of the file, seconds, never negative.
    color_*: ITU-T H.273 codes, 2 (range: 0) if untagged. sar: shape of a stored pixel, width / height.
    mastering: of HDR video. interlaced: whether the first frame is made of two fields. hidden: what the stream holds
    that its decoder leaves out, in words.
    """

    path: Path
    width: int
    height: int
    rotation: int
    pix_fmt: str
    time_base: Fraction
    rate: Fraction | None
    frames: int
    duration: float
    color_range: int
    color_matrix: int
    color_primaries: int
    color_transfer: int
    sar: Fraction
    codec: str
    audio: tuple[AudioStream, ...]
    format_name: str
    stream: int = 0
    mirrored: bool = False
    start: Fraction = Fraction(0)
    mastering: Mastering = field(default_factory=Mastering)
    interlaced: bool = False
    hidden: str = ""

    @property
    def stored_size(self) -> tuple[int, int]:
        """(width, height) of the frames as stored, before rotation."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def shape(self) -> Fraction:
        """Width over height of the upright picture as it is shown."""
        return Fraction(self.width, self.height) * (1 / self.sar if self.rotation % 180 else self.sar)

    @property
    def tags(self) -> dict[str, int]:
        """Colour tags under libav's names."""
        return {
            "color_range": self.color_range,
            "colorspace": self.color_matrix,
            "color_primaries": self.color_primaries,
            "color_trc": self.color_transfer,
        }


def probe(path: str | Path) -> VideoInfo:
    """Read the header and the first frame of a video. Raises VideoError if it is missing, no video, or truncated."""
    path = Path(path)
    with open_video(path) as (container, stream):
        cut = cut_off(path, container, stream)
        if cut is not None:
            raise truncated(path, cut)
        return _describe(path, container, stream, *_first_frame(container, stream, path))


def file_digest(path: str | Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal. Raises VideoError if it cannot be read."""
    try:
        return sha256_file(Path(path))
    except OSError as error:
        raise VideoError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


@contextmanager
def open_video(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """The open container and its main video stream, ready for threaded decoding; closed at the end, whatever happens.

    Raises VideoError if the path is no readable video.
    """
    container = _open(path)
    try:
        stream = _main_stream(container, path)
        stream.thread_type = "AUTO"
        yield container, stream
    finally:
        container.close()


def truncated(path: Path, frames: int) -> VideoError:
    """The error for a video that breaks off, or is damaged, after so many good frames."""
    return VideoError(f"{path.name} is truncated or damaged after frame {frames}.", REPAIR_HINT)


def orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """(degrees clockwise, mirrored) of the frame's display matrix (ISO/IEC 14496-12: a b u, c d v, x y w)."""
    data = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return 0, False
    a, b, _, c, d = struct.unpack("=9i", bytes(data))[:5]
    mirrored = a * d - b * c < 0
    degrees = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(degrees / 90) * 90 % 360, mirrored


def _open(path: Path) -> av.container.InputContainer:
    if not path.exists():
        raise VideoError(f"{path} does not exist.", "Check the path.")
    if path.is_dir():
        raise VideoError(f"{path} is a directory, not a video file.", VIDEO_HINT)
    if path.stat().st_size == 0:
        raise VideoError(f"{path.name} is empty.", "Get a complete copy of the video.")
    try:
        # file: keeps names that hold a colon, or begin with a dash, from being read as a protocol or an option
        # and nothing that a file refers to is fetched from a network
        local = {"protocol_whitelist": "file"}
        return av.open(f"file:{path.absolute()}", metadata_errors="replace", container_options=local)
    except av.error.PermissionError as error:
        raise VideoError(f"{path} cannot be read: permission denied.", "Check its permissions.") from error
    except av.error.FFmpegError as error:
        raise VideoError(f"{path.name} is not a readable video.", _UNREADABLE_HINT) from error


def _main_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The first video stream that is no cover picture."""
    name = container.format.name
    if name == "tty" or not container.streams:  # tty: text, which libav would show as a picture
        raise VideoError(f"{path.name} is not a readable video.", _UNREADABLE_HINT)
    if name.startswith("image2") or name.endswith(("_pipe", "apng", "ico")):
        raise VideoError(f"{path.name} is a picture, not a video.", VIDEO_HINT)
    if name.split(",")[0] in _LISTS:
        raise VideoError(f"{path.name} is a list of other files, not a video.", VIDEO_HINT)
    if len(container.streams) > MAX_STREAMS:
        raise VideoError(f"{path.name} claims to hold {len(container.streams)} streams.", REPAIR_HINT)
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        what = "only audio" if container.streams.audio else "no pictures"
        raise VideoError(f"{path.name} has no video stream: it holds {what}.", VIDEO_HINT)
    if streams[0].codec_context is None:
        raise VideoError(f"{path.name} is coded in a way that cannot be decoded here.", VIDEO_HINT)
    width, height = streams[0].codec_context.width, streams[0].codec_context.height
    if width * height > MAX_PIXELS:
        raise VideoError(f"{path.name} claims to be {width}x{height} pixels.", "8192x8192 pixels are the most.")
    return streams[0]


def decoder(stream: av.VideoStream) -> Callable[[av.Packet], list[av.VideoFrame]]:
    """What turns the stream's packets into frames, transparency and all."""
    return AlphaDecoder(stream).decode if has_alpha_beside(stream) else av.Packet.decode


def _first_frame(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path
) -> tuple[av.VideoFrame, str]:
    """The first frame that decodes, and what lies hidden in its stream.

    Packets before it may fail, as in a recording that starts between keyframes.
    """
    decode, left_out = decoder(stream), ""
    for packet in packets(container, stream, path):
        left_out = left_out or hidden(stream, packet)
        try:
            decoded = decode(packet)
        except av.error.FFmpegError:
            continue  # reported below if no other packet decodes
        if decoded:
            return decoded[0], left_out
    raise VideoError(f"{path.name} has no frame that can be decoded.", REPAIR_HINT)


def packets(container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> Iterator[av.Packet]:
    """The stream's packets, the last one empty (it flushes the decoder). Raises VideoError if the file breaks off."""
    count = 0
    try:
        for packet in container.demux(stream):
            yield packet
            count += 1
    except av.error.FFmpegError as error:
        raise truncated(path, count) from error


def _describe(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream, first: av.VideoFrame, left_out: str
) -> VideoInfo:
    rotation, mirrored = orientation(first)
    turned = rotation % 180 != 0
    rate = stream.average_rate or stream.guessed_rate or None
    duration = _duration(container, stream)
    return VideoInfo(
        path=path,
        width=first.height if turned else first.width,
        height=first.width if turned else first.height,
        rotation=rotation,
        pix_fmt=first.format.name,
        time_base=stream.time_base,
        rate=rate,
        frames=stream.frames or max(1, int(duration * rate + 0.5) if rate else 1),
        duration=duration,
        **_colour(stream, first),
        sar=stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1),
        codec=stream.codec_context.codec.canonical_name,
        audio=tuple(_audio(audio) for audio in container.streams.audio),
        format_name=container.format.name,
        stream=stream.index,
        mirrored=mirrored,
        start=max(Fraction(0), Fraction(container.start_time or 0, av.time_base)),
        mastering=mastering_of(first),
        interlaced=first.interlaced_frame,
        hidden=left_out,
    )


def _colour(stream: av.VideoStream, frame: av.VideoFrame) -> dict[str, int]:
    """Tags of the frame itself, else those of the container."""
    context = stream.codec_context

    def pick(name: str, unknown: int) -> int:
        value = int(getattr(frame, name))
        return value if value != unknown else int(getattr(context, name))

    return {
        "color_range": pick("color_range", 0),
        "color_matrix": pick("colorspace", 2),
        "color_primaries": pick("color_primaries", 2),
        "color_transfer": pick("color_trc", 2),
    }


def _duration(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    return float(stream.frames / stream.average_rate) if stream.average_rate else 0.0


def _audio(stream: av.AudioStream) -> AudioStream:
    context = stream.codec_context
    codec, rate, channels = (
        (context.codec.canonical_name, context.rate or 0, context.channels) if context else ("unknown", 0, 0)
    )
    return AudioStream(stream.index, codec, rate, channels, stream.metadata.get("language", ""))
