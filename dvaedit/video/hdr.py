"""Mastering metadata of HDR video (SMPTE ST 2086, CTA-861.3): read off a frame, handed to an encoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import av

_DYNAMIC = ("DYNAMIC_HDR_PLUS", "DYNAMIC_HDR_VIVID", "DOVI_RPU_BUFFER", "DOVI_METADATA")
# the units in which HEVC and H.264 write chromaticities and luminances
_CHROMA, _LUMINANCE = 50_000, 10_000


@dataclass(frozen=True)
class Mastering:
    """What a video says of the display it was graded on, and of its own light.

    primaries: (x, y) of red, green, blue and white, CIE 1931; luminance: (lowest, highest), cd/m2; light: (brightest
    pixel, brightest frame mean), cd/m2. None where unknown. dynamic: whether there is metadata for each frame too.
    """

    primaries: tuple[tuple[Fraction, Fraction], ...] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    light: tuple[int, int] | None = None
    dynamic: bool = False

    @property
    def known(self) -> bool:
        return self.primaries is not None or self.light is not None

    def encoder_options(self, encoder: str) -> dict[str, str] | None:
        """The encoder's own options that carry it; None if this encoder has none."""
        if encoder == "libx265":
            return {"x265-params": self._joined("master-display", "max-cll", self._integers())}
        if encoder == "libx264":
            return {"x264-params": self._joined("mastering-display", "cll", self._integers())}
        if encoder == "libsvtav1":
            return {"svtav1-params": self._joined("mastering-display", "content-light", self._decimals())}
        return None

    def _joined(self, display: str, light: str, mastering: str) -> str:
        parts = [f"{display}={mastering}"] if mastering else []
        return ":".join(parts + ([f"{light}={self.light[0]},{self.light[1]}"] if self.light else []))

    def _integers(self) -> str:
        return self._written(lambda x: str(round(x * _CHROMA)), lambda x: str(round(x * _LUMINANCE)))

    def _decimals(self) -> str:
        return self._written(lambda x: f"{float(x):.5f}", lambda x: f"{float(x):.4f}")

    def _written(self, chroma, luminance) -> str:
        if self.primaries is None or self.luminance is None:
            return ""
        red, green, blue, white = (f"({chroma(x)},{chroma(y)})" for x, y in self.primaries)
        low, high = self.luminance
        return f"G{green}B{blue}R{red}WP{white}L({luminance(high)},{luminance(low)})"


def mastering_of(frame: av.VideoFrame) -> Mastering:
    """Read the side data of a frame."""
    data = {item.type.name: bytes(item) for item in frame.side_data}
    primaries = luminance = light = None
    if (raw := data.get("MASTERING_DISPLAY_METADATA")) is not None:
        values = [_ratio(*pair) for pair in struct.iter_unpack("=2i", raw[:80])]
        has_primaries, has_luminance = struct.unpack("=2i", raw[80:88])
        if has_primaries:
            primaries = tuple((values[2 * n], values[2 * n + 1]) for n in range(4))
        if has_luminance:
            luminance = (values[8], values[9])
    if (raw := data.get("CONTENT_LIGHT_LEVEL")) is not None:
        light = struct.unpack("=2I", raw[:8])
    return Mastering(primaries, luminance, light, any(name in data for name in _DYNAMIC))


def _ratio(numerator: int, denominator: int) -> Fraction:
    return Fraction(numerator, denominator) if denominator else Fraction(0)
