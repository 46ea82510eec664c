"""A few frames of a track, for trying things out: what comes after sees a track of only these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress
from dvaedit.pipeline.writer import ArtifactWriter

WHOLE = ("z_id_rep",)  # belongs to the video, not to a frame


@dataclass(frozen=True)
class Pick(Stage):
    """Makes all that the align and encode stages make, for ``count`` frames spread over the track.

    The identity code is still that of the whole video.
    """

    name: ClassVar[str] = "pick"
    version: ClassVar[int] = 1
    count: int = 3

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        align, codes = inputs["align"], inputs["encode"]
        places = spread(len(align.read("frames")), self.count)
        whole, sharded = {}, {}
        for artifact in (align, codes):
            rows = {name for record in artifact.shards for name in record.arrays}
            for name in artifact.names:
                if name in rows:
                    sharded[name] = np.concatenate([artifact.read(name, at, at + 1) for at in places])
                else:
                    values = artifact.read(name)
                    whole[name] = values if name in WHOLE else values[places]
        if not out.has("track"):
            out.save(whole, group="track")
        for start, stop in out.missing(len(places), len(places)):
            out.write(start, stop, {name: values[start:stop] for name, values in sharded.items()})
        progress(len(places), len(places))


def spread(length: int, count: int) -> list[int]:
    """At most ``count`` different positions of 0..length-1, evenly spread and away from the ends."""
    edges = (np.arange(count) + 0.5) / count * length
    return np.unique(np.minimum(edges.astype(int), length - 1)).tolist()
