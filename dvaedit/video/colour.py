"""Colour tags of a frame: which matrix and range turn its samples into RGB (ITU-T H.273 code points)."""

from __future__ import annotations

from collections.abc import Mapping

import av

from dvaedit.errors import VideoError

BT709, UNSPECIFIED, BT470BG, SMPTE170M = 1, 2, 5, 6
LIMITED, FULL = 1, 2

# matrix code -> (K_R, K_B), ITU-T H.273 table 4; BT.2020 constant luminance (10) is not linear in R'G'B', see below.
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
# matrix code -> the SWS_CS_* code that libswscale uses for it
_SWS_CODES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}


def matrix_of(frame: av.VideoFrame) -> int:
    """Matrix code of a Y'CbCr frame; an untagged one is taken as players do: BT.601 up to 576 lines, BT.709 above.

    Raises VideoError for a matrix that is not linear or not known (YCgCo, ICtCp, constant luminance).
    """
    code = int(frame.colorspace)
    if code in LUMA_WEIGHTS:
        return code
    if code in (0, UNSPECIFIED, 3):
        return SMPTE170M if frame.height <= 576 and frame.width < 1280 else BT709
    hint = "Convert the video to BT.709 or BT.2020 non-constant luminance first."
    raise VideoError(f"The colour matrix of this video (code {code}) is not supported.", hint)


def sws_matrix(frame: av.VideoFrame) -> int:
    """The same matrix as a libswscale code; 5 (unused) for RGB frames."""
    return 5 if is_rgb(frame.format) else _SWS_CODES[matrix_of(frame)]


def colour_tags(source: str, told: Mapping[str, int], target: str) -> dict[str, int]:
    """Tags, by name, of pictures turned from one pixel format into another: those ``told`` of the source, except where
    samples change their meaning."""
    old, new, tags = av.VideoFormat(source), av.VideoFormat(target), dict(told)
    if is_rgb(old) and not is_rgb(new):
        known = {name: tag for name, tag in tags.items() if tag != UNSPECIFIED}
        return {"color_primaries": BT709, "color_trc": BT709} | known | {"color_range": LIMITED, "colorspace": BT709}
    if source.startswith(("yuvj", "gray")) and target != source:
        tags["color_range"] = FULL
    return tags


def is_rgb(form: av.VideoFormat) -> bool:
    """Whether samples are R, G, B or indices into a palette of them."""
    return form.is_rgb or form.has_palette


def is_full_range(frame: av.VideoFrame) -> bool:
    """Whether black is 0 and white the greatest value. Gray frames count as full, as in libswscale."""
    name = frame.format.name
    return is_rgb(frame.format) or name.startswith(("yuvj", "gray")) or int(frame.color_range) == FULL
