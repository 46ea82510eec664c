"""Random flips, small similarity transforms, lights and lenses of aligned crops, with their landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.face.points import MIRROR_68


@dataclass(frozen=True)
class Jitter:
    """Largest rotation (radians), relative scale change and shift (share of the image side)."""

    rotation: float
    scale: float
    shift: float


GAMMA, TINT = 0.25, 0.06  # largest logarithm of the exponent of light, and of the gain of a colour
SOFT_SHARE, SOFTEST = 0.4, 2.5  # how many crops are softened, and to what part of their resolution at most

TARGET_VIEW = Jitter(rotation=0.07, scale=0.07, shift=0.03)
ENCODER_VIEW = Jitter(rotation=0.12, scale=0.1, shift=0.05)


def to_float(images: Tensor) -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def random_affine(batch: int, jitter: Jitter, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B, 2, 3) matrices from output to input coordinates in [-1, 1], and (B,) bool: mirrored."""
    rotation, scale, shift_x, shift_y = (2 * torch.rand(4, batch, generator=generator) - 1).unbind()
    flip = torch.rand(batch, generator=generator) < 0.5
    angle, size = jitter.rotation * rotation, torch.exp(jitter.scale * scale)
    cos, sin, sign = size * angle.cos(), size * angle.sin(), torch.where(flip, -1.0, 1.0)
    shift = 2 * jitter.shift
    rows = [torch.stack([sign * cos, -sin, shift * shift_x], 1), torch.stack([sign * sin, cos, shift * shift_y], 1)]
    return torch.stack(rows, dim=1), flip


def warp(images: Tensor, theta: Tensor) -> Tensor:
    """Resample (B, C, H, W) by ``theta``; what lies outside is mirrored in."""
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def warp_points(points: Tensor, theta: Tensor, flip: Tensor, size: int) -> Tensor:
    """Landmarks (B, 68, 2), pixels, of the warped images; mirrored ones are put back into iBUG order."""
    centred = 2 * points / size - 1 - theta[:, None, :, 2]
    moved = torch.linalg.solve(theta[:, :, :2], centred.transpose(1, 2)).transpose(1, 2)
    order = torch.from_numpy(MIRROR_68)
    moved = torch.where(flip[:, None, None], moved[:, order], moved)
    return (moved + 1) * size / 2


def another_camera(images: Tensor, generator: torch.Generator) -> Tensor:
    """``images``, (B, n, 3, S, S) in [-1, 1], as another camera might have taken them, the n pictures of each alike.

    Videos are darker, softer and tinted more often than the portraits of a face set.
    """
    batch = len(images)
    gamma = torch.exp(GAMMA * (2 * torch.rand((batch, 1, 1, 1, 1), generator=generator) - 1))
    tint = torch.exp(TINT * (2 * torch.rand((batch, 1, 3, 1, 1), generator=generator) - 1))
    soft = torch.rand(batch, generator=generator) < SOFT_SHARE
    scale = 1 + (SOFTEST - 1) * torch.rand(batch, generator=generator)
    taken = 2 * (((images + 1) / 2).clamp(0, 1) ** gamma * tint).clamp(0, 1) - 1
    for index in soft.nonzero()[:, 0].tolist():
        taken[index] = softened(taken[index], float(scale[index]))
    return taken


def softened(images: Tensor, scale: float) -> Tensor:
    """``images``, (n, C, S, S), with the detail they would have at 1 / ``scale`` of their resolution."""
    size = images.shape[-1]
    small = F.interpolate(images, size=round(size / scale), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(small, size=size, mode="bicubic", align_corners=False)
