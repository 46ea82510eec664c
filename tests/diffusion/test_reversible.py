import pytest
import torch

from dvaedit.diffusion.ddim import ddim_sample, last, spaced_timesteps
from dvaedit.diffusion.reversible import reversible_invert, reversible_sample, reversible_timesteps
from tests.diffusion.test_ddim import STD, gaussian_denoiser, schedule  # noqa: F401


def picture(seed=0):
    return STD * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def any_denoiser(x, t):
    """Nothing like a good prediction: exactness must not rest on one."""
    return torch.tanh(2 * x.flip(3) + 0.01 * t[:, None, None, None])


@pytest.mark.parametrize("steps", [2, 5, 16])
def test_sampling_undoes_inversion_whatever_the_network(schedule, steps):  # noqa: F811
    timesteps, x_0 = reversible_timesteps(steps), picture().double()
    states = reversible_invert(schedule, any_denoiser, x_0, timesteps)
    assert torch.allclose(reversible_sample(schedule, any_denoiser, states, timesteps), x_0, atol=1e-9)


def test_states_in_half_precision_give_the_picture_back_to_less_than_a_level(schedule):  # noqa: F811
    timesteps, x_0, denoise = reversible_timesteps(12), picture(), gaussian_denoiser(schedule)
    states = reversible_invert(schedule, denoise, x_0, timesteps)
    halved = tuple(state.half().float() for state in states)
    assert (reversible_sample(schedule, denoise, halved, timesteps) - x_0).abs().max() < 1 / 127.5


def test_inversion_follows_the_ode_better_than_first_order_sampling_does(schedule):  # noqa: F811
    """Gaussian data under the probability-flow ODE end as x_0 times the ratio of the standard deviations."""
    x_0, denoise = picture(), gaussian_denoiser(schedule)
    a = schedule.alphas_cumprod[-1]
    exact = (x_0 * (a * STD**2 + 1 - a).sqrt() / STD).float()
    _, x_T = reversible_invert(schedule, denoise, x_0, reversible_timesteps(20))
    drift = (x_T - exact).abs().mean() / exact.abs().mean()
    first_order = last(ddim_sample(schedule, denoise, exact, spaced_timesteps(20)))
    assert drift < (first_order - x_0).abs().mean() / x_0.abs().mean()


def test_network_calls_and_timesteps():
    calls = []

    def count(x, t):
        calls.append(int(t[0]))
        return x

    from dvaedit.diffusion.schedule import Schedule

    timesteps = reversible_timesteps(4)
    assert timesteps.tolist() == [250, 500, 749, 999]
    states = reversible_invert(Schedule.named("linear", 8, "eps"), count, picture(), timesteps)
    assert calls == [250, 250, 500, 749]
    reversible_sample(Schedule.named("linear", 8, "eps"), count, states, timesteps)
    assert calls[4:] == [749, 500, 250]
