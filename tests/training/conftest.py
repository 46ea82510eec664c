"""A small data set in the paper's layout: smooth random pictures in place of faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dvaedit.models.autoencoder import AutoencoderConfig
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.models.unet import UNetConfig
from dvaedit.training.config import TrainConfig

# The paper's U-Net (eps, linear schedule, residual blocks that resample) at a toy's size. The identity network is the
# compact model's: IR-SE50 always sees 112 pixels, which takes seconds a test.
TINY_PAPER = AutoencoderConfig(
    unet=UNetConfig(
        image_size=16, base_channels=8, channel_multipliers=(1, 2), num_res_blocks=1, attention_resolutions=(8,),
        embed_channels=16, cond_channels=16, norm_groups=4,
    ),
    identity=IdentityConfig(image_size=16, channels=(8, 16), code_channels=12),
    landmarks=LandmarkConfig("mesh"),
)  # fmt: skip
IR_SE50 = IdentityConfig(image_size=16, channels=(2, 2, 2, 4), code_channels=12, kind="ir_se50")
TINY_TRAINING = TrainConfig(
    model=TINY_PAPER, batch_size=2, pair_share=1.0, timesteps="uniform", learning_rate=1e-3, weight_decay=0.0,
    warmup_steps=0, ema_decay=0.9, ema_warmup=False, attribute_weight=0.0, id_noise=0.0, code_statistics=False,
)  # fmt: skip


def write_video(root: Path, name: str, frames: int, size: int = 16, split: str = "train", seed: int = 0) -> None:
    """Frames and their table, as ``dvaedit prepare`` writes them."""
    rng = np.random.default_rng(seed)
    folder = root / split / name
    folder.mkdir(parents=True)
    for number in range(frames):
        picture = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (size, size))
        cv2.imwrite(str(folder / f"{number:06d}.png"), picture)
    tables = root / "tables" / split
    tables.mkdir(parents=True, exist_ok=True)
    points = rng.uniform(0.2, 0.8, (frames, 68, 2)).astype(np.float32)
    np.savez(tables / f"{name}.npz", frames=np.arange(frames), points=points)


@pytest.fixture
def videos(tmp_path) -> Path:
    """Four videos of 5, 4, 3 and 1 frames to train on, one of 3 to test on."""
    root = tmp_path / "videos"
    for seed, (name, frames) in enumerate({"a": 5, "b": 4, "c": 3, "d": 1}.items()):
        write_video(root, name, frames, seed=seed)
    write_video(root, "t", 3, split="test", seed=9)
    return root
