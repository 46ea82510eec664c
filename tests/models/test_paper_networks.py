"""The networks the paper took over from others: their size, their inputs, and what stays frozen."""

import pytest
import torch

from dvaedit.face.regions import CLASSES
from dvaedit.models import arcface, bisenet, landmarks
from dvaedit.models.autoencoder import DIFFAE, PAPER, Autoencoder
from dvaedit.models.parsing import ParserConfig, build_parser


@pytest.fixture(scope="module")
def paper():
    with torch.device("meta"):
        return Autoencoder(PAPER)


def count(module, trained=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def test_sizes_are_the_papers(paper):
    with torch.device("meta"):
        parser = build_parser(ParserConfig(kind="bisenet"))
    assert count(paper.identity) == 43_797_696
    assert count(paper.landmarks) == 3_744_504 - 1_281_000  # without the unused classifier
    assert count(parser) == 13_300_416
    assert count(paper.face_code) == 314_880
    assert count(paper, trained=True) == 190_891_523


def test_diffae_has_one_convolution_fewer_per_block():
    with torch.device("meta"):
        model = Autoencoder(DIFFAE)
    assert model.per_frame
    assert model.landmarks is None
    assert not any("conv_mid" in name or "norm_cond" in name for name in model.state_dict())
    assert model.unet.down[0].res.cond_proj.weight.shape == (128, 512)
    assert len(model.identity.down) == 20  # input_blocks 1 to 20
    assert sum(block.attention is not None for block in model.identity.down) == 2


def test_frozen_networks_stay_in_eval_mode_without_gradients(paper):
    paper.train()
    assert paper.unet.training
    assert not paper.identity.training
    assert not paper.landmarks.training
    assert not any(p.requires_grad for net in paper.frozen for p in net.parameters())
    paper.eval()


def test_face_input_takes_the_middle_of_256():
    x = torch.zeros(1, 3, 256, 256)
    x[:, :, 35:223, 32:220] = 1
    assert torch.equal(arcface.face_input(x), torch.ones(1, 3, 112, 112))
    assert arcface.face_input(torch.rand(1, 3, 512, 512)).shape == (1, 3, 112, 112)


def test_landmark_code_is_clamped_and_without_jaw():
    raw = torch.arange(136).float().reshape(1, 136) / 100 - 0.5
    code = landmarks.landmark_code(raw)
    assert code.shape == (1, 102)
    assert torch.equal(code, raw[:, 34:].clamp(0, 1))


def test_landmark_input_is_cropped_and_normalised():
    x = torch.ones(1, 3, 256, 256)
    expected = (1 - torch.tensor(landmarks.IMAGENET_MEAN)) / torch.tensor(landmarks.IMAGENET_STD)
    out = landmarks.network_input(x)
    assert out.shape == (1, 3, 224, 224)
    assert torch.allclose(out[0, :, 0, 0], expected)


def test_parser_reads_classes_at_even_pixels_of_512():
    torch.manual_seed(0)
    parser = build_parser(ParserConfig(kind="bisenet")).eval()
    x = torch.rand(1, 3, 256, 256) * 2 - 1
    with torch.inference_mode():
        whole = bisenet.upsample(parser.network(bisenet.network_input(x)), (512, 512)).argmax(dim=1)
        classes = parser.class_map(x)
    assert classes.dtype == torch.uint8
    assert torch.equal(classes.long(), whole[:, ::2, ::2])
    assert parser.config.classes == len(CLASSES)


def test_parts_of_a_batch_give_the_same_prediction_and_gradient():
    from tests.models.test_unet import TINY

    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, t, z = torch.randn(3, 3, 32, 32), torch.tensor([5, 500, 900]), torch.randn(1, 16, requires_grad=True)
    found = []
    for batch, checkpointing in ((None, False), (2, False), (1, True)):
        model.max_batch, model.unet.checkpointing = batch, checkpointing
        out = model.denoise(x, t, z.expand(3, -1))
        found.append((out.detach(), torch.autograd.grad(out.square().mean(), z)[0]))
    for out, gradient in found[1:]:
        assert torch.allclose(out, found[0][0], atol=1e-5)
        assert torch.allclose(gradient, found[0][1], rtol=1e-3, atol=1e-7)
    assert model.frugal_batch == 16
    with torch.device("meta"):
        assert Autoencoder(PAPER).frugal_batch == 2
