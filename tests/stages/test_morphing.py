from dataclasses import replace

import numpy as np
import pytest
import torch

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.face.align import frame_to_crop, transform
from dvaedit.face.beard import DARKEST
from dvaedit.face.morph import Morph
from dvaedit.models.classifier import AttributeModel
from dvaedit.models.morphs import NOWHERE, WHISKERS, Morphs
from dvaedit.stages import adapt
from dvaedit.stages.adapt import CLEARLY, MORPHED, SAME, MorphedProbes, SampledProbes, hair_of
from dvaedit.stages.additions import GROWN
from dvaedit.stages.graph import Settings
from dvaedit.stages.morphing import Morphing, morphed_crops
from dvaedit.stages.paste import Patches
from dvaedit.stages.png import decode_png, read_mask
from dvaedit.stages.sample import to_levels
from dvaedit.video.reader import read_frames
from tests.face.test_mouth import TEETH, speaking
from tests.stages.conftest import FEW, rising, seeing, tiny_model
from tests.stages.test_additions import added, renamed, without
from tests.stages.test_chain import pipeline

NAMES = ("Smiling", "Male", "Young", "Bald", "No_Beard", "Eyeglasses", "Blond_Hair")
SIZE = 16  # of textures
pytestmark = pytest.mark.usefixtures("few")


def small_morphs() -> Morphs:
    """A smile moves the lower lip, a man's chin is broad and dark, age shades."""
    chin, jaw = np.zeros((2, 68, 2), np.float32)
    chin[np.r_[5:12, 55:60, 65:68]] = [0, 0.03]
    jaw[4:13] = (speaking()[4:13] - [0.5, 0.7]) * 0.1
    shapes = {"Smiling+": chin, "Male+": jaw, "Young-": 0 * chin}
    shades = {"Smiling+": [2, 0, 0], "Male+": [-4, 0, 0], "Young-": [-12, 0, 0]}
    textures = {key: np.broadcast_to(np.float32(shade), (SIZE, SIZE, 3)).copy() for key, shade in shades.items()}
    cover = np.zeros((SIZE, SIZE), np.float32)
    cover[11:15, 4:12] = 0.6
    return Morphs(speaking().astype(np.float32), shapes, textures, {}, {"Male+": cover}, TEETH)


def whiskered_morphs() -> Morphs:
    """Those, moustaches and beards, which are denser and broader than a man's stubble, and lips that may be painted."""
    morphs, key = small_morphs(), "Wearing_Lipstick"
    moustache, beard = np.zeros((2, SIZE, SIZE), np.float32)
    moustache[9:12, 5:11], beard[10:15, 3:13] = 0.8, 0.7
    shapes = morphs.shapes | {f"{key}{sign}": np.zeros((68, 2), np.float32) for sign in "+-"}
    textures = morphs.textures | {f"{key}{sign}": np.zeros((SIZE, SIZE, 3), np.float32) for sign in "+-"}
    covers = morphs.covers | dict.fromkeys(WHISKERS, moustache) | {"No_Beard-": beard}
    coat = np.full((SIZE, SIZE), 0.5, np.float32)
    return replace(morphs, shapes=shapes, textures=textures, covers=covers, coat=coat)


def moving_model():
    """The tiny model, with attributes that are morphed and others."""
    model = tiny_model()
    attributes = AttributeModel(NAMES, model.attributes.directions.shape[1])
    attributes.std.fill_(0.1)
    torch.nn.init.normal_(attributes.directions, std=5.0, generator=torch.Generator().manual_seed(1))
    metrics = {name: {"auc": 0.95} for name in NAMES}
    digests = {**model.digests, "classifier": "7" * 64, "morphs": "8" * 64}
    return replace(model, attributes=attributes, metrics=metrics, digests=digests, morphs=small_morphs())


def judging(model, logit):
    """With a classifier that sees as much of everything in every picture; under digests of its own."""
    attributes = AttributeModel(NAMES, model.attributes.directions.shape[1])
    attributes.load_state_dict(model.attributes.state_dict())
    attributes.bias.fill_(logit)
    return replace(model, attributes=attributes, digests={**model.digests, "classifier": f"{int(10 * logit):064d}"})


@pytest.fixture
def moving():
    return moving_model()


@pytest.fixture
def whiskered():
    """A classifier that sees no men, and what :func:`whiskered_morphs` know."""
    model = renamed(moving_model(), "Smiling", "Male", "Mustache", "Wearing_Lipstick", "No_Beard", "Bald", "Black_Hair")
    return replace(model, morphs=whiskered_morphs(), digests={**model.digests, "morphs": "9" * 64})


def settings(*edits, **others):
    return Settings(attributes=tuple(AttributeEdit(*edit) for edit in edits), steps=3, **others)


def edit(clip, model, cache, *edits, **others):
    return pipeline(clip, model, cache, settings(*edits, **others)).artifact("edit")


def pasted(clip, model, cache, *edits, **others):
    """The run and what is to be pasted."""
    run = pipeline(clip, model, cache, settings(*edits, **others))
    return run, run.artifact("paste")


def test_glasses_that_are_worn_move_but_are_not_shaded(clip, moving, cache):
    run, _ = pasted(clip, moving, cache, ("Smiling", 1.0))
    inputs = {name: run.artifact(name) for name in ("align", "parse")}
    morphing = Morphing(inputs, small_morphs().combined({"Smiling": 1.0}))
    offsets = np.zeros((2, 8, 8, 2), np.float32)

    def places(glasses):
        worn = np.zeros((2, 64, 64), np.float32)
        worn[:, 20:30] = glasses
        told = morphing.places(0, 2, offsets, lambda region: worn if region == "glasses" else np.ones_like(worn))
        return [decode_png(told[f"morph.{name}"][0]) for name in ("face", "mask")]

    (bare, moved), (face, still_moved) = places(0.0), places(0.6)
    assert (bare == 255).all() and (face[20:30] == 102).all() and (face[:20] == 255).all() and (face[30:] == 255).all()
    assert np.array_equal(moved, still_moved)


def test_a_smile_is_moved_and_shaded_not_pasted(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 1.0))
    meta = run.artifact("edit").meta
    assert (meta["morphed"], meta["rest"], meta["added"], meta["region"]) == ({"Smiling": 1}, False, [], "face")
    assert {name for name in paste.names if not name.startswith("morph.")} == set()
    known = small_morphs().combined({"Smiling": 1.0})
    for name in ("reference", "shape", "texture", "teeth"):
        assert np.array_equal(paste.read(f"morph.{name}"), getattr(known, name)), name
    size = run.artifact("align").read("crops", 0, 1).shape[1]
    assert paste.read("morph.offsets").shape == (8, size, size, 2)
    points, goals = paste.read("morph.points"), paste.read("morph.goals")
    assert points == pytest.approx(run.artifact("align").read("points"), abs=0.02) and points.shape == (8, 68, 2)
    down = (goals - points)[:, 8]  # the chin
    assert (down[:, 1] > 0.005).all() and np.abs(goals - points)[:, 30].max() < 1e-6


def test_a_few_frames_are_sampled_and_all_change(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 1.0))
    assert [run.artifact(name).frames for name in ("few", "invert", "sample")] == [FEW] * 3 and paste.frames == 8
    assert all(np.abs(added(run, clip, place)).max() > 3 for place in (0, 5, 7))


def test_frames_change_where_the_face_is(clip, moving, cache):
    """The tiny parser calls the upper half of the crop hair, which stays."""
    run, paste = pasted(clip, moving, cache, ("Smiling", 1.0))
    face, reach = (read_mask(paste, f"morph.{name}", 0) for name in ("face", "mask"))
    size = len(face)
    assert face[round(0.6 * size) : round(0.8 * size), size // 4 : 3 * size // 4].min() > 0.9
    assert not face[: round(0.4 * size)].any() and not reach[: round(0.35 * size)].any()
    widest = Morph.reach(face)
    assert (reach <= widest + 0.02).all() and np.abs(reach - widest)[face > 0.9].max() < 0.1
    delta, quad = added(run, clip), run.artifact("align").read("quads")[0]
    places = np.stack(np.meshgrid(*(np.arange(length) for length in delta.shape[1::-1])), axis=-1)
    x, y = np.moveaxis(transform(places, frame_to_crop(quad, 1)), -1, 0)
    outside = (x < -0.01) | (x > 1.01) | (y < 0.35) | (y > 1.01)
    assert outside.mean() > 0.5 and not delta[outside].any()
    assert np.abs(delta)[(np.abs(x - 0.5) < 0.3) & (np.abs(y - 0.7) < 0.2)].mean() > 1


def test_a_region_that_is_given_is_pasted_as_it_is_sampled(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 1.0), region="face")
    assert "levels" in paste.names and not any(name.startswith("morph.") for name in paste.names)
    assert paste.meta["region"] == "face" and run.artifact("sample").frames == 8
    sampled, crops = run.artifact("sample").read("crops").astype(float), run.artifact("align").read("crops")
    change = np.clip((sampled.transpose(0, 2, 3, 1) + 1) * 127.5, 0, 255) - crops
    levels = paste.read("levels").astype(float)
    assert np.corrcoef(levels.ravel(), change.ravel())[0, 1] > 0.9
    assert Patches(paste, run.artifact("align")).morphed is None and np.abs(added(run, clip)).max() > 1


def test_strength_scales_what_is_moved(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 0.5))
    assert run.artifact("edit").meta["morphed"] == {"Smiling": 0.5}
    whole = small_morphs().combined({"Smiling": 1.0})
    assert np.array_equal(paste.read("morph.shape"), whole.shape / 2)
    assert np.array_equal(paste.read("morph.texture"), whole.texture / 2)


def test_without_strength_nothing_is_moved(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 0.0))
    assert run.artifact("edit").meta["morphed"] == {} and not any(name.startswith("morph.") for name in paste.names)


def test_a_man_has_stubble(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Male", 1.0))
    morphs = small_morphs()
    assert np.array_equal(paste.read("whiskers.cover"), morphs.covers["Male+"])
    assert np.array_equal(paste.read("whiskers.reference"), morphs.reference)
    skin, hair = paste.read("whiskers.skin"), paste.read("whiskers.hair")
    assert DARKEST * skin[0] <= hair[0] < skin[0] and skin.shape == hair.shape == (3,)
    assert (
        "morph.shape" in paste.names
        and "levels" not in paste.names
        and run.artifact("edit").meta["added"] == ["whiskers"]
    )
    assert set(Patches(paste, run.artifact("align")).additions.drawn) == {"whiskers"}


@pytest.mark.parametrize("adapt", [False, True])
@pytest.mark.parametrize("change", [("Mustache", 1.0), ("No_Beard", -1.0)], ids=["moustache", "beard"])
def test_the_hair_of_a_face_is_as_dense_as_it_is_known_to_be(clip, whiskered, cache, change, adapt):
    """No strength is looked for, and none would show."""
    run, paste = pasted(clip, whiskered, cache, change, adapt=adapt)
    meta, morphs, (name, sign) = run.artifact("edit").meta, whiskered.morphs, change
    assert (meta["added"], meta["grown"], meta["morphed"], meta["rest"]) == (["whiskers"], {name: sign}, {}, False)
    assert meta["strength"] == 1 and meta["region"] == "lower_face" and "levels" not in paste.names
    assert np.array_equal(paste.read("whiskers.cover"), morphs.covers[f"{name}{'+' if sign > 0 else '-'}"])
    assert np.array_equal(paste.read("whiskers.reference"), morphs.reference)
    assert np.abs(added(run, clip)).max() > 3


@pytest.mark.parametrize(("logit", "bearded"), [(-3.0, True), (3.0, False)])
def test_a_beard_is_seen_by_the_classifier_or_put_on(clip, moving, cache, logit, bearded):
    seeing = replace(judging(moving, logit), morphs=whiskered_morphs())
    assert edit(clip, seeing, cache, ("Young", -1.0)).meta["bearded"] is bearded
    assert edit(clip, seeing, cache, ("Young", -1.0), ("No_Beard", -1.0)).meta["bearded"] is True


def test_half_a_beard_is_half_as_dense(clip, whiskered, cache):
    _, paste = pasted(clip, whiskered, cache, ("No_Beard", -0.5))
    assert np.array_equal(paste.read("whiskers.cover"), 0.5 * whiskered.morphs.covers["No_Beard-"])


def test_of_what_grows_the_densest_shows_and_it_is_put_on_once(clip, whiskered, cache):
    run, paste = pasted(clip, whiskered, cache, ("Male", 1.0), ("Mustache", 0.5))
    meta, covers = run.artifact("edit").meta, whiskered.morphs.covers
    assert meta["added"] == ["whiskers"] and meta["grown"] == meta["morphed"] | {"Mustache": 0.5}
    expected = np.maximum(covers["Male+"], 0.5 * covers["Mustache+"])
    assert paste.read("whiskers.cover") == pytest.approx(expected, abs=1e-6) and expected[11, 8] == np.float32(0.6)


def test_a_moustache_and_a_beard_are_both_put_on(clip, whiskered, cache):
    run, paste = pasted(clip, whiskered, cache, ("No_Beard", -1.0), ("Mustache", 1.0))
    meta, covers = run.artifact("edit").meta, whiskered.morphs.covers
    assert meta["added"] == ["whiskers"] and meta["grown"] == {"No_Beard": -1, "Mustache": 1}
    assert np.array_equal(paste.read("whiskers.cover"), np.maximum(covers["No_Beard-"], covers["Mustache+"]))


@pytest.mark.parametrize(
    ("edits", "others", "lips"),
    [
        ([("Male", 0.5)], {}, -1),
        ([("Male", 1.0), ("Wearing_Lipstick", 0.5)], {}, 0.5),
        ([("Smiling", 1.0)], {}, None),
        ([("Male", 1.0)], {"region": "face"}, None),
    ],
    ids=["man", "painted man", "smile", "as it is sampled"],
)
def test_a_womans_lipstick_comes_off_as_she_becomes_a_man(clip, whiskered, cache, edits, others, lips):
    """Wholly, unless something is said of it."""
    run = pipeline(clip, whiskered, cache, settings(*edits, **others))
    assert run.artifact("edit").meta["morphed"].get("Wearing_Lipstick") == lips
    if lips == -1:
        assert run.artifact("paste").read("morph.coat").max() == pytest.approx(0.5)


def test_a_man_has_no_lipstick_to_lose_and_none_comes_off_that_is_not_known(clip, whiskered, moving, cache):
    man = renamed(whiskered, *whiskered.attributes.names)
    man.attributes.bias.fill_(1.0)
    man = replace(man, digests={**man.digests, "classifier": "6" * 64})
    for model in (man, moving):
        assert edit(clip, model, cache, ("Male", 1.0)).meta["morphed"] == {"Male": 1}


def test_stubble_does_not_show_beside_a_beard(clip, whiskered, cache):
    run, paste = pasted(clip, whiskered, cache, ("Male", 1.0), ("No_Beard", -1.0))
    meta = run.artifact("edit").meta
    assert (meta["added"], meta["rest"], meta["morphed"]["Male"]) == (["whiskers"], False, 1)
    assert {"whiskers.mask", "morph.shape"} <= paste.names and "levels" not in paste.names
    assert np.array_equal(paste.read("whiskers.cover"), whiskered.morphs.covers["No_Beard-"])


def test_a_beard_that_is_not_known_is_sampled_beside_a_man_and_he_has_no_stubble(clip, whiskered, cache):
    unknown = replace(whiskered, morphs=without(whiskered.morphs, "No_Beard-"))
    unknown = replace(unknown, digests={**unknown.digests, "morphs": "5" * 64})
    run, paste = pasted(clip, unknown, cache, ("Male", 1.0), ("No_Beard", -1.0))
    meta = run.artifact("edit").meta
    assert (meta["added"], meta["grown"], meta["rest"], meta["morphed"]["Male"]) == ([], {}, True, 1)
    assert {"levels", "morph.shape"} <= paste.names and not any(name.startswith("whiskers.") for name in paste.names)


def test_a_shaven_man_has_no_stubble(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Male", 1.0), ("No_Beard", 1.0))
    assert run.artifact("edit").meta["added"] == [] and not any(name.startswith("whiskers.") for name in paste.names)


def test_a_shaven_man_with_a_moustache_has_no_stubble_besides(clip, whiskered, cache):
    run, paste = pasted(clip, whiskered, cache, ("Male", 1.0), ("No_Beard", 1.0), ("Mustache", 1.0))
    assert run.artifact("edit").meta["grown"] == {"Mustache": 1}
    assert np.array_equal(paste.read("whiskers.cover"), whiskered.morphs.covers["Mustache+"])


@pytest.mark.parametrize("how", [{"region": "face"}, {"paste": "replace"}])
def test_what_is_left_to_the_network_is_as_strong_as_it_must_be_there(clip, moving, cache, monkeypatch, how):
    """Its strengths are tried on sampled frames, and hair has no part in that."""
    blind = judging(moving, adapt.CLEARLY - 1)
    seeing(monkeypatch, blind, rising(-1.0))
    asked = replace(settings(("Young", -1.0)), adapt=True, **how)
    meta = pipeline(clip, blind, cache, asked).artifact("edit").meta
    assert (meta["strength"], meta["morphed"], meta["added"], meta["rest"]) == (adapt.STRENGTHS[-1], {}, [], True)


def test_what_is_put_on_moves_with_the_face(clip, moving, cache):
    """What is drawn lies on the frame before the face moves: the sum is not of both made from the bare frame."""
    run, paste = pasted(clip, moving, cache, ("Male", 1.0))
    frame = next(iter(read_frames(clip, 0, 1)))
    patches, size = Patches(paste, run.artifact("align")), frame.rgb().shape[1::-1]
    drawn = patches.additions.added(frame.rgb(), 0, None, GROWN)
    (x0, y0, x1, y1), stubble = drawn
    (a0, b0, a1, b1), moved = patches.morphed.patch(frame.rgb(), 0, drawn)
    assert np.abs(moved - patches.morphed.patch(frame.rgb(), 0)[1]).max() > 1
    expected = np.zeros((*size[::-1], 3))
    expected[y0:y1, x0:x1] += stubble
    expected[b0:b1, a0:a1] += moved
    assert np.abs(added(run, clip) - expected).max() < 1e-3 and np.abs(stubble).max() > 1


def test_what_is_morphed_has_no_part_in_what_is_sampled(clip, moving, cache):
    both = edit(clip, moving, cache, ("Bald", 1.0), ("Smiling", 1.0))
    alone = edit(clip, moving, cache, ("Bald", 1.0))
    assert both.read("z_id") == pytest.approx(alone.read("z_id"), abs=1e-5)
    assert both.meta["morphed"] == {"Smiling": 1} and both.meta["rest"] and alone.meta["morphed"] == {}
    source = pipeline(clip, moving, cache, settings(("Bald", 1.0))).artifact("encode").read("z_id_rep")
    assert both.read("z_drawn") == pytest.approx(source, abs=1e-5)  # nothing is put on


def test_what_is_put_on_has_a_code_of_its_own_beside_a_morph(clip, moving, cache):
    both = edit(clip, moving, cache, ("Male", 1.0), ("Eyeglasses", 1.0))
    glasses = edit(clip, moving, cache, ("Eyeglasses", 1.0))
    assert both.read("z_drawn") == pytest.approx(glasses.read("z_id"), abs=1e-5) and "z_drawn" not in glasses.names
    source = pipeline(clip, moving, cache, settings(("Male", 1.0))).artifact("encode").read("z_id_rep")
    assert both.read("z_id") == pytest.approx(source, abs=1e-5)  # all of it is made otherwise
    assert "z_drawn" not in edit(clip, moving, cache, ("Male", 1.0)).names


def test_the_network_tells_the_shade_of_what_is_moved_at_its_plain_strength(clip, moving, cache, monkeypatch):
    """Whatever else is asked for, and however strong it must be."""
    alone = edit(clip, moving, cache, ("Smiling", 0.8))
    assert alone.read("z_shaded") == pytest.approx(alone.read("z_id"), abs=1e-6)
    both = edit(clip, moving, cache, ("Bald", 1.0), ("Smiling", 0.8), ("Eyeglasses", 1.0))
    assert both.read("z_shaded") == pytest.approx(alone.read("z_id"), abs=1e-6)
    blind = judging(moving, CLEARLY - 1)
    seeing(monkeypatch, blind, rising())
    strong = edit(clip, blind, cache, ("Smiling", 0.8), adapt=True)
    assert strong.meta["strength"] == MORPHED[-1]
    assert strong.read("z_shaded") == pytest.approx(alone.read("z_id"), abs=1e-6)
    assert "z_shaded" not in edit(clip, moving, cache, ("Bald", 1.0)).names


def test_its_shade_lies_where_points_go(clip, moving, cache):
    run, paste = pasted(clip, moving, cache, ("Smiling", 1.0))
    few, shaded = run.artifact("few"), run.artifact("shaded")
    places = np.searchsorted(run.artifact("align").read("frames"), few.read("frames"))
    known = small_morphs().combined({"Smiling": 1.0})
    wanted = known.shaded(few.read("crops"), to_levels(shaded, 0, FEW), paste.read("morph.goals")[places]).own
    assert paste.read("morph.own") == pytest.approx(wanted, abs=0.02) and np.abs(wanted).max() > 1
    bare = Morph(**{name: paste.read(f"morph.{name}") for name in ("reference", "shape", "texture", "smooth", "teeth")})
    told = replace(bare, own=paste.read("morph.own"))
    frame = next(iter(read_frames(clip, 0, 1))).rgb()
    quad, points, goal = (
        run.artifact("align").read("quads")[0],
        *(paste.read(f"morph.{of}")[0] for of in ("points", "goals")),
    )
    masks = (read_mask(paste, f"morph.{name}", 0) for name in ("mask", "face"))
    at = (*masks, quad, points.astype(float), goal.astype(float), paste.read("morph.offsets", 0, 1)[0])
    (_, plain), (_, with_shade) = (morph.patch(frame, *at) for morph in (bare, told))
    assert np.abs(with_shade - plain).max() > 1


def test_probes_are_shaded_as_the_network_tells(clip, moving, cache, monkeypatch):
    found = []

    def spied(morph, crops, points):
        found.append(morph.own)
        return morphed_crops(morph, crops, points)

    monkeypatch.setattr(adapt, "morphed_crops", spied)
    run = pipeline(clip, judging(moving, CLEARLY + 1), cache, settings(("Smiling", 0.9), adapt=True))
    told = run.artifact("paste").read("morph.own")
    assert len(found) == 1 and np.corrcoef(found[0].ravel(), told.ravel())[0, 1] > 0.9


def test_hair_that_grays_with_age_is_learnt_from_sampled_frames(clip, moving, cache):
    aged = edit(clip, moving, cache, ("Young", -1.0), ("Eyeglasses", 1.0))
    alone = edit(clip, moving, cache, ("Young", -1.0))
    assert aged.read("z_id") == pytest.approx(alone.read("z_id"), abs=1e-5)
    assert aged.meta["dyed"] and aged.meta["morphed"] == {"Young": -1} and aged.meta["added"] == ["glasses"]
    _, paste = pasted(clip, moving, cache, ("Young", -1.0))
    assert {"dye", "strands", "skin", "morph.shape"} <= paste.names and "levels" not in paste.names


def tried(monkeypatch):
    """The strengths that are tried, as they are."""
    found = []

    def spied(morph, crops, points):
        found.append(float(np.abs(morph.texture).max()))
        return morphed_crops(morph, crops, points)

    monkeypatch.setattr(adapt, "morphed_crops", spied)
    return found


def test_strengths_of_what_is_moved_have_a_bound(clip, moving, cache, monkeypatch):
    strengths = tried(monkeypatch)
    blind = judging(moving, CLEARLY - 1)
    seeing(monkeypatch, blind, rising())
    meta = edit(clip, blind, cache, ("Smiling", 1.0), adapt=True).meta
    assert (meta["strength"], meta["morphed"]) == (1.5, {"Smiling": 1.5}) and MORPHED[-1] == 1.5
    assert strengths == [2.0, 2.5, 3.0]  # of a texture of 2


def test_what_is_seen_at_once_is_moved_as_it_is(clip, moving, cache, monkeypatch):
    strengths = tried(monkeypatch)
    meta = edit(clip, judging(moving, CLEARLY + 1), cache, ("Smiling", 1.0), adapt=True).meta
    assert (meta["strength"], meta["morphed"], strengths) == (1, {"Smiling": 1}, [2.0])


def test_what_is_moved_stays_the_same_person(clip, moving, cache, monkeypatch):
    told = iter([SAME + 0.1, SAME - 0.1])
    monkeypatch.setattr(adapt, "_likeness", lambda probes: lambda crops: next(told))
    blind = judging(moving, CLEARLY - 2)
    seeing(monkeypatch, blind, rising())
    meta = edit(clip, blind, cache, ("Male", 1.0), adapt=True).meta
    assert (meta["strength"], meta["morphed"]) == (1.25, {"Male": 1.25})


@pytest.mark.parametrize("second", [("Male", 1.0), ("Bald", 1.0)], ids=["of another kind", "sampled"])
def test_beside_another_that_may_need_more_strengths_stay(clip, moving, cache, monkeypatch, second):
    blind = judging(moving, CLEARLY - 1)
    seeing(monkeypatch, blind, rising())
    meta = edit(clip, blind, cache, ("Smiling", 1.0), second, adapt=True).meta
    assert meta["strength"] == 1 and meta["morphed"]["Smiling"] == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Smiling", 1.0), ("Eyeglasses", 1.0)),
        (("Male", 1.0), ("No_Beard", -1.0)),
        (("Young", -0.5), ("Eyeglasses", 1.0)),
    ],
    ids=["smile, glasses", "man, beard", "older, glasses"],
)
def test_one_turn_among_changes_of_a_known_look_is_as_strong_as_it_must_be(
    clip, moving, cache, monkeypatch, first, second
):
    """What is put on is not: nor is it sampled more strongly."""
    bearded = replace(moving, morphs=replace(moving.morphs, covers=whiskered_morphs().covers))
    bearded = replace(bearded, digests={**bearded.digests, "morphs": "4" * 64})
    blind, (name, asked) = judging(bearded, CLEARLY - 2), first
    seeing(monkeypatch, blind, [*rising(np.sign(asked)), *[-1.0] * 4])  # who asks whether it is a man sees none
    more, plain = (edit(clip, blind, cache, first, second, adapt=adapt) for adapt in (True, False))
    assert (more.meta["strength"], more.meta["morphed"]) == (1, {name: MORPHED[-1] * asked})
    assert plain.meta["morphed"] == {name: asked} and more.meta["added"] == plain.meta["added"] != []
    assert more.read("z_drawn") == pytest.approx(plain.read("z_drawn"), abs=1e-6)


def test_a_turn_that_is_seen_at_once_stays_beside_another_change(clip, moving, cache):
    meta = edit(clip, judging(moving, CLEARLY + 1), cache, ("Smiling", 1.0), ("Eyeglasses", 1.0), adapt=True).meta
    assert (meta["strength"], meta["morphed"]) == (1, {"Smiling": 1})


def test_age_is_judged_with_its_gray_hair(clip, moving, cache):
    """Probes show the upper half, which the tiny parser calls hair, as it is sampled, the rest as it is morphed."""
    asked = settings(("Young", -1.0), adapt=True)
    run = pipeline(clip, judging(moving, -CLEARLY - 1), cache, asked)
    assert run.artifact("edit").meta["strength"] == 1  # its classifier sees age at once
    inputs = {name: run.artifact(name) for name in ("align", "encode", "parse", "invert", "few")}
    code = torch.from_numpy(run.artifact("edit").read("z_id"))
    sampled = SampledProbes(moving, inputs, 3, lambda strength: code)
    hair = hair_of(inputs, sampled)
    size = sampled.track.read("crops", 0, 1).shape[1]
    assert hair.shape == (FEW, size, size, 1)
    assert hair[:, size // 4, size // 2].min() > 0.95 and not hair[:, round(0.6 * size) :].any()
    none = replace(small_morphs().combined({"Young": -1.0}), texture=np.zeros((SIZE, SIZE, 3), np.float32))
    crops, asked = inputs["few"].read("crops"), []

    class Gray:
        """Stands for sampled probes: of one gray, the stronger the lighter."""

        track, chosen = sampled.track, sampled.chosen

        def crops(self, strength):
            return np.full(crops.shape, round(100 * strength), np.uint8)

    probes = MorphedProbes(lambda strength: asked.append(strength) or none, Gray(), hair)
    found = probes.crops(1.25).astype(int)
    assert asked == [1.25] and np.abs(found[:, size // 4, size // 2] - 125).max() <= 8
    below = np.s_[:, round(0.7 * size) :]
    assert np.abs(found[below] - crops[below]).max() <= 1
    bare = MorphedProbes(lambda strength: none, Gray(), np.zeros((1, 1, 1, 1))).crops(1.0).astype(int)
    assert np.abs(bare - crops).max() <= 1


def test_single_crops_are_morphed_within_the_face():
    """64 pixels a side, so that the shapes are as those of frames of that size; nothing is averaged between them."""
    crops = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (120, 160)])
    points = np.stack([speaking(), speaking() * 0.8 + 0.1])
    morph = Morph(
        speaking(), np.zeros((68, 2)), np.full((SIZE, SIZE, 3), np.float32([-10, 0, 0])), NOWHERE, TEETH[:0, :0]
    )
    after = morphed_crops(morph, crops, points).astype(int)
    assert after.shape == crops.shape and (crops == np.array([120, 160])[:, None, None, None]).all()
    assert (after[0, 32, 32] < 100).all() and (after[1, 32, 32] < 140).all()
    assert np.abs(after[:, 2, 2] - [[120], [160]]).max() == 0
    inside = (np.abs(after - crops).max(axis=3) > 2).sum(axis=(1, 2))
    assert inside[1] / inside[0] == pytest.approx(0.64, abs=0.06)
