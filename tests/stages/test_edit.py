"""The edit stage with texts: what a text is read as, and where the search may change the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dvaedit.editing.text import TextEdit
from dvaedit.models import wording
from dvaedit.pipeline.run import Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.edit import Edit
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.video.probe import file_digest
from tests.stages.test_additions import renamed


class MeanColour:
    """An image-text model whose image features are the mean colour; texts point at fixed random directions."""

    large, digest = False, "d" * 64

    def encode_text(self, texts):
        generator = torch.Generator().manual_seed(sum(map(len, texts)))
        return F.normalize(torch.randn(len(texts), 3, generator=generator), dim=1)

    def encode_image(self, x):
        return F.normalize(x.mean(dim=(2, 3)) + 2, dim=1)

    def known_words(self, text):
        return wording.known_words(text)


def run(clip, model, cache, *texts):
    settings = Settings(texts=tuple(TextEdit(text) for text in texts), steps=3)
    return Pipeline(edit_nodes(clip, model, MeanColour(), settings), Cache(cache), file_digest(clip))


def test_a_text_is_read_as_attributes_and_refined(clip, model, cache):
    done = run(clip, model, cache, "blonde hair").artifact("edit")
    assert done.meta["mix"] == {"blonde hair": {"Blond_Hair": 1}}
    assert done.meta["region"] == "hair"
    start = model.attributes.directions[0].norm().item()
    assert done.meta["length"] == pytest.approx(start, rel=0.2)
    assert done.meta["length"] != pytest.approx(start, rel=1e-6)


def test_two_texts_add_up_and_hair_is_dyed_beside(clip, model, cache):
    done = run(clip, model, cache, "blonde hair", "wearing glasses").artifact("edit")
    assert done.meta["mix"] == {"blonde hair": {"Blond_Hair": 1}, "wearing glasses": {"Eyeglasses": 1}}
    assert done.meta["region"] == "eye_area" and done.meta["dyed"]


@pytest.mark.parametrize(("text", "turns"), [("pink hair", {"pink": 1}), ("colorful hair", {"dyed": 1})])
def test_a_colour_that_is_known_is_what_hair_turns_to(clip, model, cache, text, turns):
    """As strong as it is: no strength is looked for."""
    dyed = renamed(model, "Dyed_Hair", "Eyeglasses", "Male")
    settings = Settings(texts=(TextEdit(text),), steps=3, adapt=text == "pink hair")
    pipeline = Pipeline(edit_nodes(clip, dyed, MeanColour(), settings), Cache(cache), file_digest(clip))
    meta = pipeline.artifact("edit").meta
    assert meta["turns"] == turns and meta["dyed"] and meta["strength"] == 1


def test_words_that_say_nothing_change_nothing(clip, model, cache):
    done = run(clip, model, cache, "xyzzy plugh").artifact("edit")
    assert done.meta["mix"] == {"xyzzy plugh": {}}
    assert done.meta["length"] == 0
    assert done.meta["cosine"] == pytest.approx(1)


def test_change_is_unwanted_outside_the_region_alone(clip, model, cache):
    pipeline = run(clip, model, cache, "blonde hair")
    inputs = {name: pipeline.artifact(name) for name in ("align", "encode", "parse")}
    z_id_rep = model.tensor(inputs["encode"].read("z_id_rep"))
    mask = Edit(model=model)._pairs(inputs, [4], z_id_rep, "hair").mask
    assert mask.shape[1:] == (1, 32, 32)
    assert mask[0, 0, 8, 16] < 0.05  # the tiny parser calls the upper half hair
    assert np.allclose(mask[0, 0, 24:], 1)
