"""encoders.npz: identity, landmark and parser networks, masks and z_face (METHOD 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.face.regions import PASTE_FACE, TRAINING_FACE
from dvaedit.models import arcface, bisenet, landmarks
from dvaedit.parity.folder import Folder
from dvaedit.parity.layout import CAPTURES
from dvaedit.parity.measures import class_mask, images, samples, stats_each, stride
from dvaedit.parity.report import Report

TIES = "n_argmax_gap_below_1e-4"  # pixels whose class rounding may change


def frames_of(report: Report) -> int:
    """How many images are crops of the clip; the one after them is made of the first."""
    positions = report.arrays.get("frame_positions")
    return len(report.input("images_u8")) - 1 if positions is None else len(positions)


@torch.no_grad()
def check(folder: Folder, report: Report) -> None:
    """Compare all of encoders.npz."""
    x = images(report.input("images_u8"))
    with _recorder() as record:
        z_id, z_lnd = _codes(folder, report, x, record)
        _parser(folder, report, x, record)
        for name in CAPTURES:
            _compare_capture(report, name, record.found.get(name))
    _face_codes(folder, report, z_id, z_lnd)
    for name, ids in (("synth_mask_train", TRAINING_FACE), ("synth_mask_video", PASTE_FACE)):
        report.same(name, class_mask(report.input("synth_seg512"), ids))


class _Record:
    """Activations by name, kept whole until they are compared."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}
        self.handles: list = []

    def watch(self, module: nn.Module, name: str, pick: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        hook = lambda module, args, output: self.found.__setitem__(name, pick(output))  # noqa: E731
        self.handles.append(module.register_forward_hook(hook))


@contextmanager
def _recorder() -> Iterator[_Record]:
    record = _Record()
    try:
        yield record
    finally:
        for handle in record.handles:
            handle.remove()


def _compare_capture(report: Report, name: str, found: Tensor | None) -> None:
    if found is None:
        return
    atol = 5e-5 if name.startswith("bg_") else 1e-5
    step = int(report.input(f"samp_{name}_step"))
    report.close(f"samp_{name}", np.stack([samples(one, step) for one in found]), atol, 1e-4)
    if f"stat_{name}" in report.arrays:
        bound = atol * np.array([1, 1, 0]) + np.array([0, 0, 1e-5])
        relative = np.array([1e-4, 1e-4, 1e-3]) * np.abs(report.arrays[f"stat_{name}"])
        report.within(f"stat_{name}", stats_each(found), bound + relative, f"{atol:g} + 1e-4 |e|, max 1e-5 + 1e-3 |e|")


def _codes(folder: Folder, report: Report, x: Tensor, record: _Record) -> tuple[Tensor, Tensor]:
    identity, net = folder.autoencoder.identity, folder.autoencoder.landmarks
    record.watch(identity.input_layer, "id_input_layer")
    record.watch(identity.output_layer, "id_output_layer")
    record.watch(net.linear7, "lnd_linear7")
    for name in CAPTURES:
        part, number = name.rstrip("0123456789"), "".join(c for c in name if c.isdigit())
        if part in ("id_body", "lnd_feat"):
            record.watch((identity.body if part == "id_body" else net.features)[int(number)], name)
    z_id, z_lnd = identity(x), net(x)
    raw = net.raw(landmarks.network_input(x))
    record.found |= {"id_crop112": arcface.face_input(x), "lnd_in224": landmarks.network_input(x), "lnd_raw136": raw}
    report.close("id", z_id, 5e-6)
    report.close("id_output_layer", record.found["id_output_layer"], 5e-5, 1e-5)
    report.close("id_crop112_0", record.found["id_crop112"][0], 1e-6)
    report.close("lnd_raw136", raw, 5e-6)
    report.close("lnd", z_lnd, 5e-6)
    return z_id, z_lnd


def _face_codes(folder: Folder, report: Report, z_id: Tensor, z_lnd: Tensor) -> None:
    face_code, mean = folder.autoencoder.face_code, z_id[: frames_of(report)].mean(dim=0, keepdim=True)
    report.close("cond", face_code(z_id, z_lnd), 5e-6)
    report.close("cond_swap_lnd", face_code(z_id, z_lnd.roll(1, 0)), 5e-6)
    report.close("avg_id", mean, 5e-6)
    report.close("cond_avg_id", face_code(mean, z_lnd), 5e-6)


def _parser(folder: Folder, report: Report, x: Tensor, record: _Record) -> None:
    net, x512 = folder.parser.network, bisenet.network_input(x)
    record.found["bg_in512"] = x512
    watched = {"bg_feat8": net.cp.resnet.layer2, "bg_cp8": net.cp.conv_head16, "bg_cp16": net.cp.conv_head32,
               "bg_ffm": net.ffm, "bg_logits64": net.conv_out}  # fmt: skip
    for name, module in watched.items():
        record.watch(module, name)
    heads = net.heads(x512)
    record.found.update(zip(("bg_logits", "bg_logits_aux16", "bg_logits_aux32"), heads, strict=True))
    classes = heads[0].argmax(dim=1).to(torch.uint8).numpy()
    ties = int(report.input(TIES))
    report.close("seg_logits64", record.found["bg_logits64"][:1], 5e-5)
    report.close("seg_logits512_stride8", stride(heads[0], 8), 2e-3)
    report.same("seg_argmax512", classes, ties)
    report.same("mask_train", class_mask(classes, TRAINING_FACE), ties)
    report.same("mask_video", class_mask(classes, PASTE_FACE), ties)
    own = folder.parser.class_map(x)  # the way the tool itself asks for a crop's classes
    assert torch.equal(F.interpolate(own[:, None].float(), x.shape[2:])[:, 0].byte(), own)
