import pytest

from dvaedit.editing.reading import colours, read_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he has a beard, remove it", {"No_Beard": 1}), ("he has a beard. Shave it off!", {"No_Beard": 1}),
        ("he has a beard but it must go", {"No_Beard": 1}), ("he's got a beard, get rid of it", {"No_Beard": 1}),
        ("she wears glasses, take them off", {"Eyeglasses": -1}),
        ("she wears glasses. make them disappear", {"Eyeglasses": -1}),
        ("he has a beard and glasses, remove them", {"No_Beard": 1, "Eyeglasses": -1}),
        ("he has a beard, remove it and make him smile", {"No_Beard": 1, "Smiling": 1}),
        ("she has a hat, keep it", {}), ("add glasses and keep them", {"Eyeglasses": 1}),
        ("he has no beard, give him one", {"No_Beard": -1}), ("they wear glasses, make them smile",
         {"Eyeglasses": 1, "Smiling": 1}), ("he has a beard. he wears glasses.", {"No_Beard": -1, "Eyeglasses": 1}),
    ],
)  # fmt: skip
def test_what_was_told_of_is_taken_away_or_left(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("his hair is brown, make it black", {"Black_Hair": 1}), ("her hair is red, dye it black", {"Black_Hair": 1}),
        ("she's got black hair, I want it blond", {"Blond_Hair": 1}),
        ("her hair is long; make it short", {"Long_Hair": -1}),
        ("she is a brunette, make her blonde", {"Blond_Hair": 1}),
        ("she is blonde, make her hair black", {"Black_Hair": 1}),
        ("don't make her hair red, make it black", {"Black_Hair": 1}),
        ("give her curly hair and make it red", {"Wavy_Hair": 1, "Red_Hair": 1}),
        ("she has blond hair. make it smile", {"Blond_Hair": 1, "Smiling": 1}), ("make it 50", {"Young": -0.5}),
        ("turn it blond", {"Blond_Hair": 1}), ("make it red", {}),
    ],
)  # fmt: skip
def test_a_colour_that_was_told_yields_to_the_one_that_is_asked_for(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grow a beard and make it grey", {"No_Beard": "gray"}),
        ("his beard is black, make it white", {"No_Beard": "white"}),
        ("her lipstick is red, make it pink", {"Wearing_Lipstick": "pink"}),
        ("she has red lips, make them pink", {"Wearing_Lipstick": "pink"}),
    ],
)
def test_beards_and_lips_change_colour_too(text, expected):
    assert colours(text) == expected
