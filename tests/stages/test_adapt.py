from dataclasses import replace
from itertools import chain, repeat

import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.models.classifier import AttributeModel
from dvaedit.stages import adapt
from dvaedit.stages.adapt import CLEARLY, PAYS, SAME, STRENGTHS
from dvaedit.stages.graph import Settings
from tests.stages.conftest import rising, seeing
from tests.stages.test_chain import pipeline

METRICS = {name: {"auc": 0.95} for name in ("Blond_Hair", "Eyeglasses", "Male")}


def settings(*edits, adapt=True):
    return Settings(attributes=tuple(AttributeEdit(*edit) for edit in edits), adapt=adapt, steps=3)


def judging(model, bias, metrics=METRICS):
    """The tiny model with a classifier that sees, in everything, as much of each attribute as ``bias`` says."""
    attributes = AttributeModel(model.attributes.names, model.attributes.directions.shape[1])
    attributes.load_state_dict(model.attributes.state_dict())
    attributes.weight.zero_()
    attributes.bias.copy_(torch.tensor(bias))
    return replace(model, attributes=attributes, metrics=metrics)


def chosen(clip, model, folder, wanted):
    run = pipeline(clip, model, folder, wanted)
    return run.artifact("edit").meta


def test_what_is_seen_at_once_needs_no_more(clip, model, tmp_path):
    seen = judging(model, [CLEARLY + 1, 0.0, 0.0])
    assert chosen(clip, seen, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == 1


def test_what_is_never_seen_gets_all_that_helps(clip, model, tmp_path, monkeypatch):
    blind = judging(model, [CLEARLY - 1, 0.0, 0.0])
    seeing(monkeypatch, blind, rising())
    adapted = chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))
    plain = chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0), adapt=False))
    assert (adapted["strength"], plain["strength"]) == (STRENGTHS[-1], 1)
    assert adapted["length"] == pytest.approx(STRENGTHS[-1] * plain["length"], rel=1e-5)


def test_no_further_than_it_helps(clip, model, tmp_path, monkeypatch):
    blind = judging(model, [0.0, 0.0, 0.0])
    seeing(monkeypatch, blind, [0.0, 0.5, 0.5 + 0.9 * PAYS, 0.5])
    assert chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == STRENGTHS[1]


def test_a_step_that_does_not_help_is_not_the_last(clip, model, tmp_path, monkeypatch):
    blind = judging(model, [0.0, 0.0, 0.0])
    seeing(monkeypatch, blind, [0.0, -0.1, 1.1 * PAYS, 0.0, CLEARLY + 1])
    assert chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == STRENGTHS[4]


def test_taking_away_is_seen_where_the_classifier_sees_none(clip, model, tmp_path):
    none = judging(model, [-CLEARLY - 1, 0.0, 0.0])
    assert chosen(clip, none, tmp_path, settings(("Blond_Hair", -1.0)))["strength"] == 1


def test_all_that_is_asked_for_must_be_seen(clip, model, tmp_path, monkeypatch):
    half = judging(model, [CLEARLY + 1, CLEARLY - 1, 0.0])
    told = chain(rising(), repeat(0.0))  # it is also asked of the face as it is
    monkeypatch.setattr(
        half.attributes, "logits", lambda z_id: torch.tensor([[CLEARLY + 1, next(told), 0.0]]).expand(len(z_id), 3)
    )
    assert chosen(clip, half, tmp_path, settings(("Blond_Hair", 1.0), ("Eyeglasses", 1.0)))["strength"] == 2


def test_several_changes_stay_as_they_are(clip, model, tmp_path):
    blind = judging(model, [0.0, CLEARLY - 1, CLEARLY - 1])
    assert chosen(clip, blind, tmp_path, settings(("Male", 1.0), ("Eyeglasses", -1.0)))["strength"] == 1


@pytest.mark.parametrize("metrics", [{}, {"Blond_Hair": {"auc": 0.8}}, {"Blond_Hair": {"auc": float("nan")}}])
def test_a_classifier_that_is_not_reliable_has_no_say(clip, model, tmp_path, metrics):
    blind = judging(model, [CLEARLY - 1, 0.0, 0.0], metrics)
    assert chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == 1


def test_the_least_that_is_enough_is_taken(clip, model, tmp_path, monkeypatch):
    blind = judging(model, [0.0, 0.0, 0.0])
    calls = []

    def logits(z_id):
        calls.append(len(z_id))
        return torch.full((len(z_id), 3), CLEARLY + PAYS * (1.1 * len(calls) - 2.5))

    monkeypatch.setattr(blind.attributes, "logits", logits)
    assert chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == STRENGTHS[2]
    assert calls == [8, 8, 8]  # the clip's frames


def test_no_further_than_the_person_is_the_same(clip, model, tmp_path, monkeypatch):
    blind, told = judging(model, [CLEARLY - 1, 0.0, 0.0]), iter([SAME + 0.1, SAME + 0.1, SAME - 0.1])
    monkeypatch.setattr(adapt, "_likeness", lambda probes: lambda crops: next(told))
    seeing(monkeypatch, blind, rising())
    assert chosen(clip, blind, tmp_path, settings(("Blond_Hair", 1.0)))["strength"] == STRENGTHS[2]
