import pytest
import torch

from dvaedit.diffusion.ddim import ddim_sample, last, spaced_timesteps
from dvaedit.diffusion.schedule import Schedule, linear_alphas_cumprod, shifted_cosine_alphas_cumprod
from dvaedit.errors import UsageError

STD = 0.5


def gaussian_denoiser(schedule):
    """The exact denoiser of data N(0, STD^2): E[x_0 | x_t] = sqrt(a) STD^2 x_t / (a STD^2 + 1 - a)."""

    def denoise(x, t):
        signal, noise = schedule.coefficients(t, x)
        x_0 = signal * STD**2 * x / (signal**2 * STD**2 + noise**2)
        eps = (x - signal * x_0) / noise
        return eps if schedule.prediction == "eps" else signal * eps - noise * x_0

    return denoise


@pytest.fixture(params=["linear", "shifted_cosine"])
def schedule(request):
    return Schedule.named(request.param, 128, "v" if request.param == "shifted_cosine" else "eps")


def test_schedules_match_their_formulas():
    linear = linear_alphas_cumprod()
    assert linear[0].item() == pytest.approx(1 - 1e-4, abs=1e-12)
    assert linear[-1].item() == pytest.approx(4.036e-5, rel=1e-3)
    cosine = shifted_cosine_alphas_cumprod(128)
    middle = (cosine[499] + cosine[500]) / 2  # logSNR 0 at t = 1/2, lowered by 2 log 2: SNR 1/4
    assert middle.item() == pytest.approx(0.2, abs=1e-3)
    assert bool((cosine.diff() < 0).all())


def test_split_undoes_target(schedule):
    generator = torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 4, 3, 8, 8, generator=generator)
    t = torch.tensor([0, 200, 600, 950])
    pred_x_0, found = schedule.split(schedule.q_sample(x_0, t, eps), t, schedule.target(x_0, t, eps))
    assert torch.allclose(pred_x_0, x_0, atol=1e-3)
    assert torch.allclose(found, eps, atol=1e-3)


def test_sampling_a_gaussian_gives_the_ode_solution(schedule):
    """The probability-flow ODE of Gaussian data scales x by the ratio of the marginal standard deviations."""
    x_T = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    sampled = last(ddim_sample(schedule, gaussian_denoiser(schedule), x_T, spaced_timesteps(1000)))
    a = schedule.alphas_cumprod[-1]
    expected = x_T * STD / (a * STD**2 + 1 - a).sqrt()
    assert torch.allclose(sampled, expected.float(), rtol=0.02, atol=1e-3)


def test_timesteps_cover_the_process():
    assert spaced_timesteps(1000).tolist() == list(range(1000))
    assert spaced_timesteps(4).tolist() == [0, 333, 666, 999]
    with pytest.raises(UsageError, match="1 DDIM steps"):
        spaced_timesteps(1)
