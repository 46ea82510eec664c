"""The stages of a video, wired: what each command runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.paper_text import PaperObjective
from dvaedit.editing.text import TextEdit
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.run import Node
from dvaedit.stages.align import Align
from dvaedit.stages.decode import Decode
from dvaedit.stages.edit import Edit
from dvaedit.stages.encode import Encode
from dvaedit.stages.export import Export
from dvaedit.stages.invert import Invert
from dvaedit.stages.parse import Parse
from dvaedit.stages.paste import Paste
from dvaedit.stages.sample import Sample

DEFAULT_STEPS = 10


@dataclass(frozen=True)
class Settings:
    """What shapes the result; the defaults are the command line's.

    ``iterations``: of the text search of the paper's recipe, which also has no ``region`` and ``paste`` to choose.
    """

    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()
    steps: int = DEFAULT_STEPS
    seed: int = 0
    region: str = "auto"
    paste: str = "delta"
    codec: str = "h264"
    crf: int | None = None
    iterations: int = PaperObjective.iterations


def source_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to its noise codes: what all edits of a video share."""
    dtype = model.runtime.dtype_name
    return [
        Node(Decode(video=video)),
        Node(Align(image_size=model.image_size, video=video), {"decode": "decode"}),
        Node(Encode(model=model), {"align": "align"}),
        Node(Invert(settings.steps, dtype=dtype, model=model), {"align": "align", "encode": "encode"}),
    ]


def reconstruct_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to the unedited sample, which shows what the noise codes keep."""
    sample = Sample(settings.steps, model.runtime.dtype_name, model)
    return [*source_nodes(video, model, settings), Node(sample, {"invert": "invert", "encode": "encode"}, "source")]


def edit_nodes(video: Path, model: Model, clip: TextImageModel | None, settings: Settings) -> list[Node]:
    """Everything an edit runs, from the file to the encoded video."""
    edit = Edit(settings.attributes, settings.texts, seed=settings.seed, model=model, clip=clip)
    return [
        *source_nodes(video, model, settings),
        Node(Parse(model=model, video=video), {"align": "align"}),
        Node(edit, {"align": "align", "encode": "encode"}),
        Node(
            Sample(settings.steps, model.runtime.dtype_name, model),
            {"invert": "invert", "encode": "encode", "edit": "edit"},
        ),
        Node(
            Paste(settings.region, settings.paste, model=model, video=video),
            {"align": "align", "parse": "parse", "sample": "sample", "edit": "edit"},
        ),
        Node(Export(settings.codec, settings.crf, video), {"align": "align", "paste": "paste"}),
    ]
