"""What probe reads off files, and what it says about files that are no videos."""

import hashlib
from fractions import Fraction

import pytest

from dvaedit.errors import VideoError
from dvaedit.video.probe import file_digest, probe


def test_describes_the_stream_and_the_sound(rich):
    info = probe(rich)
    assert (info.width, info.height, info.rotation, info.mirrored) == (64, 48, 0, False)
    assert (info.pix_fmt, info.codec, info.time_base, info.frames) == ("yuv420p", "h264", Fraction(1, 12000), 12)
    assert (info.color_range, info.color_matrix, info.color_primaries, info.color_transfer) == (1, 1, 1, 1)
    assert info.sar == Fraction(4, 3)
    assert [(a.codec, a.rate, a.channels, a.language) for a in info.audio] == [
        ("aac", 44100, 1, "eng"),
        ("aac", 44100, 1, "fra"),
    ]
    assert info.duration == pytest.approx((7777 - 1200) / 12000, abs=0.06)


def test_rate_is_exact(tmp_path, make_clip):
    path = make_clip(tmp_path / "a.mp4", tuple(range(0, 12012, 1001)), Fraction(1, 30000))
    assert probe(path).rate == Fraction(30000, 1001)


def test_bt2020_ten_bit(tmp_path, make_clip):
    path = make_clip(tmp_path / "a.mp4", codec="libx264", pix_fmt="yuv420p10le", tags=(1, 9, 9, 16))
    info = probe(path)
    assert info.pix_fmt == "yuv420p10le"
    assert (info.color_range, info.color_matrix, info.color_primaries, info.color_transfer) == (1, 9, 9, 16)


@pytest.mark.parametrize(
    ("counter_clockwise", "flip", "rotation", "mirrored"),
    [
        (0, True, 0, True),
        (270, False, 90, False),
        (180, False, 180, False),
        (90, False, 270, False),
        (270, True, 90, True),
        (180, True, 180, True),
    ],
)
def test_display_matrix(tmp_path, make_clip, run, counter_clockwise, flip, rotation, mirrored):
    flat = make_clip(tmp_path / "flat.mp4", range(3))
    turn = ["-display_rotation:v:0", counter_clockwise, *(["-display_hflip:v:0"] if flip else [])]
    run(*turn, "-i", flat, "-c", "copy", tmp_path / "turned.mp4")
    info = probe(tmp_path / "turned.mp4")
    assert (info.rotation, info.mirrored) == (rotation, mirrored)
    assert (info.width, info.height) == ((48, 64) if rotation % 180 else (64, 48))
    assert info.stored_size == (64, 48)


def test_file_digest(rich, tmp_path):
    assert file_digest(rich) == hashlib.sha256(rich.read_bytes()).hexdigest()
    with pytest.raises(VideoError, match="cannot be read"):
        file_digest(tmp_path / "missing.mp4")


def _message(path) -> str:
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert caught.value.hint
    return caught.value.message


def test_missing_directory_empty_and_text(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.txt").write_text("no video here\n" * 50)
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    assert "does not exist" in _message(tmp_path / "none.mp4")
    assert "is a directory" in _message(tmp_path)
    assert "is empty" in _message(tmp_path / "empty.mp4")
    assert "is not a" in _message(tmp_path / "words.txt")
    assert "is not a readable video" in _message(tmp_path / "noise.mp4")


def test_sound_only_picture_and_cover(tmp_path, run):
    run("-f", "lavfi", "-i", "sine=440:d=0.3", tmp_path / "a.m4a")
    run("-f", "lavfi", "-i", "color=red:s=32x32:d=0.1", "-frames:v", 1, tmp_path / "p.png")
    cover = ["-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v:0", "attached_pic"]
    run("-i", tmp_path / "a.m4a", "-i", tmp_path / "p.png", *cover, tmp_path / "cover.m4a")
    assert "holds only audio" in _message(tmp_path / "a.m4a")
    assert "holds only audio" in _message(tmp_path / "cover.m4a")
    assert "is a picture" in _message(tmp_path / "p.png")


def test_truncated_files(tmp_path, make_clip, run):
    clip = make_clip(tmp_path / "a.mkv", options={"crf": "5"})
    run("-i", clip, "-c", "copy", "-movflags", "+faststart", tmp_path / "front.mp4")
    run("-i", clip, "-c", "copy", tmp_path / "back.mp4")
    run("-i", clip, tmp_path / "a.gif")
    for name in ("a.mkv", "front.mp4", "back.mp4", "a.gif"):
        assert probe(tmp_path / name).frames == 12
        whole = (tmp_path / name).read_bytes()
        (tmp_path / f"cut_{name}").write_bytes(whole[: len(whole) * 2 // 3])
    for name in ("a.mkv", "front.mp4", "a.gif"):
        assert "is truncated or damaged after frame" in _message(tmp_path / f"cut_{name}")
    assert "is not a readable video" in _message(tmp_path / "cut_back.mp4")
