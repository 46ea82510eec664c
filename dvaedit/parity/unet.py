"""unet.npz: one U-Net evaluation at three timesteps, block by block (METHOD 4)."""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import Tensor, nn

from dvaedit.models.unet import UNet, timestep_embedding
from dvaedit.parity.encoders import frames_of
from dvaedit.parity.folder import Folder
from dvaedit.parity.measures import images, samples, stats, stride
from dvaedit.parity.report import Report

# The inner steps of a residual block: which module of ours, and whether its input or its output is meant.
_INNER = {
    "in_layers.0": ("norm_in", "output"), "in_layers.1": ("conv_in", "input"), "in_layers.2": ("conv_in", "output"),
    "emb_layers": ("time_proj", "output"), "cond_emb_layers": ("cond_proj", "output"),
    "out_layers.0": ("norm_time", "output"), "out_layers.1": ("conv_mid", "input"),
    "out_layers.2": ("conv_mid", "output"), "out_layers.3": ("norm_cond", "output"),
    "out_layers.4": ("dropout", "input"), "out_layers.5": ("dropout", "output"), "out_layers.6": ("conv_out", "output"),
}  # fmt: skip


@torch.no_grad()
def check(folder: Folder, report: Report) -> None:
    """Compare all of unet.npz."""
    unet, schedule = folder.autoencoder.unet, folder.autoencoder.schedule
    x, t, cond = (torch.from_numpy(report.input(name)) for name in ("x", "t", "cond"))
    encoders = folder.report("encoders")
    first = images(encoders.input("images_u8")[:1]).expand_as(x)
    report.close("x", schedule.q_sample(first, t, folder.noise("unet", tuple(x.shape))), 2e-6)
    report.close("time_sinusoid", timestep_embedding(t, unet.config.base_channels), 1e-4)
    names = [str(name) for name in report.input("block_names")]
    outputs, blocks = [], []
    for row in range(len(x)):
        each = slice(row, row + 1)
        with _Watch(unet, names) as watch:
            outputs.append(unet(x[each], t[each], cond[each]))
        blocks.append([watch.found[name] for name in names])
    eps = torch.cat(outputs)
    report.close("eps", eps, 3e-4)
    _compare_blocks(report, blocks)
    made = frames_of(encoders)  # the image whose z_face stands in for that of the second evaluation
    other = unet(x[1:2], t[1:2], torch.from_numpy(encoders.input("cond")[made : made + 1]))
    report.close("eps_t250_cond3_stride4", stride(other, 4), 3e-4)
    report.close("rms_change_cond0_to_cond3_t250", (other - eps[1:2]).double().square().mean().sqrt(), 0, 1e-2)


def _compare_blocks(report: Report, blocks: list[list[tuple]]) -> None:
    """``blocks``: per evaluation and block (shape, stats, samples)."""
    shapes = np.stack([shape for shape, _, _ in blocks[0]])
    report.same("block_shapes", shapes)
    report.close("block_stats", np.stack([[block[n][1] for block in blocks] for n in range(len(shapes))]), 1e-4, 1e-3)
    report.close("block_samples", np.stack([[block[n][2] for block in blocks] for n in range(len(shapes))]), 3e-4, 1e-4)


class _Watch:
    """Summaries of the blocks called ``names`` (the paper's names) while the block of ``with`` runs the U-Net."""

    def __init__(self, unet: UNet, names: list[str]) -> None:
        self.found: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self.places = {name: place_of(unet, name) for name in names}

    def __enter__(self) -> _Watch:
        self.handles = [self._hook(name, *place) for name, place in self.places.items()]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _hook(self, name: str, module: nn.Module, end: str) -> object:
        def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            value = (args[0] if end == "input" else output)[0]
            shape = np.array([*value.shape, *[0] * (3 - value.dim())])
            self.found[name] = shape, stats(value), samples(value, max(1, value.numel() // 64))

        return module.register_forward_hook(keep)


def place_of(unet: UNet, name: str) -> tuple[nn.Module, str]:
    """The module of ours that the paper's ``name`` means, and which end of it. Raises KeyError for a name unknown."""
    fixed = {"time_embed.time_embed": unet.time_embed, "input_blocks.0": unet.stem, "middle_block": unet.middle[1],
             "middle_block.1(attention)": unet.middle[0].attention}  # fmt: skip
    if name in fixed:
        return fixed[name], "output"
    if match := re.fullmatch(r"res\.input_blocks\.(\d+)\.0\.(\w+(?:\.\d)?)", name):
        module, end = _INNER[match[2]]
        return getattr(unet.down[int(match[1]) - 1].res, module), end
    if match := re.fullmatch(r"(input|output)_blocks\.(\d+)", name):
        number = int(match[2])
        return (unet.down[number - 1] if match[1] == "input" else unet.up[number]), "output"
    raise KeyError(name)
