from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dvaedit.checkpoints.cards import read_card
from dvaedit.checkpoints.store import load_into, load_tensors
from dvaedit.errors import UsageError
from dvaedit.models.config import from_dict
from dvaedit.models.judge import Judge, JudgeConfig
from dvaedit.training import judge_quality as quality
from dvaedit.training.faces import FaceSet, is_held_out
from dvaedit.training.judge import (
    Batches,
    Split,
    TrainConfig,
    Trainer,
    export,
    is_calibration,
    labels_of,
    predict,
    train,
)
from dvaedit.training.judge_augment import judge_view, safe_light
from dvaedit.training.run import Run

MODEL = JudgeConfig(("Bright",), image_size=32, stem=8, widths=(8, 8), depths=(1, 1), dropout=0.0)
TINY = TrainConfig(batch_size=8, warmup_steps=2, learning_rate=1e-2, model=MODEL)


@pytest.fixture(scope="module")
def data() -> FaceSet:
    """120 grey pictures; the bright ones have the attribute, every tenth label is not known."""
    rng = np.random.default_rng(0)
    bright = rng.random(120) < 0.5
    levels = np.where(bright, 190, 60)[:, None, None, None] + rng.normal(0, 8, (120, 32, 32, 3))
    rows = [{"file": f"{number}.jpg"} for number in range(120)]
    labels = bright.astype(np.float32)[:, None]
    labels[::10] = np.nan
    held_out = np.array([is_held_out(row["file"]) for row in rows])
    held_out[:6] = True  # so few files may have none
    images, masks = np.clip(levels, 0, 255).astype(np.uint8), np.full((120, 32, 32), 255, np.uint8)
    return FaceSet(rows, images, masks, np.zeros((120, 68, 2), np.float32), labels, np.ones(120), held_out, ("Bright",))


def test_splits_are_disjoint_and_nobody_held_out_trains(data: FaceSet) -> None:
    split = Split(data)
    parts = [set(part.tolist()) for part in (split.train, split.calibration, split.held_out)]
    assert sum(map(len, parts)) == 120 and set.union(*parts) == set(range(120))
    assert len(parts[1]) > 0
    assert set(Batches(data, TINY).index.tolist()) == parts[0]


def test_labels_are_found_by_name_whatever_the_set_has_gained(data: FaceSet) -> None:
    more = replace(data, names=("New", "Bright"), labels=np.hstack([1 - data.labels, data.labels]))
    np.testing.assert_array_equal(labels_of(more, ("Bright",)), data.labels)
    np.testing.assert_array_equal(Batches(more, TINY).labels, Batches(data, TINY).labels)
    with pytest.raises(UsageError, match="no labels of Gone"):
        labels_of(more, ("Bright", "Gone"))


def test_calibration_split_is_independent_of_the_held_out_one() -> None:
    names = [f"face_{number}.jpg" for number in range(20_000)]
    both = np.array([[is_held_out(name), is_calibration(name)] for name in names])
    assert both.mean(axis=0) == pytest.approx([0.06, 0.08], abs=0.01)
    assert both.all(axis=1).mean() == pytest.approx(0.06 * 0.08, abs=0.003)


def test_it_learns_and_a_resumed_run_equals_an_uninterrupted_one(data: FaceSet, tmp_path: Path) -> None:
    whole = train(TINY, data, Run(tmp_path / "whole"), 80, check_every=1000)
    # The schedule of the rate depends on the samples aimed at: stop the first half by hand.
    first = Trainer(TINY, data, 80)
    batches = Batches(data, TINY)
    for step in range(5):
        first.train_step(*batches[step])
    half = Run(tmp_path / "half")
    half.save(first.state())
    resumed = train(TINY, data, half, 80, check_every=1000)
    assert resumed.step == whole.step == 10
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)
    more = train(TINY, data, Run(tmp_path / "more"), 400, check_every=1000)
    logits, labels = predict(more.averaged(), data.images), data.labels
    assert quality.quality(logits, labels, ("Bright",))["Bright"]["auc"] > 0.95


def test_export_states_what_the_written_weights_do(data: FaceSet, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trainer = train(TINY, data, run, 400, check_every=1000)
    export(run, data, tmp_path / "out")
    card = read_card(tmp_path / "out" / "judge.json")
    assert card.kind == "judge" and card.metrics["crops_seen"] == 400
    judge = Judge(from_dict(JudgeConfig, card.config)).eval()
    load_into(judge, load_tensors(card))
    held_out = Split(data).held_out
    measured = quality.quality(predict(judge, data.images[held_out]), data.labels[held_out], ("Bright",))
    assert measured == card.metrics["attributes"]
    assert (judge.scale != 1).all()
    assert trainer.averaged().scale.item() == 1


def test_calibration_error_of_known_probabilities() -> None:
    truth = np.array([True] * 4 + [False] * 4)
    sure = np.where(truth, 20.0, -20.0)
    assert quality.calibration_error(sure, truth) == pytest.approx(0, abs=1e-6)
    assert quality.calibration_error(-sure, truth) == pytest.approx(1, abs=1e-6)
    # Half of the weight is on either side, whatever the counts: always saying 0.5 is right.
    lopsided = np.array([True] + [False] * 30)
    assert quality.calibration_error(np.zeros(31), lopsided) == pytest.approx(0)


def test_platt_mends_logits_that_are_too_large_and_shifted() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(4000) < 0.5
    right = np.where(truth, 1.0, -1.0) + rng.normal(0, 1, 4000)  # the logit of two unit Gaussians is 2 x
    labels = truth.astype(np.float32)[:, None]
    wrong = (6 * right + 5)[:, None]
    scale, shift = quality.calibrate(wrong, labels)
    assert scale[0] == pytest.approx(2 / 6, rel=0.06)
    assert shift[0] == pytest.approx(-5 * 2 / 6, rel=0.1)
    before, after = (quality.calibration_error(z[:, 0], truth) for z in (wrong, wrong * scale + shift))
    assert after < 0.03 < before


def test_what_cannot_be_calibrated_is_left_alone() -> None:
    labels = np.array([[1, np.nan], [1, np.nan]], np.float32)
    scale, shift = quality.calibrate(np.ones((2, 2)), labels)
    assert scale.tolist() == [1, 1] and shift.tolist() == [0, 0]
    row = quality.quality(np.ones((2, 2)), labels, ("A", "B"))
    assert row["A"] == {
        "accuracy": 1.0, "balanced_accuracy": None, "auc": None, "calibration_error": None, "positives": 2,
        "negatives": 0,
    }  # fmt: skip
    assert row["B"]["accuracy"] is None


def test_light_keeps_the_order_and_hue_of_hair_colours() -> None:
    hair = {"black": (30, 26, 24), "brown": (92, 62, 42), "red": (150, 76, 40), "blond": (206, 172, 118)}
    for seed in range(40):
        swatches = np.array([[colour] for colour in hair.values()], np.uint8)
        out = safe_light(swatches, np.random.default_rng(seed)).astype(int)[:, 0]
        means = out.mean(axis=1)
        assert (np.diff(means) > 0).all()
        assert (out[:, 0] >= out[:, 2]).all()  # warm stays warm
        assert out[3].mean() - out[0].mean() > 90  # blond does not come near black


def test_views_have_the_judges_size_and_depend_on_the_seed_alone(data: FaceSet) -> None:
    views = [judge_view(data.images[0], 24, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert views[0].shape == (24, 24, 3) and views[0].dtype == np.uint8
    np.testing.assert_array_equal(views[0], views[1])
    assert (views[0] != views[2]).any()
