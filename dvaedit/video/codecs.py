"""Codecs an output can be written in: encoder, settings, containers, and the pixel format a source is kept in."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace
from fractions import Fraction
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
    alpha: whether transparency is kept. beside: containers that hold it beside the pictures. quality: the encoder's
    name for crf. lossless: options that make it exact, instead of crf; None if it cannot be. hardware: whether a device
    must be there that encodes. limited: whether all samples are taken as of limited range.
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
    beside: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    quality: str = "crf"
    lossless: tuple[tuple[str, str], ...] | None = None
    hardware: bool = False
    limited: bool = False

    def working_for(self, pix_fmt: str | None) -> str:
        """The suffix of the working file: mp4 and mov have no place beside the pictures."""
        return ".mkv" if pix_fmt is not None and self.beside and has_alpha(pix_fmt) else self.working


@dataclass(frozen=True)
class Encoding:
    """How an output is encoded; None leaves a choice to the codec or the source.

    crf: less is better and larger. pix_fmt: as ffmpeg names it, also where that loses something. lossless: exact
    samples; the codec is ffv1 unless one that can do that is named.
    """

    codec: str = "h264"
    crf: int | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    lossless: bool = False


# h264 at crf 16, measured on two face clips: medium 48.6 and 51.6 dB (luma), fast the same, veryfast 47.0 and 50.8.
_X26X = {"containers": ("mp4", "mov", "matroska"), "crf": 16, "crf_top": 51, "preset": "medium", "even": True}
_WEB = {"containers": ("mp4", "matroska", "webm"), "crf": 16, "crf_top": 63}
# maker of the device, name of the quality setting, and what makes that setting count
_HARDWARE = (
    ("nvenc", "cq", (("rc", "vbr"), ("b", "0"))),
    ("qsv", "global_quality", ()),
    ("videotoolbox", "q:v", ()),
    ("amf", "qp_i", (("rc", "cqp"),)),
)
CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", **_X26X, presets=_X26X_PRESETS, lossless=(("qp", "0"),)),
        Codec(
            "hevc",
            "libx265",
            **_X26X,
            presets=_X26X_PRESETS,
            options=(("x265-params", "log-level=error"),),
            lossless=(("x265-params", "lossless=1"),),
        ),
        Codec("av1", "libsvtav1", **_WEB, preset="6", presets=_SVT_PRESETS),
        Codec(
            "vp9",
            "libvpx-vp9",
            **_WEB,
            beside=("matroska", "webm"),
            options=(("b", "0"), ("cpu-used", "3")),
            lossless=(("lossless", "1"),),
        ),
        Codec("prores", "prores_ks", ("mov", "matroska"), working=".mov", alpha=True, limited=True),
        # Slices carry checksums; four of them and intra frames only: damage stays where it is, and all cores work.
        Codec("ffv1", "ffv1", ("matroska",), alpha=True, lossless=(), options=(("level", "3"), ("slicecrc", "1"))),
        *(
            Codec(
                f"{name}_{maker}",
                f"{name}_{maker}",
                **(_X26X if name != "av1" else _WEB) | {"preset": None},
                quality=quality,
                hardware=True,
                options=options,
            )
            for name in ("h264", "hevc", "av1")
            for maker, quality, options in _HARDWARE
        ),
    )
}
SOURCE = "copy-of-source"  # stands for the codec the input has
PICTURES = ("gif", "webp", "apng")  # containers of moving pictures; made from lossless video at the end
# the same samples in another order, for encoders (ffv1) that take only one
_SAME_SAMPLES = dict.fromkeys(("rgb24", "bgr24", "rgb0", "0rgb", "0bgr", "gbrp"), "bgr0")
_SAME_SAMPLES |= dict.fromkeys(("rgba", "argb", "abgr", "gbrap", "pal8"), "bgra")


def default_codec(path: str | Path, alpha: bool = False) -> str:
    """The codec to use where the user names none: h264, or av1 where the container cannot hold that (.webm).

    Moving pictures (.gif, .webp, .apng) are made from ffv1. alpha: whether the source is transparent; a .webm holds
    that with vp9 only.
    """
    container = container_of(path)
    if alpha and container == "webm":
        return "vp9"
    return "ffv1" if container in PICTURES else "h264" if container in CODECS["h264"].containers else "av1"


def choose_codec(path: str | Path, wanted: str | None, source: str, lossless: bool = False, alpha: bool = False) -> str:
    """The name of the codec for an output: the one wanted, the source's if that is wanted, else a default.

    source: the input's codec, as ffmpeg names it; alpha: whether it is transparent.
    Raises UsageError where it cannot be written.
    """
    if wanted is None:
        return "ffv1" if lossless else default_codec(path, alpha)
    if wanted != SOURCE:
        return wanted
    name = {"vp8": "vp9", "png": "ffv1", "rawvideo": "ffv1"}.get(source, source)
    if name not in CODECS:
        hint = f"Choose one of {', '.join(available())}."
        raise UsageError(f"The source is coded in {source}, which is not written here.", hint)
    return name


def get_codec(name: str) -> Codec:
    """The codec of that name. Raises UsageError if there is none or this PyAV was built without its encoder."""
    if name not in CODECS:
        raise UsageError(f"There is no codec {name}.", f"Choose one of {', '.join(available())}.")
    if not _usable(name):
        missing = f"PyAV was built without {CODECS[name].encoder}"
        why = "this machine has no such device" if CODECS[name].encoder in av.codecs_available else missing
        raise UsageError(f"The codec {name} is not available: {why}.", f"Choose one of {', '.join(available())}.")
    return CODECS[name]


def available() -> list[str]:
    """Names of the codecs that can be used: PyAV has their encoder, and the device is there if they need one."""
    return [name for name in CODECS if _usable(name)]


def _usable(name: str) -> bool:
    codec = CODECS[name]
    return codec.encoder in av.codecs_available and (not codec.hardware or _opens(codec.encoder))


@functools.cache
def _opens(encoder: str) -> bool:
    """Whether the device that an encoder needs is there."""
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 256, 256, "yuv420p"
    context.time_base = Fraction(1, 25)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)  # a missing driver is an answer here, not an error
    try:
        context.open()
    except (av.error.FFmpegError, OSError, ValueError):
        return False
    finally:
        av.logging.set_level(level)
    return True


def check_container(path: str | Path, name: str) -> None:
    """Raises UsageError if the container that the path's suffix stands for cannot hold the codec."""
    codec, container = get_codec(name), container_of(path)
    if container in PICTURES:
        if name != "ffv1":
            raise UsageError(f"A {Path(path).suffix.lower()} file has no choice of codec.", "Leave --codec out.")
        return
    if container not in codec.containers:
        fitting = [other for other in available() if container in CODECS[other].containers]
        suffixes = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm"}
        hint = f"Use one of the codecs {', '.join(fitting)}, or an output named {suffixes[codec.containers[0]]}."
        raise UsageError(f"A {Path(path).suffix.lower()} file cannot hold {name} video.", hint)


def encoder_options(
    codec: Codec, crf: int | None = None, preset: str | None = None, lossless: bool = False
) -> dict[str, str]:
    """Options for the encoder; None leaves a setting at its default, and crf means nothing to prores and ffv1.

    Raises UsageError for a preset or crf that the codec does not have, and for lossless where it cannot be.
    """
    if lossless and codec.lossless is None:
        exact = [name for name in available() if CODECS[name].lossless is not None]
        raise UsageError(f"The codec {codec.name} is never lossless.", f"Choose one of {', '.join(exact)}.")
    if lossless and crf is not None:
        raise UsageError("lossless and a crf exclude each other", "Leave --crf out.")
    if preset is not None and preset not in codec.presets:
        names = f"Choose one of {', '.join(codec.presets)}." if codec.presets else "Leave the preset out."
        raise UsageError(f"The codec {codec.name} has no preset {preset}.", names)
    options = dict(codec.options)
    if lossless:
        for name, value in codec.lossless:
            options[name] = f"{options[name]}:{value}" if name in options else value
    elif codec.crf is not None:
        options[codec.quality] = str(codec.crf if crf is None else crf)
        if not 0 <= int(options[codec.quality]) <= codec.crf_top:
            raise UsageError(f"crf {crf} is out of range for {codec.name}.", f"Choose 0 (best) to {codec.crf_top}.")
    if codec.preset is not None:
        options["preset"] = preset or codec.preset
    if codec.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only; the library reads it when it starts, there is no option
    return options


def choose_alpha(
    codec: Codec, path: str | Path, source: str, size: tuple[int, int], wanted: Encoding, transparent: bool
) -> Encoding:
    """The encoding for an output, with a transparent pixel format where its container holds that beside the pictures.

    source, size: pixel format and size of the source; transparent: whether it is. Raises UsageError where a
    transparent format is wanted that the container cannot hold.
    """
    holds = container_of(path) in codec.beside
    if codec.beside and not holds and wanted.pix_fmt is not None and has_alpha(wanted.pix_fmt):
        suffix = Path(path).suffix.lower()
        raise UsageError(f"A {suffix} file has no place for the transparency of {codec.name}.", "Use a .webm.")
    if wanted.pix_fmt is not None or not (holds and transparent):
        return wanted
    return replace(wanted, pix_fmt=choose_pix_fmt(replace(codec, alpha=True), source, size, None, wanted.lossless))


def choose_pix_fmt(
    codec: Codec, source: str, size: tuple[int, int], wanted: str | None = None, lossless: bool = False
) -> str:
    """The format frames are encoded in: their own where the codec holds it, else the nearest that loses nothing.

    RGB and palette pictures become 4:2:0 (4:4:4 where the size is odd); only prores and ffv1 keep transparency, and
    vp9 where :func:`choose_alpha` says so.
    wanted: overrules that, within what the encoder takes. Raises UsageError if the codec can hold neither the depth
    nor the chroma resolution, or not exactly where ``lossless`` asks for that.
    """
    if wanted is not None:
        return _wanted(codec, source, size, wanted)
    choices = _choices(codec, source, size, lossless)
    if lossless and choices and not _same_samples(source, choices[0]):
        raise UsageError(
            f"The codec {codec.name} cannot hold {source} video exactly.", "Use --codec ffv1, or leave --lossless out."
        )
    if choices:
        return choices[0]
    others = [name for name in available() if _choices(CODECS[name], source, size)]
    hint = f"Choose one of the codecs {', '.join(others)}." if others else "Convert the video to yuv420p first."
    raise UsageError(f"The codec {codec.name} cannot hold {source} video of {size[0]}x{size[1]} pixels.", hint)


def _wanted(codec: Codec, source: str, size: tuple[int, int], name: str) -> str:
    formats = [form.name for form in av.Codec(codec.encoder, "w").video_formats]
    if name not in formats:
        raise UsageError(f"The codec {codec.name} has no pixel format {name}.", f"It has: {', '.join(formats)}.")
    old, new = av.VideoFormat(source), av.VideoFormat(name)
    if new.is_rgb and not (old.is_rgb or old.has_palette):
        raise UsageError(f"{source} video is not turned into {name}.", "Choose a yuv format.")
    if not _fits(codec, name, size):
        raise UsageError(f"{name} does not fit pictures of {size[0]}x{size[1]} pixels.", "Choose a yuv444p format.")
    return name


def _same_samples(source: str, target: str) -> bool:
    """Whether a format holds another's samples bit for bit."""
    old, new = av.VideoFormat(source), av.VideoFormat(target)
    if source.replace("yuvj", "yuv") == target or _SAME_SAMPLES.get(source) == target:
        return True
    rgb = (old.is_rgb, new.is_rgb) == (True, True)
    return rgb and old.components[0].bits == new.components[0].bits and has_alpha(target) >= has_alpha(source)


def _choices(codec: Codec, source: str, size: tuple[int, int], exact: bool = False) -> list[str]:
    """Formats of the encoder that hold the source, best first."""
    formats = [form.name for form in av.Codec(codec.encoder, "w").video_formats]
    if not codec.alpha:
        formats = [name for name in formats if not has_alpha(name)]
    for wanted in (source.replace("yuvj", "yuv"), _SAME_SAMPLES.get(source)):
        if wanted in formats and _fits(codec, wanted, size):
            return [wanted]
    exact = exact or codec.name == "ffv1"
    if exact and av.VideoFormat(source).is_rgb and (equal := [name for name in formats if _same_samples(source, name)]):
        return sorted(equal, key=has_alpha)
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
