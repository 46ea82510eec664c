from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.face.beard import COLOURS, Beard
from dvaedit.face.dye import EXPOSED, MEAN_SKIN
from dvaedit.face.glasses import NIGHT, SOLID, SUN
from dvaedit.face.regions import CLASS_ID
from dvaedit.models.classifier import AttributeModel
from dvaedit.stages import additions
from dvaedit.stages.additions import GrownBeard, Whiskers, worn
from dvaedit.stages.graph import Settings
from dvaedit.stages.paste import Patches
from dvaedit.video.reader import read_frames
from tests.stages.test_chain import pipeline

NAMES = ("Blond_Hair", "No_Beard", "Smiling")
BEARD, GLASSES, SUNGLASSES = (
    Settings(attributes=(AttributeEdit(*edit),), steps=3)
    for edit in (("No_Beard", -1.0), ("Eyeglasses", 1.0), ("Sunglasses", 1.0))
)


class Everything(torch.nn.Module):
    """All is of one class."""

    def __init__(self, number):
        super().__init__()
        self.number, self.config = number, SimpleNamespace(image_size=64)

    def class_map(self, x):
        return torch.full((len(x), *x.shape[2:]), self.number, dtype=torch.long)


def renamed(model, *names):
    """The tiny model, its attributes called otherwise."""
    attributes = AttributeModel(names, model.attributes.directions.shape[1])
    attributes.load_state_dict(model.attributes.state_dict())
    return replace(model, attributes=attributes, digests={**model.digests, "classifier": "e" * 64})


@pytest.fixture
def bearded(model):
    return renamed(model, *NAMES)


def parsed_as(model, number):
    return replace(model, parser=Everything(number), digests={**model.digests, "parser": f"{number:064d}"})


def test_a_beard_is_drawn_from_density_and_places(clip, bearded, tmp_path):
    run = pipeline(clip, parsed_as(bearded, 1), tmp_path, BEARD)
    run.execute()
    pasted, align = run.artifact("paste"), run.artifact("align")
    assert pasted.meta["region"] == "lower_face" and "levels" not in pasted and "dye" not in pasted
    cover, offsets = pasted.read("beard.cover"), pasted.read("beard.offsets")
    size = cover.shape[0]
    assert offsets.shape == (pasted.frames, size, size, 2) and np.abs(offsets).max() < 0.2
    assert 0 < cover.max() <= 1 and cover[: size // 2].max() < 1e-6  # the rows of the lower face
    points = align.read("points")
    assert np.array_equal(pasted.read("beard.reference"), np.median(points.astype(np.float64), axis=0))
    frame = next(iter(read_frames(clip, 0, 1)))
    box, delta = Patches(pasted, align).patch(frame, frame.rgb().shape[1::-1])
    assert delta.shape[:2] == (box[3] - box[1], box[2] - box[0]) and np.abs(delta).max() > 1


def test_where_no_skin_shows_it_is_said_and_nothing_changes(clip, bearded, tmp_path, caplog):
    run = pipeline(clip, parsed_as(bearded, 0), tmp_path, BEARD)
    run.execute()
    assert "no skin shows" in caplog.text
    pasted, align = run.artifact("paste"), run.artifact("align")
    frame = next(iter(read_frames(clip, 0, 1)))
    assert Patches(pasted, align).patch(frame, frame.rgb().shape[1::-1]) is None


def test_glasses_are_worn_where_most_class_maps_show_some():
    few = np.zeros((5, 64, 64), np.uint8)
    few[:2, 20:30, 20:30] = CLASS_ID["eye_g"]
    assert not worn(few)
    few[2, 20:23, 20:23] = CLASS_ID["eye_g"]
    assert worn(few)


def test_no_clear_glasses_are_put_on_others(clip, model, tmp_path, caplog):
    spectacled = renamed(model, "Eyeglasses", "No_Beard", "Smiling")
    run = pipeline(clip, parsed_as(spectacled, CLASS_ID["eye_g"]), tmp_path, GLASSES)
    run.execute()
    assert "worn already" in caplog.text
    pasted, align = run.artifact("paste"), run.artifact("align")
    frame = next(iter(read_frames(clip, 0, 1)))
    patch = Patches(pasted, align).patch(frame, frame.rgb().shape[1::-1])
    assert not pasted.read("glasses.opacity").any() and not patch[1].any()


def test_glasses_that_the_classifier_surely_does_not_see_are_none(clip, model, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(additions, "BARE_EYED", np.inf)
    spectacled = renamed(model, "Eyeglasses", "No_Beard", "Smiling")
    run = pipeline(clip, parsed_as(spectacled, CLASS_ID["eye_g"]), tmp_path, GLASSES)
    run.execute()
    assert np.isfinite(run.artifact("edit").meta["bespectacled"]) and "worn already" not in caplog.text


@pytest.mark.parametrize("number", [1, CLASS_ID["eye_g"]], ids=["bare", "worn"])
def test_sunglasses_are_put_on_other_glasses_too(clip, model, tmp_path, caplog, number):
    spectacled = renamed(model, "Sunglasses", "No_Beard", "Smiling")
    run = pipeline(clip, parsed_as(spectacled, number), tmp_path, SUNGLASSES)
    run.execute()
    assert "worn already" not in caplog.text and run.artifact("edit").meta["added"] == ["sunglasses"]
    pasted, align = run.artifact("paste"), run.artifact("align")
    assert tuple(pasted.read("sunglasses.shape")) == SUN and pasted.read("sunglasses.opacity")[1] == SOLID
    skin, lens = pasted.read("sunglasses.skin"), pasted.read("sunglasses.lens")
    assert lens[0] <= NIGHT * skin[0] + 1e-6 and not any(name.startswith("glasses.") for name in pasted.names)
    frame, patches = next(iter(read_frames(clip, 0, 1))), Patches(pasted, align)
    _, delta = patches.patch(frame, frame.rgb().shape[1::-1])
    assert set(patches.additions.drawn) == {"sunglasses"} and delta.min() < -50


def test_clear_glasses_are_put_on_who_wears_none(clip, model, tmp_path, caplog):
    run = pipeline(clip, parsed_as(renamed(model, "Eyeglasses", "No_Beard", "Smiling"), 1), tmp_path, GLASSES)
    assert run.artifact("paste").read("glasses.opacity")[1] == 0 and "worn already" not in caplog.text


@pytest.mark.parametrize("colour", [None, "white", "red"])
def test_a_beard_is_of_the_colour_that_is_said(clip, bearded, tmp_path, colour):
    """The network's beard is as dense, whatever its colour."""
    run = pipeline(clip, parsed_as(bearded, 1), tmp_path, BEARD)
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    found = GrownBeard("beard", inputs, False, colour).learn()
    plain = {name.removeprefix("beard."): run.artifact("paste").read(name) for name in found}
    expected = Beard(**plain) if colour is None else Beard(**plain).coloured(colour)
    assert found["beard.hair"] == pytest.approx(expected.hair, abs=1e-6)
    assert np.array_equal(found["beard.cover"], plain["cover"])


def test_whiskers_are_of_the_colour_that_is_said(clip, bearded, tmp_path):
    run = pipeline(clip, parsed_as(bearded, 1), tmp_path, BEARD)
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    cover, reference = np.full((16, 16), 0.5, np.float32), inputs["align"].read("points")[0].astype(np.float64)
    plain, white = (Whiskers(inputs, False, cover, reference, colour).learn() for colour in (None, "white"))
    skin = plain["whiskers.skin"]
    assert white["whiskers.hair"][0] == pytest.approx(COLOURS["white"][0] * (skin[0] / MEAN_SKIN[0]) ** EXPOSED)
    assert plain["whiskers.hair"][0] < white["whiskers.hair"][0] and np.array_equal(white["whiskers.cover"], cover)


def test_no_colour_where_no_skin_shows(clip, bearded, tmp_path, caplog):
    run = pipeline(clip, parsed_as(bearded, 0), tmp_path, BEARD)
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    assert GrownBeard("beard", inputs, False, "red").learn() == {} and "no skin shows" in caplog.text


def test_a_beard_beside_dyed_hair(clip, bearded, tmp_path):
    dyed = replace(BEARD, attributes=(*BEARD.attributes, AttributeEdit("Blond_Hair", 1.0)))
    run = pipeline(clip, bearded, tmp_path, dyed)
    run.execute()
    assert {"dye", "strands", "beard.cover", "beard.offsets", "beard.mask"} <= run.artifact("paste").names


def test_beside_another_change_what_is_put_on_has_a_code_of_its_own(clip, bearded, tmp_path):
    smile = AttributeEdit("Smiling", 1.0)
    run = pipeline(clip, parsed_as(bearded, 1), tmp_path, replace(BEARD, attributes=(*BEARD.attributes, smile)))
    run.execute()
    pasted, alone = run.artifact("paste"), pipeline(clip, bearded, tmp_path, replace(BEARD, attributes=(smile,)))
    assert {"levels", "mask", "beard.cover", "beard.mask"} <= pasted.names and pasted.meta["region"] == "face"
    assert np.allclose(run.artifact("edit").read("z_id"), alone.artifact("edit").read("z_id"), atol=1e-5)
    beard = pipeline(clip, bearded, tmp_path, BEARD)
    assert np.allclose(run.artifact("edit").read("z_drawn"), beard.artifact("edit").read("z_id"), atol=1e-5)
    frame = next(iter(read_frames(clip, 0, 1)))
    both = Patches(pasted, run.artifact("align")).patch(frame, frame.rgb().shape[1::-1])
    smiling = Patches(alone.artifact("paste"), alone.artifact("align")).patch(frame, frame.rgb().shape[1::-1])
    assert both is not None and smiling is not None and np.abs(both[1]).sum() > np.abs(smiling[1]).sum()
