"""Noise codes are kept in half precision: what comes of them does not visibly change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dvaedit.diffusion.reversible import reversible_invert, reversible_sample, reversible_timesteps
from dvaedit.errors import WeightsError
from dvaedit.stages.invert import bind
from tests.stages.conftest import tiny_model
from tests.stages.test_chain import pipeline

FRAMES = 4


def sampled(model, crops, z_lnd, source, edited, steps, kept):
    """Edited crops, 8-bit levels, float (n, S, S, 3), from states that have been kept in the dtype ``kept``."""
    schedule, timesteps = model.autoencoder.schedule, reversible_timesteps(steps)
    with torch.inference_mode():
        states = reversible_invert(schedule, bind(model, source, z_lnd), model.images(crops), timesteps)
        assert max(state.abs().max().item() for state in states) < 60_000  # within float16
        states = tuple(state.to(kept).float() for state in states)
        pictures = reversible_sample(schedule, bind(model, edited, z_lnd), states, timesteps)
    return ((pictures.permute(0, 2, 3, 1) + 1) * 127.5).clamp(0, 255).numpy()


def differences(model, clip, folder, steps):
    """|float16 - float32|, 8-bit levels: of an edit to blond hair at strength 2, and of the unedited picture."""
    line = pipeline(clip, model, folder)
    crops, codes = line.artifact("align").read("crops", 0, FRAMES), line.artifact("encode")
    z_lnd, source = codes.read("z_lnd", 0, FRAMES), model.identity_codes(codes, 0, FRAMES)
    found = []
    for code in (line.artifact("edit").read("z_id"), source):
        half, single = (
            sampled(model, crops, z_lnd, source, code, steps, kept) for kept in (torch.float16, torch.float32)
        )
        change = np.abs(single - crops)
        assert change.max() < 0.1 if code is source else change.mean() > 0.5  # exact without an edit; there is an edit
        found.append(np.abs(half - single))
    return found


@pytest.mark.parametrize("steps", [3, 10])
def test_half_precision_of_the_noise_code_is_not_seen(clip, tmp_path, steps):
    """A random network, which does with rounding what it likes: at most two levels."""
    edited, unedited = differences(tiny_model(), clip, tmp_path, steps)
    print(f"{steps} steps: edited {edited.max():.2f} (mean {edited.mean():.3f}), unedited {unedited.max():.2f}")
    assert edited.max() < 2 and unedited.max() < 2


@pytest.mark.slow
def test_half_precision_with_the_shipped_model(clip, tmp_path):
    from dvaedit.checkpoints.load import load_model
    from dvaedit.runtime import Runtime

    try:
        model = load_model("compact", Runtime.resolve("cpu"))
    except WeightsError as error:
        pytest.skip(f"the weights are not here: {error.message}")
    edited, unedited = differences(model, clip, tmp_path, 10)
    print(f"edited {edited.max():.2f} (mean {edited.mean():.3f}), unedited {unedited.max():.2f}")
    assert edited.max() < 2 and unedited.max() < 2
