"""clip_loss.npz: the directional CLIP loss, the text-edit objective and two of its iterations (METHOD 8.3)."""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.diffusion.reference import Steps
from dvaedit.editing.paper_text import (
    PaperObjective,
    Search,
    Start,
    Terms,
    apply_delta,
    evaluate,
    feature_changes,
    invert_frame,
    minus_log,
    pair_losses,
    unedited_states,
)
from dvaedit.editing.text import prompts
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.parity.encoders import TIES, frames_of
from dvaedit.parity.folder import Folder
from dvaedit.parity.measures import images, stats_each, stride
from dvaedit.parity.report import Report
from dvaedit.parity.stub_clip import StubClip

NOISE_SCALE = 0.5  # of N(clip_in)
ROLL, GAIN, OFFSET = 7, 0.8, 0.1  # what makes the second image of a pair


def check(folder: Folder, report: Report) -> None:
    """Compare all of clip_loss.npz. What comes of preprocessing without antialiasing is the paper's own."""
    source, target = (str(report.input(name)) for name in ("src_txt", "trg_txt"))
    encoders = folder.report("encoders")
    x = images(encoders.input("images_u8")[: frames_of(encoders)])
    clips = {name: StubClip(folder.salt, antialias) for name, antialias in (("aa0", False), ("aa1", True))}
    with torch.no_grad():
        direction = _texts(report, clips["aa0"], source, target)
        _pairs(folder, report, clips, x, direction)
    _search(folder, report, clips["aa0"], x[:1], direction)


def _texts(report: Report, clip: StubClip, source: str, target: str) -> Tensor:
    templates = prompts("{}", many=True)
    report.same("templates", np.array(templates))
    report.same("n_templates", len(templates))
    before, after = (prompts(text, many=True) for text in (source, target))
    report.same("text_tokens_src", clip.tokens(before))
    features = clip.encode_text(before), clip.encode_text(after)
    report.close("text_feat_src", features[0], 1e-5)
    report.close("text_feat_trg", features[1], 1e-5)
    direction = F.normalize((features[1] - features[0]).mean(dim=0, keepdim=True), dim=-1)
    report.close("text_direction", direction, 1e-5)
    return direction


def _pairs(folder: Folder, report: Report, clips: dict[str, StubClip], x: Tensor, direction: Tensor) -> None:
    before = x + NOISE_SCALE * folder.noise("clip_in", tuple(x.shape))
    after = GAIN * before.roll(ROLL, dims=3) + OFFSET
    for name, clip in clips.items():
        ready = clip.preprocess(before)
        report.close(f"pre_{name}_stats", stats_each(ready), 1e-4)
        report.close(f"pre_{name}_img0_stride4", stride(ready[0], 4), 1e-4)
        report.close(f"pre_{name}_img0_row100", ready[0][:, 100], 1e-4)
        features = clip.encode_image(before), clip.encode_image(after)
        report.close(f"image_feat_{name}", features[0], 1e-5)
        report.close(f"pair_edit_dir_{name}", feature_changes(*features), 1e-5)
        loss = pair_losses(*features, direction).mean()
        report.close(f"pair_loss_{name}", loss, 1e-5)
        if name == "aa0":
            report.close("pair_minus_log", minus_log(loss), 1e-5)
            report.close("zero_edit_loss_aa0", pair_losses(features[0], features[0], direction).mean(), 1e-5)


def _search(folder: Folder, report: Report, clip: StubClip, x_0: Tensor, direction: Tensor) -> None:
    hyper = json.loads(str(report.input("hyper")))
    objective = PaperObjective(
        hyper["clip_loss_w"], hyper["id_loss_w"], hyper["l1_loss_w"], hyper["lr"], steps=hyper["n_train_step"]
    )
    start = _start(folder, report, x_0, objective)
    codes = [report.input("edit_cond_init"), report.input("it_edit_cond_after")[0]]
    found, gradients = [], []
    for code in codes:
        p = torch.from_numpy(code.reshape(1, -1)).requires_grad_(True)
        terms = evaluate(folder.autoencoder, clip, start, p, direction, objective)
        gradients.append(torch.autograd.grad(terms.loss, p)[0])
        found.append(terms)
    with torch.no_grad():
        _compare_first(report, start, found[0])
        _compare_iterations(report, found, torch.stack(gradients))
    _compare_adam(folder, report, start, objective, hyper["scale"])


@torch.no_grad()
def _start(folder: Folder, report: Report, x_0: Tensor, objective: PaperObjective) -> Start:
    """The unedited trajectory, from the stored x_T on; compared on the way."""
    model = folder.autoencoder
    z_start, z_lnd, steps = model.identity(x_0), model.landmarks(x_0), Steps.of(model.schedule, objective.steps)
    report.close("start_cond", z_start, 5e-6)
    report.close("start_latent", model.face_code(z_start, z_lnd), 5e-6)
    mask = np.isin(folder.parser.class_map(x_0).numpy(), sorted(TRAINING_FACE))[:, None].astype(np.uint8)
    report.same("start_mask", mask, int(folder.report("encoders").input(TIES)))
    x_T = invert_frame(model, x_0, z_start, z_lnd, steps)
    report.close("xT", x_T[0], 1.1e-3)
    report.close("xT_stride2", stride(x_T[0], 2), 1.1e-3)
    states = unedited_states(model, torch.from_numpy(report.input("xT"))[None], z_start, z_lnd, steps)
    report.close("forward_recon_stride4", stride(states, 4), 2e-3)
    report.close("forward_recon_stats", stats_each(states), 1e-3)
    start = Start(z_start, z_lnd, torch.from_numpy(report.input("start_mask")).float(), states, steps)
    report.same("t_indices", start.index)
    report.same("t_original", steps.timesteps[start.index])
    return start


def _compare_first(report: Report, start: Start, terms: Terms) -> None:
    """What is stored of iteration 0 alone; the pair at timestep 0 has a tiny change, hence a wide tolerance."""
    report.close("backward_imgs_stride4", stride(terms.images, 4), 2e-3)
    report.close("backward_imgs_stats", stats_each(terms.images), 1e-3)
    last = np.arange(len(terms.pair_losses)) == len(terms.pair_losses) - 1
    report.within("per_pair_dir_loss", terms.pair_losses, np.where(last, 2e-3, 1e-4), "1e-4, last 2e-3")
    report.within("per_pair_edit_dir", terms.changes, np.where(last, 3e-3, 1e-4)[:, None], "1e-4, last 3e-3")
    masked = (start.mask * (start.states[1:] - terms.images)).abs().double().flatten(1).mean(dim=1)
    report.close("per_pair_l1_masked", masked, 1e-6)


def _compare_iterations(report: Report, found: list[Terms], gradients: Tensor) -> None:
    terms = {"it_clip_dir_loss": ("directional", 4e-4), "it_loss_clip": ("clip", 4e-4),
             "it_loss_id": ("identity", 1e-6), "it_loss_l1": ("l1", 1e-6), "it_loss": ("loss", 2e-3)}  # fmt: skip
    for name, (field, atol) in terms.items():
        report.close(name, torch.stack([getattr(each, field) for each in found]).double(), atol)
    report.close("it_latent", torch.stack([each.z_face for each in found]), 2e-5)
    expected = torch.from_numpy(report.input("it_grad"))
    if expected.shape != gradients.shape:
        report.add("it_grad", False, f"the shape is {tuple(gradients.shape)}, expected {tuple(expected.shape)}")
        return
    cosine = F.cosine_similarity(gradients.flatten(1), expected.flatten(1)).min().item()
    ratio = (gradients.flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1) - 1).abs().max().item()
    report.add(
        "it_grad", cosine > 0.999 and ratio <= 2e-2, f"cosine {cosine:.6f}", relative=ratio,
        absolute=float((gradients - expected).abs().max()), tolerance="cosine > 0.999, norm 0.02",
    )  # fmt: skip


def _compare_adam(folder: Folder, report: Report, start: Start, objective: PaperObjective, scale: float) -> None:
    """Adam fed with the stored gradients, and the edited code of the video from what it has found."""
    after, gradients = report.input("it_edit_cond_after"), report.input("it_grad")
    search, found = Search(start, objective, torch.from_numpy(report.input("edit_cond_init"))), []
    for gradient in gradients:
        search.step(torch.from_numpy(gradient.reshape(1, -1)))
        found.append(search.code.detach().clone())
    report.close("it_edit_cond_after", torch.stack(found), 1e-7)
    delta = torch.from_numpy(after[-1].reshape(1, -1)) - start.z_start
    with torch.no_grad():
        z_id = apply_delta(folder.autoencoder, torch.from_numpy(report.input("avg_id")), delta, scale)
    report.close("applied_id", z_id, 1e-6)
