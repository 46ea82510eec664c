from dataclasses import replace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit, apply_shift, attribute_shift
from dvaedit.face.align import frame_to_crop, own_quad, transform
from dvaedit.face.anchor import fetch
from dvaedit.face.locks import in_room, room
from dvaedit.face.paste import into_frame
from dvaedit.models.classifier import AttributeModel
from dvaedit.stages import adapt, probes
from dvaedit.stages.adapt import CLEARLY
from dvaedit.stages.edit import SHAVEN
from dvaedit.stages.extent import Extent
from dvaedit.stages.long_hair import MASK, PLACES, LongHair
from dvaedit.stages.paste import Patches
from dvaedit.stages.png import read_mask
from dvaedit.video.reader import read_frames
from tests.face.test_locks import bands, in_crop
from tests.stages.conftest import FEW, tiny_model
from tests.stages.test_additions import Everything, hairy_morphs
from tests.stages.test_chain import pipeline
from tests.stages.test_morphing import added, edit, pasted, settings, small_morphs

NAMES = ("Smiling", "Male", "Young", "No_Beard", "Long_Hair", "Blond_Hair")
WOMAN, LONG = ("Male", -1.0), ("Long_Hair", 1.0)
HAIR, SKIN = 17, 1
pytestmark = pytest.mark.usefixtures("few")


def long_haired_morphs():
    """Women have a narrow jaw, no texture of their own and long hair; beards are known."""
    morphs = small_morphs()
    shapes = morphs.shapes | {"Male-": -morphs.shapes["Male+"]}
    textures = morphs.textures | {"Male-": 0 * morphs.textures["Male+"]}
    covers = hairy_morphs().covers | morphs.covers
    return replace(morphs, shapes=shapes, textures=textures, covers=covers, locks=bands())


def model_of(logit=3.0, parser=None, morphs=True):
    """The tiny model: ``logit`` of all there is to see, men among it; ``parser``: the class that all is of."""
    model = tiny_model()
    attributes = AttributeModel(NAMES, model.attributes.directions.shape[1])
    attributes.std.fill_(0.1)
    torch.nn.init.normal_(attributes.directions, std=5.0, generator=torch.Generator().manual_seed(1))
    attributes.bias.fill_(logit)
    digests = {**model.digests, "classifier": f"{int(10 * logit):064d}"} | ({"morphs": "9" * 64} if morphs else {})
    model = replace(model, attributes=attributes, metrics={name: {"auc": 0.95} for name in NAMES}, digests=digests)
    model = replace(model, morphs=long_haired_morphs()) if morphs else model
    if parser is None:
        return model
    return replace(model, parser=Everything(parser), digests={**digests, "parser": f"{parser:064d}"})


def kinds_of(meta):
    """What is put on; beards that go with a morph are another matter."""
    return [kind for kind in meta["added"] if kind != "shave"]


def hangs(paste):
    return any(name.startswith("locks.") for name in paste.names)


@pytest.mark.parametrize(("logit", "kinds"), [(3.0, ["locks"]), (-3.0, [])], ids=["man", "woman"])
def test_men_made_women_have_long_hair(clip, cache, logit, kinds):
    run, paste = pasted(clip, model_of(logit), cache, WOMAN)
    meta = run.artifact("edit").meta
    assert (kinds_of(meta), meta["morphed"], meta["rest"]) == (kinds, {"Male": -1}, False)
    assert hangs(paste) == bool(kinds) and "morph.shape" in paste.names and "levels" not in paste.names


@pytest.mark.parametrize(("other", "kinds"), [(LONG, ["locks"]), (("Long_Hair", -1.0), [])], ids=["long", "short"])
def test_what_is_said_of_their_hair_counts(clip, cache, other, kinds):
    meta = edit(clip, model_of(), cache, WOMAN, other).meta
    assert (kinds_of(meta), meta["morphed"], meta["rest"]) == (kinds, {"Male": -1}, not kinds)


def test_their_beards_go_as_another_code_has_it(clip, cache):
    model = model_of()
    found = edit(clip, model, cache, WOMAN)
    run = pipeline(clip, model, cache, settings(WOMAN))
    source = torch.from_numpy(model.identity_codes(run.artifact("encode")))
    shaven = attribute_shift(model.attributes, source, [AttributeEdit("No_Beard", SHAVEN)])
    wanted = apply_shift(model.attributes, source, shaven).numpy()
    assert "shave" in found.meta["added"] and found.read("z_id") == pytest.approx(wanted, abs=1e-5)
    both = edit(clip, model, cache, WOMAN, LONG)
    assert "shave" in both.meta["added"] and both.read("z_drawn").shape == wanted.shape
    for beard, kinds in ((1.0, ["locks"]), (-1.0, ["whiskers", "locks"])):
        assert edit(clip, model, cache, WOMAN, ("No_Beard", beard)).meta["added"] == kinds
    assert "shave" not in edit(clip, model_of(-3.0), cache, WOMAN).meta["added"]


def test_men_made_more_of_men_keep_their_hair(clip, cache):
    assert edit(clip, model_of(), cache, ("Male", 1.0)).meta["added"] == ["whiskers"]


@pytest.mark.parametrize("change", [WOMAN, LONG], ids=["woman", "long"])
@pytest.mark.parametrize("shown", [HAIR, SKIN], ids=["long already", "hardly any"])
def test_hair_that_is_long_or_hardly_there_stays(clip, cache, shown, change):
    run, paste = pasted(clip, model_of(parser=shown), cache, change)
    assert kinds_of(run.artifact("edit").meta) == ["locks"] and not hangs(paste)
    assert ("morph.shape" in paste.names) == (change is WOMAN) and "levels" not in paste.names
    frame = next(iter(read_frames(clip, 0, 1)))
    patch = Patches(paste, run.artifact("align")).patch(frame, frame.rgb().shape[1::-1])
    assert (patch is None) == (change is LONG)


def test_long_hair_is_drawn_by_a_few_frames_as_it_is(clip, cache):
    run = pipeline(clip, model_of(-3.0), cache, settings(LONG, adapt=True))
    meta, paste = run.artifact("edit").meta, run.artifact("paste")
    assert (meta["added"], meta["morphed"], meta["rest"], meta["strength"]) == (["locks"], {}, False, 1)
    assert [run.artifact(name).frames for name in ("few", "invert", "sample")] == [FEW] * 3
    fields = {"maps", "hair", "contrast", "light", "dye", "mask", "offsets"}
    assert paste.names == {f"locks.{name}" for name in fields} and paste.frames == 8
    assert np.array_equal(paste.read("locks.maps"), bands()) and paste.read("locks.hair").shape == (3,)
    assert paste.read("locks.offsets").shape == (8, PLACES, PLACES, 2)
    assert read_mask(paste, "locks.mask", 7).shape == (MASK, MASK)


@pytest.mark.parametrize("how", [{"morphs": False}, {"region": "head"}], ids=["without morphs", "region given"])
def test_otherwise_the_network_makes_it(clip, cache, how):
    region = {name: value for name, value in how.items() if name == "region"}
    run, paste = pasted(clip, model_of(morphs="region" in how), cache, LONG, **region)
    meta = run.artifact("edit").meta
    assert (meta["added"], meta["rest"], meta["region"]) == ([], True, "head")
    assert run.artifact("sample").frames == 8 and "levels" in paste.names and not hangs(paste)


def test_frames_change_beside_the_face_and_within_the_mask_alone(clip, cache):
    run, paste = pasted(clip, model_of(), cache, LONG)
    quads = run.artifact("align").read("quads")
    for place in (0, 7):
        delta, frame = added(run, clip, place), list(read_frames(clip, place, place + 1))[-1]
        inside = np.zeros(delta.shape[:2], bool)
        (x0, y0, x1, y1), mask = Extent(paste, quads).at(place, frame.rgb().shape[1::-1])
        inside[y0:y1, x0:x1] = mask > 0
        assert np.abs(delta[inside]).max() > 20 and not delta[~inside].any() and 0.01 < inside.mean() < 0.9
        places = np.stack(np.meshgrid(*(np.arange(length) for length in delta.shape[1::-1])), axis=-1)
        x, y = np.moveaxis(transform(places, frame_to_crop(quads[place], 1)), -1, 0)
        assert np.abs(delta[(np.abs(x - 0.5) < 0.04) & (y < 0.9)]).max() < 3
        for side in (-1, 1):
            beside = (np.abs(side * (x - 0.5) - 0.3) < 0.05) & (y > 0.6) & (y < 0.8)
            assert np.abs(delta[beside]).mean() > 5


def test_masks_keep_hair_and_forehead(clip, cache):
    """The tiny parser calls the upper half of the crop hair and the rest skin."""
    _, paste = pasted(clip, model_of(), cache, LONG)
    mask, (aside, rows) = read_mask(paste, "locks.mask", 0), in_crop(MASK)
    assert not mask[(aside < 0.4) & (rows > 0.15) & (rows < 0.28)].any()
    assert mask[(np.abs(aside - 0.3) < 0.03) & (rows > 0.6) & (rows < 0.8)].min() > 0.9
    assert not mask[aside < 0.08].any() and not mask[aside > 0.6].any()


def test_it_hangs_beside_the_face_as_it_is_moved(clip, cache):
    """Where the jaw comes to lie there is the hair that hung beside it before."""
    _, still = pasted(clip, model_of(), cache, LONG)
    _, moved = pasted(clip, model_of(), cache, WOMAN)
    own, goal = (moved.read(f"morph.{name}")[0].astype(float) for name in ("points", "goals"))
    jaw = [4, 5, 11, 12]
    assert np.abs(goal - own)[jaw, 0].min() > 0.01
    before, after = (
        in_room(points[jaw]) + fetch(paste.read("locks.offsets")[0].astype(np.float32), in_room(points[jaw])[None])[0]
        for paste, points in ((still, own), (moved, goal))
    )
    assert after == pytest.approx(before, abs=0.006)


def test_hair_that_is_dyed_hangs_in_its_new_colour(clip, cache):
    _, blond = pasted(clip, model_of(), cache, LONG, ("Blond_Hair", 2.0))
    assert {"dye", "strands", "locks.hair", "locks.mask"} <= blond.names and "levels" not in blond.names
    assert np.array_equal(blond.read("locks.dye"), blond.read("dye")) and blond.read("dye").any()


@pytest.fixture
def head(clip, cache):
    """Long hair of a few frames, and their crops."""
    run = pipeline(clip, model_of(), cache, settings(LONG))
    inputs = {name: run.artifact(name) for name in ("align", "parse", "few")}
    few = inputs["few"]
    return LongHair(inputs, bands(), small_morphs().reference), few.read("crops"), few.read("frames")


def test_crops_to_judge_have_it_too(head):
    hair, crops, frames = head
    before, found = crops.copy(), hair.on(crops, frames)
    size = crops.shape[1]
    change = np.abs(found.astype(int) - crops).max(axis=3)
    assert hair.fits and found.dtype == np.uint8 and np.array_equal(crops, before)
    aside, rows = (into_frame(one, room(own_quad(size)[None])[0], (0, 0, size, size), 1, 1) for one in in_crop(MASK))
    beside = (np.abs(aside - 0.3) < 0.04) & (rows > 0.6) & (rows < 0.8)
    assert (change[:, beside].mean(axis=1) > 5).all()
    assert change[:, (aside < 0.04) & (rows < 0.9)].max() <= 3 and not change[:, (rows > 0.15) & (rows < 0.25)].any()


def test_each_crop_has_the_hair_of_its_own_frame(head):
    hair, crops, frames = head
    whole = hair.on(crops, frames)
    assert np.array_equal(hair.on(crops[[2]], frames[[2]])[0], whole[2])
    assert not np.array_equal(hair.on(crops[[2]], frames[[0]])[0], whole[2])


def test_frames_that_are_not_among_those_it_is_learnt_from_have_it_too(clip, cache, head, monkeypatch):
    run = pipeline(clip, model_of(), cache, settings(LONG))
    monkeypatch.setattr(probes, "COUNT", FEW)
    align = run.artifact("align")
    hair = LongHair({"align": align, "parse": run.artifact("parse")}, bands(), small_morphs().reference)
    frames, crops = align.read("frames"), align.read("crops")
    found, learnt_from = hair.on(crops, frames), hair.probes.places
    assert len(learnt_from) == FEW < len(frames) and np.array_equal(frames[learnt_from], head[2])
    assert np.array_equal(found[learnt_from], head[0].on(*head[1:]))
    assert np.array_equal(hair.on(crops[[7]], frames[[7]])[0], found[7])


@pytest.mark.parametrize(("shown", "times"), [(None, 3), (HAIR, 0)], ids=["short", "long already"])
def test_women_are_judged_with_their_hair(clip, cache, monkeypatch, shown, times):
    finished = []

    def spied(self, crops, frames):
        finished.append((len(crops), list(frames)))
        return crops

    monkeypatch.setattr(LongHair, "on", spied)
    monkeypatch.setattr(adapt, "_likeness", lambda probes: lambda crops: 1.0)
    meta = edit(clip, model_of(CLEARLY + 1, parser=shown), cache, WOMAN, adapt=True).meta
    assert kinds_of(meta) == ["locks"] and finished == [(FEW, [1, 4, 6])] * times


def test_women_are_judged_with_their_hair_where_all_frames_are_sampled(clip, cache, monkeypatch):
    """The strength is found on other frames than those that hair is learnt from."""
    monkeypatch.setattr(probes, "COUNT", FEW)
    monkeypatch.setattr(adapt, "_likeness", lambda probes: lambda crops: 1.0)
    run = pipeline(clip, model_of(CLEARLY + 1), cache, settings(WOMAN, adapt=True, draw=False))
    meta = run.artifact("edit").meta
    assert "few" not in run.nodes and run.artifact("invert").frames == 8 > FEW
    assert kinds_of(meta) == ["locks"] and meta["strength"] in adapt.MORPHED
