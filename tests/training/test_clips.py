from fractions import Fraction

import numpy as np

from dvaedit.training.clips import ROUNDS, cut, moving, portraits
from dvaedit.training.faces import is_held_out
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video


def test_a_clip_holds_the_frames_of_its_video_exactly(tmp_path):
    rng = np.random.default_rng(0)
    write_rgb_video(tmp_path / "in.mp4", rng.integers(0, 256, (12, 32, 48, 3), np.uint8), Fraction(25))
    assert cut(tmp_path / "in.mp4", tmp_path / "out.mkv", 3, 5) == 5
    there = [frame.rgb() for frame in read_frames(tmp_path / "in.mp4")][3:8]
    for frame, expected in zip(read_frames(tmp_path / "out.mkv"), there, strict=True):
        np.testing.assert_array_equal(frame.rgb(), expected)


def test_a_portrait_turns_about_its_middle():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[30:34, 30:34] = 200
    picture[10:14, 50:54] = 100
    views = np.stack(list(moving(picture, 12)))
    assert (views[:, 31, 31] > 180).all()
    corner = np.array([np.unravel_index(view[:28, 36:, 0].argmax(), (28, 28)) for view in views])
    assert np.ptp(corner, axis=0).min() >= 1
    assert len({view.tobytes() for view in views}) == 12


def test_portraits_are_held_out_look_ahead_and_are_of_one_round(tmp_path):
    head = "file,source,large_pose,occluded\n"
    rows = [f"{source}_{n}.jpg,{source},{int(n % 3 == 0)},0" for source in ROUNDS[-1] for n in range(900)]
    (tmp_path / "faces.csv").write_text(head + "\n".join(rows))
    rounds = [[path.name for path in portraits(tmp_path, turn)] for turn in range(len(ROUNDS))]
    for names, counts in zip(rounds, ROUNDS, strict=True):
        assert all(is_held_out(name) and int(name.split("_")[1][:-4]) % 3 for name in names)
        assert {kind: sum(name.startswith(kind) for name in names) for kind in counts} == counts
    assert len({name for names in rounds for name in names}) == sum(map(len, rounds))
    assert rounds[0] == [path.name for path in portraits(tmp_path)]
