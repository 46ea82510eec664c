"""Whatever goes in, an edit of no strength comes out as it was, sample for sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
import pytest
from PIL import Image

import dvaedit
from dvaedit import api
from dvaedit.errors import UsageError, VideoError
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from tests.stages.conftest import clip, tiny_model  # noqa: F401
from tests.video.conftest import run_ffmpeg
from tests.video.test_matrix import MS, assert_same, samples

SMALL = "scale=256:256,fps=25"
FORMS = {
    "h264.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "copy"),
    "rate.mov": ("-c:v", "libx264", "-r", "24000/1001", "-pix_fmt", "yuv422p", "-c:a", "copy"),
    "ten_bit.mp4": ("-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le", "-an"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuv444p10le", "-an"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-b:v", "1M", "-an"),
    "mpeg1.mpg": ("-c:v", "mpeg1video", "-q:v", "3", "-c:a", "mp2"),
    "old.avi": ("-c:v", "mjpeg", "-q:v", "3", "-an"),
    "full.mkv": ("-c:v", "libx264", "-pix_fmt", "yuvj444p", "-an"),
    "gray.mkv": ("-c:v", "ffv1", "-pix_fmt", "gray", "-an"),
    "alpha.mov": ("-c:v", "png", "-pix_fmt", "rgba", "-an"),
    "still.gif": ("-an",),
    "trans.ts": ("-c:v", "libx264", "-c:a", "aac"),
}


@pytest.fixture
def options(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    return dvaedit.Options(steps=3, cache_dir=tmp_path / "cache")


def made(clip, tmp_path, name) -> Path:  # noqa: F811
    path = tmp_path / name
    run_ffmpeg("-i", clip, "-vf", SMALL, *FORMS[name], path)
    return path


@pytest.mark.parametrize("name", FORMS)
def test_nothing_is_lost(clip, options, tmp_path, name):  # noqa: F811
    source = made(clip, tmp_path, name)
    result = dvaedit.edit(
        source, attributes="Male", strength=0, lossless=True, output=tmp_path / "out.mkv", options=options
    )
    before, start = list(read_frames(source)), Fraction(0)
    if name.endswith((".mpg", ".ts")):  # their clocks start anywhere, and are moved to zero
        start = min(probe(source).start, before[0].time)
    after = list(read_frames(result.output))
    assert len(after) == len(before) == 8
    assert max(abs(a.time - start - b.time) for a, b in zip(before, after, strict=True)) <= MS
    assert all(np.array_equal(samples(a.native), samples(b.native)) for a, b in zip(before, after, strict=True))
    assert len(probe(result.output).audio) == len(probe(source).audio)


def pictures(clip, folder, suffix=".png", count=3, **save):  # noqa: F811
    folder.mkdir()
    for number, frame in enumerate(read_frames(clip, 0, count)):
        Image.fromarray(frame.rgb()[::2, ::2]).save(folder / f"shot {number:02d}{suffix}", **save)
    return folder


def test_a_folder_of_pictures(clip, options, tmp_path):  # noqa: F811
    source = pictures(clip, tmp_path / "shots")
    result = dvaedit.edit(source, attributes="Male", strength=0, options=options)
    assert result.output == tmp_path / "shots.Male_0"
    assert [p.name for p in sorted(result.output.iterdir())] == [f"shot {n:02d}.png" for n in range(3)]
    for path in source.iterdir():
        assert (result.output / path.name).read_bytes() == path.read_bytes()
    changed = dvaedit.edit(source, attributes="Male=3", region="square", paste="replace", options=options)
    for path in source.iterdir():
        before, after = (np.asarray(Image.open(p)).astype(int) for p in (path, changed.output / path.name))
        assert before.shape == after.shape
        assert np.abs(before - after).max() > 20 and (before[:4] == after[:4]).all()
    with pytest.raises(UsageError, match="not an empty folder"):
        dvaedit.edit(source, attributes="Male=3", output=changed.output, overwrite=True, options=options)


def test_a_folder_of_pictures_as_a_video(clip, options, tmp_path):  # noqa: F811
    source = pictures(clip, tmp_path / "shots")
    fast = dvaedit.Options(steps=3, cache_dir=options.cache_dir, rate=12.5)
    result = dvaedit.edit(source, attributes="Male", output=tmp_path / "out.mp4", options=fast)
    assert [float(frame.time) for frame in read_frames(result.output)] == [0, 0.08, 0.16]


def test_a_photograph_keeps_its_exif_and_stands_upright(clip, options, tmp_path):  # noqa: F811
    frame = next(iter(read_frames(clip))).rgb()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"  # lies on its side
    path = tmp_path / "me.jpg"
    Image.fromarray(np.rot90(frame)).save(path, quality=95, exif=exif)
    same = dvaedit.edit(path, attributes="Male", strength=0, options=options)
    assert same.output == tmp_path / "me.Male_0.jpg" and same.output.read_bytes() == path.read_bytes()
    result = dvaedit.edit(path, attributes="Male=3", output=tmp_path / "o.png", options=options)
    with Image.open(result.output) as picture:
        assert picture.size == (512, 512) and picture.getexif()[0x010F] == "Maker" and 0x0112 not in picture.getexif()
        assert np.abs(np.asarray(picture).astype(int) - frame)[:, :40].mean() < 4


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_moving_pictures_in_and_out(clip, options, tmp_path, suffix):  # noqa: F811
    frames = [Image.fromarray(frame.rgb()[::2, ::2]) for frame in read_frames(clip, 0, 4)]
    source, durations = tmp_path / f"in{suffix}", [40, 80, 120, 200]
    kind = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}[suffix]
    extra = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(source, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **extra)
    result = dvaedit.edit(source, attributes="Male", strength=0, options=options)
    assert result.output == tmp_path / f"in.Male_0{suffix}"
    with Image.open(source) as before, Image.open(result.output) as after:
        assert after.n_frames == before.n_frames == 4
        for number, duration in enumerate(durations[:3]):
            before.seek(number)
            after.seek(number)
            after.load()  # WebP tells the duration only then
            assert after.info["duration"] == duration
            a, b = (np.asarray(picture.convert("RGB")).astype(int) for picture in (before, after))
            assert np.array_equal(a, b) if suffix != ".gif" else np.abs(a - b).mean() < 6


def test_interlaced_video_is_refused_unless_asked_for(clip, options, tmp_path):  # noqa: F811
    source = tmp_path / "in.mpg"
    interlace = f"{SMALL},tinterlace=interleave_top,setfield=tff"
    run_ffmpeg("-i", clip, "-vf", interlace, "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "2", source)
    with pytest.raises(VideoError, match="interlaced") as raised:
        dvaedit.edit(source, attributes="Male", output=tmp_path / "o.mp4", options=options)
    assert "--deinterlace" in raised.value.hint and not (tmp_path / "o.mp4").exists()
    merging = dvaedit.Options(steps=3, cache_dir=options.cache_dir, deinterlace=True)
    result = dvaedit.edit(source, attributes="Male", output=tmp_path / "o.mp4", options=merging)
    assert result.frames == len(list(read_frames(source))) == result.edited_frames
    info = probe(result.output)
    assert not info.interlaced and len(info.audio) == len(probe(source).audio) == 1


@pytest.mark.parametrize("kind", ["empty folder", "text.png", "cut.png", "huge.png", "deep.png", "sizes"])
def test_bad_pictures_are_refused(clip, options, tmp_path, kind):  # noqa: F811
    path = tmp_path / kind
    good = pictures(clip, tmp_path / "good") / "shot 00.png"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "text.png":
        path.write_text("not a picture")
    elif kind == "cut.png":
        path.write_bytes(good.read_bytes()[:5000])
    elif kind == "huge.png":
        data = bytearray(good.read_bytes())
        data[16:24] = (60000).to_bytes(4, "big") * 2
        path.write_bytes(data)
    elif kind == "deep.png":
        Image.fromarray(np.zeros((64, 64), np.uint16)).save(path)
    else:
        pictures(clip, path)
        Image.new("RGB", (64, 64)).save(path / "z.png")
    with pytest.raises(VideoError) as raised:
        dvaedit.edit(path, attributes="Male", output=tmp_path / "o.mp4", options=options)
    assert raised.value.message and raised.value.hint
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize("change", [{"codec": "h264"}, {"crf": 10}, {"pix_fmt": "yuv420p"}, {"preset": "slow"}])
def test_moving_pictures_have_no_choice_of_codec(clip, options, tmp_path, change):  # noqa: F811
    with pytest.raises(UsageError, match="no choice"):
        dvaedit.edit(clip, attributes="Male", output=tmp_path / "o.gif", options=options, **change)


def test_the_codec_of_the_source(clip, options, tmp_path):  # noqa: F811
    source = made(clip, tmp_path, "ten_bit.mp4")
    settings = {"attributes": "Male", "strength": 0, "options": options}
    result = dvaedit.edit(source, codec="copy-of-source", output=tmp_path / "o.mp4", **settings)
    assert (probe(result.output).codec, probe(result.output).pix_fmt) == ("hevc", "yuv420p10le")
    exact = dvaedit.edit(source, codec="hevc", lossless=True, output=tmp_path / "e.mp4", **settings)
    assert_same(source, exact.output)


FADE = f"{SMALL},format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='X'"


def transparent(clip, tmp_path, name, *codec) -> Path:  # noqa: F811
    path = tmp_path / name
    try:
        run_ffmpeg("-i", clip, "-an", "-frames:v", "4", "-vf", FADE, "-pix_fmt", "yuva420p", *codec, path)
    except CalledProcessError:
        pytest.skip(f"this ffmpeg cannot encode transparent {codec[1]}")
    return path


@pytest.mark.parametrize(("output", "codec"), [("out.mkv", None), ("out.webm", "vp9")])
def test_transparency_of_vp9_is_kept(clip, options, tmp_path, output, codec):  # noqa: F811
    source = transparent(clip, tmp_path, "in.webm", "-c:v", "libvpx-vp9")
    result = dvaedit.edit(
        source, attributes="Male", strength=0, lossless=True, codec=codec, output=tmp_path / output, options=options
    )
    before, after = list(read_frames(source)), list(read_frames(result.output))
    assert len(before) == len(after) == 4
    assert after[0].native.format.name == "yuva420p"
    assert all(np.array_equal(samples(a.native), samples(b.native)) for a, b in zip(before, after, strict=True))


def test_transparency_of_hevc_is_said_to_be_lost(clip, options, tmp_path, caplog):  # noqa: F811
    source = transparent(clip, tmp_path, "in.mp4", "-c:v", "libx265", "-x265-params", "log-level=error")
    dvaedit.edit(source, attributes="Male", strength=0, output=tmp_path / "out.mp4", options=options)
    lines = [record.getMessage() for record in caplog.records if "transparency" in record.getMessage()]
    assert lines == ["in.mp4: its transparency cannot be read and is left out."]


def test_frames_without_a_face_pass_through(clip, options, tmp_path):  # noqa: F811
    """Grey frames between two shots of a face: they keep every sample, and the face before and after them is edited."""
    source, grey = tmp_path / "in.mkv", "color=gray:size=256x256:rate=24:duration=0.5,format=yuv420p"
    shots = "[0:v]scale=256:256,fps=24,format=yuv420p,split[a][b];[a][1:v][b]concat=n=3"
    run_ffmpeg("-i", clip, "-f", "lavfi", "-i", grey, "-filter_complex", shots, "-an", "-c:v", "ffv1", source)
    result = dvaedit.edit(
        source, attributes="Blond_Hair=2", lossless=True, output=tmp_path / "out.mkv", options=options
    )
    before, after = list(read_frames(source)), list(read_frames(result.output))
    same = [np.array_equal(samples(a.native), samples(b.native)) for a, b in zip(before, after, strict=True)]
    plain = [frame.rgb().std() < 3 for frame in before]
    assert sum(plain) == 12 and result.edited_frames < len(before) - 12 + 1
    assert all(kept for kept, grey in zip(same, plain, strict=True) if grey)
    assert sum(not kept for kept in same) >= 8
