from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "parity" / "public"


@pytest.fixture
def public() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the fixtures of ../shared are not here")
    return SHARED


@pytest.fixture
def altered(public, tmp_path):
    """Makes a copy of the public folder with one file's arrays changed by a function."""

    def make(file, change):
        for path in public.iterdir():
            if path.name != f"{file}.npz" and path.suffix in (".npz", ".json"):
                (tmp_path / path.name).symlink_to(path)
        with np.load(public / f"{file}.npz") as stored:
            arrays = {name: stored[name].copy() for name in stored.files}
        change(arrays)
        np.savez(tmp_path / f"{file}.npz", **arrays)
        return tmp_path

    return make
