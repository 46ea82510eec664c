"""losses.npz: L_simple, L_reg and the gradients of their sum (METHOD 6), one crop at a time to save memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvaedit.checkpoints import upstream
from dvaedit.diffusion.losses import DenoisingLoss, denoising_loss
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.parity.encoders import TIES
from dvaedit.parity.folder import Folder
from dvaedit.parity.measures import images, stride
from dvaedit.parity.report import Report

HALF = 128  # columns of the half mask


@dataclass(frozen=True)
class _Crop:
    """What one crop gives. ``x_t``, ``eps``, ``pred_x_0``: of the first and the second noise, (2, 3, H, W)."""

    loss: DenoisingLoss
    x_t: Tensor
    eps: Tensor
    pred_x_0: Tensor
    l1: Tensor


def check(folder: Folder, report: Report) -> None:
    """Compare all of losses.npz."""
    model, x_0 = folder.autoencoder, images(report.input("images_u8"))
    t, eps, pair, mask = (torch.from_numpy(report.input(name)) for name in ("t", "noise1", "noise2", "mask"))
    classes = folder.parser.class_map(x_0).numpy()
    training = np.isin(classes, sorted(TRAINING_FACE))[:, None].astype(np.uint8)
    report.same("mask", training, int(folder.report("encoders").input(TIES)))
    _train(model, True)
    try:
        crops = []
        for k in range(len(x_0)):
            each = slice(k, k + 1)
            crops.append(_crop(model, x_0[each], t[each], eps[each], pair[each], mask[each].float()))
            ((crops[-1].loss.simple + crops[-1].loss.reg).sum() / len(x_0)).backward()
        _compare_losses(report, crops, mask)
        _compare_gradients(report, model)
    finally:
        _train(model, False)


def _train(model: Autoencoder, on: bool) -> None:
    """Gradients for all that the paper trains, with the activations of each block computed anew; or none again."""
    for part in (model.unet, model.face_code):
        part.requires_grad_(on)
    model.unet.checkpointing, model.max_batch = on, None if on else 1
    model.zero_grad(set_to_none=True)


def _crop(model: Autoencoder, x_0: Tensor, t: Tensor, eps: Tensor, pair: Tensor, mask: Tensor) -> _Crop:
    seen: list[tuple[Tensor, Tensor]] = []

    def denoise(x_t: Tensor, times: Tensor, z_face: Tensor) -> Tensor:
        output = model.denoise(x_t, times, z_face)
        seen.append((x_t.detach(), output.detach()))
        return output

    with torch.no_grad():
        z_id, z_lnd = model.identity(x_0), model.landmarks(x_0)
    loss = denoising_loss(denoise, model.schedule, x_0, model.face_code(z_id, z_lnd), mask, t, eps, pair)
    x_t, output = seen[0]
    pred_x_0, _ = model.schedule.split(x_t, t.repeat(2), output)
    return _Crop(loss, x_t, output, pred_x_0, (output - torch.cat([eps, pair])).abs().flatten(1).mean(dim=1))


@torch.no_grad()
def _compare_losses(report: Report, crops: list[_Crop], mask: Tensor) -> None:
    simple = torch.cat([crop.loss.simple for crop in crops])
    reg = torch.cat([crop.loss.reg for crop in crops])
    predictions = torch.stack([crop.pred_x_0 for crop in crops])  # (B, 2, 3, H, W)
    half = torch.zeros_like(mask, dtype=torch.float32)
    half[..., :HALF] = 1
    half_reg = (half * (predictions[:, 0] - predictions[:, 1])).abs().flatten(1).mean(dim=1)
    for number, suffix in ((0, ""), (1, "2")):
        at = number + 1
        report.close(f"x_t{suffix}_stride4", _strided([crop.x_t[number] for crop in crops]), 2e-6)
        report.close(f"eps{at}_stride4", _strided([crop.eps[number] for crop in crops]), 3e-4)
        masked = [mask[k] * crop.pred_x_0[number] for k, crop in enumerate(crops)]
        report.close(f"x0_est{at}_stride4", _strided(masked), 3e-3, 1e-4)
        report.close(f"l1_eps{at}", torch.stack([crop.l1[number] for crop in crops]), 1e-5, 1e-5)
    for name in ("mse", "loss_term", "halfmask_mse"):
        report.close(name, simple, 1e-5, 1e-5)
    report.close("xT_reg", reg, 1e-5, 1e-4)
    report.close("halfmask_xT_reg", half_reg, 1e-5, 1e-4)
    report.close("total", DenoisingLoss(simple, reg).total().double(), 1e-4)


def _strided(x: list[Tensor]) -> np.ndarray:
    return stride(torch.stack(x), 4)


def _compare_gradients(report: Report, model: Autoencoder) -> None:
    names, trained = upstream.paper_names(model), dict(model.named_parameters())
    trained = {names[ours]: value for ours, value in trained.items() if value.requires_grad}
    without = [name for name, value in trained.items() if value.grad is None]
    gradients = {name: value.grad for name, value in trained.items() if value.grad is not None}
    wanted = [str(name) for name in report.input("grad_names")]
    report.same("grad_names", sorted(gradients) if sorted(gradients) != sorted(wanted) else wanted)
    wrong_count = len(without) - report.input("trainable_without_grad").size
    report.add("trainable_without_grad", wrong_count == 0, ", ".join(without[:3]), tolerance="equal")
    if not set(wanted) <= gradients.keys():
        return
    norms = np.array([gradients[name].double().norm().item() for name in wanted])
    report.close("grad_norms", norms, 0, 1e-2)
    report.close("total_grad_norm", np.array(np.linalg.norm(norms)), 0, 1e-2)
    first = np.zeros((len(wanted), 4), np.float32)
    for row, name in enumerate(wanted):
        values = gradients[name].flatten()[:4].numpy()
        first[row, : len(values)] = values
    expected = report.input("grad_norms")
    sizes = np.array([gradients[name].numel() for name in wanted])
    report.within("grad_first4", first, (0.05 * expected / np.sqrt(sizes))[:, None], "0.05 norm / sqrt(size)")
