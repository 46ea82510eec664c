import pytest

from dvaedit.editing.reading import colours, read_text

BLACK, BLOND, RED = {"Black_Hair": 1}, {"Blond_Hair": 1}, {"Red_Hair": 1}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("her hair became black; hair dyed black; hair that's black", BLACK),
        ("hair dyed red; scarlet hair; crimson hair; mahogany hair; make her hair a dark red", RED),
        ("turn the brunette into a blonde; make the brunette blonde", BLOND), ("brownish hair", {"Brown_Hair": 1}),
        ("greyish hair; gray-ish hair; hair as white as snow", {"Gray_Hair": 1}), ("make his hair a bit lighter",
         {"Blond_Hair": 0.6 * 0.6}), ("make her hair a bit longer", {"Long_Hair": 0.6}),
        ("make her hair less red", {"Red_Hair": -0.6}), ("make her hair very long", {"Long_Hair": 1}),
        ("her hair is not blonde but red; not blonde hair, but red", RED | {"Blond_Hair": -1}),
    ],
)  # fmt: skip
def test_hair_is_of_its_colour(texts, expected):
    assert [read_text(text) for text in texts.split("; ")] == [pytest.approx(expected)] * len(texts.split("; "))


@pytest.mark.parametrize(
    ("texts", "colour"),
    [
        ("hair dyed blue; navy hair; bluish hair; baby blue hair", "blue"),
        ("hair dyed pink; pinkish hair; hair dyed a bright pink", "pink"),
        ("dye his hair a bright shade of green; hair painted green; emerald hair; emerald-green hair", "green"),
        ("aqua hair; cyan hair", "turquoise"), ("fuchsia hair", "magenta"), ("plum hair", "purple"),
    ],
)  # fmt: skip
def test_dyed_hair_is_of_its_colour(texts, colour):
    for text in texts.split("; "):
        assert (read_text(text), colours(text)) == ({"Dyed_Hair": 1}, {"Dyed_Hair": colour})


@pytest.mark.parametrize(
    ("texts", "colour"),
    [
        ("a bold red lip; lips coloured red; lipstick: red; red lip stick; red lipgloss; lips - red", "red"),
        ("change the red lipstick to pink; pink instead of red lipstick; replace the red lipstick with pink", "pink"),
        ("wine-coloured lipstick", "burgundy"), ("rose lipstick; rosy lips", "rose"),
        ("lips in bright orange", "orange"), ("lip stick; lipgloss; lip gloss", None),
    ],
)  # fmt: skip
def test_lips_are_of_their_colour(texts, colour):
    for text in texts.split("; "):
        assert (read_text(text), colours(text).get("Wearing_Lipstick")) == ({"Wearing_Lipstick": 1}, colour)


@pytest.mark.parametrize(
    ("text", "head", "colour"),
    [("a beard that's grey", {}, "gray"), ("his beard turned grey", {}, "gray"), ("ginger hair and beard", RED, "red"),
     ("grey hair and beard", {"Gray_Hair": 1}, "gray"), ("his hair and beard are grey", {"Gray_Hair": 1}, "gray"),
     ("grey hair and a beard", {"Gray_Hair": 1}, None), ("a beard as white as snow", {}, "white")],
)  # fmt: skip
def test_a_beard_is_of_its_colour(text, head, colour):
    assert (read_text(text), colours(text).get("No_Beard")) == (head | {"No_Beard": -1}, colour)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(text, {}) for text in ("white teeth", "smile lines", "blond eyebrows", "blonde beer", "ginger ale", "bald eagle",
                             "old photo", "an old house", "remove the blond wig", "baby blue eyes")]
    + [("an old hat", {"Wearing_Hat": 1}), ("old-fashioned glasses", {"Eyeglasses": 1}), ("old age", {"Young": -1}),
       ("a blonde woman in an old house", BLOND | {"Male": -1})],
)  # fmt: skip
def test_what_is_of_a_thing_is_not_of_the_face(text, expected):
    assert read_text(text) == expected
