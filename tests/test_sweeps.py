from types import SimpleNamespace

import pytest

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.pipeline.run import Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages.estimate import few_frames
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.stages.pick import spread
from dvaedit.sweeps import STRENGTHS, _least, _targets, make_variants, sweep_nodes
from tests.stages.conftest import tiny_model

BLOND, OLD = AttributeEdit("Blond_Hair", 1.5), AttributeEdit("Young", -1)
GLASSES, MAN = AttributeEdit("Eyeglasses", 1), AttributeEdit("Male", 1)


def test_one_edit_at_several_strengths():
    variants = make_variants([BLOND], [], [], [1, 2])
    assert [variant.label for variant in variants] == ["Blond Hair 1.5", "Blond Hair 3"]
    assert variants[1].attributes == (AttributeEdit("Blond_Hair", 3.0),)
    assert len(make_variants([BLOND], [], [], [])) == len(STRENGTHS)


def test_a_mixed_edit_scales_as_a_whole():
    variant = make_variants([OLD], [TextEdit("red hair", "face", 1.0)], [], [0.5, 2])[1]
    assert variant.label == "2 x red hair + Young -1"
    assert variant.attributes == (AttributeEdit("Young", -2.0),)
    assert variant.texts == (TextEdit("red hair", "face", 2.0),)


def test_many_attributes():
    assert [v.label for v in make_variants([], [], [BLOND, OLD], [])] == ["Blond Hair 1.5", "Young -1"]
    crossed = make_variants([], [], [BLOND, OLD], [1, 2, 2])
    assert [v.label for v in crossed] == ["Blond Hair 1.5", "Blond Hair 3", "Young -1", "Young -2"]


@pytest.mark.parametrize(
    "args", [([], [], [], [1]), ([BLOND], [], [OLD], [1]), ([BLOND], [], [], [11]), ([], [], [BLOND] * 65, [1])]
)
def test_nonsense_is_refused(args):
    with pytest.raises(UsageError) as raised:
        make_variants(*args)
    assert raised.value.hint


@pytest.mark.parametrize(("length", "count", "places"), [(100, 1, [50]), (100, 2, [25, 75]), (9, 3, [1, 4, 7]),
                                                         (2, 5, [0, 1]), (1, 3, [0])])  # fmt: skip
def test_picked_frames_are_spread(length, count, places):
    assert spread(length, count) == places


@pytest.mark.parametrize("frames", [None, 2])
def test_variants_share_all_but_their_own_stages(frames, tmp_path):
    variants = make_variants([], [], [BLOND, OLD], [])
    nodes = {node.name: node for node in sweep_nodes(tmp_path, tiny_model(), None, Settings(), variants, frames)}
    drawn = "few:" if frames is None else ""
    samples = [f"{drawn}sample:Blond Hair 1.5", "sample:Young -1"]
    own = [name for name in nodes if name.endswith(tuple(variant.label for variant in variants))]
    assert sorted(own) == sorted([*samples, *(f"{s}:{v.label}" for s in ("edit", "paste") for v in variants)])
    track = "align" if frames is None else "pick"
    paste = nodes["paste:Young -1"]
    assert paste.inputs["align"] == track and paste.inputs["edit"] == "edit:Young -1"
    assert paste.inputs["sample"] == "sample:Young -1" and paste.inputs["parse"] == "parse"
    assert nodes["invert"].inputs["align"] == track
    assert ("pick" in nodes) is (frames is not None)
    assert nodes["encode"].inputs == {"align": "align"}
    assert SimpleNamespace(**vars(nodes["edit:Blond Hair 1.5"].stage)).attributes == (BLOND,)


def test_the_judge_looks_for_all_that_is_asked_for_and_known_to_it():
    names = ("Blond_Hair", "Smiling", "Young")
    both = make_variants([OLD, BLOND], [], [], [1])[0]
    assert _targets(both, {}, names) == {"Young": False, "Blond_Hair": True}
    text = make_variants([], [TextEdit("blond vampire")], [], [0, 1])
    mix = {"blond vampire": {"Blond_Hair": 1.0, "Smiling": -0.5, "Young": 0.1, "Wings": 1.0}}
    assert [_targets(one, mix, names) for one in text] == [{"Blond_Hair": True, "Smiling": False}] * 2
    assert _targets(text[1], {"blond vampire": {}}, names) == {}


def test_of_several_targets_the_least_is_shown():
    assert _least([[0.9, 0.2], [0.7, 0.4]]) == pytest.approx(0.3)
    assert _least([]) is _least([[], []]) is None


MIXED = {
    "drawn first": ([], [], [BLOND, MAN], []),
    "sampled first": ([], [], [MAN, BLOND], []),
    "of codes of their own": ([], [], [GLASSES, MAN, BLOND], [1, 0]),
    "in part": ([GLASSES, MAN], [], [], [0, 1]),
    "of two kinds": ([GLASSES, BLOND], [], [], [1, 0]),
}


def planned(nodes, folder):
    return Pipeline(nodes, Cache(folder), "0" * 64)


@pytest.mark.parametrize("asked", MIXED.values(), ids=MIXED)
def test_variants_of_any_kind_are_computed_as_each_would_be_alone(asked, tmp_path):
    """What is drawn takes a few frames' noise codes, what is sampled all; keys tell from what a stage works."""
    model, variants = tiny_model(), make_variants(*asked)
    swept = planned(sweep_nodes(tmp_path, model, None, Settings(), variants, None), tmp_path).keys
    for variant in variants:
        nodes = edit_nodes(tmp_path, model, None, Settings(attributes=variant.attributes))
        alone = planned(nodes, tmp_path).keys
        assert [swept[f"{name}:{variant.label}"] for name in ("edit", "paste")] == [alone["edit"], alone["paste"]]


def test_of_a_mixed_sweep_it_is_known_which_stages_take_few_frames(tmp_path):
    variants = make_variants([], [], [BLOND, MAN], [])
    plans = planned(sweep_nodes(tmp_path, tiny_model(), None, Settings(), variants, None), tmp_path).plan()
    assert few_frames(plans, 100) == dict.fromkeys(("few:pick", "few:invert", "few:sample:Blond Hair 1.5"), 16)
