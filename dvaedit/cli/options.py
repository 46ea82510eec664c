"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from dvaedit.cli import completion
from dvaedit.cli.session import session_of
from dvaedit.cli.text import parse_size
from dvaedit.errors import UsageError, VideoError
from dvaedit.offline import go_offline

if TYPE_CHECKING:
    from dvaedit.api import Options

DEFAULT_MODEL = completion.DEFAULT_MODEL
DEFAULT_STEPS = 10  # as in dvaedit.job.RECIPES, which would load torch for --help; a test compares the two
PAPER_STEPS = 100

COMPUTING, OUTPUT, REPORTING = "Where and how to compute", "Output", "Reporting"
WHOM, INPUT, MARKING = "Whom and when", "Input", "Saying that it was edited"
MIN_FACE = 48.0  # as in dvaedit.face.quality; a test compares the two


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


def _set_offline(value: bool) -> bool:
    if value:
        go_offline()
    return value


class OneFace(TyperCommand):
    """A command whose --face must not be repeated: only the last would count."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        order = [] if ctx.resilient_parsing else self.make_parser(ctx).parse_args(args=list(args))[2]
        if sum(parameter.name == "face" for parameter in order) > 1:
            raise UsageError("--face is given more than once", hint="Name one person; `edit` takes --face all too.")
        return super().parse_args(ctx, args)


def local(path: Path) -> Path:
    """The path of an input. Raises VideoError where it was an address before it lost a slash."""
    scheme, colon, rest = str(path).partition(":/")
    if colon and len(scheme) > 1 and scheme.isalnum():  # not a drive
        address = f"{scheme}://{rest.lstrip('/')}"
        raise VideoError(f"{address} is an address, not a file", hint="Download it first, then name the file.")
    return path


Video = Annotated[
    Path,
    typer.Argument(
        metavar="VIDEO", help="Any video that ffmpeg reads, a picture, or a folder.", show_default=False,
        callback=local,
    ),
]  # fmt: skip

Face = Annotated[
    str,
    typer.Option(
        "--face", metavar="WHOM", rich_help_panel=WHOM,
        help="largest, all, a number of `dvaedit faces`, or a photograph (REFERENCE.jpg) of the person.",
    ),
]  # fmt: skip
TimeRange = Annotated[
    str | None,
    typer.Option(
        "--range", metavar="START-END", show_default=False, rich_help_panel=WHOM,
        help="Edit this part only, for instance 00:01:02-00:01:20; the rest is passed on as it is.",
    ),
]  # fmt: skip
MinFace = Annotated[
    float,
    typer.Option(
        "--min-face", metavar="PIXELS", min=12.0, help="Faces smaller than this are left as they are.",
        rich_help_panel=WHOM,
    ),
]  # fmt: skip
Codec = Annotated[
    str | None,
    typer.Option(
        "--codec", metavar="NAME", show_default=False, autocompletion=completion.codecs, rich_help_panel=OUTPUT,
        help="h264 (the default), hevc, av1, vp9, prores, ffv1, copy-of-source, or a device's such as h264_nvenc.",
    ),
]  # fmt: skip
Crf = Annotated[
    int | None,
    typer.Option(
        "--crf", min=0, max=63, help="Quality of the codec, 16 by default: less is better and larger.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset", metavar="NAME", help="Speed of the codec: medium, slow, veryfast ...; a number for av1.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
PixFmt = Annotated[
    str | None,
    typer.Option(
        "--pix-fmt", metavar="NAME", help="Pixel format, as ffmpeg names it; default: the source's, or nearest.",
        show_default=False, rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
Lossless = Annotated[
    bool,
    typer.Option("--lossless", help="Exact samples: ffv1, or the --codec if it can.", rich_help_panel=OUTPUT),
]
NoMark = Annotated[
    bool,
    typer.Option("--no-mark", help="Neither metadata nor a JSON file that say it was edited.", rich_help_panel=MARKING),
]
VisibleMark = Annotated[
    bool,
    typer.Option("--visible-mark", help='Also "AI edited" in a corner of every frame.', rich_help_panel=MARKING),
]
C2paCert = Annotated[
    Path | None,
    typer.Option(
        "--c2pa-cert", metavar="CHAIN.pem", show_default=False, rich_help_panel=MARKING,
        help="Sign the output by C2PA with this certificate chain.",
    ),
]  # fmt: skip
C2paKey = Annotated[
    Path | None,
    typer.Option("--c2pa-key", metavar="KEY.pem", help="Its private key.", show_default=False, rich_help_panel=MARKING),
]
C2paAlgorithm = Annotated[
    str,
    typer.Option("--c2pa-alg", metavar="NAME", help="Kind of key: es256, ps256, ed25519 ...", rich_help_panel=MARKING),
]
Deinterlace = Annotated[
    bool,
    typer.Option("--deinterlace", help="Merge the fields of interlaced video.", rich_help_panel=INPUT),
]
Rate = Annotated[
    float,
    typer.Option("--rate", metavar="FPS", help="Frames a second of a folder of pictures.", rich_help_panel=INPUT),
]
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
Offline = Annotated[
    bool,
    typer.Option(
        "--offline", callback=_set_offline, is_eager=True, rich_help_panel=COMPUTING,
        help="Never touch the network; the same as DVAEDIT_OFFLINE=1.",
    ),
]  # fmt: skip
MaxCache = Annotated[
    int | None,
    typer.Option(
        "--max-cache", metavar="SIZE", parser=parse_size, show_default=False, rich_help_panel=COMPUTING,
        help="Most the cache may take, for instance 20GB; what was used longest ago makes room.",
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


def api_options(session_progress: object, **chosen: object) -> Options:
    """The options of an API call. Loads torch."""
    from dvaedit import api

    return api.Options(progress=session_progress, **chosen)
