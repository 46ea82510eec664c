"""One pass over an original and its edits, all at once: every number that belongs to a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from dvaedit.checkpoints.load import load_sface
from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.evaluation import flicker, judging, motion
from dvaedit.evaluation.masks import Masks
from dvaedit.evaluation.pairing import Fit, Pairing
from dvaedit.evaluation.reconstruction import ms_ssim, mse, psnr, ssim
from dvaedit.face.align import crop
from dvaedit.face.paste import Box, Mask
from dvaedit.models.judge import Judge
from dvaedit.models.lpips import LPIPS
from dvaedit.video.siting import read_sited

CROP = 256  # pixels, side of the aligned crop that the reconstruction metrics compare: the paper's
LEAST_FLOW = 16  # pixels; optical flow on less says nothing
FLOW_SIDE = 512  # pixels; larger regions are reduced to it before optical flow
MARGIN = 2  # pixels around the mask that do not count as outside: 4:2:0 video has one colour for 2 x 2 pixels
CORE = 0.5  # mask weight from which a pixel counts as edited, for the sharpness

# Per frame of an edit. levels: 8-bit; ratios: edit over original.
EDIT_SERIES = (
    "identity", "nme", "mouth", "eyes", "adjacent", "flicker", "flicker_own", "flicker_source", "psnr", "ssim",
    "ms_ssim", "lpips", "mse", "outside_mse", "outside_max", "outside_pixels", "sharpness",
)  # fmt: skip
SOURCE_SERIES = ("mouth", "eyes", "adjacent")


@dataclass(frozen=True, eq=False)
class Original:
    """The original: ``times`` (F,) seconds; ``frames`` (n,) numbers of those with the face; ``quads`` (n, 4, 2) and
    ``points`` (n, 68, 2) in frame pixels; ``size`` (width, height). ``location``: see :func:`read_sited`."""

    path: Path
    size: tuple[int, int]
    times: np.ndarray
    frames: np.ndarray
    quads: np.ndarray
    points: np.ndarray
    location: str = ""


@dataclass(frozen=True, eq=False)
class Edited:
    """An edit, brought to the original: ``points`` (F, 68, 2) per ORIGINAL frame, in the original's pixels, NaN where
    its partner shows no face there. ``location``: see :func:`read_sited`."""

    path: Path
    pairing: Pairing
    fit: Fit
    points: np.ndarray
    masks: Masks
    location: str = ""

    def shows_face(self, index: int) -> bool:
        """Whether the partner of a frame of the original shows the face that is there."""
        return not np.isnan(self.points[index]).any()


@dataclass(eq=False)
class Series:
    """Per original frame: ``values`` by name, (F,) float, NaN where not measured; ``attributes`` (F, A)
    probabilities; ``embeddings`` by frame number."""

    values: dict[str, np.ndarray]
    attributes: np.ndarray
    embeddings: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def empty(cls, names: Sequence[str], frames: int, attributes: int) -> Series:
        """All NaN."""
        return cls({name: np.full(frames, np.nan) for name in names}, np.full((frames, attributes), np.nan))

    def face(self, index: int, points: np.ndarray, embedding: np.ndarray) -> None:
        """Note what one face shows."""
        self.values["mouth"][index] = motion.mouth_openness(points)
        self.values["eyes"][index] = motion.eye_openness(points)
        self.embeddings[index] = embedding
        if (before := self.embeddings.get(index - 1)) is not None:
            self.values["adjacent"][index] = float(before @ embedding)


class Instruments:
    """The networks that measure, loaded once; all on the CPU. None of them edits."""

    def __init__(self) -> None:
        self.sface = load_sface()
        self.judge: Judge = judging.load_judge()
        self.flow = flicker.flow_engine()
        self.lpips = LPIPS()
        load_into(self.lpips, load_tensors(find_card("lpips-alex")))
        self.lpips.eval()

    @torch.inference_mode()
    def closeness(self, original: np.ndarray, edited: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The reconstruction metrics of some crops against one, all uint8 (S, S, 3): (K,) float by name."""
        y = _tensor(np.stack(edited))
        x = _tensor(original[None]).expand_as(y)
        measures = {"psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim, "mse": mse}
        values = {name: measure(x, y).numpy() for name, measure in measures.items()}
        return values | {"lpips": self.lpips(x, y).numpy()}


def measure(
    original: Original, edits: Sequence[Edited], instruments: Instruments, progress: Callable[[int, int], None]
) -> tuple[Series, list[Series]]:
    """Look at every frame of the original and its partners once. Only two frames of each video are held.

    A frame that does not show the face in both videos counts only outside the mask.
    """
    count, attributes = len(original.times), len(instruments.judge.config.attributes)
    source = Series.empty(SOURCE_SERIES, count, attributes)
    results = [Series.empty(EDIT_SERIES, count, attributes) for _ in edits]
    with ExitStack() as stack:
        frames = stack.enter_context(closing(read_sited(original.path, original.location)))
        partners = [stack.enter_context(closing(partner_frames(edit))) for edit in edits]
        scene = _Scene(original, edits, instruments, source, results)
        for frame in frames:
            scene.step(frame.index, frame.rgb(), [next(one, None) for one in partners])
            progress(frame.index + 1, count)
    return source, results


def partner_frames(edit: Edited) -> Iterator[np.ndarray | None]:
    """Per original frame its partner, fitted, or None. A frame is decoded once, however often it is a partner."""
    with closing(read_sited(edit.path, edit.location)) as frames:
        index, rgb = -1, None
        for wanted in edit.pairing.partner.tolist():
            while index < wanted:
                frame = next(frames)
                index, rgb = frame.index, edit.fit(frame.rgb()) if frame.index == wanted else None
            yield rgb if wanted >= 0 else None


class _Scene:
    """The frames at hand and those before them."""

    def __init__(
        self, original: Original, edits: Sequence[Edited], tools: Instruments, source: Series, results: list[Series]
    ) -> None:
        self.original, self.edits, self.tools, self.source, self.results = original, edits, tools, source, results
        self.place = {int(frame): position for position, frame in enumerate(original.frames)}
        self.before: np.ndarray | None = None
        self.edits_before: list[np.ndarray | None] = [None] * len(edits)

    def step(self, index: int, rgb: np.ndarray, partners: list[np.ndarray | None]) -> None:
        """Measure one frame of the original and its partners."""
        position = self.place.get(index)
        present = [k for k, partner in enumerate(partners) if partner is not None]
        shown = [k for k in present if position is not None and self.edits[k].shows_face(index)]
        if position is not None:
            self._faces(index, position, rgb, partners, shown)
        for k in present:
            box, mask = self._outside(k, index, rgb, partners[k])
            if k in shown and mask.size:
                self._inside(k, index, box, mask, rgb, partners[k])
        self.before = rgb
        self.edits_before = [partner if k in shown else None for k, partner in enumerate(partners)]

    def _faces(self, index: int, position: int, rgb: np.ndarray, partners: list, shown: list[int]) -> None:
        quad, points = self.original.quads[position], self.original.points[position]
        self.source.face(index, points, self.tools.sface.embed(rgb, points))
        size = self.tools.judge.config.image_size
        seen = [rgb, *(partners[k] for k in shown)]
        attributes = judging.probabilities(self.tools.judge, [crop(one, quad, size) for one in seen])
        self.source.attributes[index] = attributes[0]
        for k, row in zip(shown, attributes[1:], strict=True):
            self.results[k].attributes[index] = row
            self._edited_face(k, index, partners[k], points)
        if shown:
            crops = [crop(one, quad, CROP) for one in seen]
            for name, values in self.tools.closeness(crops[0], crops[1:]).items():
                for k, value in zip(shown, values, strict=True):
                    self.results[k].values[name][index] = value

    def _edited_face(self, k: int, index: int, edited: np.ndarray, reference: np.ndarray) -> None:
        points, result = self.edits[k].points[index], self.results[k]
        result.face(index, points, self.tools.sface.embed(edited, points))
        result.values["nme"][index] = motion.nme(points, reference)
        result.values["identity"][index] = float(result.embeddings[index] @ self.source.embeddings[index])

    def _outside(self, k: int, index: int, rgb: np.ndarray, edited: np.ndarray) -> Mask:
        """What is measured outside the mask, which it gives."""
        values = self.results[k].values
        box, mask = self.edits[k].masks.at(index, self.original.size, edited)
        squared, worst, pixels = outside_change(rgb, edited, box, mask)
        values["outside_mse"][index] = squared / (3 * pixels) if pixels else np.nan
        values["outside_max"][index], values["outside_pixels"][index] = worst, pixels
        return box, mask

    def _inside(self, k: int, index: int, box: Box, mask: np.ndarray, rgb: np.ndarray, edited: np.ndarray) -> None:
        """What is measured on the mask."""
        values = self.results[k].values
        sharp = sharpness(cut(rgb, box), mask), sharpness(cut(edited, box), mask)
        values["sharpness"][index] = sharp[1] / sharp[0] if sharp[0] else np.nan
        if self.edits_before[k] is not None:
            self._flicker(k, index, box, mask, rgb, edited)

    def _flicker(self, k: int, index: int, box: Box, mask: np.ndarray, rgb: np.ndarray, edited: np.ndarray) -> None:
        pictures = [cut(one, box) for one in (self.before, rgb, self.edits_before[k], edited)]
        before, after, edited_before, edited_after = (_reduced(one) for one in pictures)
        weight = _reduced(mask)
        if min(weight.shape) < LEAST_FLOW:
            return
        if not (total := float(weight.sum())):
            return
        flow = flicker.backward_flow(self.tools.flow, before, after)
        own = flicker.backward_flow(self.tools.flow, edited_before, edited_after)
        values = self.results[k].values
        values["flicker"][index] = flicker.warping_error(edited_before, edited_after, flow, weight) / total
        values["flicker_own"][index] = flicker.warping_error(edited_before, edited_after, own, weight) / total
        values["flicker_source"][index] = flicker.warping_error(before, after, flow, weight) / total


def outside_change(
    rgb: np.ndarray, edited: np.ndarray, box: Box, mask: np.ndarray
) -> tuple[float, float, int]:  # fmt: skip
    """Sum of squared differences, greatest difference (8-bit levels) and number of the pixels outside a mask.

    rgb, edited: uint8 (H, W, 3). box, mask: of ``mask_in_frame``. Pixels within ``MARGIN`` of the mask do not count.
    """
    inside = np.zeros(rgb.shape[:2], np.uint8)
    inside[box[1] : box[3], box[0] : box[2]] = mask > 0
    outside = cv2.dilate(inside, np.ones((2 * MARGIN + 1,) * 2, np.uint8)) == 0
    difference = cv2.absdiff(rgb, edited)[outside]
    squared = float(np.square(difference, dtype=np.float32).sum(dtype=np.float64))
    return squared, float(difference.max(initial=0)), int(outside.sum())


def sharpness(rgb: np.ndarray, mask: np.ndarray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of the luminance where the mask is above one half."""
    laplacian = cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    values = laplacian[mask >= CORE]
    return float(values.var()) if len(values) else 0.0


def cut(rgb: np.ndarray, box: Box) -> np.ndarray:
    """The part of a frame in a box (x0, y0, x1, y1), contiguous."""
    return np.ascontiguousarray(rgb[box[1] : box[3], box[0] : box[2]])


def _reduced(image: np.ndarray) -> np.ndarray:
    longest = max(image.shape[:2])
    if longest <= FLOW_SIDE:
        return image
    height, width = (max(1, round(side * FLOW_SIDE / longest)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _tensor(crops: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1
