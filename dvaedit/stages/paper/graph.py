"""The stages of the ``paper`` recipe, wired under the labels the usual stages have."""

from __future__ import annotations

from pathlib import Path

from dvaedit.editing.paper_text import PaperObjective
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.run import Node
from dvaedit.stages.decode import Decode
from dvaedit.stages.encode import Encode
from dvaedit.stages.export import Export
from dvaedit.stages.graph import Settings
from dvaedit.stages.paper.align import PaperAlign
from dvaedit.stages.paper.diffusion import PaperInvert, PaperSample
from dvaedit.stages.paper.edit import PaperEdit
from dvaedit.stages.paper.paste import PaperPaste


def _source(video: Path, model: Model, settings: Settings) -> list[Node]:
    dtype = model.runtime.dtype_name
    return [
        Node(Decode(video=video)),
        Node(PaperAlign(image_size=model.image_size, video=video), {"decode": "decode"}, "align"),
        Node(Encode(model=model), {"align": "align"}),
        Node(PaperInvert(settings.steps, dtype, model), {"align": "align", "encode": "encode"}, "invert"),
    ]


def paper_reconstruct_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to the unedited sample."""
    sample = PaperSample(settings.steps, model.runtime.dtype_name, model)
    return [*_source(video, model, settings), Node(sample, {"invert": "invert", "encode": "encode"}, "source")]


def paper_edit_nodes(video: Path, model: Model, clip: TextImageModel | None, settings: Settings) -> list[Node]:
    """Everything an edit runs, from the file to the encoded video."""
    objective = PaperObjective(iterations=settings.iterations)
    edit = PaperEdit(settings.attributes, settings.texts, objective, model, clip)
    sample = PaperSample(settings.steps, model.runtime.dtype_name, model)
    return [
        *_source(video, model, settings),
        Node(edit, {"align": "align", "encode": "encode"}, "edit"),
        Node(sample, {"invert": "invert", "encode": "encode", "edit": "edit"}, "sample"),
        Node(PaperPaste(model), {"align": "align", "sample": "sample"}, "paste"),
        Node(Export(settings.codec, settings.crf, video), {"align": "align", "paste": "paste"}),
    ]
