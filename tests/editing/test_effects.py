import pytest

from dvaedit.editing.effects import EFFECTS, KNOWN, added, adding
from dvaedit.stages.additions import KINDS


@pytest.mark.parametrize(
    ("strengths", "kinds"),
    [
        ({"Mustache": 1}, ["whiskers"]),
        ({"5_o_Clock_Shadow": 0.5, "Mustache": 2}, ["whiskers"]),
        ({"No_Beard": -1}, ["whiskers"]),
        ({"No_Beard": -1, "Mustache": 1, "Eyeglasses": 1}, ["glasses", "whiskers"]),
        ({"Sunglasses": 1}, ["sunglasses"]),
        ({"Eyeglasses": 1, "Long_Hair": 1}, ["glasses", "locks"]),
        ({"No_Beard": 1, "Mustache": -1, "Sunglasses": -1, "Smiling": 1, "": 1}, []),
    ],
)
def test_what_changes_put_on(strengths, kinds):
    assert added(strengths) == kinds


def test_what_nobody_knows_how_to_draw_is_not_put_on():
    asked = {"Mustache": 1, "No_Beard": -1, "Long_Hair": 1, "Eyeglasses": 1}
    assert adding(asked, ["whiskers"]) == {"Long_Hair": 1, "Eyeglasses": 1}
    assert adding(asked, KNOWN) == {"Eyeglasses": 1} and adding(asked) == asked


def test_all_that_is_put_on_is_drawn():
    kinds = {effect.adds for effect in EFFECTS.values() if effect.adds}
    assert kinds <= KINDS.keys() and set(KNOWN) <= kinds
