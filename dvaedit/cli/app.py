"""The Typer app: which commands there are. Nothing here, or imported here, loads torch."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.core import TyperGroup

import dvaedit
from dvaedit.cli import (
    attributes,
    cache,
    doctor,
    edit,
    evaluate,
    faces,
    invert,
    options,
    prepare,
    reconstruct,
    report,
    sweep,
    train,
    weights,
)
from dvaedit.cli.options import OneFace
from dvaedit.cli.session import INTERRUPTED, Stopped, emit, session_of
from dvaedit.offline import enforce

EDITING, MEASURING = "Editing", "Measuring and comparing"
TRAINING, LOOKING_AFTER = "Training", "Looking after things"


class Group(TyperGroup):
    """Ctrl-C leaves through here, so that every version of Typer lets it end with our words and exit code.

    While a question is asked, Typer turns it into Abort.
    """

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            raise Stopped(INTERRUPTED, "interrupted; run the same command again to resume") from None


app = typer.Typer(
    name="dvaedit",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        emit(f"dvaedit {dvaedit.__version__}")
        raise typer.Exit


@app.callback(epilog=options.examples('dvaedit edit in.mp4 --text "blond hair"', "dvaedit edit --help"))
def root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> None:
    """Edit the face in a video: right, the same person, no flicker, every other pixel untouched."""
    session_of(ctx).listen()
    enforce()


app.command("edit", cls=OneFace, epilog=edit.EPILOG, rich_help_panel=EDITING)(edit.edit)
app.command("invert", cls=OneFace, epilog=invert.EPILOG, rich_help_panel=EDITING)(invert.invert)
app.command("reconstruct", cls=OneFace, epilog=reconstruct.EPILOG, rich_help_panel=EDITING)(reconstruct.reconstruct)
app.command("sweep", cls=OneFace, epilog=sweep.EPILOG, rich_help_panel=EDITING)(sweep.sweep)
app.command("faces", epilog=faces.EPILOG, rich_help_panel=EDITING)(faces.faces)
app.command("attributes", epilog=attributes.EPILOG, rich_help_panel=EDITING)(attributes.attributes)
app.command("evaluate", cls=OneFace, epilog=evaluate.EPILOG, rich_help_panel=MEASURING)(evaluate.evaluate)
app.command("report", cls=OneFace, epilog=report.EPILOG, rich_help_panel=MEASURING)(report.report)
app.command("prepare", epilog=prepare.EPILOG, rich_help_panel=TRAINING)(prepare.prepare)
app.add_typer(train.app, name="train", rich_help_panel=TRAINING)
app.add_typer(cache.app, name="cache", rich_help_panel=LOOKING_AFTER)
app.add_typer(weights.app, name="weights", rich_help_panel=LOOKING_AFTER)
app.command("doctor", epilog=doctor.EPILOG, rich_help_panel=LOOKING_AFTER)(doctor.doctor)
