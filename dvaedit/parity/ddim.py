"""ddim.npz: schedule, inversion and sampling, as the paper runs them (METHOD 5)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dvaedit.diffusion.reference import State, Steps, reference_invert, reference_sample, strided_timesteps
from dvaedit.diffusion.schedule import NUM_TIMESTEPS, linear_betas
from dvaedit.parity.folder import Folder
from dvaedit.parity.layout import runs_of, tables_of
from dvaedit.parity.measures import images, stats_each, stride
from dvaedit.parity.report import Report


@torch.no_grad()
def check(folder: Folder, report: Report) -> None:
    """Compare all of ddim.npz, for the T it names."""
    schedule = folder.autoencoder.schedule
    report.close("alphas_cumprod", schedule.alphas_cumprod, 0, 1e-12)
    report.close("betas", linear_betas(), 0, 1e-12)
    every = torch.equal(strided_timesteps(NUM_TIMESTEPS), torch.arange(NUM_TIMESTEPS))
    report.same("training_t1000_timesteps_equal_arange", every)
    for count in tables_of(report.arrays):
        steps = Steps.of(schedule, count)
        report.same(f"timesteps_T{count}", steps.timesteps)
        tables = {"alphas_cumprod": steps.alphas_cumprod, "alphas_cumprod_prev": steps.prev,
                  "alphas_cumprod_next": steps.next, "betas": steps.betas}  # fmt: skip
        for name, table in tables.items():
            report.close(f"{name}_T{count}", table, 1e-12, 1e-10)
    for count in runs_of(report.arrays):
        _run(folder, report, count)


def _run(folder: Folder, report: Report, count: int) -> None:
    model, x_0 = folder.autoencoder, images(report.input("image_u8"))[None]
    z_face, steps = torch.from_numpy(report.input("cond")), Steps.of(model.schedule, count)
    fine = report.input(f"rev_sample_stride4_T{count}").dtype == np.float32  # else rounded for storage, and many steps
    calls: list[int] = []

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        calls.append(int(torch.searchsorted(steps.timesteps, t[0])))
        return model.denoise(x, t, z_face)

    states = list(reference_invert(model.schedule, denoise, x_0, steps))
    report.same(f"rev_t_index_T{count}", calls)
    report.close(f"rev_sample_stride4_T{count}", _strided(states), 1e-3 if fine else 8e-3)
    xstarts = np.concatenate([stride(state.pred_x_0, 4) for state in states])
    report.close(f"rev_xstart_stride4_T{count}", xstarts, 3e-3)
    _summaries(report, "rev", count, states)
    report.close(f"xT_T{count}", states[-1].x, 1.1e-3 if fine else 3e-3, mean=None if fine else 2e-4)
    calls.clear()
    states = list(reference_sample(model.schedule, denoise, torch.from_numpy(report.input(f"xT_T{count}")), steps))
    report.same(f"ren_t_index_T{count}", calls)
    report.close(f"ren_sample_stride4_T{count}", _strided(states), 3e-3 if fine else 8e-3)
    _summaries(report, "ren", count, states)
    render = (states[-1].x + 1) / 2
    report.close(f"render_T{count}", render, 2e-3 if fine else 5e-3, mean=None if fine else 3e-4)
    report.close(f"recon_absdiff_mean_T{count}", (2 * render - 1 - x_0).abs().double().mean(), 1e-3)


def _strided(states: list[State]) -> np.ndarray:
    return np.concatenate([stride(state.x, 4) for state in states])


def _summaries(report: Report, way: str, count: int, states: list[State]) -> None:
    report.close(f"{way}_sample_stats_T{count}", stats_each(torch.cat([s.x for s in states])), 1e-3, 1e-3)
    predictions = torch.cat([state.pred_x_0 for state in states])
    report.close(f"{way}_xstart_stats_T{count}", stats_each(predictions), 1e-3, 1e-3)
    clamped = (predictions.abs() == 1).flatten(1).double().mean(dim=1)
    report.close(f"{way}_frac_clamped_T{count}", clamped, 1e-3)
