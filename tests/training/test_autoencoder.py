from dataclasses import replace

import numpy as np
import pytest
import torch

from dvaedit.checkpoints.cards import Card
from dvaedit.training.attributes import NAMES
from dvaedit.training.autoencoder import Trainer, face_source, train
from dvaedit.training.classifier import fit_classifier, fit_directions, held_out_metrics
from dvaedit.training.config import TrainConfig
from dvaedit.training.export import seen
from dvaedit.training.face_batches import FaceSource
from dvaedit.training.faces import FaceSet, is_held_out
from dvaedit.training.objective import attribute_loss, levelled, stratified_timesteps
from dvaedit.training.run import Run
from tests.models.test_unet import TINY


@pytest.fixture
def face_set():
    rng = np.random.default_rng(0)
    return FaceSet(
        rows=[{}] * 8,
        images=np.broadcast_to(rng.integers(0, 256, (8, 1, 1, 3), np.uint8), (8, 32, 32, 3)).copy(),
        masks=np.full((8, 32, 32), 255, np.uint8),
        points=rng.uniform(8, 24, (8, 68, 2)).astype(np.float32),
        labels=rng.integers(0, 2, (8, len(NAMES))).astype(np.float32),
        weights=np.ones(8),
        held_out=np.arange(8) == 0,
    )


@pytest.fixture
def source(face_set):
    return FaceSource(face_set, CONFIG.batch_size, CONFIG.seed)


CONFIG = TrainConfig(model=TINY, batch_size=4, warmup_steps=2)


def test_resumed_run_equals_an_uninterrupted_one(source, tmp_path):
    whole = train(CONFIG, source, Run(tmp_path / "a"), samples=24)
    train(CONFIG, source, Run(tmp_path / "b"), samples=12)
    resumed = train(CONFIG, source, Run(tmp_path / "b"), samples=24)
    assert resumed.step == whole.step == 6
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert all(torch.equal(tensor, resumed.ema.average[name]) for name, tensor in whole.ema.average.items())


def test_new_run_can_start_from_given_weights(source, tmp_path):
    given = {name: tensor + 0.01 for name, tensor in Trainer(CONFIG, source).model.state_dict().items()}
    started = train(CONFIG, source, Run(tmp_path), samples=0, initial=given)
    assert all(torch.equal(tensor, given[name]) for name, tensor in started.model.state_dict().items())
    assert all(torch.equal(tensor, given[name]) for name, tensor in started.ema.average.items())


def test_held_out_faces_are_never_drawn(source):
    trainer = Trainer(CONFIG, source)
    assert trainer.source.weights[0] == 0


def test_training_lowers_the_loss(source):
    trainer = Trainer(replace(CONFIG, learning_rate=3e-3), source)
    terms = [trainer.train_step() for _ in range(80)]
    for name, factor in (("simple", 0.97), ("attributes", 0.9)):
        first, final = (np.mean([t[name] for t in part]) for part in (terms[:15], terms[-15:]))
        assert final < factor * first, name


def test_timesteps_are_one_per_interval():
    t = stratified_timesteps(10, torch.Generator().manual_seed(0))
    assert sorted((t // 100).tolist()) == list(range(10))


def test_unknown_labels_cost_nothing():
    logits, share = torch.tensor([[5.0, -2.0]]), torch.tensor([0.5, 0.5])
    one = attribute_loss(logits, torch.tensor([[1.0, float("nan")]]), share)
    assert one.item() == pytest.approx(np.log1p(np.exp(-5.0)), rel=1e-4)


def test_directions_keep_other_attributes_fixed():
    """Two correlated attributes: the classifier's weight mixes their effects, the regression does not."""
    rng = torch.Generator().manual_seed(0)
    first = (torch.rand(4000, generator=rng) < 0.5).float()
    second = torch.where(torch.rand(4000, generator=rng) < 0.9, first, 1 - first)
    z = 0.1 * torch.randn(4000, 3, generator=rng)
    z[:, 0] += first
    z[:, 1] += 2 * second
    labels = torch.stack([first, second], dim=1)
    directions = fit_directions(z, labels, ridge=0.0)
    assert torch.allclose(directions, torch.tensor([[1.0, 0, 0], [0, 2.0, 0]]), atol=0.03)
    weight, bias = fit_classifier(z, labels)
    assert (((z @ weight.T + bias) > 0).float() == labels).float().mean() > 0.97


def test_held_out_metrics():
    logits, truth = np.array([2.0, 1.0, -1.0, -2.0, 9.0]), np.array([1, 0, 1, 0, np.nan])
    assert held_out_metrics(logits, truth) == {"balanced_accuracy": 0.5, "auc": 0.75, "positives": 2}


def test_held_out_share_is_fixed_by_name():
    share = np.mean([is_held_out(f"face{n}.jpg") for n in range(5000)])
    assert share == pytest.approx(0.06, abs=0.01)
    assert is_held_out("face3.jpg") == is_held_out("face3.jpg")


def test_what_came_before_counts(tmp_path):
    counts = {"crops_seen": 320, "noised_crops_seen": 400, "counterfactuals_seen": 160}
    state = {"step": 10, "seen": counts}
    run = Run(tmp_path)
    assert seen(state, run.started_from()) == {**counts, "optimiser_steps": 10}
    card = Card(name="a", kind="autoencoder", metrics={"crops_seen": 1000, "noised_crops_seen": 1250}, licence="MIT")
    run.start_from(card)
    run.start_from(replace(card, metrics={"crops_seen": 5}))  # a resumed run has not started anew
    assert seen(state, run.started_from()) == {
        "crops_seen": 1320, "noised_crops_seen": 1650, "optimiser_steps": 10, "counterfactuals_seen": 160,
    }  # fmt: skip


def test_counts_follow_settings_that_change_on_the_way(face_set):
    config = TrainConfig(model=TINY, batch_size=4, pair_share=0.5)
    first = Trainer(config, face_source(config, face_set))
    first.train_step()
    second = Trainer(replace(config, pair_share=0.25), face_source(config, face_set))
    second.restore(first.state())
    second.train_step()
    assert second.seen == {"crops_seen": 8, "noised_crops_seen": 11, "counterfactuals_seen": 0}


def test_small_changes_count_more_than_their_share():
    hair, lips = torch.zeros(2, 1, 1, 10, 10)
    hair[:, :, :6], lips[:, :, :1, :1] = 1, 1
    raised = levelled(torch.cat([hair, lips]))
    assert raised[1].max() == pytest.approx(6**0.5, rel=1e-3)
    assert raised[0].max() == pytest.approx(0.5)
    assert torch.equal(raised > 0, torch.cat([hair, lips]) > 0)


def test_the_learning_rate_rises_stays_and_falls(source, tmp_path):
    trainer = train(replace(CONFIG, cooldown=16, learning_rate=1.0), source, Run(tmp_path), samples=0)
    trainer.goal, rates = 40, []
    for step in range(10):
        trainer.step, trainer.samples = step, 4 * step
        rates.append(trainer._learning_rate())
    assert rates == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
