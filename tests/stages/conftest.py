"""A tiny random model and a short real clip: enough to run every stage in seconds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from dvaedit.models.autoencoder import Autoencoder
from dvaedit.models.bundle import Model
from dvaedit.models.classifier import AttributeModel
from dvaedit.runtime import Runtime
from dvaedit.stages import graph
from dvaedit.stages.adapt import CLEARLY, PAYS, STRENGTHS
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video, write_video
from tests.models.test_unet import TINY

FEW = 3  # sampled frames where all is drawn
EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.mp4"


class TopIsHair(torch.nn.Module):
    """A parser that calls the upper half of a crop hair and the rest skin."""

    config = SimpleNamespace(image_size=64)

    def class_map(self, x):
        rows = torch.arange(x.shape[2], device=x.device)[:, None].expand(x.shape[2:])
        return torch.where(rows < x.shape[2] // 2, 17, 1).expand(len(x), -1, -1)


def tiny_model() -> Model:
    """Random networks, the same in every process."""
    torch.manual_seed(0)
    autoencoder = Autoencoder(TINY).eval().requires_grad_(False)
    for parameter in autoencoder.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    attributes = AttributeModel(("Blond_Hair", "Eyeglasses", "Male"), TINY.identity.code_channels)
    attributes.std.fill_(0.1)
    torch.nn.init.normal_(attributes.directions, std=5.0)
    digests = {"autoencoder": "a" * 64, "classifier": "b" * 64, "parser": "c" * 64}
    return Model("tiny", autoencoder, attributes, TopIsHair(), {}, digests, Runtime.resolve("cpu"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """The first eight frames of the example, with its sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    info = probe(EXAMPLE)
    write_video(path, info, ((frame.native, frame.pts) for frame in read_frames(EXAMPLE, 0, 8)), crf=10)
    return path


@pytest.fixture(scope="session")
def two_people(tmp_path_factory) -> Path:
    """Twelve frames of two faces side by side, the right one smaller and, in frames 5 and 6, painted over."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    left = data.astronaut()[:300, 60:360]
    right = cv2.resize(left, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(12):
        frame = np.zeros((300, 560, 3), np.uint8)
        frame[:, :300] = left
        frame[30:270, 310:550] = 90 if number in (5, 6) else right
        frames.append(np.roll(frame, number, axis=1))
    write_rgb_video(path, frames, rate=Fraction(24), crf=10)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """What the tests of a module share: the source's stages run once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def few(monkeypatch) -> None:
    """Where all is drawn, no more than ``FEW`` frames are sampled."""
    monkeypatch.setattr(graph, "COUNT", FEW)


@pytest.fixture
def model() -> Model:
    return tiny_model()


def seeing(monkeypatch, model, values):
    """What the classifier of ``model`` sees of every attribute in all it is shown, call by call."""
    told = iter(values)
    monkeypatch.setattr(
        model.attributes, "logits", lambda z_id: torch.full((len(z_id), len(model.attributes.bias)), next(told))
    )


def rising(sign=1.0):
    """Ever more from strength to strength, never enough; ``sign`` -1: of what is to go."""
    return [sign * (CLEARLY - 2 + 1.1 * PAYS * n) for n in range(len(STRENGTHS))]
