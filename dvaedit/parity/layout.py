"""Which arrays a fixture folder holds, file by file: ``{k}``, ``{T}``, ``{A}``, ``{X}`` stand for what it tells itself.

Inputs are needed, expected ones (the fixtures' roles E and D) are compared, informative ones may be absent.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_CAPTURES = {
    "id": "crop112 input_layer output_layer body0 body2 body3 body6 body7 body20 body21 body23",
    "lnd": "in224 linear7 raw136 feat0 feat1 feat3 feat6 feat13 feat17 feat18",
    "bg": "in512 feat8 cp8 cp16 ffm logits64 logits logits_aux16 logits_aux32",
}
CAPTURES = [f"{net}_{name}" for net, names in _CAPTURES.items() for name in names.split()]


@dataclass(frozen=True)
class Layout:
    """Names, separated by blanks, of one file's arrays by role."""

    inputs: str
    expected: str
    informative: str = ""


LAYOUTS: dict[str, Layout] = {
    "align": Layout(
        "landmarks frame_size frame{k}_jpeg crop1024_{k}_jpg crop_frames paste_frame paste_input256 paste_box_xyxy"
        " tensor2pil_in",
        "c_raw x_raw y_raw c x y quads inverse_coeffs frame{k}_sha256 crop1024_{k}_sha256 crop1024_{k}_mean_std"
        " crop1024_{k}_stride8 crop1024_{k}_patch crop1024_{k}_jpg dataset256_{k} crop256_{k} crop256_{k}_sha256"
        " paste_sha256 paste_mean_std paste_stride2 paste_patch paste_changed_outside_box tensor2pil_out",
        "frame_index versions",
    ),
    "encoders": Layout(
        "images_u8 synth_seg512 n_argmax_gap_below_1e-4 samp_{X}_step",
        "id id_output_layer id_crop112_0 lnd_raw136 lnd cond cond_swap_lnd avg_id cond_avg_id seg_logits64"
        " seg_logits512_stride8 seg_argmax512 mask_train mask_video synth_mask_train synth_mask_video"
        " stat_{X} samp_{X}",
        "frame_positions seg_gap_quantiles floor_maxabs_id_lnd_cond_logits",
    ),
    "unet": Layout(
        "x t cond block_names",
        "x eps eps_t250_cond3_stride4 time_sinusoid block_stats block_samples block_shapes"
        " rms_change_cond0_to_cond3_t250",
        "floor_maxabs_batch3_vs_1 floor_maxabs_mkldnn_off_t250",
    ),
    "ddim": Layout(
        "image_u8 cond",
        "betas alphas_cumprod training_t1000_timesteps_equal_arange timesteps_T{A} alphas_cumprod_T{A}"
        " alphas_cumprod_prev_T{A} alphas_cumprod_next_T{A} betas_T{A} rev_t_index_T{T} ren_t_index_T{T}"
        " rev_sample_stride4_T{T} rev_xstart_stride4_T{T} rev_sample_stats_T{T} rev_xstart_stats_T{T}"
        " ren_sample_stats_T{T} ren_xstart_stats_T{T} rev_frac_clamped_T{T} ren_frac_clamped_T{T}"
        " recon_absdiff_mean_T{T} xT_T{T} ren_sample_stride4_T{T} render_T{T}",
        "encode_stochastic_equals_loop floor_maxabs_xT_T{T} floor_maxabs_render_T{T}",
    ),
    "losses": Layout(
        "images_u8 t noise1 noise2",
        "x_t_stride4 x_t2_stride4 eps1_stride4 eps2_stride4 l1_eps1 l1_eps2 mse loss_term xT_reg total mask"
        " x0_est1_stride4 x0_est2_stride4 halfmask_mse halfmask_xT_reg grad_names trainable_without_grad grad_norms"
        " total_grad_norm grad_first4",
        "noise1_first8 noise2_first8 noise1_note noise2_note noise2_seed halfmask_note",
    ),
    "classifier": Layout(
        "avg_id conds_mean conds_std case_attribute case_scale train_labels",
        "avg_id_norm conds_mean conds_std attribute_names case_cls_id normalized_avg_id edited_id_pre_l2_normalize"
        " edited_id_pre_l2_no_normalize edited_id_normalize edited_id_no_normalize edited_cond_normalize"
        " edited_cond_no_normalize train_logits train_bce train_grad_bias train_grad_weight_stride8",
    ),
    "clip_loss": Layout(
        "src_txt trg_txt hyper edit_cond_init avg_id it_grad it_edit_cond_after xT start_cond start_mask",
        "templates n_templates text_tokens_src text_feat_src text_feat_trg text_direction pre_aa0_stats pre_aa1_stats"
        " pre_aa0_img0_stride4 pre_aa1_img0_stride4 pre_aa0_img0_row100 pre_aa1_img0_row100 image_feat_aa0"
        " image_feat_aa1 pair_edit_dir_aa0 pair_edit_dir_aa1 pair_loss_aa0 pair_loss_aa1 pair_minus_log"
        " zero_edit_loss_aa0 start_cond start_latent start_mask t_indices t_original xT xT_stride2"
        " forward_recon_stride4 forward_recon_stats backward_imgs_stride4 backward_imgs_stats per_pair_dir_loss"
        " per_pair_edit_dir per_pair_l1_masked it_clip_dir_loss it_loss_clip it_loss_id it_loss_l1 it_loss it_latent"
        " it_grad it_edit_cond_after applied_id",
        "pre_in_seed_note pair_note clip_models_loaded_by_CLIPLoss official_it0_max_abs_pair_difference"
        " official_it0_dir_loss official_it0_l2norm_changes_start_cond_by",
    ),
}


@dataclass(frozen=True)
class Names:
    """The names of one file's arrays, its placeholders filled in."""

    inputs: list[str]
    expected: list[str]
    informative: list[str]

    @property
    def known(self) -> set[str]:
        return {*self.inputs, *self.expected, *self.informative}


def names_of(file: str, there: Collection[str], crop_frames: Collection[int] = ()) -> Names:
    """The names of ``file``, one of :data:`LAYOUTS`.

    ``there``: the arrays it holds, of which those of DDIM tell for which T; ``crop_frames``: the positions with images.
    """
    runs = {int(m[1]) for name in there if (m := re.fullmatch(r"(?:xT|render|re[vn]_\w+|recon_\w+)_T(\d+)", name))}
    tables = runs | {int(m[1]) for name in there if (m := re.fullmatch(r"(?:timesteps|betas|alphas\w*)_T(\d+)", name))}
    values = {"k": sorted(crop_frames), "T": sorted(runs), "A": sorted(tables), "X": CAPTURES}
    layout = LAYOUTS[file]
    return Names(*(_expand(text, values) for text in (layout.inputs, layout.expected, layout.informative)))


def _expand(text: str, values: dict[str, list]) -> list[str]:
    names = []
    for pattern in text.split():
        mark = re.search(r"\{(\w)\}", pattern)
        names += [pattern.replace(mark[0], str(value)) for value in values[mark[1]]] if mark else [pattern]
    return names


def runs_of(there: Collection[str]) -> list[int]:
    """The T of the runs in ``ddim``."""
    return [int(name.removeprefix("xT_T")) for name in names_of("ddim", there).expected if name.startswith("xT_T")]


def tables_of(there: Collection[str]) -> list[int]:
    """The T of the tables in ``ddim``."""
    return [int(n.removeprefix("betas_T")) for n in names_of("ddim", there).expected if n.startswith("betas_T")]
