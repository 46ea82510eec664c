import numpy as np
import pytest

from dvaedit.errors import UsageError
from dvaedit.evaluation.pairing import fit_size, pair_frames


def times(count, rate, start=0.0):
    return start + np.arange(count) / rate


def test_as_many_frames_are_paired_by_number_whatever_their_rate():
    same = pair_frames(times(10, 25), times(10, 25, start=3), "edit.mp4")
    assert same.partner.tolist() == list(range(10)) and same.note == ""
    slower = pair_frames(times(10, 25), times(10, 20), "edit.mp4")
    assert slower.partner.tolist() == list(range(10))
    assert "paired by number" in slower.note


def test_other_counts_are_paired_by_time():
    half = pair_frames(times(10, 30), times(5, 15), "edit.mp4")
    assert half.partner[::2].tolist() == [0, 1, 2, 3, 4]
    assert half.count == 10 and "paired by time" in half.note
    double = pair_frames(times(5, 15), times(10, 30), "edit.mp4")
    assert double.partner.tolist() == [0, 2, 4, 6, 8]


def test_a_missing_end_is_said():
    cut = pair_frames(times(20, 25), times(15, 25), "edit.mp4")
    assert cut.partner.tolist() == [*range(15), *[-1] * 5]
    assert cut.count == 15 and "5 have no partner" in cut.note


@pytest.mark.parametrize("count", [4, 60])
def test_videos_of_another_length_are_refused(count):
    with pytest.raises(UsageError, match=r"edit\.mp4 is not an edit of the original") as raised:
        pair_frames(times(20, 25), times(count, 25), "edit.mp4")
    assert raised.value.hint


def test_one_frame_against_one_frame():
    assert pair_frames(times(1, 25), times(1, 30), "x").partner.tolist() == [0]


def test_sizes():
    rgb = np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3)
    same = fit_size((64, 48), (64, 48), "x")
    np.testing.assert_array_equal(same(rgb), rgb)
    padded = fit_size((63, 47), (64, 48), "x")
    np.testing.assert_array_equal(padded(rgb), rgb[:47, :63])
    assert padded.note == ""
    half = fit_size((128, 96), (64, 48), "x")
    assert half(rgb).shape == (96, 128, 3) and "resized" in half.note
    # The centre of the picture stays the centre: (31.5, 23.5) of 64 x 48 is (63.5, 47.5) of 128 x 96.
    np.testing.assert_allclose(half.points(np.array([31.5, 23.5]), (64, 48)), [63.5, 47.5])
    with pytest.raises(UsageError, match="shape"):
        fit_size((64, 48), (48, 48), "x")


def test_shapes_are_those_that_are_shown():
    square = fit_size((512, 480), (480, 480), "x", (1.0, 1.0))  # pixels of 15:16 and square ones
    assert square.size == (512, 480) and "resized" in square.note
    assert not square.crop
    lost = fit_size((512, 480), (256, 240), "x", (1.0, 512 / 480))  # half as large, the shape of its pixels forgotten
    assert "resized" in lost.note
    with pytest.raises(UsageError, match="shape"):
        fit_size((512, 480), (480, 480), "x", (512 / 480, 1.2))
