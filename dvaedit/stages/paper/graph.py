"""The stages of the ``paper`` recipe, wired under the labels the usual stages have."""

from __future__ import annotations

from pathlib import Path

from dvaedit.editing.paper_text import PaperObjective
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.run import Node
from dvaedit.stages.encode import Encode
from dvaedit.stages.export import Export
from dvaedit.stages.graph import Settings, place_of, scan_nodes
from dvaedit.stages.paper.align import PaperAlign
from dvaedit.stages.paper.diffusion import PaperInvert, PaperSample
from dvaedit.stages.paper.edit import PaperEdit
from dvaedit.stages.paper.paste import PaperPaste


def _places(settings: Settings) -> list[str]:
    return [place_of(at) for at in range(len(settings.people))]


def _named(place: str, *names: str) -> dict[str, str]:
    return {name: f"{name}{place}" for name in names}


def _sample(model: Model, settings: Settings) -> PaperSample:
    return PaperSample(settings.steps, model.runtime.dtype_name, model)


def _source_chain(video: Path, model: Model, settings: Settings, person: int, place: str) -> list[Node]:
    align = PaperAlign(model.image_size, person, settings.span, settings.min_face, video)
    invert = PaperInvert(settings.steps, model.runtime.dtype_name, model)
    return [
        Node(align, {"decode": "decode", "people": "people"}, f"align{place}"),
        Node(Encode(model=model), _named(place, "align"), f"encode{place}"),
        Node(invert, _named(place, "align", "encode"), f"invert{place}"),
    ]


def _source(video: Path, model: Model, settings: Settings) -> list[Node]:
    people = zip(settings.people, _places(settings), strict=True)
    chains = [_source_chain(video, model, settings, person, place) for person, place in people]
    return scan_nodes(video, settings.scan) + [node for chain in chains for node in chain]


def paper_reconstruct_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to the unedited sample."""
    sample = _sample(model, settings)
    samples = [Node(sample, _named(place, "invert", "encode"), f"source{place}") for place in _places(settings)]
    return [*_source(video, model, settings), *samples]


def paper_edit_nodes(video: Path, model: Model, clip: TextImageModel | None, settings: Settings) -> list[Node]:
    """Everything an edit runs, from the file to the encoded video."""
    nodes = _source(video, model, settings)
    edit = PaperEdit(settings.attributes, settings.texts, PaperObjective(iterations=settings.iterations), model, clip)
    for place in _places(settings):
        nodes += [
            Node(edit, _named(place, "align", "encode"), f"edit{place}"),
            Node(_sample(model, settings), _named(place, "invert", "encode", "edit"), f"sample{place}"),
            Node(PaperPaste(model), _named(place, "align", "sample"), f"paste{place}"),
        ]
    inputs = {f"{name}{place}": f"{name}{place}" for place in _places(settings) for name in ("align", "paste")}
    return [*nodes, Node(Export(settings.encoding, settings.visible_mark, video), inputs)]
