"""``dvaedit invert``: the expensive half of every edit, ahead of time."""

from __future__ import annotations

import typer

from dvaedit.cli import options
from dvaedit.cli.edit import as_dict
from dvaedit.cli.reconstruct import quality_lines
from dvaedit.cli.session import emit, emit_json, session_of
from dvaedit.cli.text import size

EPILOG = options.examples("dvaedit invert in.mp4", "dvaedit invert in.mp4 --steps 20 --json")


def invert(
    ctx: typer.Context,
    video: options.Video,
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
    """Encode VIDEO to its identity code and noise codes, into the cache.

    Every later edit with the same model and steps starts from there. Prints the folder that holds the noise codes.
    """
    session = session_of(ctx)
    with session.working(f"invert {video.name}") as progress:
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
        result = api.invert(video, face=face, range=range, min_face=min_face, options=chosen)
    if json:
        emit_json({"video": video, **as_dict(result), "warnings": session.warnings})
        return
    session.note(f"{result.frames} frames, {size(result.size)} of noise codes")
    quality_lines(session, result)
    emit(str(result.x_T))
