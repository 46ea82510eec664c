"""The stages of a video, wired: what each command runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.paper_text import PaperObjective
from dvaedit.editing.parts import Parts
from dvaedit.editing.reading import read_change
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
from dvaedit.stages.pick import Pick
from dvaedit.stages.probes import COUNT
from dvaedit.stages.sample import Sample
from dvaedit.video.codecs import Encoding

DEFAULT_STEPS = 10


@dataclass(frozen=True)
class Settings:
    """What shapes the result; the defaults are the command line's.

    ``adapt``: the edit is as strong as the video needs; ``draw``: what is drawn may go by a few frames. ``people``:
    numbers of those to edit, from 1, the largest. ``span``: the part to edit; ``scan``: the part in which faces are
    looked for, and so what the numbers refer to. ``recipe``: "own" or "paper"; ``iterations``: of the text search of
    the paper's, which has no ``region`` and ``paste`` to choose.
    """

    attributes: tuple[AttributeEdit, ...] = ()
    texts: tuple[TextEdit, ...] = ()
    adapt: bool = False
    draw: bool = True
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


def source_nodes(video: Path, model: Model, settings: Settings, few: bool = False) -> list[Node]:
    """From the file to its noise codes: what all edits of a video share. ``few``: of a few frames only."""
    chains = [_source_chain(video, model, settings, at, few) for at in range(len(settings.people))]
    return scan_nodes(video, settings.scan) + [node for chain in chains for node in chain]


def _source_chain(video: Path, model: Model, settings: Settings, at: int, few: bool) -> list[Node]:
    """Of one person, the ``at``-th of those to edit."""
    dtype, place = model.runtime.dtype_name, place_of(at)
    align = Align(model.image_size, settings.people[at], settings.span, settings.min_face, video)
    align_in, codes = f"align{place}", f"encode{place}"
    tracked = {"align": align_in, "encode": codes}
    picked = [Node(Pick(COUNT), tracked, f"few{place}")] if few else []
    inverted = {"align": f"few{place}", "encode": f"few{place}"} if few else tracked
    return [
        Node(align, {"decode": "decode", "people": "people"}, align_in),
        Node(Encode(model=model), {"align": align_in}, codes),
        *picked,
        Node(Invert(settings.steps, dtype=dtype, model=model), inverted, f"invert{place}"),
    ]


def reconstruct_nodes(video: Path, model: Model, settings: Settings) -> list[Node]:
    """From the file to the unedited sample, which shows what the noise codes keep."""
    sample = Sample(settings.steps, model.runtime.dtype_name, model=model)
    places = [place_of(at) for at in range(len(settings.people))]
    inputs = [{"invert": f"invert{place}", "encode": f"encode{place}"} for place in places]
    samples = [Node(sample, given, f"source{place}") for given, place in zip(inputs, places, strict=True)]
    return [*source_nodes(video, model, settings), *samples]


def edit_nodes(video: Path, model: Model, clip: TextImageModel | None, settings: Settings) -> list[Node]:
    """Everything an edit runs, from the file to the encoded video."""
    few, places = is_drawn(model, settings), [place_of(at) for at in range(len(settings.people))]
    nodes = source_nodes(video, model, settings, few)
    for place in places:
        nodes += _edit_chain(video, model, clip, settings, place, few)
    inputs = {f"{name}{place}": f"{name}{place}" for place in places for name in ("align", "paste")}
    return [*nodes, Node(Export(settings.encoding, settings.visible_mark, video), inputs)]


def is_drawn(model: Model, settings: Settings) -> bool:
    """Whether no part of the edit is pasted as it is sampled, so that a few sampled frames tell all there is."""
    return settings.draw and Parts.of(_asked(model, settings), model.morphs).few


def _asked(model: Model, settings: Settings) -> dict[str, float]:
    """The changes that are asked for; none where nothing may be drawn, or a text does not tell beforehand."""
    if not _may_draw(model, settings):
        return {}
    strengths = {edit.name: edit.strength for edit in settings.attributes if edit.strength}
    for text in settings.texts:
        read = read_change(text.target, text.source, model.attributes.names) if text.strength else {}
        if not read:
            return {}
        for name, value in read.items():
            strengths[name] = strengths.get(name, 0.0) + text.strength * value
    return strengths


def _may_draw(model: Model, settings: Settings) -> bool:
    """Whether what can be dyed, drawn and morphed is, and not pasted as the network has it."""
    return not model.autoencoder.per_frame and (settings.region, settings.paste) == ("auto", "delta")


def _edit_chain(
    video: Path, model: Model, clip: TextImageModel | None, settings: Settings, place: str, few: bool
) -> list[Node]:
    steps = {"adapt": True, "steps": settings.steps} if settings.adapt else {}  # a strength that is given needs none
    parts = Parts.of(_asked(model, settings), model.morphs)
    split = parts.split
    drawing = {"drawn": _may_draw(model, settings), "split": split}
    edit = Edit(settings.attributes, settings.texts, seed=settings.seed, **steps, **drawing, model=model, clip=clip)
    codes = ["drawn"] * split + ["shaded"] * bool(parts.turned)
    sampled = [(code, Sample(settings.steps, model.runtime.dtype_name, f"z_{code}", COUNT, model)) for code in codes]
    sample = Sample(settings.steps, model.runtime.dtype_name, model=model)
    paste = Paste(settings.region, settings.paste, model=model, video=video)

    picked = ["few"] if few else []
    parsed = settings.texts or (settings.adapt and parts.morphed and (parts.dyed or model.morphs.hangs(parts.morphed)))
    needs = [*(["parse"] if parsed else []), *(["invert", *picked] if settings.adapt else [])]

    def named(*names: str) -> dict[str, str]:
        return {name: f"{name}{place}" for name in names}

    coded = named("invert", "encode", "edit") | ({"encode": f"few{place}"} if few else {})
    return [
        Node(Parse(model=model, video=video), named("align"), f"parse{place}"),
        Node(edit, named("align", "encode", *needs), f"edit{place}"),
        *[Node(stage, coded, f"{label}{place}") for label, stage in (("sample", sample), *sampled)],
        Node(paste, named("align", "parse", "sample", "edit", *picked, *codes), f"paste{place}"),
    ]
