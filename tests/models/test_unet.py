import pytest
import torch

from dvaedit.models.autoencoder import LANDMARK_CHANNELS, Autoencoder, AutoencoderConfig
from dvaedit.models.config import from_dict
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.unet import UNet, UNetConfig, timestep_embedding

TINY = AutoencoderConfig(
    unet=UNetConfig(
        image_size=32, patch_size=4, base_channels=8, channel_multipliers=(1, 2), num_res_blocks=1,
        attention_resolutions=(4,), embed_channels=16, cond_channels=16, norm_groups=4, resblock_updown=False,
    ),
    identity=IdentityConfig(image_size=32, channels=(8, 16), code_channels=12),
    schedule="shifted_cosine", prediction="v", mapping_hidden=16,
)  # fmt: skip


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    for parameter in model.parameters():  # zero-initialised layers would hide the conditions
        torch.nn.init.normal_(parameter, std=0.1)
    return model


def test_paper_size_has_the_paper_parameter_count():
    with torch.device("meta"):
        unet = UNet(UNetConfig())
    assert sum(p.numel() for p in unet.parameters()) == 190_576_643  # METHOD 4: one copy of the U-Net
    assert sum(p.numel() for p in unet.time_embed.parameters()) == 328_704


def test_timestep_embedding_is_cosines_then_sines():
    embedding = timestep_embedding(torch.tensor([0, 250]), 128)
    assert torch.equal(embedding[0], torch.cat([torch.ones(64), torch.zeros(64)]))
    assert embedding[1, 1].item() == pytest.approx(torch.tensor(250 * 10_000 ** (-1 / 64)).cos().item(), abs=1e-4)


def test_output_depends_on_image_time_and_code(tiny):
    x, t, z = torch.randn(2, 3, 32, 32), torch.tensor([100, 100]), torch.randn(2, 16)
    base = tiny.denoise(x, t, z)
    assert base.shape == x.shape
    for other in (tiny.denoise(x + 0.1, t, z), tiny.denoise(x, t + 300, z), tiny.denoise(x, t, z + 0.1)):
        assert (other - base).abs().max() > 1e-4


def test_each_image_of_a_batch_is_independent(tiny):
    x, t, z = torch.randn(3, 3, 32, 32), torch.tensor([5, 500, 900]), torch.randn(3, 16)
    alone = torch.cat([tiny.denoise(x[k : k + 1], t[k : k + 1], z[k : k + 1]) for k in range(3)])
    assert torch.allclose(alone, tiny.denoise(x, t, z), atol=1e-5)


def test_identity_code_has_unit_norm(tiny):
    z_id = tiny.identity(torch.randn(3, 3, 32, 32))
    assert z_id.shape == (3, 12)
    assert torch.allclose(z_id.norm(dim=1), torch.ones(3), atol=1e-5)


def test_face_code_standardises_landmarks(tiny):
    code, z_id = tiny.face_code, torch.randn(1, 12)
    z_lnd = torch.rand(2, LANDMARK_CHANNELS)
    before = code(z_id, z_lnd)
    code.lnd_mean.fill_(0.25)
    code.lnd_std.fill_(0.5)
    assert torch.allclose(code(z_id, 0.5 * z_lnd + 0.25), before, atol=1e-5)


def test_config_survives_json():
    from dataclasses import asdict
    from json import dumps, loads

    assert from_dict(AutoencoderConfig, loads(dumps(asdict(TINY)))) == TINY


def test_half_precision_is_of_the_network_alone(tiny):
    x, t = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([100, 900])
    z_face = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    full = tiny.denoise(x, t, z_face)
    tiny.precision = torch.bfloat16
    half = tiny.denoise(x, t, z_face)
    assert half.dtype == torch.float32
    assert 0 < (half - full).abs().max() < 0.05 * full.abs().max()
