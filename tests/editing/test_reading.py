import pytest

from dvaedit.editing.reading import EFFECTS_OF, read_change, read_text
from dvaedit.models.wording import CONCEPTS, INDEX
from dvaedit.training.attributes import NAMES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blond hair", {"Blond_Hair": 1}),
        ("make her hair blonde", {"Blond_Hair": 1}),
        ("an old man", {"Young": -1, "Male": 1}),
        ("wearing round glasses", {"Eyeglasses": 1}),
        ("ginger beard", {"Red_Hair": 1, "No_Beard": -1}),
        ("smile", {"Smiling": 1}),
        ("a woman with blonde hair and red lipstick", {"Male": -1, "Blond_Hair": 1, "Wearing_Lipstick": 1}),
        ("without glasses", {"Eyeglasses": -1}),
        ("no beard", {"No_Beard": 1}),
        ("he is not smiling", {"Smiling": -1}),
        ("remove his moustache", {"Mustache": -1}),
        ("slightly older", {"Young": -0.6}),
        ("very old", {"Young": -1}),
        ("clean-shaven", {"No_Beard": 1}),
        ("without lipstick", {"Wearing_Lipstick": -1, "Heavy_Makeup": -1}),
        ("give him long red hair", {"Long_Hair": 1, "Red_Hair": 1}),
        ("a woman with long curly light brown hair", {"Male": -1, "Long_Hair": 1, "Wavy_Hair": 1, "Brown_Hair": 1}),
        ("short black hair", {"Long_Hair": -1, "Black_Hair": 1}),
        ("a long beard and black hair", {"No_Beard": -1, "Black_Hair": 1}),
        ("a vampire", {}),
        ("", {}),
    ],
)
def test_texts_are_read_as_attributes(text, expected):
    assert read_text(text) == expected


def test_a_negation_ends_with_what_it_negates():
    assert read_text("no glasses but a beard") == {"Eyeglasses": -1, "No_Beard": -1}


def test_what_the_source_says_is_not_asked_for():
    assert read_change("a man with a beard", "a man") == {"No_Beard": -1}


def test_every_wording_is_read_as_its_own_concept():
    """But for words that two concepts share, each wording of the table comes back as the attributes of its concept."""
    missed = []
    for concept in CONCEPTS:
        expected = EFFECTS_OF.get(concept.name)
        for wording in (*concept.noun, *concept.adjective, *concept.having, *concept.doing):
            if expected and read_text(wording) != expected:
                missed.append((concept.name, wording, read_text(wording)))
    assert len(missed) < 25, missed


def test_effects_name_known_concepts_and_attributes():
    assert set(EFFECTS_OF) - {"lipstick"} <= set(INDEX)
    assert {name for effect in EFFECTS_OF.values() for name in effect} <= set(NAMES)
