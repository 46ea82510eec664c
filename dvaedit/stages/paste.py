"""Turn edited crops into what is added to each frame, and where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from dvaedit.errors import UsageError
from dvaedit.face.calm import SHARE, Calm
from dvaedit.face.dye import Dye, dyed_patch
from dvaedit.face.lips import lips_in_frame
from dvaedit.face.mask import TIME_RADIUS, refine, soft_mask
from dvaedit.face.motion import Motion
from dvaedit.face.paste import Mask, Patch, difference_patch, merge, recoloured_patch, replace_patch
from dvaedit.face.regions import REGIONS
from dvaedit.face.settle import Settled
from dvaedit.face.steady import RADIUS, steady
from dvaedit.face.surround import REACH, wide_quads
from dvaedit.models.bundle import Model
from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.stage import Stage, StageProgress, unkeyed
from dvaedit.pipeline.writer import ArtifactWriter
from dvaedit.stages.additions import GROWN, HANGING, WORN, Addition, Additions, Spectacles, Sunglasses, Whiskers
from dvaedit.stages.combing import CombedHair, Combing
from dvaedit.stages.extent import Extent, reach_of
from dvaedit.stages.frames import crops_at
from dvaedit.stages.long_hair import LongHair
from dvaedit.stages.morphing import Morphed, Morphing
from dvaedit.stages.parse import read_maps
from dvaedit.stages.places import steadied
from dvaedit.stages.png import encode_masks, read_mask
from dvaedit.stages.sample import to_levels
from dvaedit.stages.strands import Strands
from dvaedit.video.reader import Frame

log = logging.getLogger(__name__)
SHARD = 32
SQUARE, HAIR = "square", "hair"
RESHAPED = ("head", "hat")  # regions of edits that move outlines
SHARP = ("eye_area",)  # regions of edits that add things with edges, not what grows or shades
WITH_HAIR = ("head",)  # regions of which hair, whose strands are finer than the crop's pixels, is a part


def check_region(name: str) -> None:
    """Raises UsageError for a region that does not exist."""
    if name not in ("auto", SQUARE, *REGIONS):
        raise UsageError(f"unknown region '{name}'", hint=f"Choose one of: auto, {', '.join(REGIONS)}, {SQUARE}.")


@dataclass(frozen=True)
class Paste(Stage):
    """Makes per track frame ``mask``, a PNG of the soft mask, (M, M) uint8, and ``levels`` (n, S, S, 3) float16.

    In mode "delta" ``levels`` is edited sample minus crop, in 8-bit levels, to be added to the frame: as sampling is
    exact, the difference is the edit's alone. In mode "replace", the paper's, it is the edited sample itself, put in
    the frame's place with hard edges. The mask is the region in the source; where an edit may move outlines (longer
    hair) it is joined with that in the edited crop.

    In a region of which hair is a part, also ``hair``, a PNG of the mask of that part. Where hair is dyed, also
    ``dye`` (2, 3), its colour before and after, and PNGs of the ramps ``strands`` and ``skin`` in the square of
    ``wide_quads`` with the reach ``meta["reach"]``, also beyond the crop (:mod:`dvaedit.face.dye`); where nothing but
    hair changes, these alone; and where strands are drawn on it, what :class:`Combing` tells. For what is put on,
    ``KIND.mask``, ``KIND.offsets`` (n, S, S, 2) float16 and what :class:`Addition` tells of it take the place of
    ``mask`` and ``levels``; for what is moved and shaded, what :class:`Morphing` tells.
    """

    name: ClassVar[str] = "paste"
    version: ClassVar[int] = 133
    region: str = "auto"
    mode: str = "delta"
    model: Model = unkeyed(None)
    video: Path = unkeyed(Path())

    def weights(self) -> dict[str, str]:
        return self.model.digest("parser", *(["morphs"] if self.model.morphs else []))

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        edit = inputs["edit"].meta
        region = edit["region"] if self.region == "auto" else self.region
        total = len(inputs["align"].read("frames"))
        shards = out.missing(total, SHARD)
        drawn = self.mode == "delta" and edit["length"] > 0  # not pasted as the network has it
        dyed = drawn and edit["dyed"] and (self.region == "auto" or region in (HAIR, *WITH_HAIR))
        auto = drawn and self.region == "auto"
        morphed = edit["morphed"] if auto else {}
        morphing = None
        if morphed:
            morphing = Morphing(inputs, self.model.morphs.combined(morphed, edit["lips"], edit["bearded"]))
        strands = Strands(self.model, self.video, inputs, shards) if dyed else None
        dye = None if strands is None else strands.dye(edit["turns"])
        if dye is not None and not out.has("dye"):
            out.save({"dye": dye}, group="dye")
        combing = self._combing(inputs, strands, dye, out)
        added = self._additions(inputs, edit, morphing, dye) if auto else []
        for addition in added:
            if not out.has(addition.kind):
                out.save(addition.learn(), group=addition.kind)
        if morphing is not None and not out.has("morph"):
            out.save(morphing.tell(), group="morph")
        pasted = edit["rest"] if auto else not dyed or region != HAIR  # a part of the edit, as the network has it
        laid = [*added, *(each for each in (morphing, combing) if each is not None)]
        guides = None
        if laid or pasted:
            guides = crops_at(self.video, inputs["align"], self.model.parser.config.image_size, shards)
        for start, stop in shards:
            made = {}
            if guides is not None:
                masks = partial(self._masks, inputs, start=start, stop=stop, crops=next(guides)[2])
                for each, offsets in zip(laid, steadied([each.where for each in laid], start, stop), strict=True):
                    made |= each.places(start, stop, offsets, masks)
                if pasted:
                    made |= self._difference(inputs, region, start, stop, masks)
            if strands is not None:
                ramp = strands.ramps(start, stop)
                made |= {"strands": encode_masks(ramp["hair"]), "skin": encode_masks(ramp["face"])}
            out.write(start, stop, made)
            progress(stop, total)
        if strands is not None:
            strands.tell()
        reach = strands.reach if strands is not None else REACH
        out.meta.update(mode=self.mode, region=region, dyed=dyed, reach=reach)

    def _combing(
        self, inputs: dict[str, Artifact], strands: Strands | None, dye: np.ndarray | None, out: ArtifactWriter
    ) -> Combing | None:
        """The strands that are drawn on dyed hair, if it needs any; saved."""
        morphs = self.model.morphs
        if strands is None or dye is None or morphs is None or morphs.locks is None:
            return None
        combing = Combing(inputs["align"], strands, morphs.locks[..., 1:3], morphs.reference, dye)
        if combing.strands is None:
            return None
        if not out.has("combed"):
            out.save(combing.tell(), group="combed")
        return combing

    def _additions(
        self, inputs: dict[str, Artifact], edit: dict[str, Any], morphing: Morphing | None, dye: np.ndarray | None
    ) -> list[Addition]:
        morphs, dyed, found = self.model.morphs, dye is not None, []
        for kind in edit["added"]:
            if kind == "whiskers":
                found.append(Whiskers(inputs, dyed, morphs.cover(edit["grown"]), morphs.reference, edit["beard"]))
            elif kind == "glasses":
                found.append(Spectacles(kind, inputs, dyed, morphing, edit["bespectacled"]))
            elif kind == "sunglasses":
                found.append(Sunglasses(kind, inputs, dyed, morphing))
            elif kind == "locks":
                hair = LongHair(inputs, morphs.locks, morphs.reference, morphing, dye)
                found += [hair] if hair.fits else []
                if not hair.fits and morphing is None:
                    log.warning("hair is long already, or hardly any is found: no other is put on")
            else:
                found.append(Addition(kind, inputs, dyed))
        return found

    def _difference(
        self, inputs: dict[str, Artifact], region: str, start: int, stop: int, masks: Callable[[str], np.ndarray]
    ) -> dict[str, Any]:
        """``levels``, ``mask`` and, where hair is a part of the region, ``hair``."""
        made = {"levels": self._levels(inputs, start, stop).astype(np.float16), "mask": encode_masks(masks(region))}
        if self.mode == "delta" and region in WITH_HAIR:
            made["hair"] = encode_masks(masks(HAIR))
        return made

    def _levels(self, inputs: dict[str, Artifact], start: int, stop: int) -> np.ndarray:
        """(stop - start, S, S, 3) float32: the edited crops, or what the edit adds to each, calmed over time."""
        if self.mode != "delta":
            return to_levels(inputs["sample"], start, stop)
        frames = inputs["align"].read("timeline")
        low, high = max(start - RADIUS, 0), min(stop + RADIUS, len(frames))
        crops = inputs["align"].read("crops", low, high)
        if inputs["edit"].meta["length"] == 0:  # what sampling loses in rounding is not to be added either
            return np.zeros((stop - start, *crops.shape[1:]), np.float32)
        added = to_levels(inputs["sample"], low, high) - crops
        return steady(added, crops, frames[low:high], slice(start - low, stop - low))

    def _masks(
        self, inputs: dict[str, Artifact], region: str | tuple[int, ...], start: int, stop: int, crops: np.ndarray
    ) -> np.ndarray:
        """(stop - start, M, M) float32 in [0, 1]: smoothed over time, then fitted to the edges in each of ``crops``."""
        if region == SQUARE:
            return np.ones(crops.shape[:3], np.float32)
        frames = inputs["align"].read("timeline")
        low, high = max(start - TIME_RADIUS, 0), min(stop + TIME_RADIUS, len(frames))
        maps = [read_maps(inputs["parse"], low, high)]
        if region in RESHAPED:
            maps.append(self._parse(to_levels(inputs["sample"], low, high)))
        masks = soft_mask(maps, region, frames[low:high])
        wanted = masks[start - low : stop - low]
        return np.stack([refine(mask, guide) for mask, guide in zip(wanted, crops, strict=True)])

    def _parse(self, levels: np.ndarray) -> np.ndarray:
        """Class maps of edited crops, given in 8-bit levels at the autoencoder's size."""
        size = self.model.parser.config.image_size
        x = self.model.tensor(levels).permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.nn.functional.interpolate(x.clamp(-1, 1), (size, size), mode="bicubic", align_corners=False)
        return self.model.class_maps(x)


class Patches:
    """What to add to the frames of a video, computed as each is asked for."""

    def __init__(self, pasted: Artifact, align: Artifact) -> None:
        self.pasted, self.align, self.quads = pasted, align, align.read("quads")
        self.place = {int(frame): position for position, frame in enumerate(align.read("frames"))}
        self.wide = wide_quads(self.quads, reach_of(pasted))
        self.dye = Dye(*pasted.read("dye")) if "dye" in pasted else None
        self.combed = CombedHair(pasted, self.quads) if "combed.depth" in pasted else None
        self.additions = Additions(pasted, self.quads)
        self.morphed = Morphed(pasted, self.quads) if "morph.shape" in pasted else None
        self.timeline, self.points = align.read("timeline"), align.read("points")
        self.extent, motion = Extent(pasted, self.quads), Motion()
        self.calm, self.outlines, self.settled = Calm(motion=motion), Calm(SHARE, motion), Settled(motion)

    def patch(self, frame: Frame, size: tuple[int, int]) -> Patch | None:
        """What is added to the upright frame of ``size`` (width, height).

        None where the frame does not show the face or nothing is to be added. The difference is pasted as it is, but
        for hair, of which it tells the colours only, and for what is put on, of which it tells the looks. Frames that
        are asked for one after another are made calm, but for hair: a dye follows the frame's own noise, a beard hides
        it. All of it is settled at last, but for hair that hangs before what does not move with it.
        """
        position = self.place.get(frame.index)
        if position is None:
            return None
        rgb = frame.rgb()
        if self.pasted.meta["mode"] == "replace":
            return self._difference(rgb, position)
        lips = lips_in_frame(self.points[position], self.quads[position], size)
        patch = self._added(rgb, position, size, lips)
        patch = merge(patch, self.additions.added(rgb, position, patch, WORN))
        if patch is not None:
            patch = self.settled.settled(patch, **self._where(rgb, position), free=lips)
        return merge(patch, self.additions.added(rgb, position, patch, HANGING))

    def _added(self, rgb: np.ndarray, position: int, size: tuple[int, int], lips: Mask) -> Patch | None:
        """All that is added together, as :meth:`patch` says, before it is settled; lips: where they are."""
        sampled = self._difference(rgb, position) if "levels" in self.pasted else None
        dyed = None if self.dye is None else self._dyed(rgb, position)
        below = merge(sampled, dyed)
        grown = self.additions.added(rgb, position, below, GROWN)
        rest = merge(sampled, self._morphed(rgb, position, merge(below, grown)))
        hair = merge(dyed, grown)
        if rest is None:
            return hair
        speaks = self.morphed is not None and not self.morphed.toothed  # teeth that are drawn tremble
        reach, free = self.extent.at(position, size), lips if speaks else None
        calm = self.calm.calmed(rest, **self._where(rgb, position), mask=reach, free=free)
        return merge(calm, hair)

    def _morphed(self, rgb: np.ndarray, position: int, below: Patch | None) -> Patch | None:
        """What a frame with a patch comes to be when it is moved and shaded: what grows on a face moves with it."""
        return None if self.morphed is None else self.morphed.patch(rgb, position, below)

    def _dyed(self, rgb: np.ndarray, position: int) -> Patch:
        hair, face = (read_mask(self.pasted, name, position) for name in ("strands", "skin"))
        steady = partial(self.outlines.calmed, **self._where(rgb, position))
        strands = None if self.combed is None else self.combed.on(rgb, position)
        return dyed_patch(rgb, hair, face, self.wide[position], self.dye, steady, strands)

    def _where(self, rgb: np.ndarray, position: int) -> dict[str, Any]:
        return {"moment": int(self.timeline[position]), "rgb": rgb, "quad": self.quads[position]}

    def _difference(self, rgb: np.ndarray, position: int) -> Patch:
        levels = self.pasted.read("levels", position, position + 1)[0].astype(np.float32)
        mask, quad = read_mask(self.pasted, "mask", position), self.quads[position]
        size = rgb.shape[1::-1]
        if self.pasted.meta["mode"] == "replace":
            return replace_patch(rgb, levels, mask > 0.5, quad)
        if self.pasted.meta["region"] == HAIR:
            hair = mask
        elif "hair" in self.pasted:
            hair = mask * read_mask(self.pasted, "hair", position)
        else:
            return difference_patch(levels, mask, quad, size, sharpen=self.pasted.meta["region"] in SHARP)
        rest = difference_patch(levels, mask - hair, quad, size)
        if self.dye is not None:
            return rest
        crop = self.align.read("crops", position, position + 1)[0]
        return merge(rest, recoloured_patch(levels, crop, hair, quad, rgb))
