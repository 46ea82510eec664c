"""The fixtures' stand-in for CLIP: linear maps of bytes and of pooled pixels, with CLIP's own preprocessing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.models.clip import OPENAI_MEAN, OPENAI_STD, preprocess
from dvaedit.parity import pseudo

TOKENS = 77
IMAGE_PIXELS, POOLED = 224, 14
FEATURES = 512


class StubClip:
    """Text and image features of unit norm, as :class:`dvaedit.editing.text.TextImageModel` wants them."""

    def __init__(self, salt: str, antialias: bool) -> None:
        def make(name: str, *shape: int) -> Tensor:
            return pseudo.weight(salt, f"clip_stub.{name}", shape)

        self.antialias = antialias
        self.text = make("text.weight", FEATURES, TOKENS), make("text.bias", FEATURES)
        self.image = make("image.weight", FEATURES, 3 * POOLED**2), make("image.bias", FEATURES)

    def tokens(self, texts: list[str]) -> Tensor:
        """UTF-8 bytes, (len(texts), 77) uint8, zero-filled."""
        out = torch.zeros(len(texts), TOKENS, dtype=torch.uint8)
        for row, text in enumerate(texts):
            data = text.encode()[:TOKENS]
            out[row, : len(data)] = torch.tensor(list(data), dtype=torch.uint8)
        return out

    def encode_text(self, texts: list[str]) -> Tensor:
        """(len(texts), 512)."""
        return F.normalize(F.linear(self.tokens(texts).float() / 255, *self.text), dim=-1)

    def preprocess(self, x: Tensor) -> Tensor:
        """(B, 3, 224, 224) of images (B, 3, H, W) in [-1, 1]."""
        return preprocess(x, (IMAGE_PIXELS, IMAGE_PIXELS), "bicubic", self.antialias, OPENAI_MEAN, OPENAI_STD)

    def encode_image(self, x: Tensor) -> Tensor:
        """(B, 512) of images (B, 3, H, W) in [-1, 1], differentiable."""
        pooled = F.adaptive_avg_pool2d(self.preprocess(x), POOLED).flatten(1)
        return F.normalize(F.linear(pooled, *self.image), dim=-1)
