"""A matrix of formats made by ffmpeg: with ffv1, what is decoded from the output is what was decoded from the input."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dvaedit.errors import UsageError
from dvaedit.stages.intake import deinterlaced
from dvaedit.video.codecs import CODECS, SOURCE, available, choose_codec, get_codec
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import VideoWriter, mux

# pixel format -> what ffv1 keeps it in, where that is another layout of the same samples
YUV = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv410p", "yuv411p"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuv422p12le", "yuv444p12le", "yuv420p16le"),
    *("yuva420p", "yuva422p", "yuva444p", "yuva444p10le", "gray", "gray10le", "gray16le"),
)
RGB = ("gbrp", "gbrp10le", "gbrp12le", "gbrp16le", "gbrap", "bgr0", "bgra", "rgb24", "rgba", "rgb48le", "rgba64le")
RATES = ("24000/1001", "30000/1001", "25", "50", "60000/1001", "120", "12.5", "1", "1000/33")


def make(run, path: Path, *, pix_fmt="yuv420p", rate="25", size="64x48", codec=("-c:v", "ffv1"), extra=(), before=()):
    source = f"testsrc2=size=64x48:rate={rate}:duration={float(6 / Fraction(rate)):.6f}"
    moving = f"{source},noise=alls=20:allf=t,scale={size.replace('x', ':')},format={pix_fmt}"
    run(*before, "-f", "lavfi", "-i", moving, *codec, "-pix_fmt", pix_fmt, *extra, path)
    return path


def samples(frame) -> np.ndarray:
    """The visible samples, one plane below the other; RGB as (3 or 4, H, W) in the order R, G, B, A."""
    form, dtype = frame.format, np.uint16 if frame.format.components[0].bits > 8 else np.uint8
    rows = [np.frombuffer(p, dtype).reshape(p.height, p.line_size // np.dtype(dtype).itemsize) for p in frame.planes]
    if not form.is_rgb:
        return np.concatenate([r[:, : p.width].ravel() for r, p in zip(rows, frame.planes, strict=True)])
    if form.is_planar:
        order = [2, 0, 1, 3][: len(rows)]
        return np.stack([rows[n][:, : frame.width] for n in order])
    order = {"rgb24": "012", "bgr24": "210", "bgr0": "210", "rgb48le": "012", "rgba": "0123", "bgra": "2103"}
    step = 3 if form.name in ("rgb24", "bgr24", "rgb48le") else 4
    packed = rows[0][:, : frame.width * step].reshape(frame.height, frame.width, step)
    return np.stack([packed[..., int(n)] for n in order.get(form.name, "0123")])


def assert_same(source: Path, result: Path, tolerance=Fraction(0)):
    """As many frames, with the same samples, at the same times."""
    before, after = list(read_frames(source)), list(read_frames(result))
    assert len(before) == len(after) > 0
    assert max(abs(a.time - b.time) for a, b in zip(before, after, strict=True)) <= tolerance
    for a, b in zip(before, after, strict=True):
        assert np.array_equal(samples(a.native), samples(b.native)), a.index


def through(source: Path, out: Path, codec="ffv1", **settings) -> Path:
    info = probe(source)
    frames = ((frame.native, frame.pts) for frame in read_frames(source))
    with VideoWriter(out.with_suffix(CODECS[codec].working), info, codec, **settings) as writer:
        for native, pts in frames:
            writer.write(native, pts)
    if CODECS[codec].working != out.suffix:
        mux(writer.path, source, out)
    return out


MS = Fraction(1, 2000)  # Matroska counts in milliseconds
PACKED = ("rgb24", "rgba", "rgb48le", "rgba64le")


@pytest.mark.parametrize("pix_fmt", [*YUV, *RGB])
def test_pixel_formats_are_kept_bit_for_bit(run, tmp_path, pix_fmt):
    codec, suffix = (("-c:v", "rawvideo"), ".nut") if pix_fmt in PACKED else (("-c:v", "ffv1"), ".mkv")
    source = make(run, tmp_path / f"in{suffix}", pix_fmt=pix_fmt, codec=codec)
    expected = {"gbrp": "bgr0", "gbrap": "bgra"}.get(pix_fmt, pix_fmt)  # how ffv1 hands out 8-bit RGB
    assert probe(source).pix_fmt == (expected if suffix == ".mkv" else pix_fmt)
    assert_same(source, through(source, tmp_path / "out.mkv", lossless=True), MS)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_rates_are_kept_exactly(run, tmp_path, rate, codec):
    source = make(run, tmp_path / "in.mov", rate=rate, codec=("-c:v", "png"), pix_fmt="rgb24")
    result = through(source, tmp_path / "out.mov", codec=codec)
    assert [f.time for f in read_frames(result)] == [f.time for f in read_frames(source)]
    assert probe(result).rate == Fraction(rate)


@pytest.mark.parametrize("size", ["65x49", "64x49", "65x48", "16x16", "4x2", "1x1"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gray"])
def test_any_size_is_kept(run, tmp_path, size, pix_fmt):
    source = make(run, tmp_path / "in.mkv", size=size, pix_fmt=pix_fmt)
    result = through(source, tmp_path / "out.mkv")
    assert_same(source, result, MS)
    assert probe(result).stored_size == tuple(map(int, size.split("x")))


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize(
    ("primaries", "transfer", "matrix"),
    [("bt709", "bt709", "bt709"), ("smpte170m", "smpte170m", "smpte170m"), ("bt470bg", "bt470bg", "bt470bg"),
     ("bt2020", "smpte2084", "bt2020nc"), ("bt2020", "arib-std-b67", "bt2020nc"), ("bt2020", "bt2020-10", "bt2020nc")],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_colour_tags_are_kept(run, tmp_path, range_, primaries, transfer, matrix, codec):
    tags = f"setparams=range={range_}:color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"
    source = make(run, tmp_path / "in.mkv", pix_fmt="yuv420p10le", extra=("-vf", tags, "-color_range", range_))
    before = probe(source)
    result = probe(through(source, tmp_path / "out.mkv", codec=codec))
    names = ("color_range", "color_primaries", "color_transfer", "color_matrix")
    assert {n: getattr(result, n) for n in names} == {n: getattr(before, n) for n in names}
    assert before.color_range == (2 if range_ == "pc" else 1) and before.color_transfer not in (0, 2)


@pytest.mark.parametrize("sar", ["4/3", "16/11", "1/2", "32/27"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sample_aspect_ratios_are_kept(run, tmp_path, sar, suffix):
    source = make(run, tmp_path / f"in{suffix}", codec=("-c:v", "libx264"), extra=("-vf", f"setsar={sar}"))
    assert probe(through(source, tmp_path / f"out{suffix}", codec="h264")).sar == Fraction(sar) == probe(source).sar


MASTER = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.mark.parametrize(("codec", "exact"), [("hevc", True), ("h264", True), ("av1", False)])
def test_mastering_metadata_is_kept(run, tmp_path, codec, exact):
    params = ("-x265-params", f"log-level=error:master-display={MASTER}:max-cll=1000,400")
    source = make(run, tmp_path / "in.mp4", pix_fmt="yuv420p10le", size="64x64", codec=("-c:v", "libx265", *params))
    before, after = (probe(path).mastering for path in (source, through(source, tmp_path / "out.mp4", codec=codec)))
    assert before.light == after.light == (1000, 400)
    assert before.luminance == (Fraction(1, 200), 1000)
    for (x, y), (u, v) in zip(before.primaries, after.primaries, strict=True):
        assert (abs(x - u), abs(y - v)) == (0, 0) if exact else max(abs(x - u), abs(y - v)) < 2e-5


def test_mastering_metadata_that_a_codec_cannot_hold_is_said(run, tmp_path, caplog):
    params = ("-x265-params", f"log-level=error:master-display={MASTER}:max-cll=1000,400")
    source = make(run, tmp_path / "in.mp4", pix_fmt="yuv420p10le", size="64x64", codec=("-c:v", "libx265", *params))
    through(source, tmp_path / "out.mov", codec="prores")
    assert "without HDR mastering metadata" in caplog.text


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
def test_lossless_modes_are_lossless(run, tmp_path, codec):
    source = make(run, tmp_path / "in.mkv")
    assert_same(source, through(source, tmp_path / "out.mkv", codec=codec, lossless=True), MS)


def test_lossless_is_refused_where_it_is_not(run, tmp_path):
    source = make(run, tmp_path / "in.mkv", pix_fmt="yuv422p12le")
    for codec, why in (("av1", "never lossless"), ("prores", "never lossless"), ("h264", "cannot hold")):
        with pytest.raises(UsageError, match=why) as raised:
            through(source, tmp_path / "out.mkv", codec=codec, lossless=True)
        assert "ffv1" in raised.value.hint
    assert list(tmp_path.iterdir()) == [source]


def test_a_pixel_format_of_choice(run, tmp_path):
    source = make(run, tmp_path / "in.mkv", pix_fmt="yuv444p10le")
    assert probe(through(source, tmp_path / "out.mp4", codec="h264", pix_fmt="yuv420p")).pix_fmt == "yuv420p"
    for wrong in ("rgb24", "yuv420p16le", "nonsense"):
        with pytest.raises(UsageError):
            through(source, tmp_path / "o.mp4", codec="h264", pix_fmt=wrong)


def test_codec_of_the_source():
    assert choose_codec("o.mp4", SOURCE, "hevc") == "hevc"
    assert choose_codec("o.mkv", SOURCE, "rawvideo") == "ffv1"
    assert choose_codec("o.mp4", None, "hevc") == "h264" and choose_codec("o.webm", None, "hevc") == "av1"
    assert choose_codec("o.mkv", None, "hevc", lossless=True) == "ffv1"
    with pytest.raises(UsageError, match="mpeg1video"):
        choose_codec("o.mp4", SOURCE, "mpeg1video")


def test_an_encoder_without_its_device_is_refused():
    missing = [name for name, codec in CODECS.items() if codec.hardware and name not in available()]
    assert missing, "a machine with every hardware encoder there is"
    with pytest.raises(UsageError, match="not available"):
        get_codec(missing[0])


def test_an_edit_list_hides_what_it_hides(run, tmp_path):
    """A cut by stream copy: frames before the start are in the file, but not shown."""
    whole = make(run, tmp_path / "whole.mp4", codec=("-c:v", "libx264", "-bf", "2", "-g", "50"))
    source = tmp_path / "in.mp4"
    run("-ss", "0.08", "-i", whole, "-c", "copy", source)
    shown = list(read_frames(source))
    assert len(shown) == 4 and shown[0].time == 0
    result = through(source, tmp_path / "out.mp4", codec="h264")
    assert [f.time for f in read_frames(result)] == [f.time for f in shown]


def test_interlaced_video_is_noticed_and_deinterlaced(run, tmp_path):
    source = tmp_path / "in.mpg"
    fields = "testsrc2=size=64x64:rate=50:duration=0.4"
    run("-f", "lavfi", "-i", f"{fields},tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video", "-flags",
        "+ilme+ildct", "-q:v", "2", source)  # fmt: skip
    info = probe(source)
    assert info.interlaced
    frames = list(deinterlaced(source, info))
    assert [pts for _, pts in frames] == [frame.pts for frame in read_frames(source)]
    assert not any(native.interlaced_frame for native, _ in frames)
    before = next(iter(read_frames(source, 4, 5))).native.to_ndarray()[:64].astype(int)
    after = frames[4][0].to_ndarray()[:64].astype(int)
    assert np.array_equal(after[::2], before[::2])  # one field stays
    combs = [np.abs(2 * x[1:-1:2] - x[:-2:2] - x[2::2]).mean() for x in (before, after)]
    assert combs[1] < 0.9 * combs[0]
