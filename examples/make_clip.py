"""Make ``astronaut.mp4``: a public-domain portrait that turns its head, blinks and talks, with a babbling voice.

``python examples/make_clip.py [out.mp4]``. The portrait is scikit-image's ``data.astronaut()``: Eileen Collins, NASA.
One photograph, moved by smooth displacement fields that hang on MediaPipe FaceMesh points:

1. eyelids: the skin between brow and lashes slides over the resting eyeball, whose iris follows the gaze;
2. mouth: two layers of skin, above and below the lips' slit, over a layer with teeth, tongue and darkness;
3. head: a rotation in depth about the neck, faded out towards the shoulders and the background.

All pictures are (SIZE, SIZE) and all positions pixels of them, x right, y down; times are seconds. Deterministic.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import mediapipe as mp
import numpy as np
from scipy.interpolate import PchipInterpolator, RBFInterpolator
from scipy.ndimage import gaussian_filter1d
from skimage import data

SIZE, RATE, SECONDS, SOUND_RATE = 512, 25, 4, 48000
LEFT, SIDE = 96, 256  # the part of the photograph that is shown: columns 96 to 352 of rows 0 to 256

# FaceMesh vertices, each list from left to right in the picture.
EYES = (
    {
        "above": (33, 246, 161, 160, 159, 158, 157, 173, 133),
        "below": (33, 7, 163, 144, 145, 153, 154, 155, 133),
        "brow": (46, 53, 52, 65, 55),
        "iris": 468,
    },
    {
        "above": (362, 398, 384, 385, 386, 387, 388, 466, 263),
        "below": (362, 382, 381, 380, 374, 373, 390, 249, 263),
        "brow": (285, 295, 282, 283, 276),
        "iris": 473,
    },
)
LIP_ABOVE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIP_BELOW = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
CHIN = 152

COLUMNS = np.arange(SIZE, dtype=np.float32)
LASHES, DARK, TONGUE = (np.array(rgb, np.float32) for rgb in ((52, 34, 26), (44, 16, 15), (150, 74, 70)))
X, Y = np.meshgrid(COLUMNS, COLUMNS)
GRID = np.stack([X, Y], axis=-1)


@dataclass(frozen=True)
class Pose:
    """One moment. Angles in degrees; the rest as a share of its natural range, 0 at rest."""

    yaw: float
    pitch: float
    roll: float
    shift: tuple[float, float]  # of the whole head, pixels
    blink: float  # 0 open, 1 closed
    gaze: tuple[float, float]  # of the irises, pixels
    brows: float  # raised by so many pixels
    jaw: float  # pixels that the lower lip goes down; negative closes the smile over the teeth
    narrow: float  # 0 smiling, 1 rounded


# ---------------------------------------------------------------- motion


def keyed(times: np.ndarray, keys: list[tuple[float, float]]) -> np.ndarray:
    """A smooth curve through (time, value) keys without overshoot, constant outside them."""
    at, values = np.array(keys).T
    return PchipInterpolator(at, values)(np.clip(times, at[0], at[-1]))


# (time, jaw, narrow) of what is "said": about five syllables a second in two phrases.
SPEECH = (
    (0.00, 0, 0), (0.30, -1, 0), (0.42, -12.5, 0.35), (0.54, 5, 0.3), (0.65, -5, 0.6), (0.76, 8, 0.45),
    (0.88, -12, 0.6), (0.99, 1, 0.95), (1.11, -3, 1), (1.24, 7, 0.5), (1.36, -12.5, 0.55), (1.48, 4, 0.25),
    (1.6, -3, 0.2), (1.78, -9, 0.3), (2.00, -8, 0.25), (2.18, -12.5, 0.45), (2.3, 8, 0.5), (2.42, -4, 0.8),
    (2.53, 3, 1), (2.66, -11.5, 0.7), (2.78, 9, 0.4), (2.92, -2, 0.35), (3.03, -12.5, 0.5), (3.15, 5, 0.25),
    (3.28, -1, 0.15), (3.45, -5, 0.15), (3.7, -1, 0), (4, 0, 0),
)  # fmt: skip
BLINKS = (0.18, 1.84, 3.36)


def speech(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jaw and narrowing at ``times``."""
    return keyed(times, [key[:2] for key in SPEECH]), keyed(times, [key[::2] for key in SPEECH])


def blinking(times: np.ndarray) -> np.ndarray:
    """How far the lids are closed: down in 0.10 s, shut for 0.04 s, up in 0.20 s."""
    shape = [(-0.10, 0), (-0.05, 0.55), (0, 1), (0.04, 1), (0.12, 0.45), (0.24, 0)]
    return sum(keyed(times - start, shape) for start in BLINKS)


def poses() -> list[Pose]:
    """The pose of every frame."""
    t = np.arange(RATE * SECONDS) / RATE
    jaw, narrow = speech(t)
    sway = np.sin(2 * np.pi * (t / 4 + 0.1)) + 0.4 * np.sin(2 * np.pi * (t / 1.7 + 0.4))
    yaw = keyed(t, [(0, -2), (0.5, -1), (1.1, 6), (1.7, 4), (2.2, -5), (2.9, -8), (3.5, -3), (4, -1)]) + 0.5 * sway
    pitch = keyed(t, [(0, 0), (0.5, 1.5), (0.8, -1.5), (1.3, 1), (1.85, 3), (2.3, -2), (2.8, 1.5), (3.4, 2), (4, 0)])
    roll = keyed(t, [(0, 0.5), (0.8, 1.5), (1.6, -1), (2.4, -2.5), (3.1, 0), (4, 0.5)]) + 0.3 * sway
    shift = np.stack([1.5 * sway, 1.2 * np.cos(2 * np.pi * t / 3.1)], axis=1)
    glance = keyed(t, [(0, 0), (1.82, 0), (1.90, 1.5), (2.5, 1.5), (2.56, 0), (4, 0)])
    gaze = np.stack([glance - 0.22 * yaw, -0.3 * pitch], axis=1)
    brows = keyed(t, [(0, 0), (0.5, 0), (0.75, 3.5), (1.2, 0.5), (2.15, 0), (2.35, 4), (2.9, 0.5), (4, 0)])
    rows = zip(yaw, pitch, roll, shift.tolist(), blinking(t), gaze.tolist(), brows, jaw, narrow, strict=True)
    return [Pose(*row) for row in rows]


# ---------------------------------------------------------------- warps


def smooth(x: np.ndarray) -> np.ndarray:
    """Smoothstep: 0 below 0, 1 above 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def sample(picture: np.ndarray, where: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """The picture's values at (SIZE, SIZE, 2) positions."""
    return cv2.remap(picture, where.astype(np.float32), None, interpolation, borderMode=cv2.BORDER_REFLECT_101)


def origin(field: np.ndarray) -> np.ndarray:
    """Where each pixel came from under a displacement field (SIZE, SIZE, 2): solves p + field(p) = pixel."""
    field, where = field.astype(np.float32), GRID
    for _ in range(5):
        where = GRID - sample(field, where)
    return where


def over(top: np.ndarray, alpha: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """``top`` over ``bottom``; alpha (SIZE, SIZE)."""
    return bottom + alpha[..., None] * (top - bottom)


def curve(points: np.ndarray) -> np.ndarray:
    """y of a line from left to right through (n, 2) points at every column, constant beyond its ends."""
    inside = np.clip(COLUMNS, points[0, 0], points[-1, 0])
    return PchipInterpolator(*points.T)(inside).astype(np.float32)


def bell(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """exp(-x^2 - y^2)."""
    return np.exp(-(x**2) - y**2)


class Eye:
    """One eye of the resting picture: its lids and iris, and how they move."""

    def __init__(self, points: np.ndarray, above: tuple, below: tuple, brow: tuple, iris: int) -> None:
        self.above, self.below = curve(points[list(above)]) + 1.0, curve(points[list(below)])
        middle, half = points[[above[0], above[-1]], 0].mean(), np.ptp(points[[above[0], above[-1]], 0]) / 2
        self.inside = np.clip(1 - np.abs((COLUMNS - middle) / half) ** 3, 0, None)
        self.gap = gaussian_filter1d(0.9 * np.max(self.below - self.above) * self.inside, 2)
        self.brow = np.minimum(curve(points[list(brow)]), self.above - 8)
        self.iris, self.width = points[iris], np.ptp(points[list(above), 0])

    def draw(self, picture: np.ndarray, blink: float, gaze: tuple[float, float]) -> np.ndarray:
        """The picture with this eye's lids and iris moved."""
        x, y = (X - self.iris[0]) / (0.28 * self.width), (Y - self.iris[1]) / (0.28 * self.width)
        ball = sample(picture, origin(bell(x, y)[..., None] * np.array(gaze)), cv2.INTER_CUBIC)
        drop, rise = blink * self.gap, 0.1 * blink * self.gap
        lid, lower = self.above + drop, self.below - rise
        slide = drop * smooth((Y - self.brow) / (lid - self.brow))
        skin = sample(picture, np.stack([X, Y - slide], axis=-1), cv2.INTER_CUBIC)
        under = sample(picture, np.stack([X, Y + rise * smooth(1 - (Y - lower) / 24)], axis=-1), cv2.INTER_CUBIC)
        eye = over(skin, smooth((lid - Y) / 2 + 0.5), over(under, smooth((Y - lower) / 2 + 0.5), ball))
        lashes = 0.65 * smooth(blink) * self.inside**2 * np.exp(-(((Y - lid) / 1.7) ** 2))
        return over(np.broadcast_to(LASHES, eye.shape), lashes, eye)


class Mouth:
    """The mouth of the resting picture, a smile that shows the upper teeth."""

    def __init__(self, points: np.ndarray) -> None:
        self.above, self.below = curve(points[list(LIP_ABOVE)]), curve(points[list(LIP_BELOW)])
        self.left, self.right = points[LIP_ABOVE[0]], points[LIP_ABOVE[-1]]
        self.centre, self.half = (self.left + self.right) / 2, (self.right[0] - self.left[0]) / 2
        gap = np.maximum(self.below - self.above, 0)
        self.gap, self.profile = gap.max(), (gap / gap.max()) ** 1.25
        self.chin = points[CHIN, 1]
        self.upper = 1 - smooth((Y - self.above) / 1.5 + 0.5) * (gap > 0.3)
        self.lower = smooth((Y - self.below) / 1.5 + 0.5)

    def draw(self, picture: np.ndarray, jaw: float, narrow: float) -> np.ndarray:
        """The picture with jaw and lips moved."""
        up, down = (origin(field) for field in self.fields(max(jaw, 0.3 - self.gap), narrow))
        above, below = (sample(picture, where, cv2.INTER_CUBIC) for where in (up, down))
        inside = self.inside(picture, jaw)
        return over(below, sample(self.lower, down), over(above, sample(self.upper, up), inside))

    def fields(self, jaw: float, narrow: float) -> tuple[np.ndarray, np.ndarray]:
        """Displacements of the skin above and below the slit, which agree beyond the corners of the mouth."""
        x, y = (X - self.centre[0]) / self.half, Y - self.centre[1]
        across = -0.2 * narrow * (X - self.centre[0]) * bell(x / 1.5, y / 60)
        corners = (0.25 * max(jaw, 0) + 4 * narrow) * bell((np.abs(x) - 1) / 0.5, y / 30)
        lip = 0.12 * jaw * self.profile * np.exp(-((y / 25) ** 2))
        to_chin = self.chin - self.centre[1]
        chin = 0.75 * jaw * np.exp(-((np.abs(x) / 1.9) ** 4)) * smooth(y / to_chin / 0.8)
        near = self.profile * (1 - smooth((y - 15) / (to_chin - 15)))  # 1 on the lip, 0 on the chin
        down = smooth((self.chin + 50 - Y) / 60) * (chin + near * (jaw - chin))
        return np.stack([across, corners - lip], axis=-1), np.stack([across, corners + down], axis=-1)

    def inside(self, picture: np.ndarray, jaw: float) -> np.ndarray:
        """Teeth before tongue before darkness."""
        x, y = (X - self.centre[0]) / (0.7 * self.half), (Y - self.below - jaw - 1) / 7
        tongue = over(np.broadcast_to(TONGUE, picture.shape), 0.9 * bell(x, y), np.broadcast_to(DARK, picture.shape))
        return over(picture, smooth((self.below - Y) / 3 + 0.5), tongue)


class Head:
    """Depth of the head and what moves with it."""

    def __init__(self, points: np.ndarray, depths: np.ndarray) -> None:
        face = np.arange(0, 468, 3)
        centre = np.array([262.0, 170.0])
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = centre + np.stack([155 * np.cos(angles), 145 * np.sin(angles)], axis=1)
        neck = np.array([[200, 385], [262, 390], [320, 385], [262, 430]])
        behind = np.concatenate([np.full(24, depths.max() + 35), np.full(4, 60.0)])
        known = np.concatenate([points[face], ring, neck])
        surface = RBFInterpolator(known, np.concatenate([depths[face], behind]), smoothing=20, kernel="linear")
        coarse = GRID[::8, ::8].reshape(-1, 2)
        depth = surface(coarse).reshape(SIZE // 8, SIZE // 8).astype(np.float32)
        self.depth = cv2.GaussianBlur(cv2.resize(depth, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), (0, 0), 6)
        self.pivot = np.array([262.0, 340.0, depths.max() + 20])
        distance = np.hypot((X - 262) / 152, (Y - 185) / 160)
        self.weight = (1 - smooth((distance - 1) / 0.55)) * (1 - 0.85 * smooth((Y - 345) / 110))
        self.weight = np.maximum(self.weight, 0.12 * smooth((Y - 300) / 120))

    def field(self, pose: Pose) -> np.ndarray:
        """Displacement of the picture by the head's rotation about the neck, and its shift."""
        place = np.stack([X, Y, self.depth], axis=-1) - self.pivot
        turned = place @ rotation(pose).T
        return self.weight[..., None] * (turned[..., :2] - place[..., :2] + np.array(pose.shift))


def rotation(pose: Pose) -> np.ndarray:
    """3 x 3 rotation; positive yaw turns the face to the picture's right, positive pitch down."""
    yaw, pitch, roll = np.deg2rad([pose.yaw, pose.pitch, pose.roll])
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(about_z) @ np.array(about_x) @ np.array(about_y)


class Portrait:
    """The photograph and all that can be moved in it."""

    def __init__(self) -> None:
        photo = data.astronaut()[:SIDE, LEFT : LEFT + SIDE].astype(np.float32)
        large = cv2.resize(photo, (SIZE, SIZE), interpolation=cv2.INTER_LANCZOS4)
        self.picture = np.clip(large + 0.35 * (large - cv2.GaussianBlur(large, (0, 0), 2)), 0, 255)
        points = find_face(self.picture.astype(np.uint8))
        self.eyes = [Eye(points[:, :2], **vertices) for vertices in EYES]
        self.mouth, self.head = Mouth(points[:, :2]), Head(points[:468, :2], points[:468, 2])
        self.brows = np.mean([eye.iris for eye in self.eyes], axis=0) - (0, 22)

    def draw(self, pose: Pose) -> np.ndarray:
        """The frame of a pose, (SIZE, SIZE, 3) uint8 RGB."""
        picture = self.mouth.draw(self.picture, pose.jaw, pose.narrow)
        for eye in self.eyes:
            picture = eye.draw(picture, pose.blink, pose.gaze)
        field = self.head.field(pose)
        field[..., 1] -= pose.brows * self.brow_weight()
        return np.clip(sample(picture, origin(field), cv2.INTER_CUBIC) + 0.5, 0, 255).astype(np.uint8)

    def brow_weight(self) -> np.ndarray:
        """1 on the brows, 0 at the eyes and in the hair."""
        return bell((X - self.brows[0]) / 75, (Y - self.brows[1]) / 16)


def find_face(rgb: np.ndarray) -> np.ndarray:
    """FaceMesh's 478 points with depth, (478, 3), in pixels."""
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        marks = mesh.process(rgb).multi_face_landmarks[0].landmark
    return np.array([(mark.x, mark.y, mark.z) for mark in marks]) * SIZE


# ---------------------------------------------------------------- sound


def voice() -> np.ndarray:
    """A babble that follows the mouth, (samples,) float32: harmonics of a falling pitch under two formants."""
    t = np.arange(SOUND_RATE * SECONDS) / SOUND_RATE
    jaw, narrow = speech(t)
    loud = gaussian_filter1d(np.clip((jaw + 11) / 16, 0, 1) * phrases(t), 0.012 * SOUND_RATE)
    pitch = keyed(t, [(0, 205), (0.5, 215), (1.2, 235), (1.75, 175), (2.2, 220), (2.8, 245), (3.5, 165), (4, 160)])
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.012 * np.sin(2 * np.pi * 5.3 * t))) / SOUND_RATE
    formants = ((300 + 24 * np.clip(jaw + 12, 0, 22), 110), (2100 - 1200 * narrow, 180), (2900, 300))
    sound = sum(level(k * pitch, formants) / k**0.6 * np.sin(k * phase) for k in range(1, 22))
    sound = sound * loud
    return (0.35 * sound / np.abs(sound).max()).astype(np.float32)


def phrases(t: np.ndarray) -> np.ndarray:
    """1 while something is said, 0 in the pauses."""
    return keyed(t, [(0.36, 0), (0.44, 1), (1.60, 1), (1.74, 0), (2.14, 0), (2.22, 1), (3.26, 1), (3.42, 0)])


def level(frequency: np.ndarray, formants: tuple) -> np.ndarray:
    """The vocal tract's gain: a sum of resonances (centre, width) in Hz."""
    return sum(1 / (1 + ((frequency - centre) / width) ** 2) for centre, width in formants)


# ---------------------------------------------------------------- file


def write(path: Path, frames: list[np.ndarray], sound: np.ndarray) -> None:
    """H.264 (yuv420p, BT.709) and AAC in an MP4."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "17", "preset": "slow", "threads": "1"})
        video.width, video.height, video.pix_fmt = SIZE, SIZE, "yuv420p"
        tag_bt709(video.codec_context)
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono", bit_rate=64000)
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
            tag_bt709(frame)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
        container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def tag_bt709(target: av.VideoCodecContext | av.VideoFrame) -> None:
    """Say that the colours are BT.709 in limited range."""
    target.color_range, target.colorspace, target.color_primaries, target.color_trc = 1, 1, 1, 1


def main() -> None:
    """Write the clip beside this script, or where the first argument says."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("astronaut.mp4")
    portrait = Portrait()
    write(path, [portrait.draw(pose) for pose in poses()], voice())


if __name__ == "__main__":
    main()
