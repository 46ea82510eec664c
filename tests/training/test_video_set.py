"""The paper's layout: what is drawn, and what is refused."""

import logging

import cv2
import numpy as np
import pytest
import torch

from dvaedit.errors import UsageError
from dvaedit.face.points import MIRROR_68, landmark_code
from dvaedit.training.video_batches import VideoSource, spread
from dvaedit.training.video_set import open_split, read_crop
from tests.training.conftest import write_video


def draws(source, count):
    return [source[draw] for draw in range(count)]


def test_a_split_is_read_in_order(videos):
    data = open_split(videos, "train", 16)
    assert [(video.name, len(video.frames)) for video in data.videos] == [("a", 5), ("b", 4), ("c", 3), ("d", 1)]
    assert data.frames == 13
    picture = cv2.imread(str(videos / "train" / "a" / "000002.png"))[:, :, ::-1]
    assert np.array_equal(data.read(data.videos[0], 2), picture)


def test_a_batch_is_distinct_frames_of_one_video(videos):
    data = open_split(videos, "train", 16)
    crops = {v.name: [data.read(v, n) for n in range(len(v.frames))] for v in data.videos}
    source = VideoSource(data, 3, seed=0)
    names = []
    for batch in draws(source, 40):
        seen = [((x.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy() for x in batch.x_0]
        places = {
            (name, n)
            for x in seen
            for name, frames in crops.items()
            for n, frame in enumerate(frames)
            if np.array_equal(x, frame) or np.array_equal(x, frame[:, ::-1])
        }
        assert len({name for name, _ in places}) == 1
        name = next(iter(places))[0]
        assert len(places) == min(3, len(crops[name]))
        names.append(name)
    for shuffle in range(10):  # every video once before any comes again
        assert sorted(names[4 * shuffle : 4 * shuffle + 4]) == ["a", "b", "c", "d"]
    assert len({tuple(names[4 * k : 4 * k + 4]) for k in range(10)}) > 3


def test_half_of_the_frames_are_mirrored_each_on_its_own(videos):
    data = open_split(videos, "train", 16)
    source, plain = VideoSource(data, 4, seed=0), [data.read(data.videos[0], n) for n in range(5)]
    as_it_is = [
        any(np.array_equal(((x.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy(), frame) for frame in plain)
        for draw in range(200)
        if data.videos[source._video(draw)].name == "a"
        for x in source[draw].x_0
    ]
    assert 0.4 < np.mean(as_it_is) < 0.6


def test_draws_depend_on_seed_and_number_alone(videos):
    data = open_split(videos, "train", 16)
    one, other = VideoSource(data, 2, seed=0), VideoSource(data, 2, seed=0)
    first = draws(one, 9)
    assert torch.equal(other[7].x_0, first[7].x_0) and torch.equal(other[2].x_0, first[2].x_0)
    assert not all(torch.equal(a.x_0, b.x_0) for a, b in zip(first, draws(VideoSource(data, 2, 1), 9), strict=True))


def test_a_short_video_is_drawn_with_repeats_and_said(videos, caplog):
    with caplog.at_level(logging.WARNING):
        source = VideoSource(open_split(videos, "train", 16), 4, seed=0)
    assert "2 of 4 videos have fewer frames than a batch of 4" in caplog.text
    assert all(len(batch.x_0) == 4 for batch in draws(source, 8))


def test_points_follow_their_frame_and_its_mirror(videos):
    data = open_split(videos, "train", 16)
    source = VideoSource(data, 2, seed=3, points=True)
    tables = {v.name: np.load(videos / "tables" / "train" / f"{v.name}.npz")["points"] for v in data.videos}
    for draw in range(8):
        batch, video = source[draw], data.videos[source._video(draw)]
        for x, z_lnd in zip(batch.x_0, batch.z_lnd, strict=True):
            crop = ((x.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
            frames = [data.read(video, n) for n in range(len(video.frames))]
            found = [n for n, frame in enumerate(frames) if np.array_equal(crop, frame)]
            points = tables[video.name]
            if not found:
                found = [n for n, frame in enumerate(frames) if np.array_equal(crop, frame[:, ::-1])]
                points = points[:, MIRROR_68] * (-1, 1) + (1, 0)
            assert z_lnd.numpy() == pytest.approx(landmark_code(points[found[0]], 1), abs=1e-6)


def test_examples_are_of_the_test_videos(videos):
    data, held_out = open_split(videos, "train", 16), open_split(videos, "test", 16)
    examples = VideoSource(data, 2, 0, points=True, held_out=held_out).examples(8)
    assert examples.x_0.shape == (3, 3, 16, 16) and examples.z_lnd.shape == (3, 102)
    first = ((examples.x_0[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    assert np.array_equal(first, held_out.read(held_out.videos[0], 0))
    assert [(video.name, n) for video, n in spread(data, 4)] == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]


def test_larger_crops_are_reduced_and_alpha_is_dropped(tmp_path):
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[:, 32:] = (10, 100, 200, 128)
    cv2.imwrite(str(tmp_path / "x.png"), picture)
    crop = read_crop(tmp_path / "x.png", 16)
    assert crop.shape == (16, 16, 3) and crop[8, 12].tolist() == [200, 100, 10]


def break_with(root, what):
    if what == "no data":
        return root / "elsewhere", 1
    if what == "no split":
        (root / "train").rename(root / "other")
    if what == "no videos":
        for path in (root / "train" / "a").iterdir():
            path.rename(root / "train" / path.name)
        for name in "abcd":
            (root / "train" / name).rename(root / name)
    if what == "empty":
        for path in (root / "train").rglob("*.png"):
            path.unlink()
    if what == "few":
        return root, 14
    if what == "small":
        write_video(root, "0", 1, size=8)
    if what == "oblong":
        write_video(root, "0", 1)
        cv2.imwrite(str(root / "train" / "0" / "000000.png"), np.zeros((32, 48, 3), np.uint8))
    if what == "damaged":
        write_video(root, "0", 1)
        (root / "train" / "0" / "000000.png").write_bytes(b"no picture")
    return root, 1


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no data", "no training data"),
        ("no split", "has no folder train"),
        ("no videos", "pictures, not a folder for each video"),
        ("empty", "0 frames of 0 videos"),
        ("few", "13 frames of 4 videos, too few for a batch of 14"),
        ("small", "8 pixels wide, the model is trained at 16"),
        ("oblong", "48 x 32 pixels: an aligned crop is square"),
        ("damaged", "cannot read the frame"),
    ],
)
def test_bad_data_are_named(videos, what, said):
    root, batch = break_with(videos, what)
    with pytest.raises(UsageError, match=said) as caught:
        open_split(root, "train", 16, batch)
    assert caught.value.hint and caught.value.exit_code == 2


def test_a_frame_cut_short_is_named_when_it_is_drawn(videos):
    path = videos / "train" / "d" / "000000.png"
    path.write_bytes(path.read_bytes()[:-40])
    source = VideoSource(open_split(videos, "train", 16), 2, seed=0)
    with pytest.raises(UsageError, match=r"d/000000\.png"):
        draws(source, 4)


def test_missing_landmarks_are_named(videos):
    (videos / "tables" / "train" / "b.npz").unlink()
    data = open_split(videos, "train", 16)
    VideoSource(data, 2, 0)
    with pytest.raises(UsageError, match="no landmarks of train/b"):
        VideoSource(data, 2, 0, points=True)
