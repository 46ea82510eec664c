"""Edit the face in a video: right, the same person, no flicker, every other pixel untouched.

>>> import dvaedit
>>> dvaedit.edit("in.mp4", text="blond hair", output="out.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvaedit.api import Options, edit, faces, invert, reconstruct
    from dvaedit.checkpoints.load import load_model
    from dvaedit.comparing import ReportResult, SweepResult, evaluate, report, sweep
    from dvaedit.editing.attributes import AttributeEdit
    from dvaedit.editing.text import TextEdit
    from dvaedit.errors import DvaEditError
    from dvaedit.evaluation.evaluate import Evaluation
    from dvaedit.results import EditResult, FacesResult, InvertResult, ReconstructResult

__version__ = "0.1.0"

_HOME = {
    "dvaedit.api": ["Options", "edit", "faces", "invert", "reconstruct"],
    "dvaedit.checkpoints.load": ["load_model"],
    "dvaedit.comparing": ["ReportResult", "SweepResult", "evaluate", "report", "sweep"],
    "dvaedit.editing.attributes": ["AttributeEdit"],
    "dvaedit.editing.text": ["TextEdit"],
    "dvaedit.errors": ["DvaEditError"],
    "dvaedit.evaluation.evaluate": ["Evaluation"],
    "dvaedit.results": ["EditResult", "FacesResult", "InvertResult", "ReconstructResult"],
}
__all__ = [
    "AttributeEdit",
    "DvaEditError",
    "EditResult",
    "Evaluation",
    "FacesResult",
    "InvertResult",
    "Options",
    "ReconstructResult",
    "ReportResult",
    "SweepResult",
    "TextEdit",
    "edit",
    "evaluate",
    "faces",
    "invert",
    "load_model",
    "reconstruct",
    "report",
    "sweep",
]


def __getattr__(name: str):
    """Import on first use: ``import dvaedit`` and ``dvaedit --help`` stay fast without torch."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'dvaedit' has no attribute {name!r}")
