import math

import pytest
import torch
from torch.nn import functional as F

from dvaedit.diffusion.reference import Steps, sample_step
from dvaedit.editing.paper_text import (
    PaperObjective,
    Search,
    Start,
    apply_delta,
    evaluate,
    feature_changes,
    invert_frame,
    minus_log,
    pair_losses,
    unedited_states,
)
from tests.stages.conftest import tiny_model
from tests.stages.test_paper import Words

DIRECTION = F.normalize(torch.arange(12.0)[None] - 3, dim=1)


@pytest.fixture
def network():
    return tiny_model().autoencoder


@pytest.fixture
def start(network):
    torch.manual_seed(1)
    x_0 = torch.rand(1, 3, 32, 32) * 2 - 1
    z_start, z_lnd, steps = network.identity(x_0), torch.rand(1, 102), Steps.of(network.schedule, 5)
    states = unedited_states(network, invert_frame(network, x_0, z_start, z_lnd, steps), z_start, z_lnd, steps)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    return Start(z_start, z_lnd, mask, states, steps)


def test_defaults_are_the_released_scripts():
    assert PaperObjective() == PaperObjective(3, 5, 5, 0.002, 2000, 5)


def test_changes_are_nearly_unit_and_losses_are_one_minus_cosine():
    before, after = torch.zeros(2, 3), torch.tensor([[3.0, 0, 4.0], [1e-7, 0, 0]])
    changes = feature_changes(before, after)
    assert torch.allclose(changes, torch.tensor([[0.6, 0, 0.8], [0.5, 0, 0]]), atol=1e-6)
    losses = pair_losses(before, after, torch.tensor([[0.0, 0, 1.0]]))
    assert torch.allclose(losses, torch.tensor([0.2, 1.0]), atol=1e-6)


def test_without_any_change_the_edited_features_stand_in():
    features = F.normalize(torch.tensor([[1.0, 1.0]]), dim=1)
    assert pair_losses(features, features, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(1 - 0.5**0.5, abs=1e-6)


def test_minus_log_is_zero_for_a_perfect_edit():
    assert minus_log(torch.tensor(0.0)).item() == 0
    assert minus_log(torch.tensor(1.0)).item() == pytest.approx(math.log(2))


def test_objective_is_the_weighted_sum_over_one_step_from_each_unedited_state(network, start):
    code = start.z_start + 0.05 * torch.randn_like(start.z_start)
    objective, clip = PaperObjective(3, 1, 5), Words()
    terms = evaluate(network, clip, start, code, DIRECTION, objective)
    z_face = network.face_code(F.normalize(code, dim=1), start.z_lnd)
    for pair, index in enumerate((4, 3, 2, 1, 0)):
        denoise = lambda x, t: network.denoise(x, t, z_face)  # noqa: E731
        state = sample_step(network.schedule, start.steps, denoise, start.states[pair : pair + 1], index)
        assert torch.allclose(terms.images[pair], state.x[0], atol=1e-5)
    l1 = (start.mask * (start.states[1:] - terms.images)).abs().mean()
    identity = 1 - F.cosine_similarity(code, start.z_start).item()
    assert terms.identity.item() == pytest.approx(identity, abs=1e-5)
    expected = 3 * minus_log(terms.pair_losses.mean()) + identity + 5 * l1
    assert terms.loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_search_is_adam_on_the_free_vector(network, start):
    objective, clip = PaperObjective(iterations=2, learning_rate=0.01), Words()
    counted = []
    search = Search(start, objective, start.z_start + 0.05)
    delta = search.run(network, clip, DIRECTION, lambda done, total: counted.append((done, total)))
    assert counted == [(1, 2), (2, 2)]
    code = (start.z_start + 0.05).clone().requires_grad_(True)
    adam = torch.optim.Adam([code], lr=0.01)
    for _ in range(2):
        adam.zero_grad()
        evaluate(network, clip, start, code, DIRECTION, objective).loss.backward()
        adam.step()
    assert torch.allclose(delta, (code - start.z_start).detach(), atol=1e-6)


def test_delta_is_added_to_the_videos_code_and_normalised(network):
    z = F.normalize(torch.randn(1, 12), dim=1) * 0.9
    edited = apply_delta(network, z, torch.ones(1, 12), 0.5)
    assert torch.allclose(edited, F.normalize(z + 0.5, dim=1))
