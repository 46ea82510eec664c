"""``dvaedit prepare``: raw videos to the data that a model is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dvaedit.cli import options
from dvaedit.cli.session import emit, emit_json, session_of

EPILOG = options.examples(
    "dvaedit prepare interview.mp4 talk.mp4 --out faces",
    "dvaedit prepare VoxCeleb/ --out faces --every 5 --min-face 128 --test-share 0.02",
)


def prepare(
    ctx: typer.Context,
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO_OR_FOLDER...", help="Videos, and folders searched for them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the data goes.", show_default=False)],
    size: Annotated[int, typer.Option("--size", min=16, max=4096, metavar="PIXELS", help="Side of the crops.")] = 256,
    every: Annotated[int, typer.Option("--every", min=1, metavar="N", help="Keep every N-th frame.")] = 1,
    min_face: Annotated[
        float,
        typer.Option("--min-face", min=0, metavar="PIXELS", help="Leave out faces smaller than this in the video."),
    ] = 48.0,
    test_share: Annotated[
        float,
        typer.Option("--test-share", min=0, max=0.99, metavar="SHARE", help="Share of the videos kept for testing."),
    ] = 0.05,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Cut the aligned face crops of videos into train/VIDEO/FRAME.png and test/VIDEO/FRAME.png, to train a model on.

    The largest person of a video is taken. Frames without the face, or with it turned away, are left out, and named.
    What is there already is kept: an interrupted run resumes at the frame it had reached. Prints the folder.
    """
    session = session_of(ctx)
    with session.working("prepare") as progress:
        from dvaedit.training import prepare as work

        settings = work.PrepareSettings(size, every, test_share, min_face)
        results = work.prepare(videos, out, settings, progress=progress, say=session.note)
    frames = sum(result.frames for result in results)
    session.note(f"{frames} frames of {sum(not result.problem for result in results)} videos")
    if json:
        rows = [{"name": r.name, "split": r.split, "frames": r.frames, "total": r.total, "problem": r.problem}
                for r in results]  # fmt: skip
        emit_json({"out": out, "frames": frames, "videos": rows, "warnings": session.warnings})
    if (failure := work.failure(results)) is not None:
        raise failure
    if not json:
        emit(str(out))
