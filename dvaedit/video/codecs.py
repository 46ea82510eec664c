"""Codecs an output can be written in: encoder, settings, containers, and the pixel format a source is kept in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import av

from dvaedit.errors import UsageError
from dvaedit.video.files import container_of

_X26X_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
_SVT_PRESETS = tuple(str(speed) for speed in range(14))


@dataclass(frozen=True)
class Codec:
    """An output codec.

    containers: muxers that hold it in a way players understand. working: suffix of the file without sound that is
    written first; mov and mp4 keep any time base exactly. crf, preset: defaults, visually lossless; None if the
    encoder has no such setting. crf_top: the greatest crf. even: whether sizes must be multiples of the chroma cell.
    alpha: whether transparency is kept.
    """

    name: str
    encoder: str
    containers: tuple[str, ...]
    crf: int | None = None
    crf_top: int = 0
    preset: str | None = None
    presets: tuple[str, ...] = ()
    working: str = ".mp4"
    even: bool = False
    alpha: bool = False
    options: tuple[tuple[str, str], ...] = ()


# h264 at crf 16, measured on two face clips: medium 48.6 and 51.6 dB (luma), fast the same, veryfast 47.0 and 50.8.
_X26X = {"containers": ("mp4", "mov", "matroska"), "crf": 16, "crf_top": 51, "preset": "medium", "even": True}
_WEB = {"containers": ("mp4", "matroska", "webm"), "crf": 16, "crf_top": 63}
CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", **_X26X, presets=_X26X_PRESETS),
        Codec("hevc", "libx265", **_X26X, presets=_X26X_PRESETS, options=(("x265-params", "log-level=error"),)),
        Codec("av1", "libsvtav1", **_WEB, preset="6", presets=_SVT_PRESETS),
        Codec("vp9", "libvpx-vp9", **_WEB, options=(("b", "0"), ("cpu-used", "3"))),
        Codec("prores", "prores_ks", ("mov", "matroska"), working=".mov", alpha=True),
        Codec("ffv1", "ffv1", ("matroska",), alpha=True),
    )
}
# the same samples in another order, for encoders (ffv1) that take only one
_SAME_SAMPLES = dict.fromkeys(("rgb24", "bgr24", "rgb0", "0rgb", "0bgr", "gbrp"), "bgr0")
_SAME_SAMPLES |= dict.fromkeys(("rgba", "argb", "abgr", "gbrap", "pal8"), "bgra")


def default_codec(path: str | Path) -> str:
    """The codec to use where the user names none: h264, or av1 where the container cannot hold that (.webm)."""
    return "h264" if container_of(path) in CODECS["h264"].containers else "av1"


def get_codec(name: str) -> Codec:
    """The codec of that name. Raises UsageError if there is none or this PyAV was built without its encoder."""
    if name not in CODECS:
        raise UsageError(f"There is no codec {name}.", f"Choose one of {', '.join(available())}.")
    if name not in available():
        raise UsageError(
            f"The codec {name} is not available: PyAV was built without {CODECS[name].encoder}.",
            f"Choose one of {', '.join(available())}.",
        )
    return CODECS[name]


def available() -> list[str]:
    """Names of the codecs whose encoder PyAV has."""
    return [codec.name for codec in CODECS.values() if codec.encoder in av.codecs_available]


def check_container(path: str | Path, name: str) -> None:
    """Raises UsageError if the container that the path's suffix stands for cannot hold the codec."""
    codec, container = get_codec(name), container_of(path)
    if container not in codec.containers:
        fitting = [other for other in available() if container in CODECS[other].containers]
        suffixes = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm"}
        hint = f"Use one of the codecs {', '.join(fitting)}, or an output named {suffixes[codec.containers[0]]}."
        raise UsageError(f"A {Path(path).suffix.lower()} file cannot hold {name} video.", hint)


def encoder_options(codec: Codec, crf: int | None = None, preset: str | None = None) -> dict[str, str]:
    """Options for the encoder; None leaves a setting at its default, and crf means nothing to prores and ffv1.

    Raises UsageError for a preset or crf that the codec does not have.
    """
    if preset is not None and preset not in codec.presets:
        names = f"Choose one of {', '.join(codec.presets)}." if codec.presets else "Leave the preset out."
        raise UsageError(f"The codec {codec.name} has no preset {preset}.", names)
    options = dict(codec.options)
    if codec.crf is not None:
        options["crf"] = str(codec.crf if crf is None else crf)
        if not 0 <= int(options["crf"]) <= codec.crf_top:
            raise UsageError(f"crf {crf} is out of range for {codec.name}.", f"Choose 0 (best) to {codec.crf_top}.")
    if codec.preset is not None:
        options["preset"] = preset or codec.preset
    if codec.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only; the library reads it when it starts, there is no option
    return options


def choose_pix_fmt(codec: Codec, source: str, size: tuple[int, int]) -> str:
    """The format frames are encoded in: their own where the codec holds it, else the nearest that loses nothing.

    RGB and palette pictures become 4:2:0 (4:4:4 where the size is odd); only prores and ffv1 keep transparency.
    Raises UsageError if the codec can hold neither the depth nor the chroma resolution.
    """
    choices = _choices(codec, source, size)
    if choices:
        return choices[0]
    others = [name for name in available() if _choices(CODECS[name], source, size)]
    hint = f"Choose one of the codecs {', '.join(others)}." if others else "Convert the video to yuv420p first."
    raise UsageError(f"The codec {codec.name} cannot hold {source} video of {size[0]}x{size[1]} pixels.", hint)


def _choices(codec: Codec, source: str, size: tuple[int, int]) -> list[str]:
    """Formats of the encoder that hold the source, best first."""
    formats = [form.name for form in av.Codec(codec.encoder, "w").video_formats]
    if not codec.alpha:
        formats = [name for name in formats if not has_alpha(name)]
    for wanted in (source.replace("yuvj", "yuv"), _SAME_SAMPLES.get(source)):
        if wanted in formats and _fits(codec, wanted, size):
            return [wanted]
    target = _needs(source)
    kinds = ("yuva", "yuv") if has_alpha(source) else ("yuv",)
    for kind in kinds:
        fitting = [name for name in formats if _family(name) == kind and _holds(name, target)]
        fitting = [name for name in fitting if _fits(codec, name, size)]
        if fitting:
            return sorted(fitting, key=_cost)
    return []


def _needs(name: str) -> tuple[int, int, int]:
    """(bits, luma samples to a chroma sample across, down); RGB counts as 4:2:0, gray as having no chroma."""
    form = av.VideoFormat(name, 64, 64)
    bits = 8 if form.has_palette else form.components[0].bits
    if form.is_rgb or form.has_palette:
        return bits, 2, 2
    chroma = [part for part in form.components if part.is_chroma or part.plane in (1, 2)]
    return (bits, 64 // chroma[0].width, 64 // chroma[0].height) if chroma else (bits, 64, 64)


def has_alpha(name: str) -> bool:
    """Whether a pixel format has a transparency channel."""
    return any(part.is_alpha for part in av.VideoFormat(name).components)


def _family(name: str) -> str:
    """yuv or yuva for plain planar Y'CbCr formats, else "" (yuvj is yuv with a tag, and needs none)."""
    if not name.startswith("yuv") or name.startswith("yuvj"):
        return ""
    return "yuva" if has_alpha(name) else "yuv"


def _holds(name: str, target: tuple[int, int, int]) -> bool:
    """Whether a format has at least the depth and the chroma resolution of the target."""
    return all(have >= need for have, need in zip(_resolution(_needs(name)), _resolution(target), strict=True))


def _resolution(needs: tuple[int, int, int]) -> tuple[int, int, int]:
    bits, across, down = needs
    return bits, -across, -down


def _fits(codec: Codec, name: str, size: tuple[int, int]) -> bool:
    if not codec.even:
        return True
    _, across, down = _needs(name) if name.startswith(("yuv", "nv")) else (8, 1, 1)
    return size[0] % across == 0 and size[1] % down == 0


def _cost(name: str) -> tuple[int, int]:
    """Order of preference: least depth, then fewest chroma samples."""
    bits, across, down = _needs(name)
    return bits, -across * down
