import numpy as np
import pytest

from dvaedit.evaluation.crops import CropQuality, crop_quality, mean_quality


class Crops:
    """An artifact of crops."""

    def __init__(self, crops):
        self.crops = crops

    def batches(self, name, size):
        yield 0, len(self.crops), self.crops

    def read(self, name, start, stop):
        return self.crops[start:stop]


def test_psnr_is_that_of_the_mean_error_and_infinite_only_where_all_frames_are_equal():
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
    same = np.moveaxis(crops, 3, 1).astype(np.float32) / 127.5 - 1
    other = same.copy()
    other[1:] += 0.02 * np.sign(-same[1:])
    assert crop_quality(Crops(crops), Crops(same)).psnr == np.inf
    error = np.square(other - same).mean() / 4
    found = crop_quality(Crops(crops), Crops(other))
    assert (found.psnr, found.mse) == (pytest.approx(-10 * np.log10(error), abs=1e-3), pytest.approx(error, abs=1e-5))


def test_tracks_are_pooled_by_their_errors():
    equal, off = CropQuality(np.inf, 1, 0, 0), CropQuality(70, 0.9, 0.1, 0.0)  # an MSE of 1e-7, rounded away
    found = mean_quality([(1, equal), (3, off)])
    assert found.psnr == pytest.approx(-10 * np.log10(0.75e-7), abs=1e-4) and found.ssim == pytest.approx(0.925)
    assert mean_quality([(2, equal)]).psnr == np.inf
