"""The paper's recipe on a real clip with tiny random models of every family, and what it keeps to the letter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dvaedit.diffusion.reference import Steps, reference_invert
from dvaedit.editing.attributes import AttributeEdit, classifier_step
from dvaedit.editing.text import TextEdit
from dvaedit.face.paper import dataset_crop, inverse_coefficients, paper_paste
from dvaedit.models.autoencoder import DIFFAE, PAPER, Autoencoder
from dvaedit.models.bundle import Model
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.models.unet import UNetConfig
from dvaedit.pipeline.run import Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.runtime import Runtime
from dvaedit.stages.export import Overlay, edited_frames
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.stages.paper.graph import paper_edit_nodes, paper_reconstruct_nodes
from dvaedit.stages.paste import Patches
from dvaedit.video.probe import file_digest, probe
from dvaedit.video.reader import read_frames
from tests.stages.conftest import TopIsHair, tiny_model

UNET = UNetConfig(
    image_size=32, base_channels=8, channel_multipliers=(1, 2), num_res_blocks=1, attention_resolutions=(16,),
    embed_channels=16, cond_channels=16, norm_groups=4,
)  # fmt: skip
FAMILIES = {
    "paper": replace(
        PAPER, unet=UNET, identity=IdentityConfig(256, (4, 4, 8, 8), 16, "ir_se50"),
        landmarks=LandmarkConfig("net", 0.1),
    ),
    "diffae": replace(
        DIFFAE, unet=replace(UNET, condition="scale"),
        identity=IdentityConfig(32, (8, 8), 16, "semantic", norm_groups=4),
    ),
}  # fmt: skip


def model_of(family: str) -> Model:
    if family == "compact":
        model = tiny_model()
        torch.nn.init.normal_(model.attributes.weight)
        return model
    torch.manual_seed(0)
    autoencoder = Autoencoder(FAMILIES[family]).eval()
    for parameter in [*autoencoder.unet.parameters(), *autoencoder.face_code.parameters()]:
        torch.nn.init.normal_(parameter, std=0.15)
    attributes = AttributeModel(("Blond_Hair", "Male"), 16, unit_norm=family == "paper")
    attributes.std.fill_(0.25)
    torch.nn.init.normal_(attributes.weight)
    torch.nn.init.normal_(attributes.directions, std=2.0)
    digests = dict.fromkeys(("autoencoder", "classifier", "parser"), family[0] * 64)
    return Model(
        family, autoencoder.requires_grad_(False), attributes, TopIsHair(), {}, digests, Runtime.resolve("cpu")
    )


def pipeline(clip, nodes, folder):
    return Pipeline(nodes, Cache(folder), file_digest(clip))


BLOND = Settings(attributes=(AttributeEdit("Blond_Hair", 0.5),), steps=5)


@pytest.mark.parametrize("family", ["compact", "paper", "diffae"])
def test_paper_recipe_is_the_papers_algorithm_on_any_model(clip, tmp_path, family):
    model = model_of(family)
    run = pipeline(clip, paper_edit_nodes(clip, model, None, BLOND), tmp_path)
    run.execute()
    align, encode, edit, paste = (run.artifact(label) for label in ("align", "encode", "edit", "paste"))
    frame = next(frame for frame in read_frames(clip) if frame.index == 2)
    crops, quad = align.read("crops"), align.read("quads")[2]
    assert np.array_equal(crops[2], dataset_crop(frame.rgb(), quad, model.image_size))
    x_0, net = model.images(crops), model.autoencoder
    with torch.inference_mode():
        z_id = net.identity(x_0)
        own = z_id if family == "diffae" else z_id.mean(dim=0, keepdim=True)
        z_lnd = model.tensor(encode.read("z_lnd"))
        if family == "paper":
            assert torch.allclose(z_lnd, net.landmarks(x_0), atol=1e-5)
        z_face = net.face_code(own, z_lnd)
        steps, whole = Steps.of(net.schedule, 5), family == "diffae"
        states = reference_invert(net.schedule, lambda x, t: net.denoise(x, t, z_face), x_0, steps, whole)
        assert torch.allclose(model.tensor(run.artifact("invert").read("x_T")), list(states)[-1].x, atol=1e-3)
        expected = classifier_step(model.attributes, own, "Blond_Hair", 0.5)
    assert torch.allclose(model.tensor(edit.read("z_id")), expected, atol=1e-5)
    sample = run.artifact("sample").read("crops")
    assert np.abs(sample).max() <= 1
    levels = paste.read("levels")[2]
    size = model.image_size
    assert np.array_equal(levels[: size // 2], crops[2][: size // 2])  # hair, and the rest around the face, is the crop
    assert np.abs(levels[size // 2 :] - (sample[2].transpose(1, 2, 0)[size // 2 :] + 1) * 127.5).max() <= 0.51
    patches, info = Patches(paste, align), probe(clip)
    (x0, y0, x1, y1), delta = patches.patch(frame, (info.width, info.height))
    wanted = paper_paste(frame.rgb(), levels.astype(np.uint8), inverse_coefficients(quad, size))
    assert np.abs(frame.rgb()[y0:y1, x0:x1] + delta - wanted[y0:y1, x0:x1]).max() <= 1
    overlay = Overlay([(paste, align)])
    assert sum(1 for _ in edited_frames(clip, overlay, (info.width, info.height))) == 8


class Words:
    """A text-image model whose features are pooled pixels and letter counts."""

    digest = "words"
    large = False

    def known_words(self, text):
        return text.split(), []

    def encode_text(self, texts):
        counts = torch.tensor([[text.count(letter) for letter in "abcdefghijkl"] for text in texts]).float()
        return torch.nn.functional.normalize(counts + 0.1, dim=1)

    def encode_image(self, x):
        return torch.nn.functional.normalize(torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1), dim=1)


@pytest.mark.parametrize("family", ["compact", "paper", "diffae"])
def test_text_search_moves_the_code_as_often_as_told(clip, tmp_path, family):
    model = model_of(family)
    settings = replace(BLOND, attributes=(), texts=(TextEdit("bad face", "face", 1.0),), iterations=3)
    counted = []
    run = Pipeline(
        paper_edit_nodes(clip, model, Words(), settings), Cache(tmp_path), file_digest(clip),
        progress=lambda label, done, total: counted.append((done, total)) if label == "edit" else None,
    )  # fmt: skip
    z_id = run.artifact("edit").read("z_id")
    assert (2, 3) in counted
    assert run.artifact("edit").meta["length"] > 0
    if family != "diffae":
        assert z_id.shape == (1, len(model.attributes.mean))
        assert np.linalg.norm(z_id) == pytest.approx(1, abs=1e-5)
    else:
        assert len(z_id) == 8


def test_recipes_do_not_share_noise_codes_but_share_the_decoding(clip, tmp_path):
    model = model_of("compact")
    ours = pipeline(clip, edit_nodes(clip, model, None, BLOND), tmp_path)
    ours.execute()
    states = {
        plan.label: plan.state for plan in pipeline(clip, paper_reconstruct_nodes(clip, model, BLOND), tmp_path).plan()
    }
    assert states == {
        "decode": "cached",
        "people": "cached",
        "align": "absent",
        "encode": "absent",
        "invert": "absent",
        "source": "absent",
    }


@pytest.mark.parametrize("family", ["paper", "diffae"])
def test_our_own_recipe_runs_with_imported_families(clip, tmp_path, family):
    model = model_of(family)
    settings = replace(BLOND, texts=(TextEdit("bad face"),), steps=3)
    run = pipeline(clip, edit_nodes(clip, model, Words(), settings), tmp_path)
    run.execute()
    z_id = run.artifact("edit").read("z_id")
    assert len(z_id) == (8 if family == "diffae" else 1)
    assert np.isfinite(run.artifact("sample").read("crops").astype(np.float32)).all()
