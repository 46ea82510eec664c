"""align.npz: landmarks to quads, crops, the inverse map and the paste (METHOD 2 and 9)."""

from __future__ import annotations

import numpy as np
import PIL

from dvaedit.face.align import AXES_SIGMA, CENTRE_SIGMA, quads, raw_axes, smooth
from dvaedit.face.paper import (
    CROP_PIXELS,
    decode_image,
    encode_jpeg,
    inverse_coefficients,
    network_crop,
    paper_crop,
    paper_paste,
    to_bytes,
)
from dvaedit.parity.folder import Folder
from dvaedit.parity.report import Report

PATCH = slice(480, 544)  # rows and columns of the crop stored whole
PASTE_PATCH = 96


def check(folder: Folder, report: Report) -> None:
    """Compare all of align.npz."""
    binding = f"Pillow {PIL.__version__};" in f"{report.arrays.get('versions', '')};"
    corners = _geometry(report)
    for position in report.input("crop_frames").tolist():
        _crops(report, position, corners[position], binding)
    _paste(report, corners, binding)
    report.same("tensor2pil_out", to_bytes(report.input("tensor2pil_in"))[0])


def _geometry(report: Report) -> np.ndarray:
    landmarks = report.input("landmarks")
    c, x, y = raw_axes(landmarks)
    found = {"c_raw": c, "x_raw": x, "y_raw": y, "c": smooth(c, CENTRE_SIGMA), "x": smooth(x, AXES_SIGMA),
             "y": smooth(y, AXES_SIGMA), "quads": quads(landmarks)}  # fmt: skip
    for name, value in found.items():
        report.close(name, value, 1e-8)
    report.close("inverse_coeffs", np.stack([inverse_coefficients(quad) for quad in found["quads"]]), 1e-7, 1e-9)
    return found["quads"]


def _crops(report: Report, k: int, quad: np.ndarray, binding: bool) -> None:
    frame = _frame(report, k)
    report.digest(f"frame{k}_sha256", frame, binding)
    large, small = paper_crop(frame, quad), paper_crop(frame, quad, 256)
    report.digest(f"crop1024_{k}_sha256", large, binding)
    report.close(f"crop1024_{k}_mean_std", [large.mean(), large.std()], 0.01)
    report.close(f"crop1024_{k}_stride8", large[::8, ::8], 1)
    report.close(f"crop1024_{k}_patch", large[PATCH, PATCH], 1)
    stored = decode_image(report.input(f"crop1024_{k}_jpg").tobytes())
    difference = (
        np.abs(decode_image(encode_jpeg(large)).astype(float) - stored) if stored.shape == large.shape else None
    )
    worst = float("inf") if difference is None else float(difference.max())
    report.add(f"crop1024_{k}_jpg", worst <= 2, "decoded", absolute=worst, tolerance="2")
    if stored.shape == (CROP_PIXELS, CROP_PIXELS, 3):
        report.close(f"dataset256_{k}", network_crop(stored), 1)
    report.close(f"crop256_{k}", small, 1)
    report.digest(f"crop256_{k}_sha256", small, binding)


def _frame(report: Report, k: int) -> np.ndarray:
    return decode_image(report.input(f"frame{k}_jpeg").tobytes())


def _paste(report: Report, corners: np.ndarray, binding: bool) -> None:
    k = int(report.input("paste_frame"))
    frame = _frame(report, k)
    pasted = paper_paste(frame, report.input("paste_input256"), inverse_coefficients(corners[k]))
    x0, y0, x1, y1 = report.input("paste_box_xyxy").tolist()
    box = pasted[y0:y1, x0:x1]
    outside = (pasted != frame).any(-1)
    outside[y0:y1, x0:x1] = False
    report.digest("paste_sha256", pasted, binding)
    report.close("paste_mean_std", [pasted.mean(), pasted.std()], 0.01)
    report.close("paste_stride2", box[::2, ::2], 1)
    report.close("paste_patch", box[:PASTE_PATCH, :PASTE_PATCH], 1)
    report.same("paste_changed_outside_box", outside.sum())
