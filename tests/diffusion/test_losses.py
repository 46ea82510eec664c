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


def test_an_edit_is_to_end_at_the_target_whatever_is_under_the_noise():
    """A network that always predicts the target loses nothing, though x_t was made of another picture."""
    schedule = Schedule.named("shifted_cosine", 16, "v")
    generator = torch.Generator().manual_seed(5)
    target, source, eps = torch.randn(3, 2, 3, 16, 16, generator=generator)
    t = torch.tensor([300, 900])

    def knows_target(x_t, t, z_face):
        return schedule.output_for(x_t, t, target)

    def loss(weight=None, network=knows_target):
        return denoising_loss(network, schedule, target, torch.zeros(2, 4), torch.ones(2, 1, 16, 16), t, eps,
                              eps[:0], source, weight)  # fmt: skip

    assert loss().simple.abs().max() < 1e-5
    off = lambda x_t, t, z: knows_target(x_t, t, z) + 0.5  # noqa: E731
    half = torch.zeros(2, 1, 16, 16)
    half[..., :8] = 1
    assert torch.allclose(loss(half, off).simple, torch.full((2,), 0.25), atol=1e-5)
