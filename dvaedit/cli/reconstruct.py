"""``dvaedit reconstruct``: how much of the face the model keeps, before any edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dvaedit.cli import options
from dvaedit.cli.edit import as_dict
from dvaedit.cli.session import Session, emit, emit_json, session_of
from dvaedit.cli.text import duration

if TYPE_CHECKING:
    from dvaedit.api import InvertResult, ReconstructResult

EPILOG = options.examples("dvaedit reconstruct in.mp4 -o again.mp4", "dvaedit reconstruct in.mp4 --steps 20 --json")
MEASURES = {
    "psnr": ("PSNR", "{:.2f} dB", "higher is closer"),
    "ssim": ("SSIM", "{:.4f}", "1 is equal"),
    "lpips": ("LPIPS", "{:.4f}", "0 is equal"),
    "mse": ("MSE", "{:.5f}", "0 is equal"),
}


def reconstruct(
    ctx: typer.Context,
    video: options.Video,
    output: options.Output = None,
    overwrite: options.Overwrite = False,
    face: options.Face = "largest",
    range: options.TimeRange = None,
    min_face: options.MinFace = options.MIN_FACE,
    deinterlace: options.Deinterlace = False,
    rate: options.Rate = 25.0,
    model: options.Model = options.DEFAULT_MODEL,
    recipe: options.RecipeOption = options.Recipe.own,
    steps: options.Steps = None,
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    seed: options.Seed = 0,
    cache_dir: options.CacheDir = None,
    max_cache: options.MaxCache = None,
    json: options.Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Encode VIDEO and decode it again, unedited.

    Writes the video with the whole crop replaced by its reconstruction, and says how close the two are.
    """
    session = session_of(ctx)
    with session.working(f"reconstruct {video.name}") as progress:
        from dvaedit import api

        chosen = options.api_options(
            progress,
            model=model,
            steps=steps,
            device=device,
            dtype=dtype,
            seed=seed,
            cache_dir=cache_dir,
            deinterlace=deinterlace,
            rate=rate,
            max_cache=max_cache,
            recipe=recipe.value,
        )
        result = api.reconstruct(
            video, output=output, overwrite=overwrite, face=face, range=range, min_face=min_face, options=chosen
        )
    if json:
        emit_json({"video": video, **as_dict(result), "warnings": session.warnings})
        return
    quality_lines(session, result)
    emit(str(result.output))


def quality_lines(session: Session, result: InvertResult | ReconstructResult) -> None:
    """Tables of the reconstruction's quality and of the time each stage took, on stderr."""
    if session.quiet:
        return
    from rich.table import Table

    quality = Table("measure", "on the crops", "", box=None, pad_edge=False)
    for name, (title, form, meaning) in MEASURES.items():
        quality.add_row(title, form.format(getattr(result.quality, name)), meaning)
    times = Table("stage", "time", box=None, pad_edge=False)
    for name, seconds in result.seconds.items():
        times.add_row(name, duration(seconds))
    times.add_row("total", duration(sum(result.seconds.values())))
    for table in (quality, times):
        session.err.print(table)
