from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.face.person import PersonSegmenter
from dvaedit.stages.graph import Settings
from dvaedit.stages.png import read_mask
from tests.stages.test_chain import pipeline

BLOND = Settings(attributes=(AttributeEdit("Blond_Hair", 1.0),), steps=3)
BOTH = replace(BLOND, attributes=(*BLOND.attributes, AttributeEdit("Eyeglasses", -1.0)))


class NoHair(torch.nn.Module):
    config = SimpleNamespace(image_size=64)

    def class_map(self, x):
        return torch.ones(len(x), *x.shape[2:], dtype=torch.long)


def test_where_there_is_no_hair_it_is_said_and_nothing_changes(clip, model, tmp_path, caplog):
    bald = replace(model, parser=NoHair(), digests={**model.digests, "parser": "d" * 64})
    run = pipeline(clip, bald, tmp_path, BLOND)
    run.execute()
    assert "hardly any hair is found to dye (0.0 % of the face's square)" in caplog.text
    pasted = run.artifact("paste")
    before, after = pasted.read("dye")
    assert np.array_equal(before, after) and not read_mask(pasted, "strands", 0).any()


def test_hair_is_dyed_beside_another_edit(clip, model, tmp_path):
    run = pipeline(clip, model, tmp_path, BOTH)
    run.execute()
    pasted = run.artifact("paste")
    assert pasted.meta["region"] == "eye_area" and pasted.meta["dyed"]
    assert {"dye", "strands", "skin", "levels", "mask"} <= pasted.names and "hair" not in pasted
    assert not np.array_equal(*pasted.read("dye"))


def test_shards_change_nothing(clip, model, tmp_path, monkeypatch):
    def strands(folder):
        run = pipeline(clip, model, tmp_path / folder, BLOND)
        run.execute()
        pasted = run.artifact("paste")
        return np.stack([read_mask(pasted, name, n) for name in ("strands", "skin") for n in range(pasted.frames)])

    at_once = strands("one")
    monkeypatch.setattr("dvaedit.stages.paste.SHARD", 3)
    assert at_once.any() and np.array_equal(strands("other"), at_once)


def test_the_segmenter_is_freed_with_the_stage(clip, model, tmp_path, monkeypatch):
    closed, close = [], PersonSegmenter.close
    monkeypatch.setattr(PersonSegmenter, "close", lambda self: closed.append(close(self)))
    pipeline(clip, model, tmp_path, BLOND).artifact("paste")
    assert len(closed) == 1
