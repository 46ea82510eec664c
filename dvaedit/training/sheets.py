"""Sample sheets: what a model in training makes of crops it has not been trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from dvaedit.diffusion.ddim import Denoise, ddim_sample, last, spaced_timesteps
from dvaedit.diffusion.reference import Steps, reference_invert, reference_sample
from dvaedit.diffusion.reversible import reversible_invert, reversible_sample, reversible_timesteps
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training.batch import Batch
from dvaedit.training.objective import face_motion

Codes = tuple[Tensor, Tensor]  # z_id, z_lnd


@torch.no_grad()
def sample_sheet(model: Autoencoder, batch: Batch, steps: int) -> list[Tensor]:
    """Rows of crops, each (N, 3, S, S): those of ``batch``, then what the model makes of them.

    A model that predicts eps is shown as the paper logs it, by its own clamped DDIM: reconstruction; random noise under
    the crops' codes; the codes of one under the noise code of the next. For the others, whose reconstruction is exact
    by construction: random noise under the codes; the codes of one under the noise code of the next.
    """
    codes = model.identity(batch.x_0), face_motion(model, batch)
    noise = torch.randn(batch.x_0.shape, generator=torch.Generator().manual_seed(0)).to(batch.x_0.device)
    rows = _paper_rows if model.schedule.prediction == "eps" else _rows
    return [batch.x_0, *rows(model, batch.x_0, codes, noise, steps)]


def _denoiser(model: Autoencoder, z_id: Tensor, z_lnd: Tensor) -> Denoise:
    z_face = model.face_code(z_id, z_lnd)
    return lambda x_t, t: model.denoise(x_t, t, z_face)


def _rows(model: Autoencoder, x_0: Tensor, codes: Codes, noise: Tensor, steps: int) -> list[Tensor]:
    z_id, z_lnd = codes
    own, swapped = _denoiser(model, z_id, z_lnd), _denoiser(model, z_id.roll(1, 0), z_lnd)
    sampled = last(ddim_sample(model.schedule, own, noise, spaced_timesteps(steps)))
    timesteps = reversible_timesteps(steps)
    states = reversible_invert(model.schedule, own, x_0, timesteps)
    return [sampled, reversible_sample(model.schedule, swapped, states, timesteps)]


def _paper_rows(model: Autoencoder, x_0: Tensor, codes: Codes, noise: Tensor, steps: int) -> list[Tensor]:
    z_id, z_lnd = codes
    own, swapped = _denoiser(model, z_id, z_lnd), _denoiser(model, z_id.roll(1, 0), z_lnd)
    tables = Steps.of(model.schedule, steps)
    x_T = last(reference_invert(model.schedule, own, x_0, tables)).x
    starts = ((x_T, own), (noise, own), (x_T, swapped))
    return [last(reference_sample(model.schedule, denoise, start, tables)).x for start, denoise in starts]
