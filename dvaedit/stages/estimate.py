"""What a stage would cost: rough seconds and bytes, for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dvaedit.pipeline.run import StagePlan
from dvaedit.stages.probes import COUNT
from dvaedit.video.probe import VideoInfo

FEW, PICKED = ("few", "drawn", "shaded"), ("invert", "sample")  # take a few frames; do so where a run picks some


@dataclass(frozen=True)
class Cost:
    """Of one stage, per frame unless said otherwise.

    ``seconds``, ``bytes``; ``step_seconds``: per frame and DDIM step; ``once``: seconds whatever the length;
    ``text_seconds``: per text edit; ``megapixel_seconds``, ``pixel_bytes``: per frame and (mega)pixel of the video.
    """

    seconds: float = 0.0
    bytes: float = 0.0
    step_seconds: float = 0.0
    once: float = 0.0
    text_seconds: float = 0.0
    megapixel_seconds: float = 0.0
    pixel_bytes: float = 0.0


# Seconds: two CPU cores, the compact model in float32. Bytes: the arrays each stage stores, crops of 128 pixels.
COSTS: dict[str, Cost] = {
    "decode": Cost(seconds=0.020, bytes=11_300, once=1.0, megapixel_seconds=0.01),
    "intake": Cost(megapixel_seconds=0.03, pixel_bytes=1.0),
    "people": Cost(once=0.2),
    "align": Cost(seconds=0.004, bytes=49_800, megapixel_seconds=0.01),
    "encode": Cost(seconds=0.003, bytes=2_500),
    "invert": Cost(step_seconds=0.0155, bytes=197_000),
    "sample": Cost(step_seconds=0.0150, bytes=98_400),
    "parse": Cost(seconds=0.020, bytes=3_000, megapixel_seconds=0.01),
    "edit": Cost(once=4.0, text_seconds=3.5),
    "paste": Cost(seconds=0.050, bytes=105_000),
    "paper-align": Cost(seconds=0.080, bytes=49_800, megapixel_seconds=0.01),
    "paper-invert": Cost(step_seconds=0.018, bytes=196_700),
    "paper-sample": Cost(step_seconds=0.018, bytes=196_700),
    "paper-edit": Cost(once=0.1, text_seconds=1000.0),
    "paper-paste": Cost(seconds=0.030, bytes=98_700),
    "export": Cost(megapixel_seconds=0.15, pixel_bytes=0.04),
}


@dataclass(frozen=True)
class Estimate:
    """What one stage has left to do; all 0 for one that is not run.

    ``frames``: those not computed yet, 0 for a stage that does not work by frames.
    """

    frames: int
    seconds: float
    bytes: int


def estimate(plan: StagePlan, frames: int, pixels: int, steps: int, texts: int = 0) -> Estimate:
    """The cost of what ``plan`` says is missing.

    ``frames``: of the video, where the stage's own number is not known yet; ``pixels``: of one frame; ``steps``: of
    DDIM; ``texts``: how many text edits there are.
    """
    if not plan.needed or plan.state == "cached":
        return Estimate(0, 0.0, 0)
    cost = COSTS.get(plan.stage, Cost())
    left = max(0, (frames if plan.total is None else plan.total) - plan.done)
    each = cost.seconds + cost.step_seconds * steps + cost.megapixel_seconds * pixels / 1e6
    once = cost.once + cost.text_seconds * texts
    return Estimate(left if each else 0, once + left * each, round(left * (cost.bytes + cost.pixel_bytes * pixels)))


def few_frames(plans: Iterable[StagePlan], faces: int) -> dict[str, int]:
    """How many frames the stages take, by label, that work on a few only. faces: the frames with the face."""
    labels = [plan.label for plan in plans]
    few = (*FEW, *PICKED) if "few" in labels else FEW
    return {label: min(COUNT, faces) for label in labels if label.startswith(few)}


def known_frames(plans: Iterable[StagePlan]) -> int | None:
    """The frames with the face, where a stage that has begun knows them."""
    return next((plan.total for plan in plans if plan.stage in ("align", "paper-align", "encode") and plan.total), None)


LOSSLESS_PIXEL_BYTES = 2.0  # of ffv1 and the like: 8 bits 4:2:0 takes about one byte, 10 bits 4:4:4 four


SOUND_BYTES = 40_000  # a second of a compressed stream
_PLAIN_SOUND = ("pcm", "flac", "alac", "truehd", "wavpack", "tta", "ape")


def output_bytes(info: VideoInfo, frames: int, lossless: bool, times: int = 1) -> int:
    """What the output will take beside its cache: the pictures again, and the sound, rounded up.

    frames: of the video; times: how many pictures lie side by side in a frame of the output.
    """
    each = LOSSLESS_PIXEL_BYTES if lossless else COSTS["export"].pixel_bytes
    sound = sum(
        stream.rate * stream.channels * 4 if stream.codec.startswith(_PLAIN_SOUND) else SOUND_BYTES
        for stream in info.audio
    )
    sound_bytes = min(max(0.0, info.duration) * sound, info.path.stat().st_size)  # a header may claim any duration
    return round(frames * info.width * info.height * each * times + sound_bytes)


def bytes_to_come(plans: Iterable[StagePlan], frames: int, pixels: int, lossless: bool = False) -> int:
    """What the stages that are missing will write to the cache, rounded up: every frame is taken to show the face.

    frames, pixels: of the video, and of one frame; lossless: whether the output is.
    """
    plans = list(plans)
    faces = known_frames(plans) or frames
    few, total = few_frames(plans, faces), 0
    for plan in plans:
        whole = plan.stage in ("decode", "export", "intake")
        total += estimate(plan, frames if whole else few.get(plan.label, faces), pixels, 1).bytes
        if plan.stage == "export" and plan.needed and plan.state != "cached" and lossless:
            total += round(frames * pixels * LOSSLESS_PIXEL_BYTES)
    return total
