"""The manifest itself: are its keys, shapes and checksums those of our networks under the pseudo-weight formula?"""

from __future__ import annotations

import torch

from dvaedit.checkpoints import upstream
from dvaedit.checkpoints.importing import PAPER_PARSER
from dvaedit.models.autoencoder import PAPER, Autoencoder
from dvaedit.models.parsing import PaperParser
from dvaedit.parity.folder import Folder
from dvaedit.parity.report import Row

FILE = "manifest.json"
RELATIVE, ROUNDING = 1e-5, 1e-4  # of the sum of absolute values; of the manifest's four decimals


def check_manifest(folder: Folder) -> list[Row]:
    """Rows for the keys with their shapes, and for the checksums of all pseudo-weights."""
    return [_keys(folder), _checksums(folder)]


def _keys(folder: Folder) -> Row:
    wanted = {name: tuple(entry["shape"]) for name, entry in folder.keys.items()}
    used = upstream_shapes()
    wrong = sorted(name for name in wanted.keys() | used.keys() if wanted.get(name) != used.get(name))
    note = f"{len(wrong)} differ, the first: {wrong[0]}" if wrong else f"{len(wanted)} keys"
    return Row(FILE, "keys and shapes", not wrong, tolerance="equal", note=note)


def upstream_shapes() -> dict[str, tuple[int, ...]]:
    """Every key of the paper's checkpoint, as we expect it, with its shape."""
    with torch.device("meta"):
        model, parser = Autoencoder(PAPER), PaperParser(PAPER_PARSER)
    own, other = model.state_dict(), parser.state_dict()
    shapes = {theirs: tuple(own[ours].shape) for ours, theirs in upstream.paper_names(model).items()}
    shapes |= {upstream.PARSER + name: tuple(other[ours].shape) for ours, name in upstream.parser_names(parser).items()}
    return {**shapes, **upstream.unused_in_landmark_net(shapes)}


def _checksums(folder: Folder) -> Row:
    worst, wrong = 0.0, []
    for name, entry in {**folder.keys, **folder.classifier_keys}.items():
        tensor = folder.pseudo(name).double()
        total, absolute = (float(value) for value in entry["checksum"])
        difference = max(abs(float(tensor.sum()) - total), abs(float(tensor.abs().sum()) - absolute))
        worst = max(worst, difference / max(absolute, 1.0))
        if not difference <= RELATIVE * absolute + ROUNDING:
            wrong.append(name)
    note = f"{len(wrong)} differ, the first: {wrong[0]}" if wrong else ""
    return Row(FILE, "checksums of the weights", not wrong, relative=worst, tolerance=f"{RELATIVE:g} |e|", note=note)
