"""Pickles that would run code, damaged files and tensors of wrong shape: one line, a hint, the documented exit code.

Importing checkpoints is tested in tests/checkpoints/test_importing.py, the weights store in test_store.py.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.numpy import save_file

from dvaedit import api
from dvaedit.checkpoints import store
from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.load import load_model, load_text_model
from dvaedit.cli import main
from dvaedit.errors import DvaEditError, StorageError, UsageError, WeightsError
from dvaedit.files import sha256_file
from dvaedit.parity.folder import Folder
from dvaedit.pipeline.artifact import MANIFEST, open_manifest, seal
from dvaedit.stages.decode import unpack
from dvaedit.stages.png import decode_png, encode_png
from dvaedit.training import faces
from dvaedit.training.arrays import read_archive, read_array
from dvaedit.training.ema import EMA
from dvaedit.training.networks import fill_frozen, load_parser
from dvaedit.training.run import Run
from tests.models.test_clip import TINY
from tests.pipeline.worker import pipeline
from tests.stages.conftest import clip, tiny_model  # noqa: F401


class Bomb:
    """Touches a file when a pickle of it is loaded the usual way."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (type(self.mark).touch, (self.mark,))


@pytest.fixture
def bomb(tmp_path):
    """A bomb, and after the test: it has not gone off."""
    mark = tmp_path / "ran"
    yield Bomb(mark)
    assert not mark.exists()


def write(path: Path, form: str, bomb: Bomb) -> Path:
    """A file of that form which would run the bomb in a careless reader."""
    if form in ("zip", "legacy"):
        torch.save({"step": 1, "state_dict": {"a": torch.zeros(2), "b": bomb}}, path,
                   _use_new_zipfile_serialization=form == "zip")  # fmt: skip
    elif form == "plain":
        path.write_bytes(pickle.dumps(bomb))
    elif form == "npz":
        with path.open("wb") as file:
            np.savez(file, a=np.array([bomb], dtype=object))
    elif form == "npy":
        with path.open("wb") as file:
            np.save(file, np.array([bomb], dtype=object), allow_pickle=True)
    return path


def plain(error: DvaEditError, kind: type[DvaEditError]) -> None:
    """One line, a hint, the class that carries the exit code; no advice to read the file in an unsafe way."""
    assert type(error) is kind and error.hint
    assert "\n" not in error.message and "\x1b" not in error.message
    assert "weights_only" not in error.message + error.hint


# --- image-text models -----------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_clip(tmp_path):
    (tmp_path / "dvaedit-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "dvaedit-tiny.json")
    return "dvaedit-tiny"


@pytest.mark.parametrize(("form", "suffix"), [("zip", ".pt"), ("legacy", ".pt"), ("plain", ".bin"), ("npy", ".npy")])
def test_clip_checkpoints_with_code_are_refused(tmp_path, bomb, tiny_clip, form, suffix):
    path = write(tmp_path / f"bomb{suffix}", form, bomb)
    with pytest.raises(
        WeightsError, match=r"more than tensors and plain data .*: refused, nothing of it was run"
    ) as caught:
        load_text_model(f"{tiny_clip}:{path}")
    plain(caught.value, WeightsError)


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "model.pth"])
def test_a_folder_of_open_clip_with_code_is_refused(tmp_path, bomb, name):
    config = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    write(tmp_path / name, "zip", bomb)
    with pytest.raises(WeightsError, match="refused") as caught:
        load_text_model(str(tmp_path))
    plain(caught.value, WeightsError)


def test_a_torchscript_program_is_refused(tmp_path, tiny_clip):
    class Program(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    torch.jit.trace(Program(), torch.zeros(1)).save(str(tmp_path / "program.pt"))
    with pytest.raises(WeightsError, match=r"TorchScript program.*: refused") as caught:
        load_text_model(f"{tiny_clip}:{tmp_path / 'program.pt'}")
    plain(caught.value, WeightsError)


@pytest.mark.parametrize(
    ("content", "said"),
    [({}, "StopIteration"), ([1, 2], "list"), (torch.zeros(3), "Tensor"), ({1: torch.zeros(2)}, "int"),
     ({"a": torch.zeros(2)}, "Missing key|Error"), ({"visual.conv1.weight": torch.zeros(9, 9)}, "Missing key|size")],
)  # fmt: skip
def test_clip_checkpoints_that_do_not_fit(tmp_path, tiny_clip, content, said):
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match=f"cannot load.*({said})") as caught:
        load_text_model(f"{tiny_clip}:{tmp_path / 'odd.pt'}")
    plain(caught.value, WeightsError)


def test_a_clip_tensor_of_another_shape_is_named(tmp_path, tiny_clip):
    state = open_clip.CLIP(**TINY).state_dict()
    state["text_projection"] = state["text_projection"][:, :3]
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match=r"size mismatch for text_projection") as caught:
        load_text_model(f"{tiny_clip}:{tmp_path / 'odd.pt'}")
    plain(caught.value, WeightsError)


def test_the_command_line_ends_with_5(clip, tmp_path, bomb, tiny_clip, monkeypatch, capfd):  # noqa: F811
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    path = write(tmp_path / "bomb.pt", "zip", bomb)
    before = sorted(tmp_path.iterdir())
    code = main(["edit", str(clip), "--text", "blond hair", "--clip", f"{tiny_clip}:{path}", "-o",
                 str(tmp_path / "out.mp4"), "--cache-dir", str(tmp_path / "cache")])  # fmt: skip
    out, err = capfd.readouterr()
    assert (code, out) == (5, "")
    said = " ".join(err.split())
    assert "refused, nothing of it was run" in said and "hint: " in said
    assert "Warning" not in err and "Traceback" not in err
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "cache"] == before


# --- the weights of this program -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "weights"
    place.mkdir()
    monkeypatch.setattr(store, "weights_folders", lambda: [place])
    return place


def test_a_pickle_in_the_place_of_safetensors(folder, bomb):
    """Even with the digest its card names: no reader of pickles is ever called."""
    path = write(folder / "net.safetensors", "plain", bomb)
    Card("net", "lpips", file=path.name, sha256=sha256_file(path), size=path.stat().st_size).write(folder)
    with pytest.raises(WeightsError, match="not a safetensors file") as caught:
        store.load_tensors(store.find_card("net"))
    plain(caught.value, WeightsError)


@pytest.mark.parametrize("names", [None, "Smiling", [1, 2]])
def test_a_classifier_card_without_names(folder, names, monkeypatch):
    from dvaedit.checkpoints import load

    monkeypatch.setattr(load, "find_model", store.find_model)
    config = {} if names is None else {"attributes": names}
    for kind, fields in (("autoencoder", {}), ("classifier", config), ("parser", {})):
        store.write_weights(folder, {"name": f"odd-{kind}", "kind": kind, "config": fields}, {"a": torch.zeros(1)})
    monkeypatch.setattr(load, "_filled", lambda module, card, runtime: module)
    Card("odd", "model", parts={kind: f"odd-{kind}" for kind in ("autoencoder", "classifier", "parser")}).write(folder)
    with pytest.raises(WeightsError, match="names no attributes") as caught:
        load_model("odd")
    plain(caught.value, WeightsError)


@pytest.mark.parametrize("form", ["zip", "legacy", "plain"])
def test_files_of_frozen_networks(tmp_path, bomb, form):
    path = write(tmp_path / "79999_iter.pth", form, bomb)
    with pytest.raises(WeightsError, match="refused") as caught:
        load_parser(str(path), torch.device("cpu"))
    plain(caught.value, WeightsError)
    with pytest.raises(WeightsError, match="refused"):
        fill_frozen(tiny_model().autoencoder, "identity", str(path))


@pytest.mark.parametrize("form", ["zip", "npy"])
def test_arrays_of_a_parity_folder(tmp_path, bomb, form):
    (tmp_path / MANIFEST).write_text(json.dumps({"salt": "s", "keys": {}, "classifier_checkpoint": {"keys": {}}}))
    write(tmp_path / "align.npz", "npz" if form == "zip" else "npy", bomb)
    with pytest.raises(UsageError, match=r"align\.npz is damaged"):
        Folder(tmp_path).arrays("align")


# --- training runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zip", "legacy", "plain"])
def test_checkpoints_of_a_run_with_code_are_refused(tmp_path, bomb, form, caplog):
    run = Run(tmp_path / "run")
    write(tmp_path / "run" / "checkpoint.pt", form, bomb)
    with pytest.raises(StorageError, match=r"no checkpoint in .* can be read") as caught:
        run.load()
    plain(caught.value, StorageError)
    assert "refused, nothing of it was run" in caplog.text and "weights_only" not in caplog.text


@pytest.mark.parametrize("content", [[1, 2], {"step": "1"}, {"model": {}}, torch.zeros(2)])
def test_checkpoints_that_are_none_of_a_run(tmp_path, content):
    run = Run(tmp_path)
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(StorageError, match="no checkpoint"):
        run.load()


def test_a_checkpoint_of_another_network_does_not_fit(tmp_path):
    run, net = Run(tmp_path), torch.nn.Linear(3, 2)
    with pytest.raises(StorageError, match=r"does not fit this run: .*size mismatch") as caught, run.fitting():
        net.load_state_dict(torch.nn.Linear(4, 2).state_dict())
    plain(caught.value, StorageError)
    with pytest.raises(StorageError, match="average of weight has another shape"), run.fitting():
        EMA(net, 0.9).restore(EMA(torch.nn.Linear(4, 2), 0.9).average, 1)


@pytest.mark.parametrize("form", ["npy", "npz", "plain", "zip"])
def test_arrays_with_objects_are_refused(tmp_path, bomb, form):
    path = write(tmp_path / "a.npy", form, bomb)
    for read in (
        lambda: read_array(path, (None,)),
        lambda: read_array(path, (None,), mmap=True),
        lambda: read_archive(path),
    ):
        with pytest.raises(UsageError, match="damaged or no file of arrays") as caught:
            read()
        plain(caught.value, UsageError)


def test_arrays_of_wrong_shape_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    np.savez(tmp_path / "b.npz", x=np.zeros(2))
    assert read_array(tmp_path / "a.npy", (None, 4)).shape == (3, 4)
    for wrong in ((3, 5), (3,), (3, 4, 1)):
        with pytest.raises(UsageError, match=r"has the shape \(3, 4\), not"):
            read_array(tmp_path / "a.npy", wrong)
    with pytest.raises(UsageError, match="has no array y"):
        read_archive(tmp_path / "b.npz", "x", "y")
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:150])
    with pytest.raises(UsageError, match="damaged"):
        read_array(tmp_path / "a.npy", (3, 4), mmap=True)


def test_head_masks_of_a_face_set(tmp_path, bomb):
    (tmp_path / "work").mkdir()
    (tmp_path / "faces.csv").write_text("file\na.png\n")
    np.save(tmp_path / "work" / "images8.npy", np.zeros((1, 8, 8, 3), np.uint8))
    masks = tmp_path / "masks.npy"
    np.save(masks, np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(UsageError, match=r"masks\.npy has the shape \(1, 4, 4\), not \(1, 8, 8\)"):
        faces.load(tmp_path, tmp_path / "work", 8, masks)
    write(masks, "npy", bomb)
    with pytest.raises(UsageError, match="Python objects, which are not read"):
        faces.load(tmp_path, tmp_path / "work", 8, masks)


# --- the cache -------------------------------------------------------------------------------------------------------


def forged(entry: Path, change) -> Path:
    """An entry whose manifest has been changed by ``change(manifest, entry)`` and sealed again."""
    manifest = json.loads((entry / MANIFEST).read_text())
    for name in ("sha256", "format"):
        manifest.pop(name)
    change(manifest, entry)
    (entry / MANIFEST).write_bytes(seal(manifest))
    return entry


def rewritten(array: np.ndarray):
    """Puts other tensors into the first shard, with the right size and digest in the manifest."""

    def change(manifest, entry):
        record = next(record for record in manifest["files"] if record.get("start") == 0)
        save_file({"x": array}, entry / record["name"])
        record.update(size=(entry / record["name"]).stat().st_size, sha256=sha256_file(entry / record["name"]))

    return change


@pytest.fixture
def entry(tmp_path):
    line = pipeline(tmp_path)
    line.execute()
    return line.cache.path("noise", line.keys["noise"])


def test_shards_of_the_cache_that_hold_something_else(entry):
    good = open_manifest(entry).read("x", 0, 4)
    for odd in (good[:, :1], good[:2], good.astype(np.float64), good[..., None]):
        artifact = open_manifest(forged(entry, rewritten(odd)))
        with pytest.raises(StorageError, match=r"cannot read .*: x is .* not ") as caught:
            artifact.read("x")
        plain(caught.value, StorageError)
    artifact = open_manifest(forged(entry, rewritten(good)))
    assert np.array_equal(artifact.read("x", 0, 4), good)


def test_a_pickle_in_the_cache_is_not_run(entry, bomb):
    def change(manifest, entry):
        record = next(record for record in manifest["files"] if record.get("start") == 0)
        path = write(entry / record["name"], "plain", bomb)
        record.update(size=path.stat().st_size, sha256=sha256_file(path))

    with pytest.raises(StorageError, match="cannot read"):
        open_manifest(forged(entry, change)).read("x")


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/b", ""])
def test_a_manifest_that_names_a_file_elsewhere(entry, name):
    def change(manifest, entry):
        manifest["files"][0]["name"] = name

    if name:
        with pytest.raises(ValueError, match="file elsewhere"):
            open_manifest(forged(entry, change))
    else:
        assert open_manifest(forged(entry, change)).problem() == " is missing"


@pytest.mark.parametrize("gone", ["files", "stage", "meta"])
def test_a_sealed_manifest_without_its_fields(entry, gone):
    with pytest.raises(ValueError, match="not one of this program"):
        open_manifest(forged(entry, lambda manifest, entry: manifest.pop(gone)))


def test_blobs_of_the_cache_that_are_something_else():
    assert decode_png(encode_png(np.eye(4, dtype=np.uint8))).shape == (4, 4)
    for blob in (b"", b"no picture", pickle.dumps([1])):
        with pytest.raises(StorageError, match="cannot be decoded"):
            decode_png(blob)
    assert unpack(b"") == []
    with pytest.raises(StorageError, match="bytes of faces"):
        unpack(b"x" * 17)
