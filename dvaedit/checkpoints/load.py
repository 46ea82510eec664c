"""Build the networks a model's cards describe and fill them with verified weights."""

from __future__ import annotations

from torch import nn

from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.store import find_card, find_model, load_into, load_tensors, verify
from dvaedit.errors import WeightsError
from dvaedit.models.autoencoder import Autoencoder, AutoencoderConfig
from dvaedit.models.bundle import Model
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.clip import DEFAULT_CLIP, TextImageModel, load_clip
from dvaedit.models.config import from_dict
from dvaedit.models.morphs import Morphs
from dvaedit.models.parsing import ParserConfig, build_parser
from dvaedit.models.sface import SFace
from dvaedit.runtime import Runtime

DEFAULT_MODEL = "compact"
COMPACT_CARD = "compact-clip"


def load_model(name: str = DEFAULT_MODEL, runtime: Runtime | None = None) -> Model:
    """Load the model called ``name`` for ``runtime`` (default: the best device here).

    Raises WeightsError where a file is missing, damaged or does not fit.
    """
    runtime = runtime or Runtime.resolve()
    found = find_model(name)
    autoencoder, classifier, parser = (found.part(kind) for kind in ("autoencoder", "classifier", "parser"))
    config = from_dict(AutoencoderConfig, autoencoder.config)
    network = _filled(Autoencoder(config), autoencoder, runtime)
    morphs = found.parts.get("morphs")
    network.max_batch, network.precision = network.frugal_batch, runtime.dtype
    return Model(
        name=name,
        autoencoder=network,
        attributes=_filled(_attribute_model(classifier, config), classifier, runtime),
        parser=_filled(build_parser(from_dict(ParserConfig, parser.config)), parser, runtime),
        metrics=classifier.metrics,
        digests=found.digests("autoencoder", "classifier", "parser", *(["morphs"] if morphs else [])),
        runtime=runtime,
        morphs=_morphs(morphs) if morphs else None,
    )


def _attribute_model(card: Card, config: AutoencoderConfig) -> AttributeModel:
    rank, unit_norm, names = (
        card.config.get("rank", 0),
        card.config.get("unit_norm", True),
        card.config.get("attributes"),
    )
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise WeightsError(f"the card of {card.name} names no attributes", "Restore it from the release it came with.")
    return AttributeModel(tuple(names), config.identity.code_channels, rank, unit_norm)


def _morphs(card: Card) -> Morphs:
    return Morphs.of({name: tensor.float().numpy() for name, tensor in load_tensors(card).items()})


def load_text_model(name: str = DEFAULT_CLIP, runtime: Runtime | None = None, antialias: bool = True) -> TextImageModel:
    """Load an image-text model for ``runtime``: the compact one, verified against its card, or any of open_clip.

    ``antialias``: see :class:`TextImageModel`.
    Raises UsageError for an unknown name and WeightsError where weights are missing, damaged or out of reach.
    """
    runtime = runtime or Runtime.resolve()
    folder = verify(find_card(COMPACT_CARD)).parent if name == DEFAULT_CLIP else None
    return load_clip(name, folder, antialias).to(runtime.device)


def load_sface() -> SFace:
    """The shipped network that tells people apart. Raises WeightsError."""
    return SFace(verify(find_card("sface")))


def _filled(module: nn.Module, card: Card, runtime: Runtime) -> nn.Module:
    load_into(module, load_tensors(card))
    return module.eval().requires_grad_(False).to(runtime.device)
