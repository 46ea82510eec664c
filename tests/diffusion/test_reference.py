import pytest
import torch

from dvaedit.diffusion.reference import Steps, reference_invert, reference_sample, strided_timesteps
from dvaedit.diffusion.schedule import Schedule, linear_alphas_cumprod
from dvaedit.errors import UsageError

LINEAR = Schedule(linear_alphas_cumprod())


@pytest.mark.parametrize(("steps", "stride"), [(5, 200), (20, 50), (100, 10), (1000, 1)])
def test_strides_are_the_papers(steps, stride):
    assert strided_timesteps(steps).tolist() == list(range(0, 1000, stride))


@pytest.mark.parametrize("steps", [1, 60, 999, 0])
def test_counts_without_a_stride_are_refused_with_what_there_is(steps):
    with pytest.raises(UsageError, match="no stride") as caught:
        strided_timesteps(steps)
    assert "Choose" in caught.value.hint


def test_60_steps_have_neighbours():
    with pytest.raises(UsageError) as caught:
        strided_timesteps(60)
    assert caught.value.hint == "Choose 59 or 63 with --steps."


def test_tables_end_in_one_and_zero():
    steps = Steps.of(LINEAR, 5)
    assert steps.prev[0] == 1
    assert steps.next[-1] == 0
    assert torch.equal(steps.prev[1:], steps.alphas_cumprod[:-1])
    assert steps.betas[0].item() == pytest.approx(1e-4)


def numpy_step(x, eps, a, target):
    """One step by the formulas of METHOD 5, in float64."""
    x_0 = ((1 / a) ** 0.5 * x - (1 / a - 1) ** 0.5 * eps).clip(-1, 1)
    eps = ((1 / a) ** 0.5 * x - x_0) / (1 / a - 1) ** 0.5
    return target**0.5 * x_0 + (1 - target) ** 0.5 * eps


def network(x, t):
    return torch.sin(3 * x) + t.to(x)[:, None, None, None] / 1000


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_inversion_and_sampling_follow_the_formulas(prediction):
    schedule = Schedule(linear_alphas_cumprod(), prediction)
    torch.manual_seed(0)
    x = torch.rand(1, 3, 4, 4, dtype=torch.float64) * 2 - 1
    a, steps = linear_alphas_cumprod()[::200], Steps.of(schedule, 5)

    def eps_of(x, i):
        out = torch.sin(3 * x) + 200 * i / 1000
        return out if prediction == "eps" else (1 - a[i]) ** 0.5 * x + a[i] ** 0.5 * out

    states = list(reference_invert(schedule, network, x, steps))
    assert len(states) == 4
    expected = x
    for i in range(4):
        expected = numpy_step(expected, eps_of(expected, i), a[i], a[i + 1])
        assert torch.allclose(states[i].x, expected, atol=1e-10)
    whole = list(reference_invert(schedule, network, x, steps, to_noise=True))
    assert len(whole) == 5
    assert torch.equal(whole[3].x, states[3].x)
    assert torch.allclose(
        whole[4].x, numpy_step(expected, eps_of(expected, 4), a[4], torch.tensor(0.0).double()), atol=1e-10
    )
    states = list(reference_sample(schedule, network, expected, steps))
    assert len(states) == 5
    for i, state in zip(reversed(range(5)), states, strict=True):
        expected = numpy_step(expected, eps_of(expected, i), a[i], a[i - 1] if i else torch.tensor(1.0).double())
        assert torch.allclose(state.x, expected, atol=1e-10)
    assert torch.equal(states[-1].x, states[-1].pred_x_0)
    assert states[-1].x.abs().max() <= 1
