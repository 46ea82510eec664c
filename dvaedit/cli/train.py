"""``dvaedit train``: an autoencoder, the statistics of its codes, its attribute classifier, and the model they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dvaedit.cli import completion, options
from dvaedit.cli.session import Session, Stopped, emit, emit_json, session_of
from dvaedit.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
WHAT, DATA, HOW, KEEPING = "What to train", "Data", "How", "What is kept"
EPILOG = options.examples(
    "dvaedit train autoencoder --data faces --out runs/a --identity model_ir_se50.pth --landmarks mesh",
    "torchrun --nproc-per-node 4 -m dvaedit train autoencoder --data faces --out runs/a --identity paper",
    "dvaedit train latent-stats --data faces --model mine --out stats.safetensors",
    "dvaedit train export runs/a --name mine",
)

Run_ = Annotated[
    Path,
    # Not --run: torchrun takes that for an abbreviation of an option of its own.
    typer.Option("--out", metavar="FOLDER", help="The run's folder; one that exists is resumed.", show_default=False),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data", metavar="FOLDER", show_default=False, rich_help_panel=DATA,
        help="train/VIDEO/FRAME.png and test/..., as `dvaedit prepare` makes it; or the labelled face set.",
    ),
]  # fmt: skip
ModelName = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="Model or autoencoder.", autocompletion=completion.weights),
]
LogEvery = Annotated[int, typer.Option("--log-every", min=1, metavar="STEPS", rich_help_panel=KEEPING)]


@app.callback(epilog=EPILOG)
def train() -> None:
    """Train a model: the paper's architecture at any size, or the compact one."""


@app.command()
def autoencoder(
    ctx: typer.Context,
    data: Data,
    run: Run_,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="paper or compact.", rich_help_panel=WHAT)
    ] = "paper",
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML or JSON with settings over those of the preset.",
            show_default=False,
            rich_help_panel=WHAT,
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", min=1, help="Base channels of the U-Net; the paper: 128.", rich_help_panel=WHAT),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size", min=8, metavar="PIXELS", help="Side of the crops; the paper: 256.", rich_help_panel=WHAT
        ),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            "--identity",
            metavar="NAME_OR_FILE",
            rich_help_panel=WHAT,
            show_default=False,
            help="Where the identity network is from: a model that has it, or model_ir_se50.pth.",
        ),
    ] = None,
    landmarks: Annotated[
        str | None,
        typer.Option(
            "--landmarks",
            metavar="NAME_OR_FILE",
            rich_help_panel=WHAT,
            show_default=False,
            help="The same of the landmark network; `mesh` uses the face mesh of `dvaedit prepare` instead of one.",
        ),
    ] = None,
    parser: Annotated[
        str,
        typer.Option("--parser", metavar="NAME_OR_FILE", help="What finds the face in L_reg.", rich_help_panel=WHAT),
    ] = "compact-parser",
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="NAME",
            help="Start from the weights of this model.",
            show_default=False,
            rich_help_panel=WHAT,
        ),
    ] = None,
    random_networks: Annotated[
        bool,
        typer.Option(
            "--random-networks", help="Leave frozen networks random, to try things out.", rich_help_panel=WHAT
        ),
    ] = False,
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks",
            metavar="FILE",
            help="Head masks of the face set (.npy).",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None,
    check_alignment: Annotated[
        bool, typer.Option("--check-alignment/--no-check-alignment", help="Look at a few crops.", rich_help_panel=DATA)
    ] = True,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that read crops.", rich_help_panel=DATA)
    ] = 0,
    crops: Annotated[
        int, typer.Option("--crops", min=0, help="How many crops to see in all.", rich_help_panel=HOW)
    ] = 16_000_000,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Crops per process and pass.", rich_help_panel=HOW)
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option("--accumulate", min=1, help="Passes per step.", rich_help_panel=HOW)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", min=0, rich_help_panel=HOW)] = None,
    ema_decay: Annotated[float | None, typer.Option("--ema-decay", min=0, max=1, rich_help_panel=HOW)] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            metavar="NAME",
            help="auto (float16 on CUDA), float32, bfloat16, float16.",
            rich_help_panel=HOW,
        ),
    ] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--checkpointing/--no-checkpointing", help="Less memory for a third more time.", rich_help_panel=HOW
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, rich_help_panel=HOW)] = None,
    device: options.Device = "auto",
    log_every: LogEvery = 50,
    sheet_every: Annotated[
        int, typer.Option("--sheet-every", min=0, metavar="STEPS", help="0: never.", rich_help_panel=KEEPING)
    ] = 5000,
    save_every: Annotated[
        float, typer.Option("--save-every", min=0, metavar="SECONDS", help="Checkpoints.", rich_help_panel=KEEPING)
    ] = 600.0,
    snapshot_every: Annotated[
        int,
        typer.Option(
            "--snapshot-every", min=0, metavar="CROPS", help="Checkpoints that stay. 0: none.", rich_help_panel=KEEPING
        ),
    ] = 1_000_000,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="How many of those stay; 0: all.", rich_help_panel=KEEPING)
    ] = 3,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also log for TensorBoard.", rich_help_panel=KEEPING)
    ] = False,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a diffusion video autoencoder. Ctrl-C saves and stops; the same command goes on exactly where it was.

    Without further options these are the paper's settings. Start it with `torchrun` for several GPUs. Prints the
    last checkpoint.
    """
    session = session_of(ctx)
    session.quiet |= int(os.environ.get("RANK") or 0) > 0  # one of the processes of torchrun speaks for all
    with session.working("train", unit="crops") as progress:
        from dvaedit.runtime import Runtime
        from dvaedit.training.autoencoder import train as work
        from dvaedit.training.distributed import joined, local_device
        from dvaedit.training.run import Run
        from dvaedit.training.start import Request, describe, prepare_start

        settings = {
            "batch_size": batch, "accumulation": accumulate, "learning_rate": learning_rate, "ema_decay": ema_decay,
            "precision": precision, "checkpointing": checkpointing, "seed": seed,
        }  # fmt: skip
        request = Request(
            data, preset, config, width, size, settings, identity, landmarks, parser, init, masks, random_networks,
            check_alignment,
        )  # fmt: skip
        request.resolve()
        place = Runtime.resolve(local_device(device)).device
        with joined(place) as world:
            log = Run(run, save_every, keep=keep, say=session.note, tensorboard=tensorboard and world.main)
            start = prepare_start(request, log, place, world)
            describe(start, session.note)
            per_step = start.config.batch_size * start.config.accumulation * world.size
            trainer = work(
                start.config, start.source, log, crops, parser=start.parser, device=place, world=world,
                initial=start.initial, state=start.state, workers=workers, log_every=log_every,
                sheet_every=sheet_every, snapshot_every=-(-snapshot_every // per_step), sheet=(8, 20),
                progress=lambda done, total: progress("train", done, total),
            )  # fmt: skip
    _end_if_stopped(trainer.stopped, trainer.step)
    if int(os.environ.get("RANK") or 0) > 0:
        return
    path = run / "checkpoint.pt"
    _result(json, session, path, {"checkpoint": path, "step": trainer.step, "crops": trainer.samples})


@app.command("latent-stats")
def latent_stats(
    ctx: typer.Context,
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .safetensors file.", show_default=False)],
    model: ModelName = options.DEFAULT_MODEL,
    split: Annotated[str, typer.Option("--split", help="train or test.", rich_help_panel=DATA)] = "train",
    batch: Annotated[int, typer.Option("--batch", min=1, help="Crops at once.")] = 32,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure mean and spread of the identity code over all frames of all videos. Prints the file."""
    session = session_of(ctx)
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists", "Choose another name with --out, or allow it with --overwrite.")
    with session.working("latent-stats") as progress:
        from dvaedit.runtime import Runtime
        from dvaedit.training import latent_stats as work
        from dvaedit.training.networks import load_autoencoder
        from dvaedit.training.video_set import open_split

        place = Runtime.resolve(device).device
        network, card = load_autoencoder(model, place)
        videos = open_split(data, split, network.config.unet.image_size)
        source = {"data": data.resolve().name, "split": split, "model": card.name, "sha256": card.sha256}
        stats = work.measure(network, videos, place, source, batch, lambda done, total: progress("encode", done, total))
        work.write(out, stats)
    _result(json, session, out, {"file": out, "count": stats.count, "source": stats.source})


@app.command()
def classifier(
    ctx: typer.Context,
    images: Annotated[Path, typer.Option("--images", metavar="FOLDER", help="CelebA-HQ.", show_default=False)],
    attributes: Annotated[
        Path,
        typer.Option("--attributes", metavar="FILE", help="CelebAMask-HQ-attribute-anno.txt.", show_default=False),
    ],
    stats: Annotated[
        Path, typer.Option("--stats", metavar="FILE", help="What latent-stats has written.", show_default=False)
    ],
    run: Run_,
    model: ModelName = options.DEFAULT_MODEL,
    crops: Annotated[int, typer.Option("--crops", min=1, help="How many crops to see in all.")] = 300_000,
    batch: Annotated[int, typer.Option("--batch", min=1)] = 32,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=0)] = 1e-3,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    device: options.Device = "auto",
    log_every: LogEvery = 500,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the linear attribute classifier on the identity codes of labelled images. Prints the last checkpoint."""
    session = session_of(ctx)
    with session.working("classifier", unit="crops") as progress:
        from dvaedit.runtime import Runtime
        from dvaedit.training import paper_classifier as work
        from dvaedit.training.celeba import open_set
        from dvaedit.training.latent_stats import read
        from dvaedit.training.networks import load_autoencoder
        from dvaedit.training.run import Run

        place, found = Runtime.resolve(device).device, read(stats)
        network, card = load_autoencoder(model, place)
        faces = open_set(images, attributes, network.config.unet.image_size)
        codes = work.identity_codes(
            network,
            faces,
            place,
            run / "data",
            card.sha256,
            progress=lambda done, total: progress("encode", done, total),
        )
        settings = work.ClassifierConfig(batch, learning_rate, seed=seed)
        trainer = work.train(
            settings, codes, faces, found, Run(run, say=session.note), crops, log_every,
            lambda done, total: progress("train", done, total),
        )  # fmt: skip
    _end_if_stopped(trainer.stopped, trainer.step)
    path = run / "checkpoint.pt"
    _result(json, session, path, {"checkpoint": path, "step": trainer.step})


@app.command()
def export(
    ctx: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an autoencoder's run.", show_default=False)],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call the model.", show_default=False)],
    stats: Annotated[
        Path | None, typer.Option("--stats", metavar="FILE", help="What latent-stats has written.", show_default=False)
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option("--classifier", metavar="RUN", help="Folder of the classifier's run.", show_default=False),
    ] = None,
    parser: Annotated[
        str, typer.Option("--parser", metavar="NAME", help="The face parser it uses.")
    ] = "compact-parser",
    licence: Annotated[str, typer.Option("--licence", help="Of the weights, for the card.")] = "not stated",
    source: Annotated[str, typer.Option("--source", help="For the card.")] = "trained with dvaedit",
    training_data: Annotated[
        list[str] | None,
        typer.Option("--training-data", metavar="NAME=LICENCE", help="For the card. Repeatable.", show_default=False),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Half precision: half the size.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="FOLDER", help="Default: the user's weights folder.", show_default=False),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Make a model of a run, which `--model NAME` then takes: averaged weights, classifier, cards. Prints its card."""
    session = session_of(ctx)
    with session.working("export"):
        from dvaedit.training import export_run as work
        from dvaedit.training.latent_stats import read
        from dvaedit.training.run import Run

        if not run.is_dir():
            raise UsageError(f"there is no run {run}", "Train first: `dvaedit train autoencoder`.")
        settings = work.ExportSettings(
            name, parser, licence, source, [_training_data(text) for text in training_data or ()],
            None if stats is None else read(stats), classifier, half, folder, overwrite,
        )  # fmt: skip
        cards = work.export(Run(run), settings)
    path = cards[-1].folder / f"{name}.json"
    _result(json, session, path, {"model": name, "card": path, "parts": cards[-1].parts})


def _end_if_stopped(signal: int, step: int) -> None:
    if signal:
        raise Stopped(128 + signal, f"stopped at step {step}; run the same command again to resume")


def _training_data(text: str) -> dict[str, str]:
    name, _, licence = text.partition("=")
    if not name:
        raise UsageError(f"{text!r} names no training data", "Write --training-data NAME=LICENCE.")
    return {"name": name, "licence": licence or "not stated"}


def _result(json: bool, session: Session, path: Path, values: dict[str, object]) -> None:
    if json:
        emit_json({**values, "warnings": session.warnings})
    else:
        emit(str(path))
