"""Frozen networks: from their authors' files under their authors' names, or from weights that are installed."""

from dataclasses import asdict, replace

import pytest
import torch

from dvaedit.checkpoints import store
from dvaedit.checkpoints.cards import Card
from dvaedit.errors import UsageError, WeightsError
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.bisenet import BiSeNet
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.training.config import PAPER_TRAINING, with_landmarks
from dvaedit.training.networks import fill_frozen, load_autoencoder, load_parser, part_card
from dvaedit.training.start import Request, _initial
from tests.training.conftest import IR_SE50, TINY_PAPER, TINY_TRAINING

CPU = torch.device("cpu")
CONFIG = replace(TINY_PAPER, identity=IR_SE50, landmarks=LandmarkConfig("net", width=0.1))


def networks(seed):
    torch.manual_seed(seed)
    return Autoencoder(CONFIG)


def same(a, b):
    return all(torch.equal(tensor, b.state_dict()[name]) for name, tensor in a.state_dict().items())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "weights_folders", lambda: [tmp_path])
    fields = {"name": "mine-autoencoder", "kind": "autoencoder", "config": asdict(CONFIG)}
    store.write_weights(tmp_path, fields, networks(1).state_dict())
    Card("mine", "model", parts={"autoencoder": "mine-autoencoder"}).write(tmp_path)
    return tmp_path


@pytest.fixture
def files(tmp_path):
    """The authors' files: flat keys; ``module.`` and ``base_net.0`` with aliases and an unused head; old counters."""
    source = networks(1)
    identity = {k: v for k, v in source.identity.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(identity, tmp_path / "identity.pth")
    landmarks = {}
    for name, tensor in source.landmarks.state_dict().items():
        landmarks["module." + name.replace("features.", "base_net.0.")] = tensor
        if name.startswith("features."):
            landmarks["module.pretrain_net." + name] = tensor
    landmarks["module.pretrain_net.classifier.1.bias"] = torch.zeros(1000)
    torch.save({"epoch": 3, "state_dict": landmarks}, tmp_path / "landmarks.pth.tar")
    return {"identity": tmp_path / "identity.pth", "landmarks": tmp_path / "landmarks.pth.tar"}


@pytest.mark.parametrize("part", ["identity", "landmarks"])
def test_from_files_and_from_cards(files, folder, part):
    for source in (str(files[part]), "mine", "mine-autoencoder"):
        model = networks(2)
        other = "landmarks" if part == "identity" else "identity"
        fill_frozen(model, part, source)
        assert same(getattr(model, part), getattr(networks(1), part)), source
        assert same(getattr(model, other), getattr(networks(2), other))


def test_files_that_do_not_fit_are_named(files, folder):
    with pytest.raises(WeightsError, match=r"do not fit LandmarkNet: missing"):
        fill_frozen(networks(2), "landmarks", str(files["identity"]))
    with pytest.raises(WeightsError, match="no weights called 'absent'"):
        fill_frozen(networks(2), "identity", "absent")
    store.write_weights(folder, {"name": "p", "kind": "parser"}, {"x": torch.zeros(1)})
    with pytest.raises(WeightsError, match="'p' is a parser, not an autoencoder"):
        part_card("p", "autoencoder")


def test_a_parser_from_the_papers_file(tmp_path):
    torch.manual_seed(0)
    network = BiSeNet(19).eval()
    torch.save(network.state_dict(), tmp_path / "parser.pth")
    parser = load_parser(str(tmp_path / "parser.pth"), CPU)
    assert same(network, parser.network) and not parser.training


def test_an_autoencoder_by_its_name(folder):
    for name in ("mine", "mine-autoencoder"):
        model, card = load_autoencoder(name, CPU)
        assert card.name == "mine-autoencoder" and same(networks(1), model) and not model.training


def test_a_new_run_starts_from_the_frozen_networks_it_is_given(files, folder, tmp_path):
    config = replace(TINY_TRAINING, model=CONFIG)
    request = Request(tmp_path, identity=str(files["identity"]), landmarks="mine")
    found = _initial(request, config)
    wanted = networks(1).state_dict()
    frozen = [name for name in wanted if name.startswith(("identity.", "landmarks."))]
    assert all(torch.equal(found[name], wanted[name]) for name in frozen)
    with pytest.raises(UsageError, match="the landmarks network is not trained here and has no weights") as caught:
        _initial(replace(request, landmarks=None), config)
    assert "mobilenet_224" in caught.value.hint
    assert _initial(replace(request, landmarks=None, identity=None, random_networks=True), config) is not None
    assert all(torch.equal(t, wanted[n]) for n, t in _initial(Request(tmp_path, init="mine"), config).items())
    assert _initial(Request(tmp_path), TINY_TRAINING) is None  # nothing in it is frozen


def test_the_request_becomes_settings(tmp_path):
    request = Request(tmp_path, width=32, size=128, landmarks="mesh", settings={"seed": 3, "batch_size": None})
    config = request.resolve()
    assert config.model == with_landmarks(config, "mesh").model and config.model.unet.base_channels == 32
    assert (config.seed, config.batch_size) == (3, PAPER_TRAINING.batch_size)
    with pytest.raises(UsageError, match="no preset 'huge'"):
        Request(tmp_path, preset="huge").resolve()
