"""Import of published checkpoints: the files' own layouts, read safely, every key checked."""

import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from dvaedit.checkpoints import upstream
from dvaedit.checkpoints.foreign import read_foreign, tensors_of
from dvaedit.checkpoints.importing import Sources, import_diffae, import_paper
from dvaedit.checkpoints.load import load_model
from dvaedit.checkpoints.store import verify
from dvaedit.errors import WeightsError
from dvaedit.models.autoencoder import DIFFAE, PAPER, Autoencoder
from dvaedit.models.classifier import CELEBA_ATTRIBUTES
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.models.parsing import ParserConfig, build_parser
from dvaedit.models.unet import UNetConfig
from dvaedit.runtime import Runtime

UNET = UNetConfig(
    image_size=32, base_channels=8, channel_multipliers=(1, 2), num_res_blocks=1, attention_resolutions=(16,),
    embed_channels=16, cond_channels=16, norm_groups=4,
)  # fmt: skip
SMALL_PAPER = replace(
    PAPER, unet=UNET, identity=IdentityConfig(256, (4, 4, 8, 8), 16, "ir_se50"), landmarks=LandmarkConfig("net", 0.1)
)
SMALL_DIFFAE = replace(
    DIFFAE, unet=replace(UNET, condition="scale"), identity=IdentityConfig(32, (8, 8), 16, "semantic", norm_groups=4)
)


@pytest.fixture(scope="module")
def paper():
    """A random model, and its tensors under the published names."""
    torch.manual_seed(0)
    model, parser = Autoencoder(SMALL_PAPER).eval(), build_parser(ParserConfig(kind="bisenet")).eval()
    for parameter in model.unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    own = model.state_dict()
    state = {theirs: own[ours] for ours, theirs in upstream.paper_names(model).items()}
    other = parser.state_dict()
    state |= {upstream.PARSER + theirs: other[ours] for ours, theirs in upstream.parser_names(parser).items()}
    features = upstream.LANDMARKS + upstream.ALIASED
    for key in [key for key in state if key.startswith(features)]:
        state[upstream.LANDMARKS + upstream.ALIAS + key[len(features) :]] = state[key]
    for key, shape in upstream.UNUSED_HEAD.items():
        state[upstream.LANDMARKS + key] = torch.zeros(shape)
    return model, parser, state


def lightning(path, state, **more):
    """A Lightning checkpoint: the trained copy differs from the EMA copy."""
    both = {f"model.{key}": value + 1 for key, value in state.items()}
    both |= {f"ema_model.{key}": value for key, value in state.items()}
    data = {"epoch": 51, "global_step": 1, "pytorch-lightning_version": "1.6.0", "state_dict": {**both, **more}}
    torch.save({**data, "optimizer_states": [{"state": {}}], "hyper_parameters": {"batch_size": 4}}, path)
    return path


def classifier(path, size=16, **changes):
    count = len(CELEBA_ATTRIBUTES)
    state = {
        "classifier.weight": torch.randn(count, size), "classifier.bias": torch.randn(count),
        "ema_classifier.weight": torch.randn(count, size), "ema_classifier.bias": torch.randn(count),
        "conds_mean": torch.randn(1, size), "conds_std": torch.rand(1, size) + 0.1,
    }  # fmt: skip
    torch.save({"state_dict": {**state, **changes}}, path)
    return state


@pytest.fixture
def weights(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("DVAEDIT_WEIGHTS", str(folder))
    return folder


def test_imported_paper_model_computes_what_its_source_did(tmp_path, weights, paper):
    model, parser, state = paper
    path = lightning(tmp_path / "step.ckpt", state)
    stored = classifier(tmp_path / "last.ckpt")
    cards = import_paper(Sources(path, tmp_path / "last.ckpt"), "dva", weights, config=SMALL_PAPER)
    assert [card.name for card in cards] == ["dva-autoencoder", "dva-parser", "dva-classifier", "dva"]
    assert verify(cards[0]) == weights / "dva-autoencoder.safetensors"
    loaded = load_model("dva", Runtime.resolve("cpu"))
    x, crops = torch.rand(2, 3, 32, 32), torch.rand(1, 3, 256, 256) * 2 - 1
    t, z = torch.tensor([3, 700]), torch.randn(2, 16)
    with torch.inference_mode():
        assert torch.equal(loaded.autoencoder.denoise(x, t, z), model.denoise(x, t, z))  # the EMA copy, not the other
        z_id, z_lnd = loaded.autoencoder.identity(crops), loaded.autoencoder.landmarks(crops)
        assert torch.equal(z_id, model.identity(crops))
        assert torch.equal(z_lnd, model.landmarks(crops))
        assert torch.equal(loaded.autoencoder.face_code(z_id, z_lnd), model.face_code(z_id, z_lnd))
        assert torch.equal(loaded.parser.class_map(crops), parser.class_map(crops))
    attributes = loaded.attributes
    assert attributes.names == CELEBA_ATTRIBUTES
    assert torch.equal(attributes.mean, stored["conds_mean"][0])
    wanted = (z_id - stored["conds_mean"]) / stored["conds_std"] @ stored["classifier.weight"].T
    assert torch.allclose(attributes.logits(z_id), wanted + stored["classifier.bias"], atol=1e-4)


def test_frozen_networks_may_be_in_files_of_their_own(tmp_path, weights, paper):
    _, _, state = paper
    prefixes = (upstream.IDENTITY, upstream.LANDMARKS, upstream.PARSER)
    parts = [{k[len(p) :]: v for k, v in state.items() if k.startswith(p)} for p in prefixes]
    path = lightning(tmp_path / "step.ckpt", {k: v for k, v in state.items() if not k.startswith(prefixes)})
    old = {key: value for key, value in parts[0].items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "ir.pth", _use_new_zipfile_serialization=False)  # the legacy format, before torch 1.6
    torch.save({"state_dict": {f"module.{k}": v for k, v in parts[1].items()}, "best": 1}, tmp_path / "lnd.pth.tar")
    torch.save(parts[2], tmp_path / "bg.pth")
    with pytest.raises(WeightsError, match=r"missing: encoder\.bgnet\.backbone"):
        import_paper(Sources(path), "dva", weights, config=SMALL_PAPER)
    files = {"identity": tmp_path / "ir.pth", "landmarks": tmp_path / "lnd.pth.tar", "parser": tmp_path / "bg.pth"}
    import_paper(Sources(path, **files), "dva", weights, config=SMALL_PAPER)
    loaded = load_model("dva", Runtime.resolve("cpu"))
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        assert torch.equal(loaded.autoencoder.identity(x), paper[0].identity(x))
        assert torch.equal(loaded.autoencoder.landmarks(x), paper[0].landmarks(x))
    assert loaded.attributes.names == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("ema_model.out.2.bias"), r"ema_model.*missing: out\.2\.bias"),
        (lambda s: s.pop("model.middle_block.1.qkv.weight"), r"\(model.*missing: middle_block\.1\.qkv\.weight"),
        (lambda s: s.update({"ema_model.input_blocks.99.0.weight": torch.zeros(1)}), r"not wanted: input_blocks\.99"),
        (lambda s: s.update({"ema_model.out.2.bias": torch.zeros(4)}), r"out\.2\.bias \(4,\) instead of \(3,\)"),
        (lambda s: s.update({"ema_model.out.2.bias": torch.zeros(3).long()}), r"not floating point: out\.2\.bias"),
        (lambda s: s.update({"x_T": torch.zeros(2)}), r"not wanted: x_T"),
        (lambda s: s.update({"ema_model.out.2.bias": "no tensor"}), r"ema_model\.out\.2\.bias.*is a str"),
    ],
)  # fmt: skip
def test_keys_that_are_missing_extra_or_misshaped_are_named(tmp_path, weights, paper, change, said):
    path = lightning(tmp_path / "step.ckpt", paper[2])
    data = torch.load(path, weights_only=True)
    change(data["state_dict"])
    torch.save(data, path)
    with pytest.raises(WeightsError, match=said):
        import_paper(Sources(path), "dva", weights, config=SMALL_PAPER)
    assert list(weights.iterdir()) == []


def test_classifier_of_another_size_is_refused(tmp_path, weights, paper):
    path = lightning(tmp_path / "step.ckpt", paper[2])
    classifier(tmp_path / "last.ckpt", size=15)
    with pytest.raises(WeightsError, match=r"classifier\.weight \(40, 15\) instead of \(40, 16\)"):
        import_paper(Sources(path, tmp_path / "last.ckpt"), "dva", weights, config=SMALL_PAPER)
    classifier(tmp_path / "last.ckpt", conds_std=torch.zeros(1, 16))
    with pytest.raises(WeightsError, match="not positive"):
        import_paper(Sources(path, tmp_path / "last.ckpt"), "dva", weights, config=SMALL_PAPER)


def test_a_name_that_is_taken_is_kept(tmp_path, weights, paper):
    path = lightning(tmp_path / "step.ckpt", paper[2])
    import_paper(Sources(path), "dva", weights, config=SMALL_PAPER)
    with pytest.raises(WeightsError, match="exists"):
        import_paper(Sources(path), "dva", weights, config=SMALL_PAPER)
    import_paper(Sources(path), "dva", weights, overwrite=True, config=SMALL_PAPER)


def test_diffae_is_imported_frame_by_frame(tmp_path, weights):
    torch.manual_seed(1)
    model = Autoencoder(SMALL_DIFFAE).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    own = model.state_dict()
    state = {theirs: own[ours] for ours, theirs in upstream.diffae_names(model).items()}
    assert {"encoder.input_blocks.0.0.weight", "encoder.out.3.bias", "input_blocks.1.0.out_layers.3.weight"} <= set(
        state
    )
    more = {"x_T": torch.zeros(2, 3, 4, 4), "conds_mean": torch.ones(16), "conds_std": torch.full((16,), 2.0)}
    path = lightning(tmp_path / "last.ckpt", {**state, "latent_net.layers.0.weight": torch.zeros(3)}, **more)
    cards = import_diffae(Sources(path), "diffae", weights, config=SMALL_DIFFAE)
    assert cards[-1].parts["parser"] == "compact-parser"
    loaded = load_model("diffae", Runtime.resolve("cpu"))
    x, t = torch.rand(2, 3, 32, 32), torch.tensor([10, 500])
    with torch.inference_mode():
        z = loaded.autoencoder.identity(x)
        assert torch.equal(z, model.identity(x))
        assert not torch.allclose(z.norm(dim=1), torch.ones(2))
        z_face = loaded.autoencoder.face_code(z, torch.zeros(2, 0))
        assert torch.equal(loaded.autoencoder.denoise(x, t, z_face), model.denoise(x, t, z))
    assert loaded.autoencoder.per_frame
    assert torch.equal(loaded.attributes.std, torch.full((16,), 2.0))
    assert torch.equal(loaded.attributes.denormalise(torch.ones(1, 16)), torch.full((1, 16), 3.0))


class Bomb:
    """Runs a command when a pickle of it is loaded the usual way."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (type(self.mark).touch, (self.mark,))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain"])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path, form):
    mark, path = tmp_path / "ran", tmp_path / "bomb.ckpt"
    data = {"state_dict": {"ema_model.a": torch.zeros(2)}, "callbacks": Bomb(mark)}
    if form == "plain":
        path.write_bytes(pickle.dumps(data["callbacks"]))
    else:
        torch.save(data, path, _use_new_zipfile_serialization=form == "zip")
    what = "instructions" if form == "plain" else "getattr"
    with pytest.raises(WeightsError, match=rf"more than tensors and plain data \({what}.*\): refused"):
        read_foreign(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off", b"\x80\x02}q\x00"])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "bad.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged|not a checkpoint|refused"):
        tensors_of(read_foreign(path), path)


def test_a_zip_that_is_no_checkpoint_and_a_file_of_something_else_are_refused(tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "hello")
    with pytest.raises(WeightsError):
        read_foreign(path)
    torch.save([1, 2, 3], path)
    with pytest.raises(WeightsError, match="holds a list"):
        tensors_of(read_foreign(path), path)
    with pytest.raises(WeightsError, match="no file"):
        read_foreign(tmp_path / "absent")
