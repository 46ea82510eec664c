"""Adding a difference to a frame's own planes, so that whatever it does not touch keeps its exact samples."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import av
import cv2
import numpy as np

from dvaedit.errors import VideoError
from dvaedit.video.colour import LUMA_WEIGHTS, is_full_range, matrix_of

Box = tuple[int, int, int, int]

_PLANAR = re.compile(r"yuv[aj]?\d{3}p(\d+le)?|gray(\d+le)?|gbra?p(\d+le)?|nv12|nv16|nv24")
# packed format -> samples per pixel, and which of them are R, G, B
_PACKED = {
    "rgb24": (3, (0, 1, 2)),
    "bgr24": (3, (2, 1, 0)),
    "rgba": (4, (0, 1, 2)),
    "rgb0": (4, (0, 1, 2)),
    "bgra": (4, (2, 1, 0)),
    "bgr0": (4, (2, 1, 0)),
    "argb": (4, (1, 2, 3)),
    "0rgb": (4, (1, 2, 3)),
    "abgr": (4, (3, 2, 1)),
    "0bgr": (4, (3, 2, 1)),
    "rgb48le": (3, (0, 1, 2)),
    "bgr48le": (3, (2, 1, 0)),
    "rgba64le": (4, (0, 1, 2)),
    "bgra64le": (4, (2, 1, 0)),
}


@dataclass(frozen=True)
class _Layout:
    """Where a format keeps its samples.

    components: per component (Y, Cb, Cr or R, G, B) its plane, offset in samples, and samples from pixel to pixel.
    cell: luma pixels (across, down) that share one chroma sample.
    """

    rgb: bool
    bits: int
    components: tuple[tuple[int, int, int], ...]
    cell: tuple[int, int]

    @property
    def dtype(self) -> type:
        return np.uint16 if self.bits > 8 else np.uint8


def apply_delta(frame: av.VideoFrame, box: Box, delta: np.ndarray, rotation: int = 0) -> av.VideoFrame:
    """A new frame: ``frame`` plus an RGB difference, added in the frame's own colour space without an RGB round trip.

    box: (x0, y0, x1, y1), pixels of the upright picture, x right, y down, within the picture.
    delta: float32, (y1 - y0, x1 - x0, 3), R'G'B' difference in 8-bit levels (255 = black to white), upright.
    rotation: degrees clockwise that turn the stored frame upright.

    dY, dCb, dCr = M dRGB by the frame's matrix, range and depth, averaged over each chroma sample's pixels, rounded,
    clipped to the legal range (a sample already outside it moves no further out). Samples whose delta is zero keep
    their value. Raises VideoError for a pixel format that is not supported.
    """
    layout = _layout(frame.format.name)
    new = copy_frame(frame)
    if delta.size == 0:
        return new
    x0, y0, stored = _to_stored(box, delta, rotation, frame.width, frame.height)
    if layout.rgb:
        scale = ((1 << layout.bits) - 1) / 255
        for index in range(3):
            _add(new, layout, index, (x0, y0), stored[..., index] * np.float32(scale), (0, (1 << layout.bits) - 1))
    else:
        _add_yuv(new, layout, (x0, y0), stored)
    return new


def copy_frame(frame: av.VideoFrame, pix_fmt: str | None = None) -> av.VideoFrame:
    """A frame with samples, time and colour tags of its own, no side data.

    pix_fmt: another name for the same layout of samples, such as yuv420p for yuvj420p.
    """
    new = av.VideoFrame(frame.width, frame.height, pix_fmt or frame.format.name)
    for source, target in zip(frame.planes, new.planes, strict=True):
        old, rows = _samples(source, np.uint8), _samples(target, np.uint8)
        used = min(old.shape[1], rows.shape[1])
        rows[:, :used] = old[:, :used]
    for name in ("pts", "time_base", "duration", "colorspace", "color_range", "color_primaries", "color_trc"):
        value = getattr(frame, name)
        if value is not None:
            setattr(new, name, value)
    return new


def _add_yuv(new: av.VideoFrame, layout: _Layout, corner: tuple[int, int], delta: np.ndarray) -> None:
    """Add delta, (h, w, 3), whose upper left pixel is ``corner``, to the Y, Cb and Cr samples."""
    weights, luma_range, chroma_range = _transform(new, layout.bits)
    _add(new, layout, 0, corner, cv2.transform(delta, weights[:1]), luma_range)
    if len(layout.components) == 1:
        return
    (x0, y0), cells = _cell_means(delta, corner, layout.cell, (new.width, new.height))
    chroma = cv2.transform(cells, weights[1:])
    for index in (1, 2):
        _add(new, layout, index, (x0, y0), chroma[..., index - 1], chroma_range)


def _transform(frame: av.VideoFrame, bits: int) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    """Matrix M, float32, (3, 3): sample steps of Y, Cb, Cr for an RGB step of one 8-bit level; legal ranges Y, C."""
    k_r, k_b = LUMA_WEIGHTS[matrix_of(frame)]
    luma = np.array([k_r, 1 - k_r - k_b, k_b])
    blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - k_b))
    red = (np.array([1, 0, 0]) - luma) / (2 * (1 - k_r))
    matrix = np.stack([luma, blue, red]) / 255
    if is_full_range(frame):
        top = (1 << bits) - 1
        return (matrix * top).astype(np.float32), (0, top), (0, top)
    unit = 1 << (bits - 8)
    matrix *= np.array([[219], [224], [224]]) * unit
    return matrix.astype(np.float32), (16 * unit, 235 * unit), (16 * unit, 240 * unit)


def _cell_means(
    delta: np.ndarray, corner: tuple[int, int], cell: tuple[int, int], size: tuple[int, int]
) -> tuple[tuple[int, int], np.ndarray]:
    """Means of delta over the chroma cells it touches, (rows, columns, 3), and the first cell's (column, row).

    Pixels of those cells outside the delta count as zero; cells cut by the frame's edge average what lies inside it.
    """
    (across, down), (x0, y0), (height, width) = cell, corner, delta.shape[:2]
    if cell == (1, 1):
        return corner, delta
    left, top = x0 % across, y0 % down
    right, bottom = -(x0 + width) % across, -(y0 + height) % down
    out_x, out_y = max(0, x0 + width + right - size[0]), max(0, y0 + height + bottom - size[1])
    if left or top or right or bottom:
        pad = (top, bottom - out_y, left, right - out_x)
        delta = cv2.copyMakeBorder(delta, *pad, cv2.BORDER_CONSTANT, value=0)
        delta = cv2.copyMakeBorder(delta, 0, out_y, 0, out_x, cv2.BORDER_REPLICATE)
    cells = (delta.shape[1] // across, delta.shape[0] // down)
    return (x0 // across, y0 // down), cv2.resize(delta, cells, interpolation=cv2.INTER_AREA)


def _add(
    frame: av.VideoFrame,
    layout: _Layout,
    index: int,
    corner: tuple[int, int],
    delta: np.ndarray,
    legal: tuple[int, int],
) -> None:
    """Add delta, float32, (h, w), in sample steps to one component, from sample ``corner`` (x, y) on."""
    plane, offset, step = layout.components[index]
    (x0, y0), (height, width) = corner, delta.shape[:2]
    rows = _samples(frame.planes[plane], layout.dtype)
    view = rows[y0 : y0 + height, offset + x0 * step : offset + (x0 + width) * step : step]
    old = np.ascontiguousarray(view)
    new = cv2.add(old, np.ascontiguousarray(delta, np.float32), dtype=cv2.CV_16U if layout.bits > 8 else cv2.CV_8U)
    low, high = (layout.dtype(bound) for bound in legal)
    np.maximum(new, np.minimum(old, low), out=new)
    np.minimum(new, np.maximum(old, high), out=view)


def _to_stored(box: Box, delta: np.ndarray, rotation: int, width: int, height: int) -> tuple[int, int, np.ndarray]:
    """The box's left and top, and the delta, in the stored frame of width x height pixels."""
    x0, y0, x1, y1 = box
    assert delta.shape == (y1 - y0, x1 - x0, 3), (delta.shape, box)
    upright_size = (height, width) if rotation % 180 else (width, height)
    assert x0 >= 0 and y0 >= 0 and x1 <= upright_size[0] and y1 <= upright_size[1], (box, upright_size)
    left, top = {0: (x0, y0), 90: (y0, height - x1), 180: (width - x1, height - y1), 270: (width - y1, x0)}[rotation]
    return left, top, np.ascontiguousarray(np.rot90(delta, rotation // 90), np.float32)


def _samples(plane: av.video.plane.VideoPlane, dtype: type) -> np.ndarray:
    """The plane's memory as (rows, samples a row, padding included), without a copy."""
    return np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // np.dtype(dtype).itemsize)


@functools.lru_cache(maxsize=32)
def _layout(name: str) -> _Layout:
    form = av.VideoFormat(name, 64, 64)
    parts = form.components
    bits = parts[0].bits
    if name in _PACKED:
        step, offsets = _PACKED[name]
        return _Layout(True, bits, tuple((0, offset, step) for offset in offsets), (1, 1))
    if not _PLANAR.fullmatch(name):
        hint = "Convert the video first, for example: ffmpeg -i INPUT -pix_fmt yuv420p -crf 12 CONVERTED.mp4"
        raise VideoError(f"The pixel format {name} cannot be edited.", hint)
    if name.startswith("nv"):
        return _Layout(False, bits, ((0, 0, 1), (1, 0, 2), (1, 1, 2)), (64 // parts[1].width, 64 // parts[1].height))
    components = tuple((part.plane, 0, 1) for part in parts if not part.is_alpha)
    cell = (64 // parts[1].width, 64 // parts[1].height) if len(components) > 1 and not form.is_rgb else (1, 1)
    return _Layout(form.is_rgb, bits, components, cell)
