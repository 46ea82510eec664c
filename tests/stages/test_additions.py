from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.face.align import crop_to_frame, transform
from dvaedit.face.beard import COLOURS, Beard
from dvaedit.face.dye import EXPOSED, MEAN_SKIN
from dvaedit.face.glasses import NIGHT, SOLID, SUN
from dvaedit.face.regions import CLASS_ID
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.morphs import WHISKERS, Morphs
from dvaedit.stages import additions
from dvaedit.stages.additions import Whiskers, worn
from dvaedit.stages.graph import Settings
from dvaedit.stages.paste import Patches
from dvaedit.video.reader import read_frames
from tests.face.test_mouth import TEETH, speaking
from tests.stages.test_chain import pipeline

NAMES = ("Blond_Hair", "No_Beard", "Smiling")
BEARD, MOUSTACHE, GLASSES, SUNGLASSES = (
    Settings(attributes=(AttributeEdit(*edit),), steps=3)
    for edit in (("No_Beard", -1.0), ("Mustache", 1.0), ("Eyeglasses", 1.0), ("Sunglasses", 1.0))
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
    digests = {**model.digests, "classifier": sha256(repr(names).encode()).hexdigest()}
    return replace(model, attributes=attributes, digests=digests)


def added(run, clip, place=0):
    """What is added to a frame, as large as it."""
    frame = list(read_frames(clip, place, place + 1))[-1]
    patches, shape = Patches(run.artifact("paste"), run.artifact("align")), frame.rgb().shape
    (x0, y0, x1, y1), delta = patches.patch(frame, shape[1::-1])
    whole = np.zeros(shape, np.float32)
    whole[y0:y1, x0:x1] = delta
    return whole


def hairy_morphs():
    """What is known of the hair of faces, and of nothing else: beards are around the chin, all else below the nose."""
    beard, other = np.zeros((2, 32, 32), np.float32)
    beard[22:30, 8:24], other[19:22, 10:22] = 0.9, 0.5
    covers = dict.fromkeys(WHISKERS, other) | {"No_Beard-": beard}
    return Morphs(speaking().astype(np.float32), {}, {}, {}, covers, TEETH)


@pytest.fixture
def bearded(model):
    """One that knows beards."""
    named = renamed(model, *NAMES)
    return replace(named, morphs=hairy_morphs(), digests={**named.digests, "morphs": "6" * 64})


def parsed_as(model, number):
    return replace(model, parser=Everything(number), digests={**model.digests, "parser": f"{number:064d}"})


def test_a_beard_is_drawn_from_density_and_places(clip, bearded, cache):
    run = pipeline(clip, parsed_as(bearded, 1), cache, BEARD)
    run.execute()
    pasted, align = run.artifact("paste"), run.artifact("align")
    assert pasted.meta["region"] == "lower_face" and "levels" not in pasted and "dye" not in pasted
    assert {name.split(".")[0] for name in pasted.names} == {"whiskers"}
    known, offsets = hairy_morphs(), pasted.read("whiskers.offsets")
    assert np.array_equal(pasted.read("whiskers.cover"), known.covers["No_Beard-"])
    assert np.array_equal(pasted.read("whiskers.reference"), known.reference)
    size = align.read("crops", 0, 1).shape[1]
    assert offsets.shape == (pasted.frames, size, size, 2)
    change, points = added(run, clip), transform(align.read("points")[0], crop_to_frame(align.read("quads")[0], 1))
    x, y = np.rint(0.75 * points[8] + 0.25 * points[57]).astype(int)  # on the chin
    assert change[y - 2 : y + 3, x - 5 : x + 6].max() < -20
    assert np.abs(change[: round(points[30, 1])]).max() < 1  # above the tip of the nose


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
def test_sunglasses_are_put_on_other_glasses_too(clip, model, cache, caplog, number):
    spectacled = renamed(model, "Sunglasses", "No_Beard", "Smiling")
    run = pipeline(clip, parsed_as(spectacled, number), cache, SUNGLASSES)
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
def test_whiskers_are_of_the_colour_that_is_said(clip, bearded, cache, colour):
    """They are as dense, whatever their colour."""
    run = pipeline(clip, parsed_as(bearded, 1), cache, BEARD)
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    known = hairy_morphs()
    found = Whiskers(inputs, False, known.covers["No_Beard-"], known.reference, colour).learn()
    plain = {name.removeprefix("whiskers."): run.artifact("paste").read(name) for name in found}
    expected = Beard(**plain) if colour is None else Beard(**plain).coloured(colour)
    assert found["whiskers.hair"] == pytest.approx(expected.hair, abs=1e-6)
    assert np.array_equal(found["whiskers.cover"], known.covers["No_Beard-"])
    if colour:
        light = COLOURS[colour][0] * (plain["skin"][0] / MEAN_SKIN[0]) ** EXPOSED
        assert found["whiskers.hair"][0] == pytest.approx(light) and plain["hair"][0] < light


def test_no_colour_where_no_skin_shows(clip, bearded, tmp_path, caplog):
    run, known = pipeline(clip, parsed_as(bearded, 0), tmp_path, BEARD), hairy_morphs()
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    assert Whiskers(inputs, False, known.covers["No_Beard-"], known.reference, "red").learn() == {}
    assert "no skin shows" in caplog.text


def test_a_beard_beside_dyed_hair_goes_with_its_new_colour(clip, bearded, cache):
    dyed = replace(BEARD, attributes=(*BEARD.attributes, AttributeEdit("Blond_Hair", 1.0)))
    run = pipeline(clip, bearded, cache, dyed)
    run.execute()
    pasted, known = run.artifact("paste"), hairy_morphs()
    assert {"dye", "strands", "whiskers.cover", "whiskers.offsets", "whiskers.mask"} <= pasted.names
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    before, after = (Whiskers(inputs, of, known.covers["No_Beard-"], known.reference).learn() for of in (False, True))
    assert np.array_equal(pasted.read("whiskers.hair"), after["whiskers.hair"])
    assert not np.allclose(before["whiskers.hair"], after["whiskers.hair"], atol=0.02)


def test_beside_another_change_what_is_put_on_has_a_code_of_its_own(clip, bearded, cache):
    smile = AttributeEdit("Smiling", 1.0)
    run = pipeline(clip, parsed_as(bearded, 1), cache, replace(BEARD, attributes=(*BEARD.attributes, smile)))
    run.execute()
    pasted, alone = run.artifact("paste"), pipeline(clip, bearded, cache, replace(BEARD, attributes=(smile,)))
    assert {"levels", "mask", "whiskers.cover", "whiskers.mask"} <= pasted.names and pasted.meta["region"] == "face"
    assert np.allclose(run.artifact("edit").read("z_id"), alone.artifact("edit").read("z_id"), atol=1e-5)
    beard = pipeline(clip, bearded, cache, BEARD)
    assert np.allclose(run.artifact("edit").read("z_drawn"), beard.artifact("edit").read("z_id"), atol=1e-5)
    both, smiling = added(run, clip), added(alone, clip)
    assert np.abs(both).sum() > np.abs(smiling).sum() > 0


def without(morphs, *names):
    """What is known but for the hair of these names."""
    return replace(morphs, covers={key: cover for key, cover in morphs.covers.items() if key not in names})


@pytest.mark.parametrize("asked", [BEARD, MOUSTACHE], ids=["beard", "moustache"])
@pytest.mark.parametrize(
    "known", [None, without(hairy_morphs(), "No_Beard-")], ids=["without morphs", "without beards"]
)
def test_where_the_hair_of_faces_is_not_known_the_network_makes_it(clip, model, cache, asked, known):
    named = parsed_as(renamed(model, "Mustache", "No_Beard", "Smiling"), 1)
    if known is not None:
        named = replace(named, morphs=known, digests={**named.digests, "morphs": "5" * 64})
    run = pipeline(clip, named, cache, asked)
    meta, pasted = run.artifact("edit").meta, run.artifact("paste")
    assert (meta["added"], meta["grown"], meta["rest"], meta["region"]) == ([], {}, True, "lower_face")
    assert pasted.names == {"levels", "mask"} and run.artifact("sample").frames == pasted.frames == 8
    levels, change = pasted.read("levels").astype(float), added(run, clip)
    assert np.abs(levels).max() > 1 and np.abs(change).max() > 1
    eyes = transform(run.artifact("align").read("points")[0], crop_to_frame(run.artifact("align").read("quads")[0], 1))
    assert not change[: round(eyes[36:48, 1].max())].any()
