"""Sample sheets, with networks whose answers are known."""

import torch

from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.batch import Batch
from dvaedit.training.sheets import sample_sheet
from tests.models.test_unet import TINY
from tests.training.conftest import TINY_PAPER


def test_a_paper_model_that_knows_no_noise_gives_the_crops_back():
    """A new network predicts eps = 0: under DDIM inversion and sampling are scalings that undo each other."""
    model = Autoencoder(TINY_PAPER).eval()
    x_0 = 0.5 * torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    rows = sample_sheet(model, Batch(x_0, z_lnd=torch.rand(3, 102)), steps=5)
    assert len(rows) == 4 and torch.equal(rows[0], x_0)
    assert torch.allclose(rows[1], x_0, atol=0.01) and torch.allclose(rows[3], x_0, atol=0.01)
    assert (rows[2] - x_0).abs().mean() > 0.5 and rows[2].abs().max() <= 1


def test_a_compact_model_is_shown_without_its_exact_reconstruction():
    model = Autoencoder(TINY).eval()
    x_0 = torch.rand(2, 3, 32, 32) - 0.5
    rows = sample_sheet(model, Batch(x_0, z_lnd=torch.rand(2, 102)), steps=4)
    assert [row.shape for row in rows] == [x_0.shape] * 3
    assert torch.allclose(rows[2], x_0, atol=1e-4)  # its codes do nothing yet, so the swapped ones give it back
