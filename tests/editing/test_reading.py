import pytest

from dvaedit.editing.phrases import ALSO, BEARDS, EFFECTS_OF, EMOJI, SHADES
from dvaedit.editing.reading import (
    colours,
    nearest,
    read_change,
    read_text,
    says_something,
    unread,
)
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


GONE = {"Eyeglasses": -1, "No_Beard": 1}  # neither glasses nor a beard
SHAVEN, BEARDED = {"No_Beard": 1}, {"No_Beard": -1}


@pytest.mark.parametrize(
    "text",
    ["without glasses and beard", "without a beard or glasses", "without glasses and a beard", "no beard nor glasses",
     "no glasses and beard", "no glasses or a beard", "neither glasses nor a beard", "remove the glasses and the beard",
     "get rid of his glasses and beard", "take off the glasses and beard", "take his glasses and beard off",
     "lose the glasses and beard", "drop the beard and glasses", "shave off the beard and lose the specs",
     "minus beard and glasses", "he doesn't have a beard or glasses", "she isn\u2019t wearing glasses or a beard",
     "dont add glasses or a beard", "no glasses, no beard", "no glasses no beard", "without the ugly glasses and beard",
     "not wearing glasses and a beard", "never with glasses or beard", "I don't want a beard or glasses on her",
     "without beard on his face or glasses", "remove glasses, beard", "without glasses, and beard"],
)  # fmt: skip
def test_a_negation_reaches_what_is_joined_to_it(text):
    assert read_text(text) == GONE


@pytest.mark.parametrize(
    ("text", "hat"),
    [
        ("without glasses, beard or hat", -1),
        ("without glasses, a beard, and a hat", -1),
        ("no glasses, beard or hat", -1),
        ("remove his glasses, beard and hat", -1),
        ("neither glasses, beard nor hat", -1),
        ("no glasses or beard and a hat", 1),
        ("without glasses, beard or hood, wearing a hat", 1),
    ],
)
def test_a_negation_reaches_through_a_list(text, hat):
    assert read_text(text) == GONE | {"Wearing_Hat": hat}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't smile", {"Smiling": -1}),
        ("don\u2019t smile", {"Smiling": -1}),
        ("dont smile", {"Smiling": -1}),
        ("won't smile", {"Smiling": -1}),
        ("stop laughing", {"Smiling": -1.25}),
        ("isn't bald", {"Bald": -1}),
        ("isnt bald", {"Bald": -1}),
        ("cannot be bald", {"Bald": -1}),
        ("no longer bald", {"Bald": -1}),
        ("isn't a bald man", {"Bald": -1, "Male": 1}),
        ("not old and bald", {"Young": 1, "Bald": -1}),
        ("neither old nor bald", {"Young": 1, "Bald": -1}),
        ("never old, bald or gray haired", {"Young": 1, "Bald": -1, "Gray_Hair": -1}),
        ("take the hat off", {"Wearing_Hat": -1}),
        ("shave the beard and moustache", SHAVEN | {"Mustache": -1}),
        ("a makeup-free face", {"Heavy_Makeup": -1, "Wearing_Lipstick": -1}),
        ("free of wrinkles", {"Young": 1}),
        ("without his big gray beard", SHAVEN),
        ("no silly hat", {"Wearing_Hat": -1}),
        ("without having a beard", SHAVEN),
        ("remove the beard and the smile", SHAVEN | {"Smiling": -1}),
    ],
)
def test_what_negates(text, expected):
    assert read_text(text) == expected


BARE = {"Eyeglasses": -1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no glasses but a beard", BARE | BEARDED),
        ("without glasses and with a beard", BARE | BEARDED),
        ("no glasses and a beard", BARE | BEARDED),
        ("no glasses and thick beard", BARE | BEARDED),
        ("no glasses, a beard", BARE | BEARDED),
        ("no glasses. beard", BARE | BEARDED),
        ("no glasses, blond hair", BARE | {"Blond_Hair": 1}),
        ("no glasses and long hair", BARE | {"Long_Hair": 1}),
        ("without glasses, blond or red hair", BARE | {"Blond_Hair": 1, "Red_Hair": 1}),
        ("no glasses, freckles and hat", BARE | {"Rosy_Cheeks": 1, "Wearing_Hat": 1}),
        ("remove the glasses and add a beard", BARE | BEARDED),
        ("take off the glasses and smile", BARE | {"Smiling": 1}),
        ("remove the glasses, make him bald", BARE | {"Bald": 1}),
        ("not wearing glasses and smiling", BARE | {"Smiling": 1}),
        ("he isn't old and has a beard", {"Young": 1} | BEARDED),
        ("is not bald and a hat", {"Bald": -1, "Wearing_Hat": 1}),
        ("a man without glasses who has a beard", BARE | {"Male": 1} | BEARDED),
        ("without glasses in a hat", BARE | {"Wearing_Hat": 1}),
        ("less makeup, more hair", {"Heavy_Makeup": -0.6, "Bald": -1}),
        ("replace the glasses with sunglasses", BARE | {"Sunglasses": 1}),
        ("sunglasses instead of glasses", BARE | {"Sunglasses": 1}),
        ("not only glasses but also a beard", {"Eyeglasses": 1} | BEARDED),
        ("old without changing the beard", {"Young": -1}),
        ("shave her head and take off the glasses", BARE | {"Bald": 1}),
        ("no, blond hair", {"Blond_Hair": 1}),
        ("losing hair, glasses", {"Receding_Hairline": 1, "Eyeglasses": 1}),
        ("don't remove the glasses", {}),
    ],
)
def test_a_negation_ends(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("goatee", BEARDED), ("5 o'clock shadow", {"5_o_Clock_Shadow": 1}),
        ("five o\u2019clock shadow", {"5_o_Clock_Shadow": 1}), ("stubbly", {"5_o_Clock_Shadow": 1}),
        ("scruffy", {"5_o_Clock_Shadow": 1}), ("a handlebar moustache", {"Mustache": 1}),
        ("mustachioed", {"Mustache": 1}), ("moustachioed", {"Mustache": 1}), ("shades", {"Sunglasses": 1}),
        ("shades of gray hair", {"Gray_Hair": 1}), ("spectacles", {"Eyeglasses": 1}), ("bifocals", {"Eyeglasses": 1}),
        ("lose the specs", {"Eyeglasses": -1}), ("blush", {"Rosy_Cheeks": 1}), ("blushing", {"Rosy_Cheeks": 1}),
        ("rosy cheeks", {"Rosy_Cheeks": 1}), ("eye shadow", {"Heavy_Makeup": 1}), ("eyeshadow", {"Heavy_Makeup": 1}),
        ("mascara", {"Heavy_Makeup": 1}), ("eyeliner", {"Heavy_Makeup": 1}), ("smokey eyes", {"Heavy_Makeup": 1}),
        ("smoky eyes", {"Heavy_Makeup": 1}), ("a kid", {"Child": 1}), ("as a child", {"Child": 1}),
        ("like a little boy", {"Male": 1, "Child": 1}), ("like a little girl", {"Male": -1, "Child": 1}),
        ("a toddler", {"Child": 1}), ("childlike", {"Child": 1}), ("mouth open", {"Mouth_Slightly_Open": 1}),
        ("gasping", {"Mouth_Slightly_Open": 1}), ("open-mouthed", {"Mouth_Slightly_Open": 1}), ("baldie", {"Bald": 1}),
        ("balding", {"Receding_Hairline": 1}), ("a fringe", {"Bangs": 1}), ("a bowl cut", {}),
        ("long, dark hair", {"Long_Hair": 1, "Black_Hair": 0.8}), ("in her 60\u2019s", {"Young": -1}),
    ],
)  # fmt: skip
def test_natural_wordings_are_read(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("glasses off", BARE), ("his glasses removed", BARE), ("hide the glasses", BARE), ("sans glasses", BARE),
        ("w/o glasses", BARE), ("leave out the glasses", BARE), ("hat off, glasses on",
        {"Wearing_Hat": -1, "Eyeglasses": 1}), ("w/ glasses", {"Eyeglasses": 1}), ("beard removed", SHAVEN),
        ("the beard is gone", SHAVEN), ("glasses and the beard off", GONE), ("glasses off and a beard", BARE | BEARDED),
        ("a beard and glasses removed", BARE | BEARDED), ("de-beard", SHAVEN), ("gray hair gone", {"Gray_Hair": -1}),
        ("wipe that smile off his face", {"Smiling": -1}), ("wipe off the lipstick", {"Wearing_Lipstick": -1}),
        ("smooth out the wrinkles", {"Young": 1}), ("de-age him", {"Young": 1}), ("rejuvenate", {"Young": 1}),
        ("age her down", {"Young": 1}), ("no hats", {"Wearing_Hat": -1}), ("fewer grey hairs", {"Gray_Hair": -1}),
        ("smile less", {"Smiling": -0.6}),  # than now: as "less smiling", where "a little smile" is a smile put on
    ],
)  # fmt: skip
def test_what_is_to_go_is_taken_away(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a beard but no moustache", BEARDED), ("a full beard without a moustache", BEARDED),
        ("remove the moustache, keep the beard", {"Mustache": -1}), ("no beard, no moustache", SHAVEN),
        ("keep the beard", {}), ("leave the beard", {}), ("keep his beard and glasses", {}),
        ("keep the beard but add glasses", {"Eyeglasses": 1}), ("keep the hair, add glasses", {"Eyeglasses": 1}),
        ("leave her beard, remove the glasses", BARE), ("don't keep the beard", SHAVEN),
    ],
)  # fmt: skip
def test_what_is_to_stay_is_left_alone(text, expected):
    assert read_text(text) == expected


YOUNG, MIDDLE, OLD = {"Young": 1}, {"Young": -0.5}, {"Young": -1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 30 yr old", YOUNG), ("40yo", MIDDLE), ("80 y.o.", OLD), ("70 years of age", OLD), ("make her 25", YOUNG),
        ("make him 50", MIDDLE), ("she's 80", OLD), ("man 60", {"Male": 1} | OLD), ("a man, 60", {"Male": 1} | OLD),
        ("seventy", OLD), ("make him seventy", OLD), ("thirty-five years old", YOUNG), ("a ten year old", {"Child": 1}),
        ("a 70-something", OLD), ("octogenarian", OLD), ("70", OLD), ("he looks like he's 90", OLD),
        ("make him 20 pounds heavier", {}), ("make the hair 50% gray", {"Gray_Hair": 1}),
        ("make her 10 years older", OLD), ("person 2", {}),
    ],
)  # fmt: skip
def test_ages_are_read(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("turn blond hair black", {"Black_Hair": 1}), ("change her blond hair to red", {"Red_Hair": 1}),
        ("make her brown hair red", {"Red_Hair": 1}), ("make her black hair blond", {"Blond_Hair": 1}),
        ("from blond to black hair", {"Black_Hair": 1}), ("change her hair from blond to black", {"Black_Hair": 1}),
        ("make the blond hair dark red", {"Red_Hair": 1}), ("make her long hair short", {"Long_Hair": -1}),
        ("black or brown hair", {"Black_Hair": 1}), ("no black or brown hair", {"Black_Hair": -1, "Brown_Hair": -1}),
    ],
)  # fmt: skip
def test_of_two_colours_of_hair_the_one_it_is_to_have_is_read(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red curly hair", {"Red_Hair": 1, "Wavy_Hair": 1}),
        ("black and curly hair", {"Black_Hair": 1, "Wavy_Hair": 1}),
        ("light brown wavy hair", {"Brown_Hair": 1, "Wavy_Hair": 1}), ("curly", {"Wavy_Hair": 1}),
        ("wavy", {"Wavy_Hair": 1}), ("not curly", {"Wavy_Hair": -1}), ("curly moustache", {"Mustache": 1}),
        ("platinum hair", {"Blond_Hair": 1}), ("copper coloured hair", {"Red_Hair": 1}),
        ("change the hair color to red", {"Red_Hair": 1}), ("burgundy hair", {"Red_Hair": 1}),
        ("maroon hair", {"Red_Hair": 1}), ("caramel hair", {"Brown_Hair": 1}), ("bleached hair", {"Blond_Hair": 1}),
        ("bleach her hair", {"Blond_Hair": 1}), ("lighten her hair", {"Blond_Hair": 0.6}),
        ("make her hair lighter", {"Blond_Hair": 0.6}), ("darken her hair", {"Black_Hair": 0.8}),
        ("trim her hair", {"Long_Hair": -1}), ("dye it pink", {"Dyed_Hair": 1}), ("redhaired", {"Red_Hair": 1}),
    ],
)  # fmt: skip
def test_wordings_of_hair_are_read(text, expected):
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("smiles, she smiles, \U0001f600, \U0001f60a", {"Smiling": 1}), ("grins, laughs", {"Smiling": 1.25}),
        ("smirk, smirking", {"Smiling": 0.6}), ("frown", {"Smiling": -1}), ("moustaches", {"Mustache": 1}),
        ("brunettes", {"Brown_Hair": 1}), ("women, ladies, gal, mum", {"Male": -1}),
        ("men, lad, chap, dude, dad", {"Male": 1}), ("aviators, sunnies, \U0001f576\ufe0f", {"Sunglasses": 1}),
        ("cleanshaven", SHAVEN), ("add \U0001f453", {"Eyeglasses": 1}), ("no \U0001f453", BARE),
        ("\U0001f474", {"Young": -1, "Male": 1}), ("\U0001f475", {"Young": -1, "Male": -1}), ("\U0001f9d4", BEARDED),
        ("\U0001f484", {"Wearing_Lipstick": 1}), ("makes her hair blonde", {"Blond_Hair": 1}),
    ],
)  # fmt: skip
def test_other_forms_of_words_are_read(texts, expected):
    assert [read_text(text) for text in texts.split(", ")] == [expected] * len(texts.split(", "))


@pytest.mark.parametrize(
    ("text", "says"),
    [("", False), (" .!\u2026", False), ("\U0001f389", False), ("a", True), ("70", True), ("\u8001", True)],
)
def test_a_text_says_something_or_not(text, says):
    assert says_something(text) is says
    assert all(says_something(emoji) for emoji in EMOJI)


@pytest.mark.parametrize(
    ("text", "colour"),
    [(f"{colour} beard", colour) for colour in ("white", "gray", "red", "blond", "brown", "black")]
    + [("a grey beard", "gray"), ("dark beard", "black"), ("a long white beard", "white"), ("beard of gray", "gray"),
       ("white, bushy beard", "white"), ("his beard is gray", "gray"), ("make his grey beard black", "black"),
       ("salt and pepper beard", "gray"), ("a beard", None), ("no white beard", None)],
)  # fmt: skip
def test_colours_of_beards_have_names_and_leave_the_head_alone(text, colour):
    assert colours(text) == ({} if colour is None else {"No_Beard": colour})
    assert read_text(text) == (SHAVEN if text.startswith("no") else BEARDED)
    assert set(BEARDS) == {"white", "gray", "red", "blond", "brown", "black"}


def test_a_beard_and_hair_have_colours_of_their_own():
    assert read_text("a blond man with a brown beard") == {"Blond_Hair": 1, "Male": 1} | BEARDED
    assert colours("a blond man with a brown beard") == {"No_Beard": "brown"}
    assert colours("ginger beard") == {"No_Beard": "red"}


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("dye his hair blue", "blue"),
        ("dye it pink", "pink"),
        ("dye his blond hair bright blue", "blue"),
        ("a girl with green hair", "green"),
        ("blue eyes", None),
        ("red hair", None),
    ],
)
def test_colours_that_hair_is_dyed_have_names(text, colour):
    assert colours(text).get("Dyed_Hair") == colour


@pytest.mark.parametrize(
    ("text", "colour"),
    [("hot pink lipstick", "fuchsia"), ("her lips are black, her hair is blond", "black"),
     ("dark red lips", "burgundy"), ("wearing lipstick", None), ("pink hair", None), ("lips painted blue", "blue"),
     ("a nude lip gloss", "nude"), ("make the lips redder", "red"), ("red lippy", "red"), ("rosy lips", "rose"),
     ("her lips should be blue", "blue"), ("glossy lips", "red")],
)  # fmt: skip
def test_colours_of_lipstick_have_names(text, colour):
    assert colours(text).get("Wearing_Lipstick") == colour
    assert (read_text(text).get("Wearing_Lipstick", 0) == 1) == (text != "pink hair")


def test_colours_that_are_denied_are_not_asked_for():
    assert colours("not pink hair but blue hair") == {"Dyed_Hair": "blue"}
    assert colours("no pink lipstick") == {}


def test_each_colour_of_lipstick_is_a_paint():
    assert SHADES.keys() == PAINTS.keys()
    assert read_text("no pink lipstick") == {"Wearing_Lipstick": -1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pink hair", set()),
        ("a grandma with blue eyes", {"a", "with", "blue", "eyes"}),
        ("looking 70", set()),
        ("isn't bald, but a zorblax.", {"but", "a", "zorblax"}),
        ("lose, delete or ditch; does paint neither pastel nor cherry, extremely", {"or"}),
    ],
)
def test_words_that_are_no_part_of_a_phrase_are_unread(text, words):
    assert unread(text) == words


@pytest.mark.parametrize(
    ("word", "meant"),
    [("blnd", "blond"), ("glases", "glasses"), ("smilling", "smiling"), ("lipstik", "lipstick"), ("beard", ""),
     ("zorblax", ""), ("earrings", ""), ("balck", "black"), ("hiar", "hair"), ("gery", "grey"), ("blad", "bald")],
)  # fmt: skip
def test_a_misspelt_word_has_a_nearest_one(word, meant):
    assert nearest(word) == meant


@pytest.mark.parametrize(
    ("text", "nothing"),
    [("keep the beard", True), ("her father", True), ("make her eyes gray", True), ("balck hair", True),
     ("make him gray", False), ("no beard", False)],
)  # fmt: skip
def test_a_text_can_ask_for_nothing_known(text, nothing):
    assert (not read_text(text)) is nothing


def test_what_the_source_says_is_not_asked_for():
    assert read_change("a man with a beard", "a man") == {"No_Beard": -1}


def wordings():
    """Those of the table by their concepts, with the pronouns of a woman."""
    for concept in CONCEPTS:
        for wording in (*concept.noun, *concept.adjective, *concept.having, *concept.doing, *concept.command):
            yield concept.name, wording.format(she="she", their="her", them="her")


# Words of lipstick alone, which the table has for makeup too, and "hair" and "white teeth", which alone say nothing.
SHARED = {
    ("makeup", text)
    for text in ("lipstick", "red lipstick", "red lips", "wearing lipstick", "add lipstick", "put on lipstick")
} | {
    ("no_makeup", text)
    for text in ("no lipstick", "natural lips", "without lipstick", "not wearing lipstick", "remove the lipstick")
} | {("not_bald", "hair"), ("broad_smile", "white teeth")}  # fmt: skip


def test_every_wording_is_read_as_its_own_concept():
    """But for words that two concepts share, each wording of the table comes back as the attributes of its concept."""
    known = [(name, text) for name, text in wordings() if name in EFFECTS_OF]
    assert {(name, text) for name, text in known if read_text(text) != EFFECTS_OF[name]} == SHARED


def test_effects_name_known_concepts_and_attributes():
    assert set(EFFECTS_OF) <= set(INDEX) | set(ALSO) and set(ALSO) <= set(EFFECTS_OF)
    assert {name for effect in EFFECTS_OF.values() for name in effect} <= set(NAMES)
