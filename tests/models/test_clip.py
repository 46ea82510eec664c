import json
import logging

import numpy as np
import open_clip
import pytest
import torch
from torch.nn import functional as F

from dvaedit.errors import UsageError, WeightsError
from dvaedit.models.clip import COMPACT, compact_folder, load_clip, resize
from dvaedit.training.clip_export import write_folder

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    torch.manual_seed(0)
    model = open_clip.CLIP(**TINY).eval()
    write_folder(folder, model, TINY)
    return folder, model


def test_saved_folder_loads_like_any_open_clip_model(tiny):
    folder, model = tiny
    loaded = open_clip.create_model(f"local-dir:{folder}")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor.half().to(tensor.dtype), rtol=0, atol=0)


def test_encodes_as_open_clip_does(tiny):
    folder, model = tiny
    clip = load_clip(f"local-dir:{folder}")
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    expected = F.normalize(model.encode_image(x), dim=-1)  # mean and std of this format are 0.5
    torch.testing.assert_close(clip.encode_image(x), expected, rtol=0, atol=5e-3)
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["blond hair"])
    torch.testing.assert_close(
        clip.encode_text(["blond hair"]), model.encode_text(tokens, normalize=True), rtol=0, atol=5e-3
    )
    assert clip.large and clip.known_words("blond dragon") == (["blond", "dragon"], [])
    assert clip.familiarity("blond dragon") == 1.0


def test_named_model_with_a_checkpoint_on_disk(tiny, tmp_path):
    (tmp_path / "dvaedit-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "dvaedit-tiny.json")
    clip = load_clip(f"dvaedit-tiny:{tiny[0] / 'open_clip_model.safetensors'}")
    assert torch.equal(clip.encode_text(["hat"]), load_clip(str(tiny[0])).encode_text(["hat"]))
    torch.testing.assert_close(clip.mean.flatten(), torch.tensor(open_clip.OPENAI_DATASET_MEAN))
    with pytest.raises(WeightsError, match="cannot load"):
        load_clip(f"RN50:{tiny[0] / 'open_clip_model.safetensors'}")


def test_features_are_unit_float32_and_differentiable(tiny):
    clip = load_clip(str(tiny[0]))
    x = (torch.randn(2, 3, 64, 64) * 1.5).requires_grad_(True)  # noisy images leave [-1, 1]
    features = clip.encode_image(x)
    assert features.dtype == torch.float32 and torch.allclose(features.norm(dim=1), torch.ones(2))
    features[:, 0].sum().backward()
    assert x.grad.abs().sum() > 0 and not any(p.requires_grad for p in clip.parameters())
    texts = clip.encode_text(["a", "a very long text " * 20])
    assert torch.allclose(texts.norm(dim=1), torch.ones(2))


def test_resize_antialiases_and_keeps_what_fits():
    x = torch.zeros(1, 1, 64, 64)
    x[..., ::2] = 1
    filtered = resize(x, (16, 16))[..., 4:12]
    assert torch.allclose(filtered, torch.full_like(filtered, 0.5), atol=0.05)
    assert resize(x, (64, 64)) is x


def test_digest_follows_the_weights(tiny):
    folder, _ = tiny
    same, other = load_clip(str(folder)), load_clip(str(folder))
    assert same.digest == other.digest
    other = load_clip(str(folder))
    other.clip.ln_final.bias.data += 1
    assert other.digest != same.digest
    assert load_clip(str(folder), antialias=False).digest != same.digest


def test_loading_leaves_the_log_alone(tiny):
    before = list(logging.getLogger().handlers)
    load_clip(str(tiny[0]))
    assert logging.getLogger().handlers == before and logging.root.manager.disable == 0


def test_unknown_model_is_a_usage_error():
    with pytest.raises(UsageError, match="unknown image-text model 'ViT-Z-1'"):
        load_clip("ViT-Z-1:openai")


@pytest.mark.parametrize(
    "name", ["RN50:no/such/file.pt", "RN50:no_such_tag", "local-dir:no/such/folder", "local-dir:", "hf-hub:"]
)
def test_missing_weights(name):
    with pytest.raises(WeightsError) as caught:
        load_clip(name)
    assert caught.value.hint


def test_failed_download_says_how_to_go_on(monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("open_clip.factory.download_pretrained", offline)
    with pytest.raises(WeightsError, match="no route to host") as caught:
        load_clip("RN50:openai")
    assert "MODEL:FILE" in caught.value.hint


def test_damaged_checkpoint(tiny, tmp_path):
    broken = tmp_path / "open_clip_model.safetensors"
    broken.write_bytes(b"not a checkpoint")
    (tmp_path / "open_clip_config.json").write_bytes((tiny[0] / "open_clip_config.json").read_bytes())
    with pytest.raises(WeightsError, match="cannot load"):
        load_clip(str(tmp_path))


def test_folder_without_weights(tiny, tmp_path):
    (tmp_path / "open_clip_config.json").write_bytes((tiny[0] / "open_clip_config.json").read_bytes())
    with pytest.raises(WeightsError):
        load_clip(str(tmp_path))


@pytest.fixture(scope="module")
def compact():
    try:
        compact_folder()
    except WeightsError:
        pytest.skip("the weights are not here")
    return load_clip(COMPACT)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("blond hair", "golden hair", "black hair"),
        ("face with glasses", "face with specs", "face without glasses"),
        ("make her hair blond", "face with blond hair", "face with brown hair"),
        ("old man", "elderly gentleman", "young woman"),
        ("blond hair, xylophone", "blond hair", "gray hair"),
    ],
)
def test_compact_model_knows_meanings(compact, text, near, far):
    text, near, far = compact.encode_text([text, near, far])
    assert text @ near > text @ far


def test_compact_model_has_met_the_words_it_calls_known(compact):
    """Rows of the embedding that were never trained are all alike."""
    table = compact.clip.token_embedding.weight
    unknown = table[compact.tokenizer.encode("xylophone")[0]]
    for word in ("blond", "bearded", "specs", "grinning"):
        assert compact.known_words(word) == ([word], [])
        assert all(not torch.equal(table[token], unknown) for token in compact.tokenizer.encode(word))
    assert compact.known_words("blond dragon") == (["blond"], ["dragon"])
    assert not compact.large and np.isclose(compact.familiarity("blond dragon"), 0.5)
