from types import SimpleNamespace

import pytest

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.errors import UsageError
from dvaedit.stages.graph import Settings
from dvaedit.stages.pick import spread
from dvaedit.sweeps import STRENGTHS, make_variants, sweep_nodes
from tests.stages.conftest import tiny_model

BLOND, OLD = AttributeEdit("Blond_Hair", 1.5), AttributeEdit("Young", -1)


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
    own = [name for name in nodes if ":" in name]
    assert sorted(own) == sorted(f"{s}:{v.label}" for s in ("edit", "sample", "paste") for v in variants)
    track = "align" if frames is None else "pick"
    paste = nodes["paste:Young -1"]
    assert paste.inputs["align"] == track and paste.inputs["edit"] == "edit:Young -1"
    assert paste.inputs["sample"] == "sample:Young -1" and paste.inputs["parse"] == "parse"
    assert nodes["invert"].inputs["align"] == track
    assert ("pick" in nodes) is (frames is not None)
    assert nodes["encode"].inputs == {"align": "align"}
    assert SimpleNamespace(**vars(nodes["edit:Blond Hair 1.5"].stage)).attributes == (BLOND,)
