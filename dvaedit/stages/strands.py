"""Where hair is that an edit dyes, inside the crops and beyond, and what becomes of its colour."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dvaedit.face.align import crop
from dvaedit.face.dye import Dye
from dvaedit.face.matte import ramps
from dvaedit.face.person import PersonSegmenter
from dvaedit.face.regions import CLASS_ID
from dvaedit.face.steady import RADIUS
from dvaedit.face.surround import (
    FAR,
    HAIR,
    REACH,
    TOP,
    HairColours,
    continued,
    in_frame,
    missed,
    wide_map,
    wide_quads,
    windows,
)
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.stages.frames import crops_at
from dvaedit.stages.parse import read_maps
from dvaedit.stages.probes import HAIR_SHARE, Probes, reduced, weights_of
from dvaedit.video.probe import probe

log = logging.getLogger(__name__)

CHUNK = 32  # frames in memory at a time
FLOW = 64  # pixels a side of the crop at which motion is found that outlines are calmed along
ROOM = 0.08  # sides of the crop that the frame goes on below it, at least, if hair is to be looked for there
LOOKS = 4  # frames that tell how far hair hangs

_wide = partial(crop, border=cv2.BORDER_REPLICATE)  # the reflection of a head hides where the head ends


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
        self.model, info, size = model, probe(video), model.parser.config.image_size
        self.frame_size = info.width, info.height
        self.kept, self.shares, self.segmenter = [], [], PersonSegmenter()
        weakref.finalize(self, self.segmenter.close)  # also if the stage is interrupted
        self.crops, self.classes = self.probes.crops(), self.probes.classes()
        self.colours = HairColours.learn(self.crops, reduced(self.classes, self.crops.shape[1:3]))
        self.reach = self._reach(video, align, size)
        self.quads = wide_quads(align.read("quads"), self.reach)
        self.coming = crops_at(video, align, round(size * self.reach / REACH), steps, _wide, self.quads)

    def dye(self, turns: Mapping[str, float]) -> np.ndarray:
        """What the edit does to the colours of hair, (2, 3), over frames spread through the video.

        From one colour to the same where there is none. turns: see :meth:`Dye.learn`.
        """
        edited = self.probes.edited()
        weights = weights_of(self.classes, "hair", self.crops.shape[1:3], grow=0)
        skin = reduced(self.classes, self.crops.shape[1:3]) == CLASS_ID["skin"]
        dye = Dye.learn(self.crops.astype(np.float32), edited, weights, skin, turns)
        return np.zeros((2, 3)) if dye is None else np.stack([dye.before, dye.after])

    def tell(self) -> None:
        """Warn if there was hardly any hair in the frames so far."""
        if self.shares and (share := np.mean(self.shares)) < HAIR_SHARE:
            log.warning("hardly any hair is found to dye (%.1f %% of the face's square)", 100 * share)

    def ramps(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """``hair`` and ``face``, (stop - start, M, M) float32; shards are asked for in rising order."""
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(self.timeline))
        while self.first + len(self.kept) < high:
            begin, end, crops = next(self.coming)
            hanging = self._hanging(crops) if self.reach == FAR else None
            found = self._maps(crops, self.quads[begin:end], read_maps(self.parsed, begin, end), self.reach, hanging)
            side = round(FLOW * self.reach)
            guides = (cv2.resize(wide, (side, side), interpolation=cv2.INTER_AREA) for wide in crops)
            self.kept += zip(found, guides, strict=True)
            self.shares += [self.reach**2 * (one == HAIR).mean() for one in found]
        self.kept, self.first = self.kept[low - self.first :], low
        maps, guides = (np.stack(each) for each in zip(*self.kept[: high - low], strict=True))
        return ramps(maps, guides, self.timeline[low:high], slice(start - low, stop - low), self.reach)

    def _maps(
        self, crops: np.ndarray, quads: np.ndarray, classes: np.ndarray, reach: float, hanging: np.ndarray | None
    ) -> list[np.ndarray]:
        """See :func:`wide_map`; all but ``reach`` of n crops."""
        made = []
        for at, (wide, quad, inner) in enumerate(zip(crops, quads, classes, strict=True)):
            shown, person = in_frame(quad, len(wide), self.frame_size), self.segmenter.mask(wide)
            below = None if hanging is None else hanging[at]
            kinds = wide_map(wide, shown, person, inner, self.colours, reach, below)
            made.append(continued(kinds, shown, quad, self.frame_size))
        return made

    def _hanging(self, crops: np.ndarray) -> np.ndarray:
        """What the parser takes for hair below the crops, bool (n, S, S), in wide squares with the reach ``FAR``."""
        found, size = np.zeros(crops.shape[:3], bool), (self.model.parser.config.image_size,) * 2
        for rows, columns in windows(crops.shape[1]):
            parts = [cv2.resize(wide[rows, columns], size, interpolation=cv2.INTER_CUBIC) for wide in crops]
            hair = self.model.class_maps(self.model.images(np.stack(parts))) == CLASS_ID["hair"]
            there = found[:, rows, columns]
            there |= reduced(hair.astype(np.uint8), there.shape[:0:-1]) > 0
        return found

    def _reach(self, video: Path, align: Artifact, size: int) -> float:
        """``FAR`` if a few frames show hair hanging that colours do not tell, or tell elsewhere, else ``REACH``."""
        places, quads, looks = self.probes.places, align.read("quads"), []
        wide, long = wide_quads(quads), wide_quads(quads, FAR)
        for at in places[:: max(len(places) // LOOKS, 1)]:
            below = round((TOP + 1 + ROOM) / REACH * size)
            if in_frame(wide[at], size, self.frame_size)[below].any():  # else the frame ends where the crop does
                crops = next(crops_at(video, align, round(size * FAR / REACH), [(at, at + 1)], _wide, long))[2]
                classes = read_maps(self.parsed, at, at + 1)
                ways = None, self._hanging(crops)
                looks.append([self._maps(crops, long[at : at + 1], classes, FAR, way)[0] for way in ways])
        return FAR if missed(looks) else REACH
