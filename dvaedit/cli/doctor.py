"""``dvaedit doctor``: does everything here work?"""

from __future__ import annotations

import typer

from dvaedit.cli import options
from dvaedit.cli.session import Session, emit, emit_json, session_of

EPILOG = options.examples("dvaedit doctor", "dvaedit doctor --device cuda", "dvaedit doctor --json")


def doctor(
    ctx: typer.Context,
    model: options.Model = options.DEFAULT_MODEL,
    device: options.Device = "auto",
    cache_dir: options.CacheDir = None,
    json: options.Json = False,
) -> None:
    """Check the installation: versions, ffmpeg, devices, weights, cache, and a tiny run of the model and of the codecs.

    Ends with the exit code of the first check that failed (5 for weights, 6 for the disk, ...), 0 if none did.
    """
    session = session_of(ctx)
    with session.working("doctor"):
        from dvaedit.cli.checks import run_checks

        checks = []
        for check in run_checks(model, device, cache_dir):
            checks.append(check)
            if not json:
                _show(session, check.name, check.ok, check.detail)
    failed = [check for check in checks if not check.ok]
    if json:
        emit_json({"ok": not failed, "checks": checks})
    else:
        emit(f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _show(session: Session, name: str, ok: bool, detail: str) -> None:
    session.note(f"{'ok  ' if ok else 'FAIL'}  {name:9} {detail}", "" if ok else "red")
