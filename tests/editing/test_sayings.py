import time

import pytest

from dvaedit.editing.reading import colours, read_text

SHAVEN, BEARDED, BARE = {"No_Beard": 1}, {"No_Beard": -1}, {"Eyeglasses": -1}
GRAY, OLD = {"Gray_Hair": 1}, {"Young": -1}


@pytest.mark.parametrize(
    "text",
    ["without removing the beard", "without losing the beard", "without shaving the beard",
     "without removing her glasses", "without taking off the glasses", "don't remove the beard",
     "never shave his beard", "do not take off the glasses", "don't take his glasses off",
     "don't take the person's glasses off", "don't get rid of the glasses", "don't lose the hat",
     "whatever you do, don't remove the beard", "the beard is not removed", "don't make her wear glasses and a beard"],
)  # fmt: skip
def test_what_is_not_to_be_taken_away_is_left_alone(text):
    assert read_text(text) == {}


@pytest.mark.parametrize(
    "text",
    ["don't touch the beard", "don't change the beard", "without touching the beard", "without touching the hair",
     "beard unchanged", "the beard stays", "his glasses stay on", "do not modify her glasses", "hair stays black",
     "the beard should stay", "leave the glasses alone", "keep the beard as it is", "no changes to the beard",
     "the glasses remain", "don't make him old and bald"],
)  # fmt: skip
def test_what_is_not_to_be_touched_is_left_alone(text):
    assert read_text(text) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("same beard but grey hair", GRAY), ("grey hair without ageing him", GRAY),
        ("grey hair without making him old", GRAY), ("grey hair, but don't age him", GRAY),
        ("don't age him and add glasses", {"Eyeglasses": 1}), ("grey hair, beard unchanged", GRAY),
        ("do not modify her glasses but make her hair grey", GRAY), ("don't touch the glasses, grey hair", GRAY),
        ("remove the glasses without removing the beard", BARE), ("same person with glasses", {"Eyeglasses": 1}),
        ("remove the beard without touching the glasses", SHAVEN), ("at the same time old and bald", OLD | {"Bald": 1}),
        ("don't stop smiling", {"Smiling": 1}), ("don't forget the glasses", {"Eyeglasses": 1}),
    ],
)  # fmt: skip
def test_beside_what_stays_the_rest_is_asked_for(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    "text",
    ["he shaved off his beard", "he shaved his beard", "cut off the beard", "chop off his beard", "the beard must go",
     "his beard has to go", "let the beard go", "beard? no thanks", "beard: none", "beard - no", "give him a shave",
     "shave it off", "shave it", "remove the hair on his face", "remove the hair from his face", "hairless chin",
     "the beard has been removed", "losing the beard", "beard free", "beard no longer"],
)  # fmt: skip
def test_a_beard_is_shaved_off(text):
    assert read_text(text) == SHAVEN


@pytest.mark.parametrize(
    "text",
    ["make the glasses disappear", "make the glasses vanish", "he has stopped wearing glasses", "pull off the glasses",
     "eliminate the glasses", "do away with the glasses", "glasses: no", "glasses no more", "quit wearing glasses",
     "no more glasses", "avoid glasses", "take off his old glasses", "no glasses? no"],
)  # fmt: skip
def test_glasses_are_taken_off(text):
    assert read_text(text) == BARE


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("she stopped smiling; she quit smiling; cease smiling; refrain from smiling; smile no more; non-smiling; "
         "smile: no; scowling; a scowl; glum; miserable; deadpan; avoid smiling", {"Smiling": -1}),
        ("rub off the lipstick; clean off the lipstick; lipstick free; lipstick: none; wash the lipstick off",
         {"Wearing_Lipstick": -1}),
        ("blonde no more; non-blond; anything but blonde; she is blonde no more", {"Blond_Hair": -1}),
        ("cover her grey hair; cover the greys", {"Gray_Hair": -1}),
        ("giggling; chuckling; she giggles; cheer up; cheer him up; smile more, frown less; "
         "he looks angry, cheer him up", {"Smiling": 1}),
        ("lose the beard, gain glasses", SHAVEN | {"Eyeglasses": 1}), ("non-smoking man", {"Male": 1}),
        ("gender swap to male", {"Male": 1}), ("gender swap to female", {"Male": -1}),
        ("smile a little less", {"Smiling": -0.6}), ("hide her hair under a hat", {"Wearing_Hat": 1}),
        ("show off her glasses", {"Eyeglasses": 1}), ("cut off her long hair", {"Long_Hair": -1}),
        ("shave off his hair; remove hair", {"Bald": 1}), ("remove hair dye", {"Dyed_Hair": -1}),
        ("no makeup but red lips; red lips but no makeup", {"Heavy_Makeup": -1, "Wearing_Lipstick": 1}),
    ],
)  # fmt: skip
def test_sayings_are_read(texts, expected):
    assert [read_text(text) for text in texts.split("; ")] == [expected] * len(texts.split("; "))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not smiling, grey-haired and old", {"Smiling": -1} | GRAY | OLD),
        ("not smiling and blond", {"Smiling": -1, "Blond_Hair": 1}),
        ("not smiling and bearded", {"Smiling": -1} | BEARDED),
        ("not bald, bearded and old", {"Bald": -1} | BEARDED | OLD), ("not bald and bearded", {"Bald": -1} | BEARDED),
        ("not young, grey-haired and wrinkled", OLD | GRAY), ("not young and bald", OLD | {"Bald": -1}),
        ("not smiling, bald or old", {"Smiling": -1, "Bald": -1, "Young": 1}),
        ("without blond hair, beard and glasses", {"Blond_Hair": -1} | SHAVEN | BARE),
    ],
)  # fmt: skip
def test_a_denied_look_denies_none_of_another_kind(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("the person who wears glasses should be blond; the man with a beard should be blond; "
         "the woman that is smiling becomes blonde", {"Blond_Hair": 1}),
        ("turn the hair of the man gray; make him gray; turn her grey; she's gone grey; go grey; "
         "he has gone completely grey; his hair went grey; his hair has turned grey; hair looks grey", GRAY),
        ("make her eyes gray; make her lips gray; grey", {}),
        ("touch of grey in his hair", {"Gray_Hair": 0.6}), ("a hint of a smile", {"Smiling": 0.6}),
        ("make his hair as black as his beard; hair as black as coal", {"Black_Hair": 1}),
        ("glasses as well as a beard", {"Eyeglasses": 1} | BEARDED),
        ("her father; like father like son; look like her father; her mother", {}), ("a mother", {"Male": -1}),
    ],
)  # fmt: skip
def test_who_is_meant_is_told_from_what_is_asked(texts, expected):
    assert [read_text(text) for text in texts.split("; ")] == [expected] * len(texts.split("; "))


def test_lips_that_are_painted_stay_so_without_other_makeup():
    assert colours("red lips but no makeup") == {"Wearing_Lipstick": "red"}


def test_a_long_text_is_read_in_no_time():
    """No pattern takes more than in proportion to a text's length squared."""
    start = time.monotonic()
    for words in ("the big old man with a ", "not to be ever ", "glasses and the beard or ", "a - b : ", "he has it "):
        read_text(words * 100)
    assert time.monotonic() - start < 10
