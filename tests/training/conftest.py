"""Small data sets: smooth random pictures in place of faces, in the paper's layout, and a library of drawn faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from dvaedit.face.mesh import FaceMesher
from dvaedit.face.points import landmarks_68
from dvaedit.models.autoencoder import AutoencoderConfig
from dvaedit.models.identity import IdentityConfig
from dvaedit.models.landmarks import LandmarkConfig
from dvaedit.models.unet import UNetConfig
from dvaedit.training.config import TrainConfig
from dvaedit.training.counterfactual.library import Library
from dvaedit.training.counterfactual.mesh import triangulate
from dvaedit.training.pseudo_labels import HAIR, SIZE

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


PLAIN = {"glasses": "none", "headwear": "0", "occluded": "0", "large_pose": "0", "smile": "none", "mouth_open": "0",
         "facial_hair": "none", "hair_length": "short", "hair_texture": "straight", "bangs": "0",
         "source": "drawn"}  # fmt: skip
LONG = {"hair_length": "long", "sex": "f", "age": "young"}
OLD = {"age": "old", "source": "sfhq"}  # of whom wrinkles are learnt
SHAVEN = {"sex": "m", "source": "sfhq"}
BEARDED = {**SHAVEN, "facial_hair": "beard", "hair_colour": "black"}


@pytest.fixture(scope="module")
def mean_face():
    """(468, 2) points of a real face, 200 pixels high, in a picture of 256."""
    with FaceMesher() as mesher:
        (face,) = mesher.detect(data.astronaut())
    points = face.points.astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) * 200 / (high - low).max() + SIZE / 2


class Drawn:
    """Faces as they are drawn in one place, size and tilt, and then moved each to its own."""

    def __init__(self, mean_face, seed=0):
        self.mean, self.rng = mean_face, np.random.default_rng(seed)
        self.rows, self.images, self.classes, self.points = [], [], [], []

    def add(self, count=1, paint=None, shift=None, hair=None, **row):
        """``paint``: changes a picture whose face has the points it is given; ``shift``: (468, 2), of its points;
        ``hair``: bool (S, S), where there is some."""
        for _ in range(count):
            points = self.mean + (0 if shift is None else shift)
            image = np.full((SIZE, SIZE, 3), (190, 150, 130), np.float32) + self.rng.uniform(-25, 25)
            image += cv2.GaussianBlur(self.rng.normal(0, 2, image.shape), (0, 0), 1)  # no two pixels are alike
            if paint is not None:
                paint(image, points, self.rng)
            angle, scale = self.rng.uniform(-0.1, 0.1), self.rng.uniform(0.9, 1.05)
            matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), np.degrees(angle), scale)
            matrix[:, 2] += self.rng.uniform(-4, 4, 2)
            centres = matrix.copy()
            centres[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # pixel i has its centre at i + 0.5
            self.points.append(points @ matrix[:, :2].T + matrix[:, 2])
            classes = np.ones((SIZE, SIZE), np.uint8)
            if hair is not None:
                image[hair], classes[hair] = strands(self.rng)[hair], HAIR
            classes, moved = (
                cv2.warpAffine(one, centres, (SIZE, SIZE), flags=how, borderMode=cv2.BORDER_REPLICATE)
                for one, how in ((classes, cv2.INTER_NEAREST), (image, cv2.INTER_LINEAR))
            )
            self.classes.append(classes)
            self.images.append(np.clip(np.rint(moved), 0, 255).astype(np.uint8))
            self.rows.append({**PLAIN, "sex": "f", "age": "young", **row})

    def library(self):
        count = len(self.rows)
        nothing = np.zeros((count, 6), np.float32)
        return Library(
            self.rows, np.stack(self.images), np.stack(self.classes), np.stack(self.points),
            nothing[:, :2], nothing[:, :3], nothing, np.zeros(count, bool), triangulate(self.mean), self.mean,
        )  # fmt: skip


def strands(rng):
    """(S, S, 3): dark hair of which each column is of another lightness."""
    light = cv2.GaussianBlur(rng.normal(0, 30, (1, SIZE)), (0, 0), 1)
    return np.clip(np.float32([60, 45, 35]) + light[..., None] * np.ones((SIZE, 1, 1)), 5, 250).astype(np.float32)


def bearded(light, top=0.0):
    """Paint for a face: a beard up to the temples, so ``light`` beside the skin; ``top``: how much higher it goes on
    cheeks, pixels."""

    def paint(image, points, rng):
        own, mask = landmarks_68(points), np.zeros((SIZE, SIZE), np.float32)
        inner = own[[16, 15, 14, 54, 35, 31, 48, 2, 1, 0]]
        inner[[0, 1, 7, 8, 9], 0] += [-8, -8, 8, 8, 8]
        inner[[2, 3, 6, 7]] += [[-8, -top], [6, -6 - top], [-6, -6 - top], [0, -top]]
        cv2.fillPoly(mask, [np.rint(np.vstack([own[:17], inner])).astype(np.int32)], 1.0)
        cv2.fillPoly(mask, [np.rint(own[48:60]).astype(np.int32)], 0.0)
        image *= 1 - (1 - light) * cv2.GaussianBlur(mask, (0, 0), 1)[..., None]

    return paint


def beside(mean_face):
    """bool (S, S): hair beside a face, from its brows down."""
    across, down = landmarks_68(mean_face)[:17].T
    y, x = np.mgrid[:SIZE, :SIZE]
    aside = np.maximum(across.min() - x, x - across.max())
    return (aside > 0) & (aside < 40) & (y > down.min())
