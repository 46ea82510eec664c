"""From the numbers of each frame to those of the video, with what each means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dvaedit.evaluation import motion
from dvaedit.evaluation.identity import temporal_identity
from dvaedit.evaluation.judging import Verdict, side_effects, verdict
from dvaedit.evaluation.measure import Series
from dvaedit.evaluation.reconstruction import decibels


@dataclass(frozen=True)
class Measure:
    """How a number is shown: its title, the group it belongs to, format, what is best ("1", "high", "low", "0"), and
    what it says."""

    title: str
    group: str
    form: str
    best: str
    meaning: str


MEASURES: dict[str, Measure] = {
    "tl_id": Measure(
        "TL-ID", "steady", "{:.4f}", "1", "identity likeness of adjacent frames, relative to the original's"
    ),
    "tg_id": Measure(
        "TG-ID", "steady", "{:.4f}", "1", "identity likeness of all pairs of frames, relative to the original's"
    ),
    "flicker": Measure(
        "flicker", "steady", "{:.3f}", "1", "change between frames beyond the motion, edited region, to the original's"
    ),
    "flicker_own": Measure(
        "flicker, own motion", "steady", "{:.3f}", "1", "the same along the motion that the edit itself shows"
    ),
    "identity": Measure("identity", "kept", "{:.3f}", "high", "cosine of SFace's codes; one person from 0.363 on"),
    "identity_least": Measure("identity, worst frame", "kept", "{:.3f}", "high", "the lowest of these cosines"),
    "nme": Measure("landmarks NME", "kept", "{:.4f}", "0", "shift of the 68 landmarks, in distances of the eyes"),
    "mouth_motion": Measure("mouth motion", "kept", "{:.3f}", "1", "correlation over time of the mouth's opening"),
    "eye_motion": Measure("eye motion", "kept", "{:.3f}", "1", "correlation over time of the eyes' opening"),
    "sharpness": Measure(
        "sharpness", "kept", "{:.3f}", "1", "variance of the Laplacian, edited region, to the original's"
    ),
    "outside_psnr": Measure("outside PSNR", "outside", "{:.2f} dB", "high", "outside the mask, encoding included"),
    "outside_max": Measure(
        "outside, worst pixel", "outside", "{:.0f}", "0", "greatest change outside the mask, 8-bit levels"
    ),
    "psnr": Measure("PSNR", "crop", "{:.2f} dB", "high", "aligned crops of 256 pixels, edit against original"),
    "ssim": Measure("SSIM", "crop", "{:.4f}", "high", "structural similarity of the crops"),
    "ms_ssim": Measure("MS-SSIM", "crop", "{:.4f}", "high", "the same over five scales"),
    "lpips": Measure("LPIPS", "crop", "{:.4f}", "0", "perceptual distance of the crops (AlexNet)"),
    "mse": Measure("MSE", "crop", "{:.5f}", "0", "mean squared error of the crops, values from 0 to 1"),
}
GROUPS = {
    "steady": "Steady over time",
    "kept": "Kept of the person",
    "outside": "Outside the mask",
    "crop": "Closeness of the face crop",
}


@dataclass(frozen=True)
class Metrics:
    """One number per measure of ``MEASURES``, None where it cannot be told (no face, no motion, one frame).

    ``outside_psnr`` and ``psnr`` are of the mean squared error over all frames, infinite where all are equal.
    """

    tl_id: float | None
    tg_id: float | None
    flicker: float | None
    flicker_own: float | None
    identity: float | None
    identity_least: float | None
    nme: float | None
    mouth_motion: float | None
    eye_motion: float | None
    sharpness: float | None
    outside_psnr: float | None
    outside_max: float | None
    psnr: float | None
    ssim: float | None
    ms_ssim: float | None
    lpips: float | None
    mse: float | None


@dataclass(frozen=True)
class Judgement:
    """``before``, ``after``: mean probability by attribute over the frames of both; ``targets``: what was asked for;
    ``side_effects``: changes beyond 0.2 that were not."""

    before: dict[str, float]
    after: dict[str, float]
    targets: tuple[Verdict, ...] = ()
    side_effects: dict[str, float] = field(default_factory=dict)


def metrics(source: Series, edit: Series) -> Metrics:
    """The numbers of a whole edit."""
    values = edit.values
    steady = _temporal(source, edit)
    pixels = np.nan_to_num(values["outside_pixels"])
    squared = np.nansum(values["outside_mse"] * pixels)
    return Metrics(
        tl_id=steady[0], tg_id=steady[1],
        flicker=_ratio(values["flicker"], values["flicker_source"]),
        flicker_own=_ratio(values["flicker_own"], values["flicker_source"]),
        identity=mean(values["identity"]),
        identity_least=_extreme(values["identity"], np.min),
        nme=mean(values["nme"]),
        mouth_motion=motion.correlation(values["mouth"], source.values["mouth"], motion.LEAST_MOTION["mouth"]),
        eye_motion=motion.correlation(values["eyes"], source.values["eyes"], motion.LEAST_MOTION["eyes"]),
        sharpness=mean(values["sharpness"]),
        outside_psnr=decibels(squared / pixels.sum() / 255**2) if pixels.any() else None,
        outside_max=_extreme(values["outside_max"][pixels > 0], np.max),
        psnr=None if (error := mean(values["mse"])) is None else decibels(error),
        **{name: mean(values[name]) for name in ("ssim", "ms_ssim", "lpips", "mse")},
    )  # fmt: skip


def judge(source: Series, edit: Series, names: Sequence[str], targets: Mapping[str, bool]) -> Judgement | None:
    """What the judge saw in the frames it saw in both videos; None if there are none."""
    known = ~(np.isnan(source.attributes).any(axis=1) | np.isnan(edit.attributes).any(axis=1))
    if not known.any():
        return None
    before, after = source.attributes[known], edit.attributes[known]
    means = [dict(zip(names, table.mean(axis=0).round(4).tolist(), strict=True)) for table in (before, after)]
    verdicts = tuple(
        verdict(name, wanted, before[:, k], after[:, k])
        for name, wanted in targets.items()
        if (k := _place(names, name)) is not None
    )
    change = {name: round(means[1][name] - means[0][name], 4) for name in names}
    return Judgement(*means, verdicts, side_effects(change, targets) if targets else {})


def mean(values: np.ndarray) -> float | None:
    """The mean of what is known, None if nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _temporal(source: Series, edit: Series) -> tuple[float | None, float | None]:
    frames = sorted(source.embeddings.keys() & edit.embeddings.keys())
    if len(frames) < 2:
        return None, None
    ours, theirs = ([series.embeddings[frame] for frame in frames] for series in (source, edit))
    steady = temporal_identity(theirs, ours, frames)
    return _finite(steady.tl_id), _finite(steady.tg_id)


def _ratio(edited: np.ndarray, source: np.ndarray) -> float | None:
    known = ~(np.isnan(edited) | np.isnan(source))
    if not known.any() or not source[known].sum():
        return None
    return float(edited[known].sum() / source[known].sum())


def _extreme(values: np.ndarray, pick) -> float | None:
    known = values[~np.isnan(values)]
    return float(pick(known)) if len(known) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _place(names: Sequence[str], name: str) -> int | None:
    return list(names).index(name) if name in names else None
