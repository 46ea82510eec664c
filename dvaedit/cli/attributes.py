"""``dvaedit attributes``: what can be edited by name, and how well the model knows it."""

from __future__ import annotations

from typing import Any

import typer

from dvaedit.cli import options
from dvaedit.cli.session import emit_json, emit_table

MEASURED = ("balanced_accuracy", "auc", "positives", "strength", "strength_removing")
EPILOG = options.examples("dvaedit attributes", "dvaedit attributes --json")


def attributes(ctx: typer.Context, model: options.Model = options.DEFAULT_MODEL, json: options.Json = False) -> None:
    """List the attributes that --attribute takes.

    "accuracy" (balanced: the mean of the hits among faces with and without it) and "AUC" (area under the ROC curve) are
    of the attribute's classifier on faces it was not trained on, "positives" the number of those that have it. An edit
    along an attribute the model hardly recognises will hardly work. "to add" and "to remove" are strengths between
    which most held-out faces change enough for the model's own classifier and stay the same person; "-" where none do
    or none were measured. "region" is where --region auto lets it show.
    """
    rows = _rows(model)
    if json:
        emit_json(rows)
    else:
        emit_table(_table(rows))


def _rows(model: str) -> list[dict[str, Any]]:
    from dvaedit.checkpoints.store import find_model
    from dvaedit.editing.effects import EFFECTS, WHOLE_HEAD

    card = find_model(model).part("classifier")
    rows = []
    for name in card.config["attributes"]:
        measured = card.metrics.get(name) or {}
        row = {key: measured.get(key) for key in MEASURED}
        rows.append({"name": name, **row, "region": EFFECTS[name].region if name in EFFECTS else WHOLE_HEAD})
    return rows


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("attribute", box=None, pad_edge=False)
    for title in ("accuracy", "AUC", "positives", "to add", "to remove"):
        table.add_column(title, justify="right")
    table.add_column("region")
    for row in rows:
        numbers = [_number(row["balanced_accuracy"]), _number(row["auc"]), _number(row["positives"], "{:.0f}")]
        table.add_row(row["name"], *numbers, _range(row["strength"]), _range(row["strength_removing"]), row["region"])
    return table


def _number(value: float | None, form: str = "{:.3f}") -> str:
    return "-" if value is None or value != value else form.format(value)


def _range(strength: list[float] | None) -> str:
    """The strengths, least and greatest, between which the edit was found good."""
    return "-" if not strength else f"{strength[0]:+g} to {strength[1]:+g}"
