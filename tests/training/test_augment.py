import numpy as np
import pytest
import torch

from dvaedit.face.points import MIRROR_68, landmark_code
from dvaedit.training.augment import TARGET_VIEW, random_affine, to_float, warp, warp_points

SIZE = 64


def spots(points):
    """Images with a bright Gaussian spot at each point, (B, N, SIZE, SIZE); pixel centres at half-integers."""
    axis = torch.arange(SIZE) + 0.5
    dx, dy = axis - points[..., 0, None], axis - points[..., 1, None]
    return torch.exp(-(dy[..., :, None] ** 2 + dx[..., None, :] ** 2) / 8)


def centroids(images):
    axis = torch.arange(SIZE) + 0.5
    total = images.sum((2, 3))
    return torch.stack([(images.sum(2) * axis).sum(2) / total, (images.sum(3) * axis).sum(2) / total], dim=2)


def test_points_move_with_the_picture():
    points = 16 + 32 * torch.rand(4, 68, 2, generator=torch.Generator().manual_seed(0))
    theta, flip = random_affine(4, TARGET_VIEW, torch.Generator().manual_seed(1))
    assert flip.any()
    assert not flip.all()
    seen = centroids(warp(spots(points), theta))  # channel k still shows point k
    moved = warp_points(points, theta, flip, SIZE)
    order = torch.where(flip[:, None], torch.from_numpy(MIRROR_68), torch.arange(68))
    assert torch.allclose(moved, seen.gather(1, order[..., None].expand(-1, -1, 2)), atol=0.15)


def test_mirror_is_an_involution_that_swaps_sides():
    assert np.array_equal(MIRROR_68[MIRROR_68], np.arange(68))
    assert MIRROR_68[36] == 45  # outer corners of the eyes
    assert MIRROR_68[48] == 54  # corners of the mouth
    assert MIRROR_68[30] == 30  # tip of the nose


def test_to_float_spans_the_range():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 2, 1).expand(1, 1, 2, 3)
    assert to_float(images)[0, 0, 0].tolist() == pytest.approx([-1, 1])


def test_landmark_code_leaves_out_the_jaw_and_clamps():
    points = np.full((68, 2), 64.0)
    points[:17] = 999
    points[17] = (-5, 300)
    code = landmark_code(points, 128)
    assert code.shape == (102,)
    assert code[:2].tolist() == [0, 1]
    assert np.all(code[2:] == 0.5)
