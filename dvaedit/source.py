"""An input, made ready: what the stages read, what the output takes its other tracks from, where it may go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from dvaedit.errors import UsageError
from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.intake import WORKING, Intake, input_digest, needs_intake
from dvaedit.video.codecs import (
    PICTURES,
    Encoding,
    check_container,
    choose_alpha,
    choose_codec,
    choose_pix_fmt,
    encoder_options,
    get_codec,
    has_alpha,
)
from dvaedit.video.files import CONTAINERS, check_writable, container_of
from dvaedit.video.moving import write_moving
from dvaedit.video.mux import mux
from dvaedit.video.pictures import WRITTEN, check_pictures_output, is_pictures, picture_files, write_pictures
from dvaedit.video.probe import VideoInfo, probe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """path: what the user named; digest: its SHA-256. video: what the stages read. info: of ``video``, but with
    ``path`` where the sound and other tracks are. key: root of the cache keys. still: whether it is pictures, each of
    them kept by itself.
    """

    path: Path
    digest: str
    video: Path
    info: VideoInfo
    key: str
    still: bool = False

    @classmethod
    def open(
        cls,
        path: Path,
        cache: Cache,
        rate: Fraction,
        deinterlace: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Source:
        """Look at an input; pictures, and with ``deinterlace`` any video, are made into a working video now.

        Raises VideoError.
        """
        pictures = is_pictures(path)
        info = None if pictures else probe(path)
        digest = input_digest(path)
        if not needs_intake(path, deinterlace):
            return cls(path, digest, path, info, digest)
        run = Pipeline([Node(Intake(rate, deinterlace, path))], cache, digest, video=path.name, progress=progress)
        made = run.artifact("intake")
        video = made.file(WORKING)
        info = probe(video)
        still = pictures and (path.is_dir() or info.frames == 1)
        tracks = video if pictures else path
        return cls(path, digest, video, replace(info, path=tracks), made.key, still)

    def default_output(self, slug: str) -> Path:
        """A name beside the input: ``slug`` says what was done."""
        if self.still and self.path.is_dir():
            return self.path.with_name(f"{self.path.name}.{slug}")
        suffix = self.path.suffix.lower()
        kept = suffix in WRITTEN if self.still else suffix in CONTAINERS
        return self.path.with_name(
            f"{self.path.stem}.{slug}{self.path.suffix if kept else '.png' if self.still else '.mp4'}"
        )

    def check_output(self, path: Path) -> None:
        """Raises UsageError or StorageError where ``write`` could not write."""
        if self._as_pictures(path):
            check_pictures_output(path, not self.path.is_dir())
        else:
            check_writable(path)

    def encoding(self, output: Path, wanted: Encoding, codec: str | None) -> Encoding:
        """The encoding for an output, every choice made; what the input hides from its decoder is said.

        Raises UsageError for what the encoder would refuse.
        """
        if self.info.hidden:
            log.warning("%s: its %s cannot be read and is left out.", self.path.name, self.info.hidden)
        if self._as_pictures(output) or container_of(output) in PICTURES:
            if codec not in (None, "ffv1") or wanted != Encoding(lossless=wanted.lossless):
                raise UsageError(f"{output.name} has no choice of codec or quality.", "Leave these options out.")
            return Encoding("ffv1", lossless=True)
        transparent = has_alpha(self.info.pix_fmt) and self.info.format_name != "gif"  # decoded with alpha, always
        encoding = replace(wanted, codec=choose_codec(output, codec, self.info.codec, wanted.lossless, transparent))
        check_container(output, encoding.codec)
        chosen = get_codec(encoding.codec)
        encoder_options(chosen, encoding.crf, encoding.preset, encoding.lossless)
        encoding = choose_alpha(chosen, output, self.info.pix_fmt, self.info.stored_size, encoding, transparent)
        choose_pix_fmt(chosen, self.info.pix_fmt, self.info.stored_size, encoding.pix_fmt, encoding.lossless)
        return encoding

    def write(self, pictures: Path, output: Path, comment: str = "") -> None:
        """Write ``output``: the frames of the silent video ``pictures``, all else of the input, and a comment.

        Moving pictures (.gif, .webp, .apng) have no place for the comment.
        """
        if self._as_pictures(output):
            write_pictures(pictures, self.path, output, comment)
        elif container_of(output) in PICTURES:
            if self.info.audio:
                log.warning("%s: the sound is left out, a %s has none.", self.path.name, output.suffix.lower())
            write_moving(pictures, output)
        else:
            mux(pictures, self.info.path, output, comment=comment)

    def _as_pictures(self, output: Path) -> bool:
        return self.still and output.suffix.lower() not in CONTAINERS.keys() - {".webp"}

    @property
    def files(self) -> list[Path]:
        """The files of the input, which no output may replace."""
        return [self.path, *(picture_files(self.path) if self.path.is_dir() else [])]
