"""``dvaedit cache``: what is kept between runs, and how to get rid of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvaedit.cli import options
from dvaedit.cli.session import emit, emit_json, emit_table, session_of
from dvaedit.cli.text import ago, parse_age, parse_size, size
from dvaedit.errors import StorageError, UsageError

if TYPE_CHECKING:
    from dvaedit.pipeline.store import Cache, Entry

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
EPILOG = options.examples(
    "dvaedit cache ls", "dvaedit cache gc --max-age 30d --max-size 10GB", "dvaedit cache verify", "dvaedit cache clear"
)


@app.callback(epilog=EPILOG)
def cache() -> None:
    """List, verify and empty the cache of what has been computed."""


@app.command()
def ls(cache_dir: options.CacheDir = None, json: options.Json = False) -> None:
    """List what is cached, the least recently used first."""
    store = _store(cache_dir)
    entries = store.entries()
    if json:
        emit_json({"folder": store.root, "bytes": _bytes(entries), "entries": entries})
        return
    emit_table(_table(entries))
    emit(f"{len(entries)} entries, {size(_bytes(entries))}, in {store.root}")


@app.command()
def verify(ctx: typer.Context, cache_dir: options.CacheDir = None) -> None:
    """Compare every entry with its SHA-256; damaged ones are set aside and computed anew when next needed."""
    store, bad = _store(cache_dir), 0
    total = sum(entry.state == "complete" for entry in store.entries())
    for entry, problem in store.verify():
        bad += 1
        session_of(ctx).note(f"BAD  {entry.stage} {entry.key[:12]} of {entry.video}: {problem}", "red")
    if bad:
        hint = "They are set aside and will be computed anew; `dvaedit cache gc` or `clear` removes them."
        raise StorageError(f"{bad} of {total} cache entries were damaged", hint)
    emit(f"{total} of {total} entries are whole")


@app.command()
def gc(
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age", metavar="AGE", show_default=False, help="Remove what was not used for: 12h, 30d, 2w.",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size", metavar="SIZE", show_default=False,
            help="Then remove the least recently used beyond: 500MB, 10GB.",
        ),
    ] = None,
    cache_dir: options.CacheDir = None,
) -> None:  # fmt: skip
    """Remove old entries. What another process is working on stays."""
    if max_age is None and max_size is None:
        raise UsageError("nothing says what to remove", "Give --max-age 30d, --max-size 10GB, or both.")
    age = None if max_age is None else parse_age(max_age)
    limit = None if max_size is None else parse_size(max_size)
    _report(_store(cache_dir).gc(age, limit))


@app.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, cache_dir: options.CacheDir = None
) -> None:
    """Remove everything that no other process is working on."""
    store = _store(cache_dir)
    entries = store.entries()
    question = f"Remove {len(entries)} entries, {size(_bytes(entries))}, from {store.root}?"
    if entries and not yes and not _confirmed(question):
        emit("nothing was removed")
        return
    _report(store.clear())


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask whether to clear the cache", "Give --yes.")
    return typer.confirm(question, err=True)


def _store(cache_dir: Path | None) -> Cache:
    from dvaedit.pipeline.store import Cache

    return Cache(cache_dir)


def _bytes(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _report(removed: Sequence[Entry]) -> None:
    emit(f"removed {len(removed)} entries, {size(_bytes(removed))}")


def _table(entries: Sequence[Entry]) -> Any:
    from rich.table import Table

    table = Table("video", "stage", "key", "state", box=None, pad_edge=False)
    table.add_column("size", justify="right")
    table.add_column("last used", justify="right")
    for entry in entries:
        table.add_row(entry.video, entry.stage, entry.key[:12], entry.state, size(entry.size), ago(entry.used))
    return table
