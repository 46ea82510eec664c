"""classifier.npz: edits along a classifier, and one step of training it (METHOD 7 and 8.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.editing.attributes import classifier_move, classifier_step
from dvaedit.models.classifier import CELEBA_ATTRIBUTES, AttributeModel
from dvaedit.parity.folder import Folder
from dvaedit.parity.measures import images
from dvaedit.parity.report import Report

WAYS = {"normalize": True, "no_normalize": False}


def check(folder: Folder, report: Report) -> None:
    """Compare all of classifier.npz."""
    attributes = folder.attributes(CELEBA_ATTRIBUTES)
    report.close("conds_mean", attributes.mean[None], 1e-6)
    report.close("conds_std", attributes.std[None], 1e-6)
    attributes.mean.copy_(torch.from_numpy(report.input("conds_mean")[0]))
    attributes.std.copy_(torch.from_numpy(report.input("conds_std")[0]))
    labels = torch.from_numpy(report.input("train_labels"))
    x = images(folder.report("encoders").input("images_u8")[: len(labels)])
    with torch.no_grad():
        z_id, z_lnd = folder.autoencoder.identity(x), folder.autoencoder.landmarks(x)
        _edits(folder, report, attributes, z_lnd)
    _training_step(report, attributes, z_id, labels)


def _edits(folder: Folder, report: Report, attributes: AttributeModel, z_lnd: Tensor) -> None:
    z_id_rep = torch.from_numpy(report.input("avg_id"))
    names, scales = report.input("case_attribute"), report.input("case_scale")
    cases = [(str(name), float(scale)) for name, scale in zip(names, scales, strict=True)]
    report.close("avg_id_norm", z_id_rep.double().norm(), 1e-6)
    report.same("attribute_names", np.array(attributes.names))
    report.same("case_cls_id", np.array([attributes.index(name) for name, _ in cases]))
    report.close("normalized_avg_id", attributes.normalise(z_id_rep), 1e-5)
    for way, normalise in WAYS.items():
        moved = torch.cat([classifier_move(attributes, z_id_rep, *case, normalise) for case in cases])
        edited = torch.cat([classifier_step(attributes, z_id_rep, *case, normalise) for case in cases])
        conditions = torch.stack([folder.autoencoder.face_code(code[None], z_lnd) for code in edited])
        report.close(f"edited_id_pre_l2_{way}", moved, 1e-5)
        report.close(f"edited_id_{way}", edited, 1e-6)
        report.close(f"edited_cond_{way}", conditions, 5e-6)


def _training_step(report: Report, attributes: AttributeModel, z_id: Tensor, labels: Tensor) -> None:
    for tensor in (attributes.weight, attributes.bias):
        tensor.requires_grad_(True)
    logits = attributes.logits(z_id)
    loss = F.binary_cross_entropy_with_logits(logits, (labels.float() + 1) / 2)
    weight, bias = torch.autograd.grad(loss, (attributes.weight, attributes.bias))
    report.close("train_logits", logits.detach(), 1e-4)
    report.close("train_bce", loss.detach().double(), 1e-5)
    report.close("train_grad_bias", bias, 1e-6, 1e-3)
    report.close("train_grad_weight_stride8", weight[:, ::8], 1e-6, 1e-3)
