"""The training layout made from a real clip, resumed, refused."""

import cv2
import numpy as np
import pytest

from dvaedit.errors import NoFaceError, UsageError, VideoError
from dvaedit.face.align import crop
from dvaedit.training import prepare as module
from dvaedit.training.prepare import PrepareSettings, failure, find_videos, prepare, read_table, spans, split_of
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_video
from tests.stages.conftest import EXAMPLE, clip  # noqa: F401

SMALL = PrepareSettings(size=64, test_share=0.0)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_layout_crops_and_points(clip, tmp_path):  # noqa: F811
    seen = []
    results = prepare([clip], tmp_path, SMALL, progress=lambda *event: seen.append(event))
    assert [(r.name, r.split, r.frames, r.total) for r in results] == [("clip", "train", 8, 8)]
    names = [f"train/clip/{n:06d}.png" for n in range(8)]
    assert files(tmp_path) == ["prepare.json", "tables/train/clip.npz", *names]
    table = read_table(tmp_path, "train", "clip")
    frame = next(iter(read_frames(clip, 3, 4)))
    picture = cv2.imread(str(tmp_path / names[3]))[:, :, ::-1]
    assert np.array_equal(picture, crop(frame.rgb(), table["quads"][3], 64))
    eyes = table["points"][:, 36:48].mean((0, 1))
    assert eyes == pytest.approx([0.5, 0.47], abs=0.06)  # where the paper's rule puts them
    assert ("prepare", 1, 1) in seen and any(label == "clip: decode" for label, _, _ in seen)


def test_every_and_share(clip, tmp_path):  # noqa: F811
    settings = PrepareSettings(size=32, every=3, test_share=0.9999)
    prepare([clip], tmp_path, settings)
    assert files(tmp_path / "test") == [f"clip/{n:06d}.png" for n in (0, 3, 6)]
    assert read_table(tmp_path, "test", "clip")["frames"].tolist() == [0, 3, 6]


def test_interrupted_run_resumes_and_leaves_no_half_video(clip, tmp_path, monkeypatch):  # noqa: F811
    whole = tmp_path / "whole"
    prepare([clip], whole, SMALL)
    written = []

    def stops(path, data):
        if path.suffix == ".png" and len(written) == 3:
            raise KeyboardInterrupt
        written.append(path.name)
        real(path, data)

    real = module.write_durably
    monkeypatch.setattr(module, "write_durably", stops)
    again = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        prepare([clip], again, SMALL)
    assert not (again / "train").exists()
    monkeypatch.setattr(module, "write_durably", lambda path, data: written.append(path.name) or real(path, data))
    monkeypatch.setattr("dvaedit.stages.decode.FaceMesher", None)  # what is decoded is not decoded again
    written.clear()
    prepare([clip], again, SMALL)
    assert written == [f"{n:06d}.png" for n in range(2, 8)] + ["clip.npz"]
    assert files(again) == files(whole)
    assert all((again / name).read_bytes() == (whole / name).read_bytes() for name in files(whole) if "png" in name)


def test_a_prepared_video_is_left_alone(clip, tmp_path, monkeypatch):  # noqa: F811
    prepare([clip], tmp_path, SMALL)
    monkeypatch.setattr("dvaedit.stages.decode.FaceMesher", None)
    assert prepare([clip], tmp_path, SMALL)[0].frames == 8
    other = tmp_path / "other" / "clip.mp4"
    other.parent.mkdir()
    write_video(other, probe(EXAMPLE), ((f.native, f.pts) for f in read_frames(EXAMPLE, 2, 4)), crf=20)
    with pytest.raises(UsageError, match="another video"):
        prepare([other], tmp_path, SMALL)
    with pytest.raises(UsageError, match="size 64 instead of 128"):
        prepare([clip], tmp_path, PrepareSettings(size=128, test_share=0.0))


def test_frames_and_videos_without_a_face_are_named(tmp_path):
    info = probe(EXAMPLE)
    pairs = [(frame.native, frame.pts) for frame in read_frames(EXAMPLE, 0, 8)]
    grey = pairs[0][0].from_ndarray(np.full((info.height, info.width, 3), 128, np.uint8), format="rgb24")
    videos = {"gap": [pairs[0], (grey, pairs[1][1]), (grey, pairs[2][1]), *pairs[3:]], "empty": [(grey, 0)]}
    for name, frames in videos.items():
        native = [(frame.reformat(format=info.pix_fmt), pts) for frame, pts in frames]
        write_video(tmp_path / f"{name}.mp4", info, native, crf=10)
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    said = []
    results = prepare([tmp_path], tmp_path / "out", SMALL, say=said.append)
    assert [r.name for r in results] == ["broken", "empty", "gap"]
    assert "gap: 6 frames for train, 2 without its face (1-2)" in said
    assert files(tmp_path / "out" / "train" / "gap") == [f"{n:06d}.png" for n in (0, 3, 4, 5, 6, 7)]
    assert any(line.startswith("empty: no face") for line in said)
    error = failure(results)
    assert isinstance(error, VideoError) and "2 of 3 videos could not be used; the first: broken" in error.message
    assert isinstance(failure(results[1:2]), NoFaceError) and failure(results[2:]) is None


def test_names_of_videos(tmp_path):
    for name in ("id1/a/x.mp4", "id2/a/x.MKV", "note.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(find_videos([tmp_path])) == ["id1_a_x", "id2_a_x"]
    assert list(find_videos([tmp_path / "id1", tmp_path / "id1/a/x.mp4"])) == ["a_x", "x"]
    with pytest.raises(UsageError, match="both be called a_x"):
        find_videos([tmp_path / "id1", tmp_path / "id2"])
    with pytest.raises(VideoError, match="no video or folder"):
        find_videos([tmp_path / "nothing"])
    (tmp_path / "dry").mkdir()
    with pytest.raises(VideoError, match="holds no videos"):
        find_videos([tmp_path / "dry"])


def test_split_is_fixed_by_name():
    names = [f"video{n}" for n in range(4000)]
    share = np.mean([split_of(name, 0.1) == "test" for name in names])
    assert share == pytest.approx(0.1, abs=0.02)
    assert {n for n in names if split_of(n, 0.05) == "test"} < {n for n in names if split_of(n, 0.1) == "test"}


def test_spans():
    assert spans(np.array([3, 4, 5, 9])) == "3-5, 9"
    assert spans(np.arange(0, 40, 2)).endswith("14, ...")


@pytest.mark.parametrize("values", [{"size": 8}, {"every": 0}, {"test_share": 1.0}, {"min_face": -1.0}])
def test_settings_are_checked(tmp_path, values):
    with pytest.raises(UsageError):
        prepare([EXAMPLE], tmp_path, PrepareSettings(**values))


def test_small_faces_are_left_out(clip, tmp_path):  # noqa: F811
    results = prepare([clip], tmp_path, PrepareSettings(size=64, min_face=5000))
    assert "too small" in results[0].problem
