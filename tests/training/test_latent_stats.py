"""Statistics of identity codes: of all frames, unbiased, with where they are from."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.errors import UsageError, WeightsError
from dvaedit.models.autoencoder import Autoencoder
from dvaedit.training import latent_stats
from dvaedit.training.augment import to_float
from dvaedit.training.latent_stats import LatentStats, Moments, measure, read, write
from dvaedit.training.video_set import open_split
from tests.training.conftest import TINY_PAPER

CPU = torch.device("cpu")


def test_mean_and_unbiased_std_over_all_frames(videos):
    torch.manual_seed(0)
    model = Autoencoder(TINY_PAPER).eval()
    data = open_split(videos, "train", 16)
    seen = []
    stats = measure(model, data, CPU, {"data": "videos"}, batch=4, progress=lambda *event: seen.append(event))
    crops = np.stack([data.read(video, n) for video in data.videos for n in range(len(video.frames))])
    with torch.inference_mode():
        codes = model.identity(to_float(torch.from_numpy(crops))).double()
    assert stats.count == 13 and seen[-1] == (13, 13)
    assert torch.allclose(stats.mean.double(), codes.mean(0), atol=1e-6)
    assert torch.allclose(stats.std.double(), codes.std(0), atol=1e-6)
    assert stats.source == {"data": "videos", "videos": "4"}


def test_moments_do_not_depend_on_how_values_are_split():
    values = 1e4 + np.random.default_rng(0).normal(size=(100, 3))
    moments = Moments()
    for part in np.split(values, [1, 40, 41]):
        moments.add(part)
    assert moments.mean == pytest.approx(values.mean(0), rel=1e-12)
    assert moments.std == pytest.approx(values.std(0, ddof=1), rel=1e-9)


def test_too_few_frames_and_codes_that_never_change(videos):
    model = Autoencoder(TINY_PAPER).eval()
    data = open_split(videos, "train", 16)
    one = latent_stats.VideoSet(data.root, "train", 16, data.videos[3:])
    with pytest.raises(UsageError, match="at least two"):
        measure(model, one, CPU, {})
    model = SimpleNamespace(identity=lambda x: torch.ones(len(x), 12))
    with pytest.raises(UsageError, match="the same in all frames"):
        measure(model, data, CPU, {})


def test_a_file_keeps_count_and_source(tmp_path):
    stats = LatentStats(torch.arange(3.0), torch.ones(3), 7, {"data": "faces"})
    write(tmp_path / "a" / "stats.safetensors", stats)
    found = read(tmp_path / "a" / "stats.safetensors")
    assert torch.equal(found.mean, stats.mean) and torch.equal(found.std, stats.std)
    assert (found.count, found.source) == (7, {"data": "faces"})
    (tmp_path / "other").write_bytes(b"nothing")
    for name in ("other", "absent"):
        with pytest.raises(WeightsError, match="no latent statistics"):
            read(tmp_path / name)
