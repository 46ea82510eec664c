import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dvaedit.checkpoints.cards import read_card
from dvaedit.errors import UsageError
from dvaedit.evaluation.judging import load_judge
from dvaedit.models.judge import Judge, JudgeConfig
from dvaedit.training import judge_more
from dvaedit.training.judge import predict
from tests.training.test_judge import data  # noqa: F401  (120 grey pictures, half of them bright)

CONFIG = JudgeConfig(("Male", "Smiling"), image_size=32, stem=8, widths=(8, 8), depths=(1, 1))


@pytest.fixture
def judge():
    torch.manual_seed(0)
    return Judge(CONFIG).eval().requires_grad_(False)


def test_what_a_judge_was_not_taught_is_learnt_and_all_else_stays(judge, data):  # noqa: F811
    before = predict(judge, data.images[:20])
    more, quality = judge_more.teach(judge, "Bright", data, data.labels[:, 0], views=2)
    after = predict(more, data.images[:20])
    assert more.config.attributes == ("Male", "Smiling", "Bright")
    assert after[:, :2] == pytest.approx(before, abs=5e-3)  # half precision
    known = ~np.isnan(data.labels[:20, 0])
    assert ((after[known, 2] > 0) == (data.labels[:20, 0][known] == 1)).all()
    assert quality["Bright"]["auc"] == 1 and quality["Bright"]["positives"] > 0


def test_taught_again_an_attribute_keeps_its_place(judge):
    more = judge_more.grown(judge, "Male", torch.full((16,), 0.5), torch.tensor(2.0))
    assert more.config == judge.config
    assert (more.head.weight[0] == 0.5).all() and more.head.bias[0] == 2
    assert torch.equal(more.head.weight[1], judge.head.weight[1])


def test_both_classes_weigh_the_same():
    x = torch.cat([torch.full((90, 1), -1.0), torch.full((10, 1), 1.0)])
    weight, bias = judge_more.fitted(x, (x[:, 0] > 0).long())
    assert weight.item() > 2 and bias.item() == pytest.approx(0, abs=1e-3)


def test_labels_are_of_files_that_somebody_was_sure_of(tmp_path, monkeypatch, data):  # noqa: F811
    names = [row["file"] for row in data.rows]
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"Bright": {"yes": [names[3], "gone.jpg"], "no": [names[5]]}}))
    monkeypatch.setattr(judge_more, "LABELS", file)
    labels = judge_more.labels_of(data, "Bright")
    assert labels[3] == 1 and labels[5] == 0 and np.isnan(labels).sum() == 118
    with pytest.raises(UsageError, match="nobody labelled Dark"):
        judge_more.labels_of(data, "Dark")


def test_the_card_says_what_was_learnt(tmp_path):
    judge = load_judge()
    judge_more.export(judge, {"Wearing_Lipstick": {"auc": 0.5}}, tmp_path)
    card = read_card(tmp_path / "judge.json")
    assert card.metrics["attributes"]["Wearing_Lipstick"] == {"auc": 0.5}
    assert card.metrics["attributes"]["Male"]["auc"] > 0.9 and card.config["attributes"][-1] == "Wearing_Lipstick"
    assert Path(tmp_path / card.file).stat().st_size == card.size


def test_no_file_has_two_labels():
    for answers in json.loads(judge_more.LABELS.read_text()).values():
        assert set(answers) == {"yes", "no"} and not set(answers["yes"]) & set(answers["no"])
