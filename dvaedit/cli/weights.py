"""``dvaedit weights``: what is installed, whether it is whole, getting what is missing, and importing others' files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import completion, options, weights_import, weights_parity
from dvaedit.cli.session import Session, emit, emit_json, emit_table, session_of
from dvaedit.cli.text import size
from dvaedit.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from dvaedit.checkpoints.cards import Card

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(weights_import.app, name="import")
app.command("parity", epilog=weights_parity.EPILOG)(weights_parity.parity)
EPILOG = options.examples(
    "dvaedit weights list",
    "dvaedit weights show compact",
    "dvaedit weights verify",
    "dvaedit weights pull compact",
    "dvaedit weights import paper --checkpoint epoch=51-step=1000000.ckpt --classifier last.ckpt",
)
Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completion.weights, show_default=False)]


@app.callback(epilog=EPILOG)
def weights() -> None:
    """List, show, verify, download and import the weights of the models, and compare our numbers with the paper's."""


@app.command("list")
def list_(json: options.Json = False) -> None:
    """List all weights: kind, size, licence, and whether the file is there."""
    from dvaedit.checkpoints.store import list_cards

    cards = list_cards()
    if json:
        emit_json([_as_dict(card) for card in cards])
    else:
        emit_table(_table(cards))


@app.command()
def show(name: Name, json: options.Json = False) -> None:
    """Show one card: source, licence, training data, configuration, measured quality."""
    from dvaedit.checkpoints.store import find_card

    card = find_card(name)
    if json:
        emit_json(_as_dict(card))
    else:
        emit("\n".join(_lines(_as_dict(card))))


@app.command()
def verify(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", autocompletion=completion.weights, show_default=False)
    ] = None,
) -> None:
    """Compare the files of all weights (or of NAME, with its parts) with the SHA-256 of their cards."""
    from dvaedit.checkpoints.store import verify as verify_card

    cards, problems = _chosen(name), []
    for card in cards:
        try:
            verify_card(card)
            session_of(ctx).note(f"ok   {card.name}")
        except WeightsError as error:  # the others are still to be looked at; raised below
            session_of(ctx).note(f"BAD  {card.name}", "red")
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else _several(problems, len(cards))
    emit(f"{len(cards)} of {len(cards)} files are as their cards say")


@app.command()
def pull(
    ctx: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", autocompletion=completion.weights, show_default=False)
    ],
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            "--mirror",
            metavar="ADDRESS",
            show_default=False,
            help="Ask this address before those of the card; with a / at its end, a folder of it. Repeatable.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="FOLDER",
            help="Where to put the files; default: the user's weights folder.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="A connection silent for so long is dropped.")
    ] = 30.0,
    offline: options.Offline = False,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Download the files of NAME (of a model: of all its parts) that are missing or damaged, from their mirrors.

    An interrupted download is resumed. A file is in its place only once its SHA-256 is that of its card.
    """
    from dvaedit.checkpoints.download import Patience, fetch

    session, paths = session_of(ctx), []
    cards = list({card.name: card for name in names for card in _chosen(name)}.values())
    if len(cards) > 1 and any(not address.endswith("/") for address in mirror or ()):
        raise UsageError(
            f"one --mirror for {len(cards)} files", "Name one file, or a folder: an address that ends in /."
        )
    with session.working("weights pull", unit="bytes") as progress:
        for card in cards:
            path = _whole(card)
            if path is None:
                path = fetch(
                    card, folder or _place(card), mirrors=mirror or (), patience=Patience(timeout),
                    progress=lambda done, total, label=card.file: progress(label, done, total),
                )  # fmt: skip
            else:
                session.note(f"{card.name} is here already")
            paths.append(path)
    _say_where_to_look(session_of(ctx), folder)
    if json:
        emit_json({"files": paths, "warnings": session.warnings})
    else:
        emit("\n".join(map(str, paths)))


def _say_where_to_look(session: Session, folder: Path | None) -> None:
    from dvaedit.checkpoints.store import weights_folders

    if folder is not None and folder.resolve() not in [known.resolve() for known in weights_folders()]:
        session.warn(f"{folder} is not looked at for weights: set DVAEDIT_WEIGHTS to it")


def _whole(card: Card) -> Path | None:
    """The card's file if it is here and whole."""
    from dvaedit.checkpoints.store import verify as verify_card

    try:
        return verify_card(card)
    except WeightsError:
        return None


def _place(card: Card) -> Path:
    """The folder to download into: that of the damaged file, which would else be found first, or the user's."""
    from dvaedit.checkpoints.store import user_folder

    damaged = _path(card)
    return user_folder() if damaged is None else Path(str(damaged).removesuffix(card.file))


def _chosen(name: str | None) -> list[Card]:
    """The cards with files of their own: all of them, or those that ``name`` stands for."""
    from dvaedit.checkpoints.store import find_card, find_model, list_cards

    if name is None:
        return [card for card in list_cards() if card.file]
    card = find_card(name)
    return [card] if card.file else list(find_model(name).parts.values())


def _several(problems: list[WeightsError], total: int) -> WeightsError:
    return WeightsError(f"{len(problems)} of {total} files are bad; the first: {problems[0].message}", problems[0].hint)


def _path(card: Card) -> Path | None:
    from dvaedit.checkpoints.store import locate

    try:
        return locate(card)
    except WeightsError:  # a card without its file is listed as such
        return None


def _as_dict(card: Card) -> dict[str, Any]:
    return {**card.to_json(), "folder": card.folder, "path": _path(card)}


def _table(cards: list[Card]) -> Any:
    from rich.table import Table

    table = Table("name", "kind", "version", box=None, pad_edge=False)
    table.add_column("size", justify="right")
    for title in ("file", "licence"):
        table.add_column(title)
    for card in cards:
        there = (
            ", ".join(card.parts.values())
            if card.parts
            else "here"
            if _path(card)
            else "MISSING (pull)"
            if card.mirrors
            else "MISSING"
        )
        table.add_row(card.name, card.kind, card.version, size(card.size) if card.size else "", there, card.licence)
    return table


def _lines(value: dict[str, Any], indent: str = "") -> list[str]:
    """A card as indented "name: value" lines; empty fields are left out."""
    lines = []
    for name, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{indent}{name}:", *_lines(item, indent + "  ")]
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            lines += [f"{indent}{name}:", *(f"{indent}  - {'; '.join(map(str, entry.values()))}" for entry in item)]
        elif item not in (None, "", [], {}, 0):
            lines.append(f"{indent}{name}: {', '.join(map(str, item)) if isinstance(item, list) else item}")
    return lines
