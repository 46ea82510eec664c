"""Clips to assess edits on: a part of each of some videos, and portraits of held-out faces that turn and move a little.

Both are written without loss, so that an edit of a clip is an edit of the video's own frames.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dvaedit.training.faces import is_held_out, read_image, read_rows
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video, write_video

SIDE = 384  # pixels of a portrait, enlarged from 256
RATE = Fraction(25)
TURN, NOD, ROLL = 7.0, 3.0, 3.0  # degrees, at the most
FOCAL = 2.0  # of the camera, in sides
ROUNDS = (
    {"voteview": 8, "webmorph": 6, "sfhq": 10},
    {"voteview": 5, "webmorph": 4, "sfhq": 9, "genfaces": 6},
    {"voteview": 5, "webmorph": 4, "sfhq": 7, "genfaces": 8},
)
"""How many portraits of a source of faces: officials, studio, synthetic, generated. Each round takes the next ones of
each: by the first edits were tuned, by another none was before it was measured."""
LETTERS = "pqr"  # of the names of their portraits
UNFIT = ("large_pose", "occluded")  # flags of a row


def cut(video: Path, out: Path, start: int, count: int) -> int:
    """Write frames ``start`` to ``start + count`` of ``video`` as they are; returns how many there were."""
    frames = read_frames(video, start, start + count)
    return write_video(out, probe(video), ((frame.native, frame.pts) for frame in frames), codec="ffv1")


def moving(picture: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """``count`` views of a picture, uint8 (S, S, 3), that turns, nods and rolls about its middle once."""
    side = len(picture)
    camera = np.array([[FOCAL * side, 0, side / 2], [0, FOCAL * side, side / 2], [0, 0, 1]])
    centred = np.array([[1, 0, -side / 2], [0, 1, -side / 2], [0, 0, 1]])
    for at in range(count):
        phase = 2 * math.pi * at / count
        angles = np.radians([NOD * math.cos(phase), TURN * math.sin(phase), ROLL * math.sin(phase + 1)])
        plane = np.column_stack([cv2.Rodrigues(angles)[0][:, :2], [0, 0, FOCAL * side]])
        view = camera @ plane @ centred
        yield cv2.warpPerspective(picture, view, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def portraits(data: Path, turn: int = 0) -> list[Path]:
    """Pictures of held-out faces at ``data`` that look ahead, those of one of the :data:`ROUNDS`: no face is in two."""
    # from the digest's end: by its beginning faces are held out
    shuffled = sorted(read_rows(data), key=lambda row: hashlib.sha256(row["file"].encode()).digest()[::-1])
    fit = [row for row in shuffled if is_held_out(row["file"]) and not any(int(row[flag]) for flag in UNFIT)]
    names = []
    for kind, count in ROUNDS[turn].items():
        own = [row["file"] for row in fit if row["source"] == kind]
        names += own[sum(earlier.get(kind, 0) for earlier in ROUNDS[:turn]) :][:count]
    return [data / "images" / name for name in names]


def main() -> None:
    """Write clips from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=Path, nargs="*", default=[], help="videos to cut a part out of")
    parser.add_argument("--data", type=Path, help="face set, for portraits")
    parser.add_argument("--round", type=int, choices=range(len(ROUNDS)), default=0, help="of portraits")
    parser.add_argument("--start", type=int, default=0, help="first frame of the parts")
    parser.add_argument("--frames", type=int, default=32, help="of each clip")
    parser.add_argument("--out", type=Path, required=True, help="folder of clips, .mkv")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for video in arguments.videos:
        cut(video, arguments.out / f"{video.stem}.mkv", arguments.start, arguments.frames)
    for at, path in enumerate(portraits(arguments.data, arguments.round) if arguments.data else []):
        views = moving(read_image(path, SIDE), arguments.frames)
        write_rgb_video(arguments.out / f"{LETTERS[arguments.round]}{at:02d}.mkv", views, RATE, codec="ffv1")


if __name__ == "__main__":
    main()
