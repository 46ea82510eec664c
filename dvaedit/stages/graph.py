"""The stages of a video, wired: what each command runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.paper_text import PaperObjective
from dvaedit.editing.text import TextEdit
from dvaedit.face.quality import MIN_FACE
from dvaedit.models.bundle import Model
from dvaedit.models.clip import TextImageModel
from dvaedit.pipeline.run import Node
from dvaedit.stages.align import Align
from dvaedit.stages.decode import Decode, Span
from dvaedit.stages.edit import Edit
from dvaedit.stages.encode import Encode
from dvaedit.stages.export import Export
from dvaedit.stages.invert import Invert
from dvaedit.stages.parse import Parse
from dvaedit.stages.paste import Paste
from dvaedit.stages.people import People
from dvaedit.stages.sample import Sample
from dvaedit.video.codecs import Encoding

DEFAULT_STEPS = 10


@dataclass(frozen=True)
class Settings:
    """What shapes the result; the defaults are the command line's.

    ``adapt``: the edit is as strong as the video needs. ``people``: numbers of those to edit, from 1, the largest.
    ``span``: the part to edit; ``scan``: the part in which faces are looked for, and so what the numbers refer to.
    ``recipe``: "own" or "paper"; ``iterations``: of the text search of the paper's, which has no ``region`` and
    ``paste`` to choose.
    """

    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()
    adapt: bool = False
    steps: int = DEFAULT_STEPS
    seed: int = 0
    region: str = "auto"
    paste: str = "delta"
    encoding: Encoding = field(default_factory=Encoding)
    visible_mark: bool = False
    people: tuple[int, ...] = (1,)
    span: Span | None = None
    scan: Span | None = None
    min_face: float = MIN_FACE
    recipe: str = "own"
    iterations: int = PaperObjective.iterations


def place_of(position: int) -> str:
    """What the labels of a person's stages end in: nothing for the first one edited, "-2" for the second."""
    return f"-{position + 1}" if position else ""


def scan_nodes(video: Path, scan: Span | None = None) -> list[Node]:
    """From the file to the people in it."""
    return [Node(Decode(scan, video=video)), Node(People(), {"decode": "decode"})]


def source_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to its noise codes: what all edits of a video share."""
    chains = [_source_chain(video, model, settings, at) for at in range(len(settings.people))]
    return scan_nodes(video, settings.scan) + [node for chain in chains for node in chain]


def _source_chain(video: Path, model: Model, settings: Settings, at: int) -> list[Node]:
    """Of one person, the ``at``-th of those to edit."""
    dtype, place = model.runtime.dtype_name, place_of(at)
    align = Align(model.image_size, settings.people[at], settings.span, settings.min_face, video)
    align_in, codes = f"align{place}", f"encode{place}"
    return [
        Node(align, {"decode": "decode", "people": "people"}, align_in),
        Node(Encode(model=model), {"align": align_in}, codes),
        Node(Invert(settings.steps, dtype=dtype, model=model), {"align": align_in, "encode": codes}, f"invert{place}"),
    ]


def reconstruct_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to the unedited sample, which shows what the noise codes keep."""
    sample = Sample(settings.steps, model.runtime.dtype_name, model)
    places = [place_of(at) for at in range(len(settings.people))]
    inputs = [{"invert": f"invert{place}", "encode": f"encode{place}"} for place in places]
    samples = [Node(sample, given, f"source{place}") for given, place in zip(inputs, places, strict=True)]
    return [*source_nodes(video, model, settings), *samples]


def edit_nodes(video: Path, model: Model, clip: TextImageModel | None, settings: Settings) -> list[Node]:
    """Everything an edit runs, from the file to the encoded video."""
    nodes, places = source_nodes(video, model, settings), [place_of(at) for at in range(len(settings.people))]
    for place in places:
        nodes += _edit_chain(video, model, clip, settings, place)
    inputs = {f"{name}{place}": f"{name}{place}" for place in places for name in ("align", "paste")}
    return [*nodes, Node(Export(settings.encoding, settings.visible_mark, video), inputs)]


def _edit_chain(video: Path, model: Model, clip: TextImageModel | None, settings: Settings, place: str) -> list[Node]:
    steps = {"adapt": True, "steps": settings.steps} if settings.adapt else {}  # a strength that is given needs none
    edit = Edit(settings.attributes, settings.texts, seed=settings.seed, **steps, model=model, clip=clip)
    paste = Paste(settings.region, settings.paste, model=model, video=video)

    needs = [*(["parse"] if settings.texts else []), *(["invert"] if settings.adapt else [])]

    def named(*names: str) -> dict[str, str]:
        return {name: f"{name}{place}" for name in names}

    return [
        Node(Parse(model=model, video=video), named("align"), f"parse{place}"),
        Node(edit, named("align", "encode", *needs), f"edit{place}"),
        Node(
            Sample(settings.steps, model.runtime.dtype_name, model), named("invert", "encode", "edit"), f"sample{place}"
        ),
        Node(paste, named("align", "parse", "sample", "edit"), f"paste{place}"),
    ]
