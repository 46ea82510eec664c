"""What the shell offers after Tab: names read from the weight cards, without loading a network."""

from __future__ import annotations

from contextlib import suppress

import typer

from dvaedit.errors import DvaEditError

DEFAULT_MODEL = "compact"


def attributes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Attribute names of the model named before on the line, or of the default one."""
    from dvaedit.checkpoints.store import find_model

    names: list[str] = []
    with suppress(DvaEditError):  # a broken installation offers nothing: Tab is no place for an error
        names = find_model(ctx.params.get("model") or DEFAULT_MODEL).part("classifier").config.get("attributes", [])
    wanted = incomplete.lower()
    return [name if name.startswith(incomplete) else incomplete + name[len(incomplete) :]
            for name in names if name.lower().startswith(wanted)]  # fmt: skip


def models(incomplete: str) -> list[str]:
    """Names of the models."""
    return _cards(incomplete, ("model",))


def clips(incomplete: str) -> list[str]:
    """Names of the image-text models that are installed."""
    return ["compact", *(name for name in _cards(incomplete, ("clip",)) if name != "compact")]


def weights(incomplete: str) -> list[str]:
    """Names of all weight cards."""
    return _cards(incomplete)


def devices() -> list[str]:
    """The kinds of devices; which of them are here is known to torch alone."""
    return ["auto", "cpu", "cuda", "mps"]


def dtypes() -> list[str]:
    """The number formats of the networks."""
    return ["auto", "float32", "bfloat16", "float16"]


def codecs() -> list[str]:
    """The codecs an output can be written in; which of them are here is known to PyAV alone."""
    return ["h264", "hevc", "av1", "vp9", "prores", "ffv1", "copy-of-source"]


def _cards(incomplete: str, kinds: tuple[str, ...] = ()) -> list[str]:
    from dvaedit.checkpoints.store import list_cards

    cards = []
    with suppress(DvaEditError):
        cards = [card.name for card in list_cards() if not kinds or card.kind in kinds]
    return [name for name in cards if name.startswith(incomplete)]
