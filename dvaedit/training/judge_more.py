"""Teach the shipped judge one more attribute, labelled by eye later on; to all others it answers as before.

    python -m dvaedit.training.judge_more Wearing_Lipstick --data FACES --work WORK --export weights

Its network stays as it is; a row of its head is fitted to what it sees in augmented views (logistic regression).
``labels.json`` beside this file names the files of the face set on which an attribute is clearly there or not; nothing
of them is here.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dvaedit.checkpoints.store import find_card, write_weights
from dvaedit.errors import UsageError
from dvaedit.evaluation.judging import CARD, load_judge
from dvaedit.models.judge import Judge
from dvaedit.training import faces, judge_quality
from dvaedit.training.augment import to_float
from dvaedit.training.faces import FaceSet
from dvaedit.training.judge import DESCRIPTION, SOURCE_SIZE, Split, predict, round_weights
from dvaedit.training.judge_augment import judge_view

LABELS = Path(__file__).with_name("labels.json")
VIEWS = 24  # of each face
RIDGE = 1e-2
STEPS = 200  # of L-BFGS, at most


def labels_of(data: FaceSet, attribute: str) -> np.ndarray:
    """(N,) labels of an attribute in ``labels.json``, {0, 1}, NaN where nobody was sure or nobody looked.

    Raises UsageError for an attribute that it does not know.
    """
    known = json.loads(LABELS.read_text())
    if attribute not in known:
        raise UsageError(f"nobody labelled {attribute}", hint=f"Labelled are: {', '.join(known)}.")
    value = {file: float(answer == "yes") for answer, files in known[attribute].items() for file in files}
    return np.array([value.get(row["file"], np.nan) for row in data.rows], np.float32)


@torch.no_grad()
def seen(judge: Judge, data: FaceSet, index: np.ndarray, views: int, seed: int = 0) -> Tensor:
    """(len(index) * views, D): what the judge's head reads in random views of faces, view by view."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(views):
        for part in np.array_split(index, -(-len(index) // 128)):
            crops = np.stack([judge_view(data.images[k], judge.config.image_size, rng) for k in part])
            rows.append(judge.embedded(to_float(torch.from_numpy(crops))))
    return torch.cat(rows)


def fitted(x: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (D,) and bias of a logistic regression of truth, (n,) in {0, 1}, on x, (n, D); both classes weigh the
    same."""
    truth = truth.float()
    theta = torch.zeros(x.shape[1] + 1, requires_grad=True)
    weight = torch.where(truth > 0.5, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    optimizer = torch.optim.LBFGS([theta], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = x @ theta[:-1] + theta[-1]
        value = F.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
        value = value + RIDGE / 2 * theta[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return theta[:-1].detach(), theta[-1].detach()


def grown(judge: Judge, attribute: str, weight: Tensor, bias: Tensor) -> Judge:
    """A judge with one more output, the last one or, if it has it already, in its place; not yet calibrated."""
    names = judge.config.attributes
    place = names.index(attribute) if attribute in names else len(names)
    config = replace(judge.config, attributes=(*names[:place], attribute, *names[place + 1 :]))
    state = judge.state_dict()
    rows = {"head.weight": weight[None], "head.bias": bias[None], "scale": torch.ones(1), "shift": torch.zeros(1)}
    for name, row in rows.items():
        state[name] = torch.cat([state[name][:place], row, state[name][place + 1 :]])
    more = Judge(config)
    more.load_state_dict(state)
    return more.eval().requires_grad_(False)


def teach(judge: Judge, attribute: str, data: FaceSet, labels: np.ndarray, views: int = VIEWS) -> tuple[Judge, dict]:
    """The judge that knows the attribute too, in half precision, and its quality on held-out faces."""
    split, known = Split(data), ~np.isnan(labels)
    index = split.train[known[split.train]]
    truth = torch.from_numpy(labels[index]).repeat(views)
    more = grown(judge, attribute, *fitted(seen(judge, data, index, views), truth))
    place, aside = more.config.attributes.index(attribute), split.calibration[known[split.calibration]]
    scale, shift = judge_quality.calibrate(predict(more, data.images[aside])[:, [place]], labels[aside][:, None])
    more.scale[place], more.shift[place] = float(scale[0]), float(shift[0])
    round_weights(more)
    tested = split.held_out[known[split.held_out]]
    logits = predict(more, data.images[tested])[:, [place]]
    return more, judge_quality.quality(logits, labels[tested][:, None], [attribute])


def export(judge: Judge, quality: dict, folder: Path) -> None:
    """Write the judge and its card: the old one with one more attribute."""
    old = find_card(CARD)
    metrics = old.metrics | {"attributes": old.metrics["attributes"] | quality}
    changed = {"config": asdict(judge.config), "metrics": metrics, "description": DESCRIPTION}
    card = write_weights(folder, old.to_json() | changed, judge.state_dict(), torch.float16)
    print(f"{card.file}: {card.size / 1e6:.2f} MB\n{quality}")


def main() -> None:
    """Teach an attribute from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attribute", help="as named in labels.json")
    parser.add_argument("--data", type=Path, required=True, help="face set: faces.csv, landmarks468.npz, images/")
    parser.add_argument("--work", type=Path, required=True, help="where decoded images are kept")
    parser.add_argument("--export", type=Path, required=True, metavar="FOLDER", help="where to write the weights")
    arguments = parser.parse_args()
    data = faces.load(arguments.data, arguments.work, SOURCE_SIZE)
    judge, quality = teach(load_judge(), arguments.attribute, data, labels_of(data, arguments.attribute))
    export(judge, quality, arguments.export)


if __name__ == "__main__":
    main()
