import pytest

from dvaedit.editing.denial import NEGATORS
from dvaedit.editing.reading import read_text
from dvaedit.editing.spelling import corrected

SHAVEN, BARE = {"No_Beard": 1}, {"Eyeglasses": -1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("witout beard", SHAVEN), ("wihtout glasses", BARE), ("remvoe the beard", SHAVEN), ("withou glasses", BARE),
        ("with out glasses", BARE), ("delet the beard", SHAVEN), ("nto smiling", {"Smiling": -1}),
        ("sotp smiling", {"Smiling": -1}), ("tkae off the glasses", BARE), ("take of the glasses", BARE),
        ("loose the beard", SHAVEN), ("kepe the beard", {}), ("balck hair", {}), ("without glases", {}),
    ],
)  # fmt: skip
def test_what_negates_is_known_again_and_nothing_else(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize("word", ["without", "removed", "remover", "remote", "either", "spot", "hiking", "no", "an"])
def test_other_words_are_left_alone(word):
    assert corrected(word) == word
    assert all(corrected(each) == each for each in NEGATORS)
