from dataclasses import replace

import numpy as np
import pytest
import torch

from dvaedit.errors import UsageError
from dvaedit.training.attributes import NAMES
from dvaedit.training.autoencoder import Trainer, face_source
from dvaedit.training.classifier import EDITS, fit_edit_map
from dvaedit.training.config import TrainConfig
from dvaedit.training.counterfactual.pairs import Pairs, noise_dependent_mix
from tests.models.test_unet import TINY
from tests.training.test_autoencoder import face_set  # noqa: F401

KINDS = ("eyeglasses", "blond_hair")


@pytest.fixture
def pairs(tmp_path):
    base, kind = np.array([1, 2, 3, 4]), np.array([0, 0, 0, 1])
    labels = np.array([repr({"Eyeglasses": 1, "Sunglasses": 0}), repr({"Blond_Hair": 1.0})])
    points = np.full((4, 68, 2), 5.0, np.float32)
    np.savez(tmp_path / "counterfactuals.npz", base=base, kind=kind, points=points, names=KINDS, labels=labels)
    images = np.full((6, 32, 32, 3), 200, np.uint8)  # room for two more that are not made yet
    np.save(tmp_path / "counterfactuals128.npy", images)
    return Pairs.load(tmp_path)


def test_only_finished_pictures_are_loaded(pairs):
    assert len(pairs.images) == 4
    assert pairs.names == KINDS


def test_kinds_are_drawn_by_their_shares(pairs):
    index, back = pairs.draw(4000, torch.Generator().manual_seed(0))
    assert (pairs.kind[index] == 1).mean() == pytest.approx(0.7 / 2.2, abs=0.03)
    assert back.mean() == pytest.approx(0.3, abs=0.03)


def test_what_few_ask_for_is_drawn_less_often(pairs):
    pairs = replace(pairs, names=("blond_hair", "sunglasses"))
    index, _ = pairs.draw(4000, torch.Generator().manual_seed(0))
    assert (pairs.kind[index] == 1).mean() == pytest.approx(0.3, abs=0.03)


def test_labels_change_where_the_kind_sets_them(pairs, face_set):  # noqa: F811
    labels = pairs.labels_of(face_set, np.array([0, 3]))
    expected = face_set.labels[[1, 4]].copy()
    expected[0, NAMES.index("Eyeglasses")], expected[0, NAMES.index("Sunglasses")] = 1, 0
    expected[1, NAMES.index("Blond_Hair")] = 1
    assert np.array_equal(labels, expected)


def test_missing_counterfactuals_are_named(tmp_path):
    with pytest.raises(UsageError, match="no counterfactuals"):
        Pairs.load(tmp_path)


def test_states_on_the_way_hold_no_more_of_the_source_than_noise(pairs):
    source, target = torch.ones(500, 1, 2, 2), torch.zeros(500, 1, 2, 2)
    noise = torch.linspace(0, 1, 500)[:, None, None, None]
    share = noise_dependent_mix(source, target, noise, torch.Generator().manual_seed(0))[:, 0, 0, 0]
    level = noise[:, 0, 0, 0].square()
    assert bool((share <= level + 1e-6).all())
    assert (share == 0).float().mean() == pytest.approx(1 / 7, abs=0.05)
    assert torch.isclose(share, level).float().mean() == pytest.approx(1 / 7, abs=0.05)


def test_changes_on_the_way_are_blurred_by_the_noise_and_sharp_at_the_end():
    target = torch.zeros(300, 1, 32, 32)
    target[:, :, 15:17] = 1
    noise = torch.linspace(0, 1, 300)[:, None, None, None]
    mix = noise_dependent_mix(torch.zeros_like(target), target, noise, torch.Generator().manual_seed(0))
    assert torch.equal(mix[0], target[0])
    spread = mix[:, 0, 12, 16] / mix[:, 0, :, 16].sum(dim=1).clamp(min=1e-6)  # outside the line, of the whole
    assert spread[:50].max() < 0.01 < 0.03 < spread[200:].mean()


def test_a_batch_ends_with_counterfactuals_under_the_source_landmarks(pairs, face_set):  # noqa: F811
    config = TrainConfig(model=TINY, batch_size=4, counterfactual_share=0.5)
    trainer = Trainer(config, face_source(config, face_set, pairs))
    batch = trainer.source[0]
    same = (batch.x_0 == batch.source).flatten(1).all(dim=1)
    assert same.tolist() == [True, True, False, False]
    terms = trainer.train_step()
    assert all(np.isfinite(value) for value in terms.values())


def test_edit_map_adds_what_is_missing_and_leaves_what_is_there():
    """Codes differ in one coordinate by 3 where the attribute is added; the map learns to add only what lacks."""
    rng = torch.Generator().manual_seed(0)
    before = torch.randn(500, 6, generator=rng)
    before[:, 0] = 0.1 * before[:, 0]
    after = before.clone()
    after[:, 0] += 3
    found = fit_edit_map(torch.cat([before, after]), torch.cat([after, after]), rank=1, ridge=1.0)
    change = found.offset + (before @ found.right.T) @ found.left.T
    kept = found.offset + (after @ found.right.T) @ found.left.T
    assert change[:, 0].mean().item() == pytest.approx(3, abs=0.05)
    assert kept[:, 0].mean().item() == pytest.approx(0, abs=0.05)
    assert change[:, 1:].abs().max() < 0.1


def test_edits_name_known_attributes():
    assert set(EDITS) <= set(NAMES)


def test_the_source_is_what_lies_under_the_noise(pairs, face_set):  # noqa: F811
    config = TrainConfig(model=TINY, batch_size=4, change_weight=0.0)
    trainer = Trainer(config, face_source(config, face_set, pairs))
    batch = trainer.source[0]
    total, _ = trainer.objective(batch, seed=1)
    unmoved, _ = trainer.objective(replace(batch, source=batch.x_0), seed=1)
    assert (total - unmoved).abs() > 1e-4
    trainer.objective.config = replace(config, change_weight=8.0)
    weighted, _ = trainer.objective(batch, seed=1)
    assert weighted > total
