"""File names that a shell, an option parser or ffmpeg would take for something else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import pytest

import dvaedit
from dvaedit import api
from dvaedit.cli import main
from dvaedit.errors import VideoError
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_video
from tests.stages.conftest import clip, tiny_model  # noqa: F401
from tests.video.conftest import run_ffmpeg

NAMES = (
    "with space.mp4", "quote'\".mp4", "new\nline.mp4", "-dash.mp4", "--help.mp4", "$(touch evil).mp4", "`id`;rm.mp4",
    "ünïcödé 視頻 🎬.mp4", "a:b.mp4", "file:x.mp4", "http:__x.mp4", "%03d.mp4", "[glob]*?.mp4",
    "concat:a|b.mp4", ".hidden.mp4",
    "x" * 180 + ".mp4",
)  # fmt: skip


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_any_name_in_and_out(clip, tmp_path, name):  # noqa: F811
    folder = tmp_path / "in"
    folder.mkdir()
    source = Path(shutil.copy(clip, folder / name))
    target = tmp_path / name
    write_video(target, probe(source), ((f.native, f.pts) for f in read_frames(source)))
    assert [f.time for f in read_frames(target)] == [f.time for f in read_frames(source)]
    assert len(probe(target).audio) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in", name])


@pytest.mark.parametrize("name", ["-dash 'quote\".mp4", "new\nline $(touch evil).mp4"])
def test_any_name_through_the_command_line(clip, here, name, capsys):  # noqa: F811
    shutil.copy(clip, here / name)
    code = main(["edit", "-a", "Male", "--steps", "3", "--cache-dir", "cache", "-o", f"./o{name}", "--", name])
    assert code == 0
    assert sorted(path.name for path in here.iterdir()) == sorted([name, f"o{name}", f"o{name}.dvaedit.json", "cache"])


def test_bytes_that_are_no_text(clip, tmp_path):  # noqa: F811
    source = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    shutil.copy(clip, source)
    path = Path(os.fsdecode(source))
    try:
        info = probe(path)
    except VideoError as error:
        assert error.hint
    else:
        assert info.frames == 8


def test_metadata_cannot_name_files(clip, here):  # noqa: F811
    """What a file says of itself goes into metadata and nowhere else; an attachment stays in its container."""
    evil, note = "../../../evil; touch evil `touch evil` $(touch evil)\n-y /evil", here / "note.txt"
    note.write_text("hello")
    attached = ("-attach", note, "-metadata:s:t", "mimetype=text/plain", "-metadata:s:t", "filename=../../evil.txt")
    run_ffmpeg("-i", clip, "-c", "copy", "-metadata", f"title={evil}", *attached, here / "in.mkv")
    before = set(here.parent.rglob("*"))
    options = dvaedit.Options(steps=3, cache_dir=here / "cache")
    dvaedit.edit(here / "in.mkv", attributes="Male", output=here / "out.mkv", options=options)
    with av.open(str(here / "out.mkv")) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"].startswith("../../../evil; touch evil")
        assert [s.metadata["filename"] for s in container.streams if s.type == "attachment"] == ["../../evil.txt"]
    made = {p for p in set(here.parent.rglob("*")) - before if (here / "cache") not in (p, *p.parents)}
    assert {path.name for path in made} == {"out.mkv", "out.mkv.dvaedit.json"}


def test_no_shell_is_ever_involved():
    package = Path(dvaedit.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        assert "shell=True" not in text and "os.system" not in text and "popen(" not in text.lower(), path


@pytest.mark.parametrize("name", ["list.m3u8", "list.txt", "frames.sdp"])
def test_lists_of_other_files_are_refused(clip, tmp_path, name):  # noqa: F811
    run_ffmpeg("-i", clip, "-an", "-c", "copy", tmp_path / "part.ts")
    inside = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path / 'part.ts'}\n#EXT-X-ENDLIST\n",
        "list.txt": f"ffconcat version 1.0\nfile '{tmp_path / 'part.ts'}'\n",
        "frames.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    }[name]
    (tmp_path / name).write_text(inside)
    with pytest.raises(VideoError) as raised:
        probe(tmp_path / name)
    assert raised.value.hint
