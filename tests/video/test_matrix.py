"""A matrix of formats made by ffmpeg: with ffv1, what is decoded from the output is what was decoded from the input."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_video

# pixel format -> what ffv1 keeps it in, where that is another layout of the same samples
YUV = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv410p", "yuv411p"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuv422p12le", "yuv444p12le", "yuv420p16le"),
    *("yuva420p", "yuva422p", "yuva444p", "yuva444p10le", "gray", "gray10le", "gray16le"),
)
RGB = ("gbrp", "gbrp10le", "gbrp12le", "gbrp16le", "gbrap", "bgr0", "bgra", "rgb24", "rgba", "rgb48le", "rgba64le")
RATES = ("24000/1001", "30000/1001", "25", "50", "60000/1001", "120", "12.5", "1", "1000/33")


def make(run, path: Path, *, pix_fmt="yuv420p", rate="25", size="64x48", codec=("-c:v", "ffv1"), extra=(), before=()):
    source = f"testsrc2=size={size}:rate={rate}:duration={float(6 / Fraction(rate)):.6f}"
    moving = f"{source},noise=alls=20:allf=t,format={pix_fmt}"
    run(*before, "-f", "lavfi", "-i", moving, *codec, "-pix_fmt", pix_fmt, *extra, path)
    return path


def samples(frame) -> list[np.ndarray]:
    """The visible bytes of every plane."""
    found = []
    for plane, part in zip(frame.planes, _first_parts(frame), strict=False):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        found.append(rows[:, :part].copy())
    return found


def _first_parts(frame) -> list[int]:
    """Bytes of a row in use, per plane."""
    form, used = frame.format, []
    for index, plane in enumerate(frame.planes):
        parts = [part for part in form.components if part.plane == index]
        bits = 8 * ((parts[0].bits + 7) // 8) if parts else 8
        packed = len(parts) if not form.name.endswith("0") else 4
        used.append(plane.width * packed * bits // 8)
    return used


def rgb_samples(frame) -> np.ndarray:
    return frame.to_ndarray(format="gbrp16le" if frame.format.components[0].bits > 8 else "rgb24")


def assert_same(source: Path, result: Path, layout: str | None = None):
    before, after = list(read_frames(source)), list(read_frames(result))
    assert len(before) == len(after) > 0
    first = before[0].time
    assert [f.time - first for f in after] == [f.time - first for f in before] or layout == "ms"
    for a, b in zip(before, after, strict=True):
        if a.native.format.name == b.native.format.name:
            assert all(np.array_equal(x, y) for x, y in zip(samples(a.native), samples(b.native), strict=True))
        else:
            assert np.array_equal(rgb_samples(a.native), rgb_samples(b.native))
            assert np.array_equal(a.rgb(), b.rgb())


def through(source: Path, out: Path, codec="ffv1") -> Path:
    info = probe(source)
    write_video(out, info, ((frame.native, frame.pts) for frame in read_frames(source)), codec=codec)
    return out


@pytest.mark.parametrize("pix_fmt", [*YUV, *RGB])
def test_pixel_formats_are_kept_bit_for_bit(run, tmp_path, pix_fmt):
    codec = ("-c:v", "rawvideo") if pix_fmt in ("rgb24", "rgba", "rgb48le", "rgba64le") else ("-c:v", "ffv1")
    source = make(run, tmp_path / ("in.nut" if codec[1] == "rawvideo" else "in.mkv"), pix_fmt=pix_fmt, codec=codec)
    assert probe(source).pix_fmt == pix_fmt
    assert_same(source, through(source, tmp_path / "out.mkv"), "ms")


@pytest.mark.parametrize("rate", RATES)
def test_rates_are_kept(run, tmp_path, rate):
    source = make(run, tmp_path / "in.mov", rate=rate, codec=("-c:v", "png"), pix_fmt="rgb24")
    result = through(source, tmp_path / "out.mov", codec="prores")
    assert [f.time for f in read_frames(result)] == [f.time for f in read_frames(source)]
    assert probe(result).rate == Fraction(rate)
