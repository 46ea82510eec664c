from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dvaedit.face.regions import CLASS_ID
from dvaedit.models.parsing import ParserConfig
from dvaedit.training import parser_augment as pa
from dvaedit.training.parser import Batches, ParserSet, TrainConfig, Trainer, dice_loss, held_out_iou, train
from dvaedit.training.run import Run

TINY = TrainConfig(
    batch_size=4,
    warmup_steps=2,
    label_size=64,
    model=ParserConfig(64, 64, encoder="tu-mobilenetv3_small_050", decoder_channels=(16, 8, 8, 8)),
)


@pytest.fixture(scope="module")
def data() -> ParserSet:
    """Eight pictures: a skin-coloured square, the left half of which counts as the left eye."""
    classes = np.zeros((8, 64, 64), np.uint8)
    classes[:, 16:48, 16:48] = CLASS_ID["skin"]
    classes[:, 24:32, 20:28] = CLASS_ID["l_eye"]
    images = np.array([(20, 60, 20), (220, 170, 140), 0, 0, (30, 30, 60)] + [(0, 0, 0)] * 14, dtype=object)
    colours = np.array([c if isinstance(c, tuple) else (0, 0, 0) for c in images], np.uint8)
    return ParserSet(colours[classes], classes, np.ones(8), np.arange(8) == 0)


def test_mirror_swaps_sides_and_nothing_else() -> None:
    swapped = {"l_brow": "r_brow", "l_eye": "r_eye", "l_ear": "r_ear"}
    swapped |= {right: left for left, right in swapped.items()}
    assert all(pa.MIRROR[number] == CLASS_ID[swapped.get(name, name)] for name, number in CLASS_ID.items())


def test_geometry_moves_picture_and_classes_together(data: ParserSet) -> None:
    still = pa.Strength(rotation=0, scale=0, shift=0)
    for seed in range(6):
        image, classes = pa.geometric((data.images[1], data.classes[1]), 64, np.random.default_rng(seed), still)
        eye = classes == (CLASS_ID["l_eye"] if (classes == CLASS_ID["l_eye"]).any() else CLASS_ID["r_eye"])
        assert (image[eye] == (30, 30, 60)).all() and eye.sum() == 64
        assert eye[:, :32].any() == (CLASS_ID["l_eye"] in classes)


def test_occluders_become_background(data: ParserSet) -> None:
    pair = data.images[1], data.classes[1]
    for seed in range(6):
        image, classes = pa.occlude(pair, data.images[2], np.random.default_rng(seed))
        covered = classes != pair[1]
        assert (classes[covered] == 0).all()
        moved = np.abs(image.astype(int) - pair[0]).sum(axis=2) > 200
        near = cv2.dilate((covered | (pair[1] == 0)).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert not (moved & ~near).any()


def test_batches_repeat_with_the_seed_and_leave_out_held_out_faces(data: ParserSet) -> None:
    batches = Batches(data, TINY)
    (x, y), (x2, y2) = batches[3], Batches(data, TINY)[3]
    assert torch.equal(x, x2) and torch.equal(y, y2)
    assert not torch.equal(x, batches[4][0])
    assert x.shape == (4, 3, 64, 64) and y.shape == (4, 64, 64) and x.abs().max() <= 1
    assert 0 not in batches.index


def test_dice_loss_of_right_and_wrong_guesses() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[:, :4] = 3
    right = torch.nn.functional.one_hot(target, 19).permute(0, 3, 1, 2).float() * 50
    assert dice_loss(right, target) < 1e-4
    assert dice_loss(right.roll(4, dims=2), target) > 0.9


def test_training_lowers_the_loss_and_resumes_exactly(data: ParserSet, tmp_path: Path) -> None:
    whole = train(TINY, data, Run(tmp_path / "a"), 16, check_every=2, log_every=2)
    first = Trainer(TINY, data, 16)
    batches = Batches(data, TINY)
    losses = [first.train_step(*batches[step])["entropy"] for step in range(2)]
    second = Trainer(TINY, data, 16)
    second.restore(first.state())
    losses += [second.train_step(*batches[step])["entropy"] for step in range(2, 4)]
    assert losses[-1] < losses[0]
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(value, second.model.state_dict()[name], msg=name)
    assert (tmp_path / "a" / "held_out.csv").read_text().count("\n") == 3
    assert set(held_out_iou(whole.averaged(), data)) == {"mean", "background", "skin", "l_eye"}


def test_new_run_can_start_from_given_weights(data: ParserSet, tmp_path: Path) -> None:
    given = {name: tensor + 1 for name, tensor in Trainer(TINY, data, 4).model.state_dict().items()}
    started = train(TINY, data, Run(tmp_path), samples=0, initial=given)
    assert all(torch.equal(tensor, given[name]) for name, tensor in started.model.state_dict().items())
    assert all(torch.equal(tensor, given[name]) for name, tensor in started.ema.average.items())
