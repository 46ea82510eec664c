import torch

from dvaedit.diffusion.losses import denoising_loss
from dvaedit.diffusion.schedule import Schedule

SCHEDULE = Schedule.named("linear", 16, "eps")


def losses(offset, pairs):
    """Losses of a denoiser that finds the noise up to a constant ``offset``, wrong in sign for the second noise."""
    generator = torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 4, 3, 16, 16, generator=generator)
    eps_pair = torch.randn(pairs, 3, 16, 16, generator=generator)
    t = torch.tensor([10, 300, 600, 900])
    truth = torch.cat([eps + offset, eps_pair - offset])
    mask = torch.zeros(4, 1, 16, 16)
    mask[..., :8] = 1
    args = (lambda x, t, z: truth, SCHEDULE, x_0, torch.zeros(4, 2), mask, t, eps, eps_pair)
    return denoising_loss(*args), t


def test_perfect_prediction_costs_nothing():
    loss, _ = losses(0.0, 4)
    assert loss.total().item() < 1e-4


def test_terms_match_their_formulas():
    loss, t = losses(0.1, 2)
    assert torch.allclose(loss.simple, torch.tensor([0.2, 0.2, 0.1, 0.1]), atol=1e-6)
    a = SCHEDULE.alphas_cumprod[t[:2]]
    expected = 0.5 * 0.2 * (1 / a - 1).sqrt()  # half the mask, eps errors +-0.1, scaled to pred_x_0
    assert torch.allclose(loss.reg, expected.float(), rtol=1e-3)
    assert torch.allclose(loss.total(2.0), loss.simple.mean() + 2 * loss.reg.mean())
