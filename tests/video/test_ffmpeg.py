"""Which ffmpeg is used, and what its failures turn into."""

import stat
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import pytest

from dvaedit.errors import VideoError
from dvaedit.video.ffmpeg import find_ffmpeg, run


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Puts a program called ffmpeg that prints the given version on PATH, alone."""

    def put(version: str) -> Path:
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!/bin/sh\necho 'ffmpeg version {version} Copyright'\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))
        find_ffmpeg.cache_clear()
        return program

    yield put
    find_ffmpeg.cache_clear()


@pytest.mark.parametrize("version", ["6.0", "n7.1.1-4-g5", "N-110000-gabc", "12.0-static"])
def test_a_new_ffmpeg_on_path_is_used(on_path, version):
    program = on_path(version)
    assert find_ffmpeg() == program


@pytest.mark.parametrize("version", ["4.4.2-0ubuntu0", "n5.1", "nonsense"])
def test_an_old_one_is_not(on_path, version):
    on_path(version)
    assert find_ffmpeg() == Path(imageio_ffmpeg.get_ffmpeg_exe())


def test_no_ffmpeg_at_all(on_path, monkeypatch):
    on_path("4.0")

    def missing() -> str:
        raise RuntimeError("none")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(VideoError, match="No usable ffmpeg") as caught:
        find_ffmpeg()
    assert "imageio-ffmpeg" in caught.value.hint


def test_a_failure_carries_the_last_line(tmp_path):
    with pytest.raises(VideoError, match=r"ffmpeg failed: .*No such file or directory") as caught:
        run(ffmpeg.input(str(tmp_path / "none.mp4")).output(str(tmp_path / "o.mp4")))
    assert "\n" not in caught.value.message and caught.value.hint
