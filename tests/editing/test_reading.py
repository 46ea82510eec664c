import pytest

from dvaedit.editing.reading import ALSO, EFFECTS_OF, SHADES, colours, read_change, read_text, unread
from dvaedit.face.lipstick import PAINTS
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
        ("without lipstick", {"Wearing_Lipstick": -1}),
        ("her hair is black now", {"Black_Hair": 1}),
        ("her hair turns grey", {"Gray_Hair": 1}),
        ("messy hair", {}),
        ("give him hair", {"Bald": -1}),
        ("pink hair", {"Dyed_Hair": 1}),
        ("a woman with long blue hair", {"Male": -1, "Long_Hair": 1, "Dyed_Hair": 1}),
        ("less smiling", {"Smiling": -0.6}),
        ("less masculine, more makeup", {"Male": -0.6, "Heavy_Makeup": 1}),
        ("old, but without wrinkles", {"Young": -1}),
        ("not young but old", {"Young": -1}),
        ("grandma", {"Young": -1, "Male": -1}),
        ("make him look 70", {"Young": -1}),
        ("a 30-year-old woman", {"Young": 1, "Male": -1}),
        ("aged 45", {"Young": -0.5}),
        ("like a 10 year old", {"Child": 1}),
        ("in his late 60s", {"Young": -1}),
        ("20 years younger", {"Young": 1}),
        ("twenty years older", {"Young": -1}),
        ("a sad man", {"Smiling": -1, "Male": 1}),
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


@pytest.mark.parametrize(
    ("text", "colour"),
    [("dye his hair blue", "blue"), ("a girl with green hair", "green"), ("blue eyes", None), ("red hair", None)],
)
def test_colours_that_hair_is_dyed_have_names(text, colour):
    assert colours(text).get("Dyed_Hair") == colour


@pytest.mark.parametrize(
    ("text", "colour"),
    [("hot pink lipstick", "fuchsia"), ("her lips are black, her hair is blond", "black"),
     ("dark red lips", "burgundy"), ("wearing lipstick", None), ("pink hair", None), ("lips painted blue", "blue"),
     ("a nude lip gloss", "nude")],
)  # fmt: skip
def test_colours_of_lipstick_have_names(text, colour):
    assert colours(text).get("Wearing_Lipstick") == colour
    assert (read_text(text).get("Wearing_Lipstick", 0) == 1) == (text != "pink hair")


def test_each_colour_of_lipstick_is_a_paint():
    assert SHADES.keys() == PAINTS.keys()
    assert read_text("no pink lipstick") == {"Wearing_Lipstick": -1}


@pytest.mark.parametrize(
    ("text", "words"),
    [("pink hair", set()), ("a grandma with blue eyes", {"a", "with", "blue", "eyes"}), ("looking 70", set())],
)
def test_words_that_are_no_part_of_a_phrase_are_unread(text, words):
    assert unread(text) == words


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
    assert set(EFFECTS_OF) <= set(INDEX) | set(ALSO) and set(ALSO) <= set(EFFECTS_OF)
    assert {name for effect in EFFECTS_OF.values() for name in effect} <= set(NAMES)
