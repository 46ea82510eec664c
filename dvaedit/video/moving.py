"""Moving pictures, .gif, .webp and .apng, from a lossless video."""

from __future__ import annotations

from pathlib import Path

import ffmpeg

from dvaedit.video import ffmpeg as binary
from dvaedit.video.files import atomic, container_of, temporary


def write_moving(video: Path, output: Path) -> None:
    """Write the frames of ``video`` at their times as a moving picture that repeats for ever.

    WebP and APNG keep every sample; a GIF gets the 256 colours that suit the whole video. GIF counts in hundredths of a
    second. ``output`` appears complete or not at all. Raises VideoError or StorageError.
    """
    container = container_of(output)
    with atomic(output) as partial:
        if container == "gif":
            with temporary(output, ".png") as palette:
                _run(
                    ffmpeg.output(_read(video).filter("palettegen"), f"file:{palette}", **{"frames:v": 1, "update": 1})
                )
                colours = ffmpeg.input(f"file:{palette}")
                picture = ffmpeg.filter(
                    [_read(video), colours], "paletteuse", dither="sierra2_4a", diff_mode="rectangle"
                )
                _run(ffmpeg.output(picture, f"file:{partial}", f="gif", fps_mode="passthrough", loop=0))
        elif container == "webp":
            options = {"c:v": "libwebp_anim", "lossless": 1, "pix_fmt": "bgra", "loop": 0}
            _run(ffmpeg.output(_read(video), f"file:{partial}", f="webp", fps_mode="passthrough", **options))
        else:
            options = {"c:v": "apng", "plays": 0}
            _run(ffmpeg.output(_read(video), f"file:{partial}", f="apng", fps_mode="passthrough", **options))


def _read(video: Path):
    return ffmpeg.input(f"file:{video.absolute()}").video


def _run(stream) -> None:
    binary.run(stream)
