"""When an edit shows, and how strongly: gaps are bridged, and nothing pops in or out except where the picture cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dvaedit.face.align import runs

STEADY_GAP = 3  # frames without a detection that are bridged at full strength (a blink of the detector)
BRIDGE_SECONDS = 0.5  # longest gap that is bridged; a hand that passes takes less
FADE_SECONDS = 0.25


@dataclass(frozen=True, eq=False)
class Presence:
    """The frames a person is edited in.

    frames: int64 (n,), rising; timeline: int64 (n,), frame numbers that also jump at every cut, so that runs of
    consecutive ones are runs within a shot; source: float64 (n,), the position among the detections, with a fraction
    where the frame lies between two of them; weights: float64 (n,) in (0, 1], the strength of the edit.
    """

    frames: np.ndarray
    timeline: np.ndarray
    source: np.ndarray
    weights: np.ndarray

    @property
    def bridged(self) -> np.ndarray:
        """Which frames have no detection of their own, bool (n,)."""
        return self.source % 1 != 0

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the detections, (m, ...), at the frames, (n, ...): interpolated where a frame is bridged."""
        low = np.floor(self.source).astype(int)
        share = (self.source - low).reshape(-1, *[1] * (values.ndim - 1))
        high = np.minimum(low + 1, len(values) - 1)
        return values[low] * (1 - share) + values[high] * share


def presence(
    frames: np.ndarray, allowed: np.ndarray, shots: np.ndarray, total: int, rate: float, span: tuple[int, int]
) -> Presence:
    """Work out the presence of a person.

    frames: (m,) those with a detection; allowed: (m,) in [0, 1], how much of an edit each bears; shots: first frame
    of each shot; total: frames of the video; rate: frames per second; span: first and last + 1 frame to edit.
    Frames that end up with no strength stay in, with weight 0: the crops around them are smoothed with them.
    """
    bridge, fade = max(STEADY_GAP, round(BRIDGE_SECONDS * rate)), max(2, round(FADE_SECONDS * rate))
    shot = np.searchsorted(shots, frames, "right")
    source = _bridged(frames, shot, bridge)
    where = np.interp(source, np.arange(len(frames)), frames).round().astype(np.int64)
    level = np.interp(source, np.arange(len(frames)), allowed) * _dips(source, frames, bridge)
    level[(where < span[0]) | (where >= span[1])] = 0
    timeline = where + np.searchsorted(shots, where, "right") - 1
    ends = set(map(int, shots)) | {total}
    weights = np.concatenate(
        [
            _limited(level[run], int(where[run][0]) in ends, int(where[run][-1]) + 1 in ends, fade)
            for run in runs(timeline)
        ]
    )
    return Presence(where, timeline, source, weights * weights * (3 - 2 * weights))


def _bridged(frames: np.ndarray, shot: np.ndarray, bridge: int) -> np.ndarray:
    """Positions among the detections, those between two of them too where the gap is short and within a shot."""
    parts = []
    for place, (gap, same) in enumerate(zip(np.diff(frames) - 1, np.diff(shot) == 0, strict=True)):
        steps = gap + 1 if same and gap <= bridge else 1
        parts.append(place + np.arange(steps) / steps)
    return np.concatenate([*parts, [len(frames) - 1.0]])


def _dips(source: np.ndarray, frames: np.ndarray, bridge: int) -> np.ndarray:
    """1, and less in the middle of the longer gaps that are bridged: what is there is a guess."""
    low = np.floor(source).astype(int)
    gaps = np.append(np.diff(frames) - 1, 0)[low]
    depth = np.clip((gaps - STEADY_GAP) / max(1, bridge + 1 - STEADY_GAP), 0, 1)
    return 1 - depth * np.sin(np.pi * (source - low))


def _limited(level: np.ndarray, opens: bool, closes: bool, fade: int) -> np.ndarray:
    """The greatest strengths below ``level`` that change by 1 / fade a frame at most, from and to 0 at open ends.

    opens, closes: whether the run begins, or ends, where the picture cuts, and so may begin or end at full strength.
    """
    padded = np.concatenate([[1.0 if opens else 0.0], level, [1.0 if closes else 0.0]])
    at = np.arange(len(padded)) / fade
    forward = np.minimum.accumulate(padded - at) + at
    backward = (np.minimum.accumulate((padded + at)[::-1]))[::-1] - at
    return np.minimum(forward, backward)[1:-1]
