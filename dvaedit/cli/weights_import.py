"""``dvaedit weights import``: published checkpoints, made into weights of this program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dvaedit.cli import options
from dvaedit.cli.session import emit, emit_json, session_of
from dvaedit.cli.text import size

if TYPE_CHECKING:
    from dvaedit.checkpoints.cards import Card

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
EPILOG = options.examples(
    "dvaedit weights import paper --checkpoint epoch=51-step=1000000.ckpt --classifier last.ckpt --latents latent.pkl",
    "dvaedit weights import diffae --checkpoint last.ckpt --name diffae-ffhq256",
)


def _file(flag: str, what: str) -> type:
    return Annotated[Path | None, typer.Option(flag, metavar="FILE", help=what, show_default=False)]


Checkpoint = Annotated[
    Path, typer.Option("--checkpoint", metavar="FILE", help="The model's Lightning checkpoint.", show_default=False)
]
Classifier = _file("--classifier", "Checkpoint of the 40-attribute classifier; without it --attribute has no names.")
Latents = _file("--latents", "latent.pkl: mean and deviation of identity codes, where the classifier has none.")
Identity = _file("--identity", "model_ir_se50.pth, where the checkpoint has no identity net.")
Landmarks = _file("--landmarks", "mobilenet_224_model_best_gdconv_external.pth.tar, likewise.")
Parser = _file("--parser", "79999_iter.pth, the face parser, likewise.")
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace weights of that name.")]


@app.callback(epilog=EPILOG)
def import_() -> None:
    """Convert published checkpoints to safetensors and cards, in the user's weights folder.

    The files are read without running anything in them: what holds more than tensors and plain data is refused. Every
    key and shape is checked. Then `--model NAME` works in every command.
    """


@app.command()
def paper(
    ctx: typer.Context,
    checkpoint: Checkpoint,
    classifier: Classifier = None,
    latents: Latents = None,
    identity: Identity = None,
    landmarks: Landmarks = None,
    parser: Parser = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The model's name here.")] = "paper",
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Import Diffusion Video Autoencoders, as its authors released it (256 px, 1 GB).

    Its averaged copy (`ema_model.*`) is taken, as in the authors' editing code.
    """
    with session_of(ctx).working(f"import {checkpoint.name}"):
        from dvaedit.checkpoints.importing import Sources, import_paper

        sources = Sources(checkpoint, classifier, latents, identity, landmarks, parser)
        cards = import_paper(sources, name, overwrite=overwrite)
    _show(ctx, cards, json)


@app.command()
def diffae(
    ctx: typer.Context,
    checkpoint: Checkpoint,
    classifier: Classifier = None,
    latents: Latents = None,
    parser: Parser = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The model's name here.")] = "diffae",
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Import a DiffAE autoencoder (`ffhq256_autoenc`): every frame has a code of its own, the per-frame baseline.

    Keys: `model.*` and `ema_model.*` (taken) of the U-Net (`time_embed`, `input_blocks`, `middle_block`,
    `output_blocks`, `out`) and of the semantic encoder (`encoder.*`); `x_T` and `latent_net.*` are passed over,
    `conds_mean` and `conds_std` are used where they are. Without --parser the compact parser makes the masks.
    """
    with session_of(ctx).working(f"import {checkpoint.name}"):
        from dvaedit.checkpoints.importing import Sources, import_diffae

        sources = Sources(checkpoint, classifier, latents, parser=parser)
        cards = import_diffae(sources, name, overwrite=overwrite)
    _show(ctx, cards, json)


def _show(ctx: typer.Context, cards: list[Card], json: bool) -> None:
    if json:
        emit_json([{**card.to_json(), "folder": card.folder} for card in cards])
        return
    for card in cards[:-1]:
        session_of(ctx).note(f"{card.kind}: {card.folder / card.file} ({size(card.size)})")
    emit(cards[-1].name)
