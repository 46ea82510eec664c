"""The attribute classifier: its list, its settings, exact resume, and the model a run becomes."""

import json

import cv2
import numpy as np
import pytest
import torch

from dvaedit.checkpoints import store
from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.load import load_model
from dvaedit.errors import UsageError, WeightsError
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.parsing import Parser, ParserConfig
from dvaedit.runtime import Runtime
from dvaedit.training import paper_classifier
from dvaedit.training.autoencoder import train as train_autoencoder
from dvaedit.training.celeba import AttributeSet, open_set, read_attributes
from dvaedit.training.export_run import ExportSettings, export
from dvaedit.training.latent_stats import LatentStats
from dvaedit.training.paper_classifier import ClassifierConfig, identity_codes, train
from dvaedit.training.run import Run
from dvaedit.training.video_batches import VideoSource
from dvaedit.training.video_set import open_split
from tests.training.conftest import TINY_PAPER, TINY_TRAINING
from tests.training.test_paper_training import UpperHalf

CPU = torch.device("cpu")
PAPERS = ClassifierConfig()
STATS = LatentStats(torch.zeros(6), torch.ones(6), 100, {})


def write_list(path, count=2, names="Bald Smiling", rows=("0.jpg 1 -1", "1.jpg -1 -1")):
    path.write_text("\n".join([str(count), names, *rows]) + "\n")
    return path


@pytest.fixture
def separable():
    """Codes that say the first of two attributes, and twice as loudly in mirror images."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(200, 2, 6)).astype(np.float32)
    labels = np.stack([codes[:, 0, 2] > 0, rng.random(200) < 0.5], 1).astype(np.float32)
    codes[:, 1] = codes[:, 0]
    return codes, AttributeSet(("Bald", "Smiling"), (), labels, 16)


def run_of(folder, separable, crops, config=PAPERS, **options):
    codes, data = separable
    return train(config, codes, data, STATS, Run(folder, say=lambda line: None), crops, **options)


def test_the_papers_settings():
    config = ClassifierConfig()
    assert (config.batch_size, config.learning_rate, config.ema_decay) == (32, 1e-3, 0.9999)


def test_list_of_celebamask_hq(tmp_path):
    names, rows = read_attributes(write_list(tmp_path / "list.txt"))
    assert names == ("Bald", "Smiling")
    assert {file: row.tolist() for file, row in rows.items()} == {"0.jpg": [1, 0], "1.jpg": [0, 0]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 3}, "says 3 images and lists 2"),
        ({"count": "x"}, "first line is not a count"),
        ({"rows": ("0.jpg 1", "1.jpg -1 -1")}, "line 3 .* does not give 2 values"),
        ({"rows": ("0.jpg 1 1", "1.jpg -1 0")}, "line 4 .* does not give 2 values"),
    ],
)
def test_damaged_lists_are_named(tmp_path, values, said):
    with pytest.raises(UsageError, match=said):
        read_attributes(write_list(tmp_path / "list.txt", **values))
    with pytest.raises(UsageError, match="cannot read"):
        read_attributes(tmp_path / "none.txt")


def test_missing_images_are_named(tmp_path):
    path = write_list(tmp_path / "list.txt")
    cv2.imwrite(str(tmp_path / "0.jpg"), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(UsageError, match=r"1 of the 2 images in list\.txt are not in .*: 1\.jpg"):
        open_set(tmp_path, path, 16)
    cv2.imwrite(str(tmp_path / "1.jpg"), np.full((32, 32, 3), 255, np.uint8))
    data = open_set(tmp_path, path, 16)
    assert data.read(1).shape == (16, 16, 3) and data.read(1).min() == 255


def test_codes_are_those_of_images_and_their_mirrors(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for name in ("0.png", "1.png", "2.png"):
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 256, (16, 16, 3), np.uint8))
    rows = ("0.png 1 -1", "1.png -1 -1", "2.png 1 1")
    data = open_set(tmp_path, write_list(tmp_path / "list.txt", 3, rows=rows), 16)
    model = Autoencoder(TINY_PAPER).eval()
    codes = identity_codes(model, data, CPU, tmp_path / "work", "d" * 64, batch=2)
    flipped = torch.from_numpy(data.read(2)[:, ::-1].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        assert np.allclose(codes[2, 1], model.identity(flipped)[0].numpy(), atol=1e-5)
    monkeypatch.setattr(AttributeSet, "read", None)  # kept for the next start
    assert np.array_equal(identity_codes(model, data, CPU, tmp_path / "work", "d" * 64), codes)


def test_the_layer_learns_what_is_in_the_codes(separable, tmp_path):
    config = ClassifierConfig(learning_rate=0.03)
    trainer = run_of(tmp_path, separable, 6400, config, log_every=50)
    assert trainer.step == 200
    found = json.loads((tmp_path / "classifier.json").read_text())
    assert found["attributes"] == ["Bald", "Smiling"]
    assert found["metrics"]["Bald"]["balanced_accuracy"] > 0.95
    assert found["metrics"]["Bald"]["positives"] == int(separable[1].labels[:, 0].sum())
    assert trainer.layer.weight[0].abs().argmax() == 2


def test_the_first_step_is_binary_cross_entropy_under_adam(separable, tmp_path):
    trainer = paper_classifier.Trainer(ClassifierConfig(), separable[0], separable[1].labels, STATS)
    weight = trainer.layer.weight.detach().clone()
    loss = trainer.train_step()["entropy"]
    assert 0.5 < loss < 1.2
    assert (trainer.layer.weight - weight).abs().max().item() == pytest.approx(1e-3, rel=0.01)
    assert torch.allclose(trainer.ema.average["weight"], 0.9999 * weight + 1e-4 * trainer.layer.weight, atol=1e-8)


def test_resumed_run_equals_an_uninterrupted_one(separable, tmp_path):
    whole = run_of(tmp_path / "a", separable, 640)
    run_of(tmp_path / "b", separable, 320)
    resumed = run_of(tmp_path / "b", separable, 640)
    assert torch.equal(whole.layer.weight, resumed.layer.weight)
    assert torch.equal(whole.ema.average["bias"], resumed.ema.average["bias"])
    with pytest.raises(UsageError, match="other settings or statistics"):
        run_of(tmp_path / "b", separable, 960, ClassifierConfig(seed=1))


def test_statistics_of_other_codes_are_refused(separable):
    other = LatentStats(torch.zeros(5), torch.ones(5), 1, {})
    with pytest.raises(UsageError, match="codes of 5 numbers, the model's have 6"):
        paper_classifier.Trainer(ClassifierConfig(), separable[0], separable[1].labels, other)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A weights folder with a parser and nothing else."""
    folder = tmp_path / "weights"
    config = ParserConfig(image_size=16, working_size=32)
    fields = {"name": "some-parser", "kind": "parser", "config": {"image_size": 16, "working_size": 32}}
    store.write_weights(folder, fields, Parser(config).state_dict())
    monkeypatch.setattr(store, "weights_folders", lambda: [folder])
    return folder


def test_a_run_becomes_a_model(videos, weights, tmp_path):
    source = VideoSource(open_split(videos, "train", 16), 2, 0, points=True)
    run = Run(tmp_path / "run", say=lambda line: None)
    trainer = train_autoencoder(TINY_TRAINING, source, run, 8, parser=UpperHalf(), sheet_every=0)
    stats = LatentStats(torch.full((12,), 0.1), torch.full((12,), 0.2), 13, {})
    codes = np.random.default_rng(0).normal(size=(20, 2, 12)).astype(np.float32)
    data = AttributeSet(("Bald", "Smiling"), (), (codes[:, 0, :2] > 0).astype(np.float32), 16)
    layer = train(ClassifierConfig(), codes, data, stats, Run(tmp_path / "cls", say=lambda line: None), 64).layer
    settings = ExportSettings("mine", "some-parser", "MIT", classifier=tmp_path / "cls", folder=weights)
    cards = export(run, settings)
    assert [card.name for card in cards] == ["mine-autoencoder", "mine-classifier", "mine"]
    assert cards[0].metrics == {"crops_seen": 8, "optimiser_steps": 4, "ema_decay": 0.9}
    assert cards[0].training_data == [
        {"name": "videos", "licence": "not stated", "note": "4 videos, 13 frames, 0 test_videos"}
    ]
    model = load_model("mine", Runtime.resolve("cpu"))
    averaged = {**trainer.model.state_dict(), **trainer.ema.average}
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in model.autoencoder.state_dict().items())
    assert model.attributes.names == ("Bald", "Smiling") and torch.equal(model.attributes.weight, layer.weight)
    assert torch.equal(model.attributes.std, stats.std) and model.attributes.mean[0].item() == pytest.approx(0.1)
    wanted = 0.25 * 12**0.5 * layer.weight[1] / layer.weight[1].norm()
    assert torch.allclose(model.attributes.directions[1], wanted)
    with pytest.raises(WeightsError, match="exists"):
        export(run, settings)


def test_a_model_without_classifier_has_no_attributes(videos, weights, tmp_path):
    source = VideoSource(open_split(videos, "train", 16), 2, 0, points=True)
    run = Run(tmp_path / "run", say=lambda line: None)
    train_autoencoder(TINY_TRAINING, source, run, 2, parser=UpperHalf(), sheet_every=0)
    export(run, ExportSettings("bare", "some-parser", half=True, folder=weights))
    model = load_model("bare", Runtime.resolve("cpu"))
    assert model.attributes.names == () and model.attributes.std[0].item() == pytest.approx(12**-0.5)


def test_export_needs_a_run_and_a_parser(weights, tmp_path):
    with pytest.raises(UsageError, match="no training run"):
        export(Run(tmp_path / "empty"), ExportSettings("x", "some-parser", folder=weights))
    Card("gone", "model", parts={"autoencoder": "x"}).write(weights)
    with pytest.raises(UsageError, match="no training run of a classifier"):
        from dvaedit.training.export_run import _trained_classifier

        _trained_classifier(tmp_path)
