"""Faces of a single frame: MediaPipe's full-range detector finds them, FaceMesh measures each on an enlarged crop.

Every frame is looked at on its own, so any range of frames gives the same faces whatever was looked at before.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from dvaedit.face.align import transform

DETECTOR_PIXELS = 192  # input side of the full-range detector
MESH_PIXELS = 256  # side of the crop FaceMesh sees: its own region of interest is then near its 192 px input
MESH_MARGINS = (2.0, 1.5, 2.8)  # crop side over detection side, tried in turn
LARGE_FACE = 0.2  # share of the frame's longer side
TILE, TILE_OVERLAP = 640, 128  # pixels; finds faces of 40 px
MIN_OVERLAP = 0.2  # IoU of a mesh with the detection it came from
SAME_FACE = 0.4  # IoU above which two meshes are one face
MIN_SIDE = 12.0  # pixels
LEFT_EYE_CORNER, RIGHT_EYE_CORNER, FOREHEAD, CHIN = 33, 263, 10, 152  # points of FaceMesh; sides as in the picture

# Start-up messages of MediaPipe, absl and TFLite that say nothing to a user; errors (E..., F...) are let through.
_NOISE = re.compile(r"^[IW]\d{4} |^WARNING: All log messages before absl|^INFO: |font cache|^\s*$")


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one frame. points: float32 (468, 2); box: float32 (4,), x0 y0 x1 y1 around the points.

    Frame pixels, x right, y down, pixel centres at integers; points may lie outside the frame. score: in [0, 1].
    pose: float32 (3,), degrees: yaw (positive: towards the right of the picture), pitch (down), roll (clockwise).
    """

    points: np.ndarray
    score: float
    box: np.ndarray
    pose: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    total = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared
    return shared / total if total > 0 else 0.0


def pose_of(solid: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll in degrees, float32 (3,), of FaceMesh's points (468, 3): x right, y down, z away."""
    across = solid[RIGHT_EYE_CORNER] - solid[LEFT_EYE_CORNER]
    down = solid[CHIN] - solid[FOREHEAD]
    yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
    pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
    return np.degrees([yaw, pitch, np.arctan2(across[1], across[0])]).astype(np.float32)


class FaceMesher:
    """Finds the faces of frames. Holds two MediaPipe graphs; use as a context manager or call ``close``."""

    def __init__(self, min_score: float = 0.5) -> None:
        self._settled = False
        with quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection  # 2 s: only when faces are looked for
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._detector = FaceDetection(min_detection_confidence=min_score, model_selection=1)
            self._mesh = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=False)
            # The graphs start, and say so, in threads of their own: a first image waits for them to be done.
            self._detector.process(np.zeros((DETECTOR_PIXELS, DETECTOR_PIXELS, 3), np.uint8))
            self._mesh.process(np.zeros((MESH_PIXELS, MESH_PIXELS, 3), np.uint8))

    def __enter__(self) -> FaceMesher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free both graphs."""
        self._detector.close()
        self._mesh.close()

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """All faces of a frame, largest first. rgb: uint8 (H, W, 3)."""
        long_side = max(rgb.shape[:2])
        centre = (rgb.shape[1] / 2, rgb.shape[0] / 2)
        faces = self._in_views(rgb, [(*centre, long_side)])
        if not any(face.area > (LARGE_FACE * long_side) ** 2 for face in faces):
            # The detector misses faces wider than half its view: look again from further away.
            faces = _distinct(faces + self._in_views(rgb, [(*centre, 2.0 * long_side)]))
        if not faces:
            faces = self._whole_frame(rgb) or self._in_views(rgb, _tiles(rgb.shape[1], rgb.shape[0]))
        return faces

    def _in_views(self, rgb: np.ndarray, views: list[tuple[float, float, float]]) -> list[Face]:
        boxes = [found for view in views for found in self._boxes(rgb, view)]
        boxes = _distinct(boxes, key=lambda found: (found[1], found[0]))
        faces = [self._measure(rgb, box, score) for score, box in boxes]
        return _distinct([face for face in faces if face is not None])

    def _boxes(self, rgb: np.ndarray, view: tuple[float, float, float]) -> list[tuple[float, np.ndarray]]:
        """Detections (score, box in frame pixels) in a square view (centre x, centre y, side)."""
        image, matrix = _view(rgb, view, DETECTOR_PIXELS)
        found = []
        for detection in self._detector.process(image).detections or []:
            box = detection.location_data.relative_bounding_box
            corners = np.array([[box.xmin, box.ymin], [box.xmin + box.width, box.ymin + box.height]])
            found.append((float(detection.score[0]), transform(corners * DETECTOR_PIXELS, matrix).ravel()))
        return found

    def _measure(self, rgb: np.ndarray, box: np.ndarray, score: float) -> Face | None:
        """The mesh of a detected face, or None where FaceMesh sees no face there."""
        centre, longest = (box[:2] + box[2:]) / 2, float(np.max(box[2:] - box[:2]))
        for margin in MESH_MARGINS:
            face = self._mesh_in(rgb, (centre[0], centre[1], margin * longest), score)
            if face is not None and iou(face.box, box) >= MIN_OVERLAP:
                return face
        return None

    def _whole_frame(self, rgb: np.ndarray) -> list[Face]:
        """A close-up that the detector missed: FaceMesh brings its own short-range detector."""
        height, width = rgb.shape[:2]
        for zoom in (1.0, 1.5):
            face = self._mesh_in(rgb, (width / 2, height / 2, zoom * max(width, height)), 0.5)
            if face is not None and face.area > (LARGE_FACE * max(width, height)) ** 2:
                return [face]
        return []

    def _mesh_in(self, rgb: np.ndarray, view: tuple[float, float, float], score: float) -> Face | None:
        image, matrix = _view(rgb, view, MESH_PIXELS)
        with contextlib.nullcontext() if self._settled else quiet():  # the first mesh ever brings one more message
            found = self._mesh.process(image).multi_face_landmarks
        if not found:
            return None
        self._settled = True
        solid = np.array([(p.x, p.y, p.z) for p in found[0].landmark]) * MESH_PIXELS
        points = transform(solid[:, :2], matrix).astype(np.float32)
        face = Face(points, score, np.concatenate([points.min(0), points.max(0)]), pose_of(solid))
        return face if _plausible(face, rgb.shape[1], rgb.shape[0]) else None


def _view(rgb: np.ndarray, view: tuple[float, float, float], pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """A square view (centre x, centre y, side) as uint8 (pixels, pixels, 3), black outside the frame.

    Also the 2x3 matrix from its points (centres at half-integers) to frame points (centres at integers).
    """
    low = np.round(np.array(view[:2]) - view[2] / 2).astype(int)
    x0, y0 = np.maximum(low, 0)
    part = rgb[y0 : max(y0, low[1] + round(view[2])), x0 : max(x0, low[0] + round(view[2]))]
    canvas = np.zeros((pixels, pixels, 3), np.uint8)
    if part.size == 0:
        return canvas, np.eye(2, 3)
    zoom = pixels / round(view[2])
    size = np.array(part.shape[1::-1])
    start = np.minimum(np.round((np.array([x0, y0]) - low) * zoom).astype(int), pixels - 1)
    stop = np.clip(np.round((np.array([x0, y0]) + size - low) * zoom).astype(int), start + 1, pixels)
    filter_ = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    canvas[start[1] : stop[1], start[0] : stop[0]] = cv2.resize(part, (stop - start).tolist(), interpolation=filter_)
    scale = size / (stop - start)
    return canvas, np.column_stack([np.diag(scale), np.array([x0, y0]) - scale * start - 0.5])


def _tiles(width: int, height: int) -> list[tuple[float, float, float]]:
    """Overlapping square views that cover a frame; none where the frame is one tile already."""
    if max(width, height) <= TILE:
        return []
    return [(x, y, TILE) for y in _centres(height) for x in _centres(width)]


def _centres(length: int) -> list[float]:
    count = max(1, int(np.ceil((length - TILE_OVERLAP) / (TILE - TILE_OVERLAP))))
    return [length / 2] if count == 1 else np.linspace(TILE / 2, length - TILE / 2, count).tolist()


def _plausible(face: Face, width: int, height: int) -> bool:
    """Large enough, with its centre in the frame."""
    x, y = (face.box[:2] + face.box[2:]) / 2
    return min(face.box[2:] - face.box[:2]) >= MIN_SIDE and 0 <= x < width and 0 <= y < height


def _distinct(found: list, key: Callable[[Any], tuple] = lambda face: (face.box, face.area * face.score)) -> list:
    """Without duplicates, highest rank first. key: item to (box, rank)."""
    kept: list = []
    for item in sorted(found, key=lambda item: -key(item)[1]):
        if all(iou(key(item)[0], key(other)[0]) < SAME_FACE for other in kept):
            kept.append(item)
    return kept


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what native code writes to stderr, then pass on all of it that is not known noise."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines()
            for line in lines:
                if not _NOISE.search(line):
                    print(line, file=sys.stderr)
