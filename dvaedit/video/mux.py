"""Joining new pictures with everything else the source holds: sound, subtitles, chapters, metadata, rotation."""

from __future__ import annotations

import logging
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import ffmpeg

from dvaedit.errors import VideoError
from dvaedit.video import ffmpeg as binary
from dvaedit.video.colour import UNSPECIFIED, colour_tags
from dvaedit.video.files import atomic, check_writable, container_of, temporary
from dvaedit.video.probe import VideoInfo, probe
from dvaedit.video.siting import chroma_location, kept_location

log = logging.getLogger(__name__)

# container -> codec that a stream is converted to if it cannot be copied
_AUDIO = {"mp4": "aac", "mov": "aac", "matroska": "aac", "webm": "libopus"}
_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "matroska": "srt", "webm": "webvtt"}
_MP4_KEYS = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "encoder", "creation_time"),
    *("major_brand", "minor_version", "compatible_brands", "track", "disc", "location", "encoding_tool", "timecode"),
}
# their clocks start anywhere; other containers start at zero, or mean the delay
_FREE_CLOCKS = ("mpeg", "mpegts")
_STREAM_KEYS = ("language", "title", "handler_name", "creation_time", "timecode", "name")


def mux(video_only: str | Path, source: str | Path, out: str | Path, upright: bool = False, comment: str = "") -> None:
    """Write ``out``: the pictures of ``video_only`` and all else of ``source``, nothing re-encoded.

    Sound and subtitles are copied bit for bit; a stream that the container cannot hold is converted, or left out if
    even that is impossible, with a warning in the log. Metadata, chapters, cover pictures (and fonts in .mkv) are
    kept, and the display rotation too unless the pictures are ``upright`` already.
    PTS are kept: .mkv and .webm round them to milliseconds. A source whose clock starts anywhere (MPEG program and
    transport streams) is moved to start at zero, sound and pictures alike.
    ``comment`` is added to that in the metadata. ``out`` appears complete or not at all. Raises VideoError,
    StorageError or UsageError.
    """
    video_only, source, out = Path(video_only), Path(source), Path(out)
    check_writable(out, source)
    job = _Job(video_only, probe(source), container_of(out), upright, comment)
    with atomic(out) as partial:
        try:
            job.write(partial, dict.fromkeys(job.extras, "copy"))
        except VideoError:
            job.write(partial, job.conversions(partial))
        job.verify(partial)


class _Job:
    """One run of ffmpeg: what is taken from where."""

    def __init__(self, video_only: Path, info: VideoInfo, container: str, upright: bool, comment: str = "") -> None:
        self.comment = comment
        self.video_only, self.info, self.container, self.upright = video_only, info, container, upright
        self.extras: dict[int, str] = {}  # index in the source -> type of stream
        with av.open(f"file:{info.path.absolute()}", metadata_errors="replace") as source:
            self.metadata = {key.lower(): value for key, value in source.metadata.items()}
            tags = source.streams[info.stream].metadata
            self.video_metadata = {key.lower(): value for key, value in tags.items()}
            self.has_chapters = bool(source.chapters())
            for stream in source.streams:
                if stream.index != info.stream:
                    self._take(stream)
        self.shift = info.start if info.format_name in _FREE_CLOCKS else Fraction(0)

    def _take(self, stream: Any) -> None:
        if stream.type in ("audio", "subtitle", "video") or (
            stream.type == "attachment" and self.container == "matroska"
        ):
            self.extras[stream.index] = stream.type
        elif not (stream.type == "data" and (self.has_chapters or "timecode" in self.video_metadata)):
            # data streams of a file with chapters or a time code are the tracks that ffmpeg writes anew
            log.warning("%s: stream %d (%s) is left out.", self.info.path.name, stream.index, stream.type)

    def write(self, partial: Path, how: dict[int, str]) -> None:
        """Run ffmpeg; how: index in the source -> "copy" or the codec to convert to."""
        video = ffmpeg.input(f"file:{self.video_only.absolute()}", **self._input_options(), **self._rotation())
        source = ffmpeg.input(f"file:{self.info.path.absolute()}", **self._input_options())
        # The last one matches nothing: it keeps ffmpeg-python from leaving out a source whose metadata alone is used.
        streams = [video["v:0"], *(source[str(index)] for index in how), source["9999?"]]
        options = {"c": "copy"} | {
            f"c:{place}": codec for place, codec in enumerate(how.values(), 1) if codec != "copy"
        }
        options |= {"b:a": "256k"} if set(how.values()) & set(_AUDIO.values()) else {}
        output = ffmpeg.output(*streams, f"file:{partial}", **options, **self._output_options())
        binary.run(output, ["-copyts", *self._video_tags(), *self._comment()])

    def conversions(self, partial: Path) -> dict[int, str]:
        """How each stream gets into the container, tried out one by one, with a warning where it is not copied."""
        how, name = {}, self.info.path.name
        for index, kind in self.extras.items():
            targets = {"audio": _AUDIO, "subtitle": _SUBTITLES}.get(kind, {})
            for codec in ("copy", *filter(None, [targets.get(self.container)])):
                if self._accepts(index, codec, partial):
                    how[index] = codec
                    break
            if how.get(index) is None:
                log.warning("%s: stream %d (%s) does not fit into the output; left out.", name, index, kind)
            elif how[index] != "copy":
                log.warning("%s: stream %d (%s) is converted to %s for this container.", name, index, kind, how[index])
        return how

    def _accepts(self, index: int, codec: str, partial: Path) -> bool:
        source = ffmpeg.input(f"file:{self.info.path.absolute()}")
        with temporary(partial) as trial:
            try:
                binary.run(ffmpeg.output(source[str(index)], f"file:{trial}", c=codec, t=1, f=self.container))
            except VideoError:
                return False
        return True

    def verify(self, partial: Path) -> None:
        """Raises VideoError unless the result has as many pictures as went in."""
        before, after = _packet_count(self.video_only), _packet_count(partial)
        if before != after:
            raise VideoError(
                f"The container kept {after} of {before} frames.", "Try another container, for example .mkv."
            )

    def _input_options(self) -> dict[str, str]:
        return {"itsoffset": f"{-float(self.shift):.6f}"} if self.shift else {}

    def _rotation(self) -> dict[str, Any]:
        """ffmpeg turns counter-clockwise, and flips after that."""
        if self.upright or not (self.info.rotation or self.info.mirrored):
            return {}
        flip = {"display_hflip:v:0": None} if self.info.mirrored else {}
        return {"display_rotation:v:0": (360 - self.info.rotation) % 360} | flip

    def _output_options(self) -> dict[str, Any]:
        options = {"f": self.container, "map_metadata": 1, "map_chapters": 1, "max_muxing_queue_size": 9999}
        options |= {} if self.upright else self._untold()
        return options | (self._mp4_options() if self.container in ("mp4", "mov") else {})

    def _untold(self) -> dict[str, Any]:
        """What the pictures' working file had no place for: colour tags, and where chroma samples lie."""
        source, pictures = self.info, probe(self.video_only)
        tags = colour_tags(source.pix_fmt, source.tags, pictures.pix_fmt)
        unknown = {"color_range": 0, "colorspace": UNSPECIFIED, "color_primaries": UNSPECIFIED,
                   "color_trc": UNSPECIFIED}  # fmt: skip
        untold = {name: tag for name, tag in tags.items() if pictures.tags[name] == unknown[name] != tag}
        location = kept_location(source, pictures.pix_fmt)
        if location and not chroma_location(self.video_only, pictures.stream):
            untold["chroma_sample_location"] = location
        return {f"{name}:v:0": value for name, value in untold.items()}

    def _video_tags(self) -> list[str]:
        """Options that name the picture stream as the source does; statistics of the old stream are left out."""
        tags = [f"{key}={self.video_metadata[key]}" for key in _STREAM_KEYS if key in self.video_metadata]
        return [part for tag in tags for part in ("-metadata:s:v:0", tag)]

    def _comment(self) -> list[str]:
        """The option that adds our words to the source's own."""
        words = "; ".join(part for part in (self.metadata.get("comment", ""), self.comment) if part)
        return ["-metadata", f"comment={words}"] if self.comment else []

    def _mp4_options(self) -> dict[str, Any]:
        """Exact times: the track counts in the source's ticks, and so do the edit lists where that is possible."""
        ticks = self.info.time_base.denominator
        common = math.lcm(ticks, *(audio.rate for audio in self.info.audio if audio.rate))
        custom = set(self.metadata) - _MP4_KEYS
        options = {
            "movflags": "+faststart" + ("+use_metadata_tags" if custom else ""),
            "video_track_timescale": ticks,
            "movie_timescale": common if common < 2**31 else ticks,
        }
        return options | ({"tag:v:0": "hvc1"} if _codec_name(self.video_only) == "hevc" else {})  # for QuickTime


def _packet_count(path: Path) -> int:
    with av.open(f"file:{path.absolute()}", metadata_errors="replace") as container:
        return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))


def _codec_name(path: Path) -> str:
    with av.open(f"file:{path.absolute()}", metadata_errors="replace") as container:
        return container.streams.video[0].codec_context.codec.canonical_name
