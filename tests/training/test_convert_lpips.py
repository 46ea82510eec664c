import pickle
from pathlib import PurePosixPath

import numpy as np
import pytest

from dvaedit.errors import WeightsError
from dvaedit.models.lpips import LAYERS, LPIPS
from dvaedit.training.convert_lpips import convert, load_arrays


def arrays():
    rng = np.random.default_rng(0)
    convs = {
        f"Conv_{i}": {"kernel": rng.normal(size=(k, k, a, b)).astype(np.float32), "bias": np.zeros(b, np.float32)}
        for i, (a, b, k, *_) in enumerate(LAYERS)
    }
    heads = {
        f"NetLinLayer_{i}": {"Conv_0": {"kernel": np.ones((1, 1, layer[1], 1), np.float32)}}
        for i, layer in enumerate(LAYERS)
    }
    return {"AlexNet_0": convs, **heads}


def test_a_pickle_of_arrays_becomes_the_networks_state(tmp_path):
    original = arrays()
    (tmp_path / "a.ckpt").write_bytes(pickle.dumps(original, protocol=3))
    state = convert(load_arrays(tmp_path / "a.ckpt"))
    LPIPS().load_state_dict(state)
    kernel = original["AlexNet_0"]["Conv_1"]["kernel"]
    assert state["convs.1.weight"][7, 5, 1, 2].item() == kernel[1, 2, 5, 7]


def test_a_pickle_of_anything_else_is_refused(tmp_path):
    (tmp_path / "bad.ckpt").write_bytes(pickle.dumps(PurePosixPath("x")))
    with pytest.raises(WeightsError, match="PurePosixPath"):
        load_arrays(tmp_path / "bad.ckpt")
