"""Where a person's edit may change the frames."""

from __future__ import annotations

import numpy as np

from dvaedit.face.paste import Mask, joined, mask_in_frame
from dvaedit.face.surround import REACH, wide_quads
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.additions import KINDS, squares
from dvaedit.stages.png import read_mask

WIDE = "strands"  # of the square beyond the crop


def reach_of(pasted: Artifact) -> float:
    """Of the wide squares of a person, see :func:`wide_quads`; earlier runs and other recipes knew one only."""
    return pasted.meta.get("reach", REACH)


class Extent:
    """The masks that all parts of an edit are pasted with, together."""

    def __init__(self, pasted: Artifact, quads: np.ndarray) -> None:
        """pasted: of :class:`dvaedit.stages.paste.Paste`; quads: (n, 4, 2), the crop squares of the track."""
        self._pasted = pasted
        around = {"mask": quads, "morph.mask": quads, WIDE: wide_quads(quads, reach_of(pasted))}
        around |= {f"{kind}.mask": squares(kind, quads) for kind in KINDS}
        self._squares = {name: around[name] for name in pasted.names & set(around)}

    def at(self, position: int, size: tuple[int, int]) -> Mask:
        """For a frame of ``size`` (width, height) at a position of the track: zero exactly where nothing is added."""
        return joined([
            mask_in_frame(read_mask(self._pasted, name, position), quads[position], size)
            for name, quads in self._squares.items()
        ])  # fmt: skip
