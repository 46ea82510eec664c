"""Where hair is that an edit dyes, inside the crops and beyond, and what becomes of its colour."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from dvaedit.face.dye import Dye
from dvaedit.face.matte import ramps
from dvaedit.face.person import PersonSegmenter
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.steady import RADIUS
from dvaedit.face.surround import HairColours, in_frame, wide_map, wide_quads
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.frames import crops_at
from dvaedit.stages.parse import read_maps
from dvaedit.stages.probes import Probes, reduced, weights_of
from dvaedit.video.probe import probe

log = logging.getLogger(__name__)

CHUNK = 32  # frames in memory at a time
FLOW = 128  # side of the squares along whose motion outlines are calmed, pixels


class Strands:
    """Hair inside and outside the crops, shard by shard; each frame is cut and looked at once."""

    def __init__(
        self, model: Model, video: Path, inputs: Mapping[str, Artifact], shards: Sequence[tuple[int, int]]
    ) -> None:
        """inputs: as of :class:`Probes`; shards: of the frames whose ramps are to be made, rising."""
        align, self.parsed, self.probes = inputs["align"], inputs["parse"], Probes(inputs)
        self.timeline = align.read("timeline")
        total = len(self.timeline)
        self.first = max(shards[0][0] - RADIUS, 0) if shards else total
        steps = [(at, min(at + CHUNK, total)) for at in range(self.first, total, CHUNK)]
        self.quads, info = wide_quads(align.read("quads")), probe(video)
        self.frame_size = info.width, info.height
        self.coming = crops_at(video, align, model.parser.config.image_size, steps, quads=self.quads)
        self.kept, self.segmenter = [], PersonSegmenter()
        self.crops, self.classes = self.probes.crops(), self.probes.classes()
        self.colours = HairColours.learn(self.crops, reduced(self.classes, self.crops.shape[1:3]))

    def dye(self, turns: Mapping[str, float]) -> np.ndarray:
        """What the edit does to the colours of hair, (2, 3), over frames spread through the video.

        turns: see :meth:`Dye.learn`.
        """
        edited = self.probes.edited()
        weights = weights_of(self.classes, "hair", self.crops.shape[1:3], grow=0)
        skin = reduced(self.classes, self.crops.shape[1:3]) == CLASS_ID["skin"]
        dye = Dye.learn(self.crops.astype(np.float32), edited, weights, skin, turns)
        if dye is None:
            log.warning("the parser finds no hair to dye")
            return np.zeros((2, 3))  # from one colour to the same
        return np.stack([dye.before, dye.after])

    def ramps(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """``hair`` and ``face``, (stop - start, M, M) float32; shards are asked for in rising order."""
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(self.timeline))
        while self.first + len(self.kept) < high:
            begin, end, crops = next(self.coming)
            classes = read_maps(self.parsed, begin, end)
            for wide, quad, inner in zip(crops, self.quads[begin:end], classes, strict=True):
                shown = in_frame(quad, len(wide), self.frame_size)
                found = wide_map(wide, shown, self.segmenter.mask(wide), inner, self.colours)
                self.kept.append((found, cv2.resize(wide, (FLOW, FLOW), interpolation=cv2.INTER_AREA)))
        self.kept, self.first = self.kept[low - self.first :], low
        maps, guides = (np.stack(each) for each in zip(*self.kept[: high - low], strict=True))
        return ramps(maps, guides, self.timeline[low:high], slice(start - low, stop - low))
