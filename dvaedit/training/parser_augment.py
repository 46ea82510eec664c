"""Random views of a crop and its class map: geometry, light, loss of quality, other backgrounds, occluders."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dvaedit.face.regions import CLASS_ID, CLASSES

Pair = tuple[np.ndarray, np.ndarray]  # image, uint8 (S, S, 3) RGB; class map, uint8 (S, S)


@dataclass(frozen=True)
class Strength:
    """Largest rotation (radians), log scale, shift (share of the side); how often each disturbance occurs."""

    rotation: float = 0.3
    scale: float = 0.2
    shift: float = 0.1
    background: float = 0.35
    occluder: float = 0.3
    blur: float = 0.5
    jpeg: float = 0.3
    noise: float = 0.3
    gray: float = 0.08


def mirrored_classes() -> np.ndarray:
    """(19,) uint8: the class of each class in the mirror."""
    other = [name.replace("l_", "r_") if name[:2] == "l_" else name.replace("r_", "l_") for name in CLASSES]
    pairs = zip(CLASSES, other, strict=True)
    return np.array([CLASS_ID[b] if b in CLASS_ID and a != "l_lip" else CLASS_ID[a] for a, b in pairs], np.uint8)


MIRROR = mirrored_classes()


def geometric(pair: Pair, size: int, rng: np.random.Generator, strength: Strength) -> Pair:
    """Flip, rotate, scale and shift, reduced to ``size``; what lies outside is reflected, or a flat background."""
    image, classes = pair
    side = image.shape[0]
    angle, log_scale, dx, dy = rng.uniform(-1, 1, 4) * (
        strength.rotation,
        strength.scale,
        strength.shift,
        strength.shift,
    )
    zoom = size / side * np.exp(log_scale)
    c, s = zoom * np.cos(angle), zoom * np.sin(angle)
    flip = rng.random() < 0.5
    turn = np.array([[-c if flip else c, -s], [-s if flip else s, c]])
    shift = (0.5 + strength.shift * np.array([dx, dy])) * size - turn @ np.full(2, side / 2)
    # OpenCV's pixel centres lie at integers.
    matrix = np.column_stack([turn, shift + turn @ np.full(2, 0.5) - 0.5])
    flat = rng.random() < 0.25
    border = {"borderMode": cv2.BORDER_CONSTANT if flat else cv2.BORDER_REFLECT_101}
    image = cv2.blur(image, (3, 3)) if zoom < 0.75 and rng.random() < 0.5 else image
    colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=colour, **border)
    classes = cv2.warpAffine(classes, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=0, **border)
    return image, MIRROR[classes] if flip else classes


def new_background(pair: Pair, other: np.ndarray, rng: np.random.Generator) -> Pair:
    """Put an enlarged piece of another picture, blurred by chance, behind the person."""
    image, classes = pair
    size, piece = image.shape[0], int(other.shape[0] * rng.uniform(0.2, 0.7))
    y, x = rng.integers(0, other.shape[0] - piece, 2)
    behind = cv2.resize(other[y : y + piece, x : x + piece], (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.6:
        behind = cv2.GaussianBlur(behind, (0, 0), rng.uniform(1, 6))
    person = cv2.GaussianBlur((classes != 0).astype(np.float32), (0, 0), 0.7)[..., None]
    return (person * image + (1 - person) * behind).astype(np.uint8), classes


def occlude(pair: Pair, other: np.ndarray, rng: np.random.Generator) -> Pair:
    """Paste something before the face; its pixels become background."""
    image, classes = pair
    hand = rng.random() < 0.3
    shape = _hand(image.shape[0], rng) if hand else _blob(image.shape[0], rng)
    covered = shape > 127
    fill = _skin_like(image, classes, shape, rng) if hand else _texture(image.shape[0], other, rng)
    alpha = cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.4, 1.2)).astype(np.float32)[..., None] / 255
    return (alpha * fill + (1 - alpha) * image).astype(np.uint8), np.where(covered, 0, classes).astype(np.uint8)


def _blob(size: int, rng: np.random.Generator) -> np.ndarray:
    """An ellipse, a polygon, or a stick with a head (a microphone), uint8 (size, size), 255 inside."""
    canvas = np.zeros((size, size), np.uint8)
    centre = rng.uniform(0.15, 0.95, 2) * size
    kind = rng.integers(3)
    if kind == 0:
        axes = rng.uniform(0.04, 0.22, 2) * size
        cv2.ellipse(canvas, (tuple(centre), tuple(2 * axes), float(rng.uniform(0, 180))), 255, -1)
    elif kind == 1:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        radius = rng.uniform(0.06, 0.25, len(angles)) * size
        corners = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], 255)
    else:
        end = (int(rng.uniform(0, size)), size)
        cv2.line(canvas, tuple(int(v) for v in centre), end, 255, int(size * rng.uniform(0.02, 0.08)) + 1)
        cv2.circle(canvas, tuple(int(v) for v in centre), int(size * rng.uniform(0.03, 0.1)), 255, -1)
    return canvas


def _hand(size: int, rng: np.random.Generator) -> np.ndarray:
    """A palm with three to five fingers that comes in from the side or from below."""
    canvas = np.zeros((size, size), np.uint8)
    start = np.array([rng.choice([0.0, 1.0]), rng.uniform(0.5, 1)] if rng.random() < 0.6 else [rng.uniform(0, 1), 1.0])
    palm = start + (rng.uniform(0.3, 0.8, 2) - start) * rng.uniform(0.4, 0.9)
    direction = np.arctan2(*(palm - start)[::-1])
    width = rng.uniform(0.03, 0.055) * size
    cv2.line(canvas, _pixel(start, size), _pixel(palm, size), 255, int(4 * width))
    for spread in np.linspace(-0.6, 0.6, rng.integers(3, 6)):
        angle = direction + spread + rng.normal(0, 0.08)
        tip = palm + np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.15, 0.28)
        cv2.line(canvas, _pixel(palm, size), _pixel(tip, size), 255, int(1.6 * width) + 1)
    return canvas


def _pixel(point: np.ndarray, size: int) -> tuple[int, int]:
    return int(point[0] * size), int(point[1] * size)


def _skin_like(image: np.ndarray, classes: np.ndarray, shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The face's own skin colour, darker towards the edge of ``shape``."""
    skin = image[classes == CLASS_ID["skin"]]
    colour = np.median(skin, axis=0) if len(skin) else rng.uniform(60, 220, 3)
    depth = np.minimum(cv2.distanceTransform(shape, cv2.DIST_L2, 3) / (0.05 * len(image)), 1)[..., None]
    return np.clip(colour * rng.uniform(0.75, 1.15) * (0.65 + 0.35 * depth), 0, 255)


def _texture(size: int, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A piece of another picture, or a colour with a slope and noise, (size, size, 3)."""
    if rng.random() < 0.5:
        piece = int(other.shape[0] * rng.uniform(0.2, 0.6))
        y, x = rng.integers(0, other.shape[0] - piece, 2)
        return cv2.resize(other[y : y + piece, x : x + piece], (size, size)).astype(np.float32)
    colour = rng.uniform(0, 255, 3) * rng.choice([0.3, 1.0])
    slope = np.linspace(-1, 1, size)[:, None, None] * rng.uniform(-50, 50)
    noise = rng.normal(0, rng.uniform(0, 20), (size, size, 1))
    return np.clip(colour + slope + noise, 0, 255)


def light(image: np.ndarray, rng: np.random.Generator, strength: Strength) -> np.ndarray:
    """Gain, tint, contrast, gamma, saturation; by chance a slope of light across the picture. uint8 in and out."""
    x = image.astype(np.float32) / 255
    x = x ** np.exp(rng.uniform(-0.5, 0.5))
    gray = x.mean(axis=2, keepdims=True)
    saturation = 0 if rng.random() < strength.gray else rng.uniform(0.5, 1.4)
    x = gray + saturation * (x - gray)
    x = (x - 0.5) * rng.uniform(0.65, 1.3) + 0.5 + rng.uniform(-0.12, 0.12)
    x *= np.exp(rng.uniform(-0.12, 0.12, 3)).astype(np.float32)
    if rng.random() < 0.3:
        slope = np.linspace(-1, 1, len(x), dtype=np.float32) * rng.uniform(-0.4, 0.4)
        x *= 1 + (slope[None, :, None] if rng.random() < 0.7 else slope[:, None, None])
    return np.clip(x * 255, 0, 255).astype(np.uint8)


def degrade(image: np.ndarray, rng: np.random.Generator, strength: Strength) -> np.ndarray:
    """Blur or a loss of resolution, noise, JPEG. uint8 in and out."""
    if rng.random() < strength.blur:
        if rng.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 2.0))
        else:
            small = int(len(image) * rng.uniform(0.2, 0.9))
            low = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
            image = cv2.resize(low, image.shape[:2], interpolation=cv2.INTER_CUBIC)
    if rng.random() < strength.noise:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 10)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < strength.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def random_view(pair: Pair, other: np.ndarray, size: int, rng: np.random.Generator, strength: Strength) -> Pair:
    """One random view at ``size``; ``other``: another picture, uint8 (S, S, 3), for backgrounds and occluders."""
    pair = geometric(pair, size, rng, strength)
    if rng.random() < strength.background:
        pair = new_background(pair, other, rng)
    image, classes = light(pair[0], rng, strength), pair[1]
    if rng.random() < strength.occluder:
        image, classes = occlude((image, classes), other, rng)
    return degrade(image, rng, strength), classes
