"""Weights: found in order, verified, loaded strictly, written atomically."""

import errno
import os

import pytest
import torch

from dvaedit.checkpoints import store
from dvaedit.checkpoints.cards import Card, read_card
from dvaedit.errors import StorageError, WeightsError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Three weights folders: the first two by DVAEDIT_WEIGHTS, the third the user's; none of the package."""
    paths = [tmp_path / name for name in ("one", "two", "user")]
    for path in paths:
        path.mkdir()
    monkeypatch.setenv("DVAEDIT_WEIGHTS", os.pathsep.join([str(paths[0]), str(tmp_path / "absent"), str(paths[1])]))
    monkeypatch.setattr(store, "user_folder", lambda: paths[2])
    monkeypatch.setattr(store, "PACKAGE", tmp_path / "package")
    return paths


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def write(folder, name="tiny", seed=0, **fields):
    fields = {"name": name, "kind": "classifier", "config": {"width": 2}, **fields}
    return store.write_weights(folder, fields, network(seed).state_dict())


def test_written_weights_load_bit_for_bit(folders):
    card = write(folders[0], mirrors=["https://example.org/x"])
    assert store.find_card("tiny") == card
    assert card.size == (folders[0] / "tiny.safetensors").stat().st_size
    module = network(seed=1)
    store.load_into(module, store.load_tensors(card))
    for name, tensor in network().state_dict().items():
        assert torch.equal(module.state_dict()[name], tensor)
    assert sorted(path.name for path in folders[0].iterdir()) == ["tiny.json", "tiny.safetensors"]


def test_half_precision_on_disk(folders):
    full = write(folders[0], "full")
    tensors = {"w": torch.linspace(-1, 1, 64), "n": torch.tensor(2**40), "shared": torch.ones(4, 4).T}
    card = store.write_weights(folders[0], {"name": "half", "kind": "parser"}, tensors, torch.float16)
    loaded = store.load_tensors(card)
    assert loaded["w"].dtype == torch.float16
    assert loaded["n"].dtype == torch.int64
    assert loaded["n"] == 2**40
    assert store.load_tensors(card, dtype=torch.float32)["w"].dtype == torch.float32
    torch.testing.assert_close(loaded["w"].float(), tensors["w"], atol=5e-4, rtol=0)
    assert store.load_tensors(full)["0.weight"].dtype == torch.float32


def test_folders_are_asked_in_order(folders):
    for number, folder in enumerate(reversed(folders)):
        write(folder, version=str(number), seed=number)
        assert store.find_card("tiny").version == str(number)
    write(folders[2], "other")
    assert [(card.name, card.version) for card in store.list_cards()] == [("other", "1"), ("tiny", "2")]
    assert store.weights_folders() == folders


def test_package_and_checkout_folders(folders, tmp_path):
    (tmp_path / "weights").mkdir()
    assert store.weights_folders()[-1] == tmp_path / "weights"
    (tmp_path / "package" / "_weights").mkdir(parents=True)
    assert store.weights_folders()[-1] == tmp_path / "package" / "_weights"
    assert tmp_path / "weights" not in store.weights_folders()


def test_a_file_may_be_in_another_folder_than_its_card(folders):
    card = write(folders[0])
    (folders[0] / "tiny.safetensors").rename(folders[2] / "tiny.safetensors")
    assert store.verify(card) == folders[2] / "tiny.safetensors"
    (folders[1] / "tiny.safetensors").write_bytes(b"half a download")
    assert store.verify(card) == folders[2] / "tiny.safetensors"


def test_unknown_name_lists_the_known(folders):
    with pytest.raises(WeightsError, match="'huge'") as caught:
        store.find_card("huge")
    assert "No weights" in caught.value.hint
    write(folders[0])
    with pytest.raises(WeightsError, match="'huge'") as caught:
        store.find_card("huge")
    assert "tiny" in caught.value.hint


def test_missing_file_says_where_to_put_it(folders):
    card = write(folders[0], mirrors=["https://example.org/tiny"])
    (folders[0] / "tiny.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"tiny\.safetensors of tiny are missing") as caught:
        store.verify(card)
    assert "dvaedit weights pull tiny" in caught.value.hint


@pytest.mark.parametrize("harm", ["flip", "cut"])
def test_a_damaged_file_names_both_digests(folders, harm):
    card = write(folders[0])
    store.verify(card)
    path = folders[0] / "tiny.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if harm == "flip" else data[:-1])
    os.utime(path, ns=(1, 1))  # as any later write would, whatever the resolution of the clock
    with pytest.raises(WeightsError) as caught:
        store.load_tensors(card)
    for text in (str(path), card.sha256, store.sha256_file(path)):
        assert text in caught.value.message


def test_a_pointer_of_git_lfs(folders):
    card = write(folders[0])
    (folders[0] / "tiny.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    with pytest.raises(WeightsError) as caught:
        store.verify(card)
    assert "git lfs pull" in caught.value.hint


def test_digested_once(folders, monkeypatch):
    card, calls = write(folders[0]), []
    monkeypatch.setattr(store, "sha256_file", lambda path: calls.append(path) or card.sha256)
    for _ in range(3):
        store.verify(card)
    assert len(calls) == 1


def test_not_safetensors(folders):
    data = b"pickle" * 9
    path = folders[0] / "x.safetensors"
    path.write_bytes(data)
    card = Card("x", "clip", "x.safetensors", store.sha256_bytes(data), len(data), folder=folders[0])
    with pytest.raises(WeightsError, match="not a safetensors file"):
        store.load_tensors(card)


def test_strict_loading_names_every_fault_and_changes_nothing():
    module = network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    tensors = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
    del tensors["1.bias"]
    tensors["2.weight"] = torch.zeros(1)
    tensors["0.bias"] = torch.zeros(3)
    with pytest.raises(WeightsError) as caught:
        store.load_into(module, tensors)
    assert caught.value.message == (
        "the weights do not fit Sequential: missing: 1.bias; not wanted: 2.weight; "
        "of another shape: 0.bias (3,) instead of (2,)"
    )
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())


def test_many_faults_are_cut_short():
    with pytest.raises(WeightsError, match=r"not wanted: k0, k1, k2, k3, k4 and 3 more"):
        store.load_into(torch.nn.Identity(), {f"k{number}": torch.zeros(1) for number in range(8)})


def test_a_model_is_its_parts(folders):
    tiny = write(folders[0])
    Card("compact", "model", parts={"classifier": "tiny"}).write(folders[1])
    model = store.find_model("compact")
    assert model.part("classifier") == tiny
    assert model.digests() == model.digests("classifier") == {"classifier": tiny.sha256}
    with pytest.raises(WeightsError, match="has no clip"):
        model.part("clip")
    with pytest.raises(WeightsError, match="is a classifier, not a model"):
        store.find_model("tiny")
    Card("wrong", "model", parts={"parser": "tiny"}).write(folders[1])
    with pytest.raises(WeightsError, match="the parser of the model wrong, tiny, is a classifier"):
        store.find_model("wrong")
    with pytest.raises(WeightsError, match="no file of its own"):
        store.verify(store.find_card("compact"))


def test_a_card_under_another_name(folders):
    write(folders[0])
    (folders[0] / "tiny.json").rename(folders[0] / "small.json")
    with pytest.raises(WeightsError, match="calls itself 'tiny'"):
        store.find_card("small")


def test_a_full_disk_leaves_the_old_weights(folders, monkeypatch):
    card = write(folders[0])

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            write(folders[0], seed=1)
    assert read_card(folders[0] / "tiny.json") == card
    store.verify(card)
    assert len(list(folders[0].iterdir())) == 2


def test_bad_fields_write_nothing(folders):
    with pytest.raises(WeightsError, match="kind"):
        write(folders[0], kind="poem")
    with pytest.raises(TypeError):
        write(folders[0], config={"a": torch.zeros(1)})
    assert list(folders[0].iterdir()) == []
