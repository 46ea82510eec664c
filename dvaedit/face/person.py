"""Where in a picture a person is, by MediaPipe's selfie segmentation; each picture on its own."""

from __future__ import annotations

import numpy as np

from dvaedit.face.mesh import quiet

INPUT_PIXELS = 256


class PersonSegmenter:
    """Tells person from background. Holds a MediaPipe graph; use as a context manager or call ``close``."""

    def __init__(self) -> None:
        with quiet():
            from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

            self._graph = SelfieSegmentation(model_selection=0)
            self._graph.process(np.zeros((INPUT_PIXELS, INPUT_PIXELS, 3), np.uint8))

    def __enter__(self) -> PersonSegmenter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graph."""
        self._graph.close()

    def mask(self, rgb: np.ndarray) -> np.ndarray:
        """How surely each pixel of ``rgb``, uint8 (H, W, 3), shows a person: float32 (H, W) in [0, 1]."""
        return self._graph.process(np.ascontiguousarray(rgb)).segmentation_mask
