"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dvaedit.cli import completion
from dvaedit.cli.session import session_of

if TYPE_CHECKING:
    from dvaedit.api import Options

DEFAULT_MODEL = completion.DEFAULT_MODEL
DEFAULT_STEPS = 10  # as in dvaedit.api.RECIPES, which would load torch for --help; a test compares the two
PAPER_STEPS = 100

COMPUTING, OUTPUT, REPORTING = "Where and how to compute", "Output", "Reporting"


class Region(str, Enum):
    """Parts of the head an edit may change; "auto" follows from the edit."""

    auto = "auto"
    hair = "hair"
    eyes = "eyes"
    lower_face = "lower_face"
    face = "face"
    head = "head"
    square = "square"


class PasteMode(str, Enum):
    """How the edited crop gets into the frame."""

    delta = "delta"
    replace = "replace"


class Recipe(str, Enum):
    """Algorithms: ours, and the paper's."""

    own = "own"
    paper = "paper"


def _set_quiet(ctx: typer.Context, value: bool) -> bool:
    session_of(ctx).quiet |= value
    return value


def _set_verbose(ctx: typer.Context, value: bool) -> bool:
    session = session_of(ctx)
    session.verbose |= value
    session.listen()
    return value


Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="Any video that ffmpeg reads.", show_default=False)]

Model = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME", help="Model; `dvaedit weights list` has the names.",
        autocompletion=completion.models, rich_help_panel=COMPUTING,
    ),
]  # fmt: skip
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps", min=2, max=1000, show_default=False, rich_help_panel=COMPUTING,
        help=f"DDIM steps: more is closer and slower. Default: {DEFAULT_STEPS}; {PAPER_STEPS} of the paper's recipe.",
    ),
]  # fmt: skip
RecipeOption = Annotated[
    Recipe,
    typer.Option(
        "--recipe", rich_help_panel=COMPUTING,
        help="own: this program's algorithm; paper: that of the paper to the letter, to compare with.",
    ),
]  # fmt: skip
Device = Annotated[
    str,
    typer.Option(
        "--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.", autocompletion=completion.devices,
        rich_help_panel=COMPUTING,
    ),
]  # fmt: skip
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="NAME", help="auto (float32 everywhere), float32, bfloat16, float16.",
        autocompletion=completion.dtypes, rich_help_panel=COMPUTING,
    ),
]  # fmt: skip
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.", rich_help_panel=COMPUTING)]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir", metavar="FOLDER", help="Cache folder; default: DVAEDIT_CACHE, else the user's cache folder.",
        show_default=False, rich_help_panel=COMPUTING,
    ),
]  # fmt: skip
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="OUT", help="Result; default: a name beside VIDEO that says what was done.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.", rich_help_panel=OUTPUT)]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON value on stdout.", rich_help_panel=REPORTING)
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", callback=_set_quiet, help="Only errors, and the result's path.", rich_help_panel=REPORTING
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=_set_verbose, help="Also the log.", rich_help_panel=REPORTING),
]


def examples(*lines: str) -> str:
    """An epilog with one example a line."""
    return "\n".join(["**Examples**", "", "```text", *lines, "```"])


def steps_of(recipe: Recipe, steps: int | None) -> int:
    """The number of DDIM steps: the one asked for, else the recipe's."""
    return steps or (PAPER_STEPS if recipe is Recipe.paper else DEFAULT_STEPS)


def api_options(
    session_progress: object, model: str, steps: int | None, device: str, dtype: str, seed: int,
    cache_dir: Path | None, recipe: Recipe,
) -> Options:  # fmt: skip
    """The options of an API call. Loads torch."""
    from dvaedit import api

    return api.Options(
        model=model, steps=steps, device=device, dtype=dtype, seed=seed, cache_dir=cache_dir,
        progress=session_progress, recipe=recipe.value,
    )  # fmt: skip
