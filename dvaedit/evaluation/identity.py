"""How steady an identity is over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dvaedit.errors import UsageError


@dataclass(frozen=True)
class TemporalIdentity:
    """How steady an edited video's identity is relative to its source's (Tzaban et al. 2022); 1 is as steady."""

    tl_id: float
    tg_id: float


def temporal_identity(
    edited: Sequence[np.ndarray], source: Sequence[np.ndarray], frames: Sequence[int] | None = None
) -> TemporalIdentity:
    """TL-ID, from the cosines of adjacent frames, and TG-ID, from those of all pairs, each edited over source.

    ``edited``, ``source``: unit-norm embeddings of the same two or more frames; ``frames``: their rising numbers
    (default: consecutive), so that the two sides of a gap do not count as adjacent. TL-ID is NaN where none are.
    """
    if len(edited) != len(source) or len(source) < 2:
        raise UsageError(f"cannot compare {len(edited)} with {len(source)} frames", hint="The same 2 or more of both.")
    adjacent = np.diff(np.arange(len(source)) if frames is None else np.asarray(frames)) == 1
    (local_edited, all_edited), (local_source, all_source) = (
        _self_similarity(np.stack(codes).astype(np.float64), adjacent) for codes in (edited, source)
    )
    return TemporalIdentity(local_edited / local_source, all_edited / all_source)


def _self_similarity(codes: np.ndarray, adjacent: np.ndarray) -> tuple[float, float]:
    """Mean cosine of adjacent frames and of all pairs. codes: (n, D), unit norm; adjacent: bool (n - 1,)."""
    local = (codes[1:] * codes[:-1]).sum(axis=1)[adjacent]
    n = len(codes)
    # The sum over all pairs, without the n x n table: that of a long video would not fit.
    pairs = (np.square(codes.sum(axis=0)).sum() - np.square(codes).sum()) / (n * (n - 1))
    return float(local.mean()) if len(local) else float("nan"), float(pairs)
