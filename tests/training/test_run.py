"""Checkpoints, snapshots, logs: rotated, resumed, repaired."""

import csv

import cv2
import pytest
import torch

from dvaedit.errors import StorageError, UsageError
from dvaedit.training.run import Run


def rows(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def test_the_checkpoint_before_is_kept(tmp_path):
    run = Run(tmp_path)
    assert run.load() is None
    for step in (1, 2, 3):
        run.save({"step": step})
    assert run.load()["step"] == 3
    assert torch.load(tmp_path / "checkpoint.previous.pt", weights_only=True)["step"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt", "sheets"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(tmp_path, caplog):
    run = Run(tmp_path)
    run.save({"step": 1})
    run.save({"step": 2})
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:100])
    assert run.load()["step"] == 1
    assert "checkpoint.pt cannot be read" in caplog.text
    (tmp_path / "checkpoint.previous.pt").write_bytes(b"")
    with pytest.raises(StorageError, match="no checkpoint"):
        run.load()


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    run = Run(tmp_path)
    run.save({"step": 1})

    def full(state, path):
        path.write_bytes(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StorageError):
        run.save({"step": 2})
    assert run.load()["step"] == 1
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("keep", "left"), [(2, ["000000003", "000000004"]), (0, [f"{n:09d}" for n in range(5)])])
def test_snapshots_are_rotated(tmp_path, keep, left):
    run = Run(tmp_path, keep=keep)
    for step in range(5):
        run.snapshot(f"{step:09d}", {"step": step})
    assert [path.stem for path in sorted((tmp_path / "snapshots").iterdir())] == left


def test_log_averages_between_rows_and_says_them(tmp_path):
    said = []
    run = Run(tmp_path, say=said.append)
    for step in range(1, 6):
        run.log(step, {"loss": step}, every=2)
    assert rows(tmp_path) == [(2, 1.5), (4, 3.5)]
    assert said == ["step=2 loss=1.5", "step=4 loss=3.5"]


def test_rows_after_the_checkpoint_are_dropped_on_resume(tmp_path):
    run = Run(tmp_path)
    for step in range(1, 6):
        run.log(step, {"loss": step}, every=1)
        if step == 3:
            run.save({"step": 3})
    again = Run(tmp_path)
    again.load()
    for step in (4, 5):
        again.log(step, {"loss": 10 * step}, every=1)
    assert rows(tmp_path) == [(1, 1), (2, 2), (3, 3), (4, 40), (5, 50)]


def test_sheets_are_rows_of_pictures(tmp_path):
    Run(tmp_path).sheet("0000001", [torch.full((3, 3, 8, 8), -1.0), torch.full((3, 3, 8, 8), 1.0)])
    picture = cv2.imread(str(tmp_path / "sheets" / "0000001.png"))
    assert picture.shape == (16, 24, 3) and picture[:8].max() == 0 and picture[8:].min() == 255


def test_tensorboard_gets_what_the_log_gets(tmp_path):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = Run(tmp_path, tensorboard=True)
    for step in (1, 2):
        run.log(step, {"loss": step}, every=1)
    run.sheet("2", [torch.zeros(2, 3, 8, 8)])
    board = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(event.step, event.value) for event in board.Scalars("train/loss")] == [(1, 1.0), (2, 2.0)]
    assert len(board.Images("sheet")) == 1


def test_tensorboard_that_is_not_there(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="TensorBoard is not installed"):
        Run(tmp_path, tensorboard=True)
