"""What a text asks for, in attributes: read with the phrase table of the compact image-text model.

"give her blonde hair and glasses" is Blond_Hair and Eyeglasses; "without a beard" is No_Beard; "a slightly older man"
is Young=-0.6 and Male. The longest phrases win. What the table does not know is left to CLIP.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from dvaedit.face.dye import VIVID
from dvaedit.models.wording import CONCEPTS, PRONOUNS, words_of

Phrase = tuple[str, ...]

SHADES = {  # what colours of lipstick are called, of ``PAINTS``
    "red": "red, bright red, deep red, cherry red, ruby, scarlet, crimson, bold, bright, glossy, shiny",
    "burgundy": "burgundy, dark red, dark, darker, wine, wine red, wine colored, maroon, berry, oxblood, bordeaux",
    "brown": "brown, chocolate, mocha, dark brown", "nude": "nude, beige, neutral, light, subtle",
    "pink": "pink, light pink, pale pink, soft pink, baby pink, pastel pink, rose, rose pink, pinkish",
    "fuchsia": "fuchsia, hot pink, bright pink, neon pink, deep pink, magenta",
    "coral": "coral, peach, salmon, apricot", "orange": "orange, bright orange, tangerine",
    "purple": "purple, plum, violet, mauve, lilac, lavender, dark purple",
    "blue": "blue, navy, dark blue, teal", "black": "black, goth, gothic, jet black",
}  # fmt: skip
LIPS = ("{} lipstick", "{} lips", "{} lip gloss", "{} lip color", "lips painted {}", "lips {}", "lips are {}",
        "lips in {}", "lipstick in {}", "lipstick is {}")  # fmt: skip
COLOURED = {  # concepts that name a colour: the attribute, and the colour, of ``VIVID`` or ``PAINTS``
    **{f"{colour}_hair": ("Dyed_Hair", colour) for colour in VIVID},
    **{f"{colour}_lips": ("Wearing_Lipstick", colour) for colour in SHADES},
}
# Strength 1 is the attribute as it usually looks. Concepts without a row (pose, eyes) are not edits of the identity.
EFFECTS_OF: dict[str, dict[str, float]] = {
    "black_hair": {"Black_Hair": 1}, "brown_hair": {"Brown_Hair": 1}, "blond_hair": {"Blond_Hair": 1},
    "red_hair": {"Red_Hair": 1}, "gray_hair": {"Gray_Hair": 1}, "dyed_hair": {"Dyed_Hair": 1},
    "dark_hair": {"Black_Hair": 0.8}, "not_blond": {"Blond_Hair": -1}, "bald": {"Bald": 1}, "not_bald": {"Bald": -1},
    "long_hair": {"Long_Hair": 1}, "short_hair": {"Long_Hair": -1}, "wavy_hair": {"Wavy_Hair": 1},
    "straight_hair": {"Wavy_Hair": -1}, "bangs": {"Bangs": 1}, "no_bangs": {"Bangs": -1},
    "receding": {"Receding_Hairline": 1}, "hat": {"Wearing_Hat": 1}, "no_hat": {"Wearing_Hat": -1},
    "eyeglasses": {"Eyeglasses": 1}, "sunglasses": {"Sunglasses": 1}, "no_glasses": {"Eyeglasses": -1},
    "no_sunglasses": {"Sunglasses": -1}, "beard": {"No_Beard": -1}, "moustache": {"Mustache": 1},
    "stubble": {"5_o_Clock_Shadow": 1}, "no_beard": {"No_Beard": 1}, "smiling": {"Smiling": 1},
    "broad_smile": {"Smiling": 1.25}, "slight_smile": {"Smiling": 0.6}, "not_smiling": {"Smiling": -1},
    "mouth_open": {"Mouth_Slightly_Open": 1}, "mouth_closed": {"Mouth_Slightly_Open": -1}, "male": {"Male": 1},
    "female": {"Male": -1}, "boy": {"Male": 1, "Child": 1}, "girl": {"Male": -1, "Child": 1}, "child": {"Child": 1},
    "young": {"Young": 1}, "middle_aged": {"Young": -0.5}, "old": {"Young": -1}, "adult": {"Child": -1},
    "makeup": {"Heavy_Makeup": 1}, "no_makeup": {"Heavy_Makeup": -1, "Wearing_Lipstick": -1},
    "rosy": {"Rosy_Cheeks": 1}, "lipstick": {"Wearing_Lipstick": 1}, "no_lipstick": {"Wearing_Lipstick": -1},
    "lighter_hair": {"Blond_Hair": 0.6}, "grandmother": {"Young": -1, "Male": -1},
    "grandfather": {"Young": -1, "Male": 1},
    **{concept: {name: 1} for concept, (name, _) in COLOURED.items()},
}  # fmt: skip
# What people say beside the table's words, which the text model was trained on.
ALSO: dict[str, tuple[str, ...]] = {
    "lipstick": ("lipstick", "painted lips", "wearing lipstick", "put on lipstick", "add lipstick", "lip gloss",
                 "lips painted", "some lipstick"),
    "no_lipstick": ("no lipstick", "without lipstick", "not wearing lipstick", "remove the lipstick",
                    "take off the lipstick", "natural lips"),
    "smiling": ("happier", "cheery", "glad"),
    "not_smiling": ("sad", "sadder", "unhappy", "angry", "grumpy", "gloomy", "frowning", "a frown", "crying"),
    "young": ("teenager", "teen", "adolescent", "teenage", "fewer wrinkles", "twenties", "thirties"),
    "middle_aged": ("forties", "fifties"), "old": ("sixties", "seventies", "eighties", "nineties"),
    "grandmother": ("grandmother", "grandma", "granny"),
    "grandfather": ("grandfather", "grandpa", "granddad"),
    "gray_hair": ("grayer hair", "greyer hair", "grayer", "greyer", "going gray", "going grey"),
    "blond_hair": ("blonder",), "red_hair": ("redder hair",), "lighter_hair": ("lighter hair", "light hair"),
    "not_bald": ("more hair", "with hair", "has hair"),
    "bald": ("shaved bald",),
    "no_beard": ("shaved", "freshly shaved", "shaved clean"),
    "beard": ("hipster beard", "unshaved"),
    **{f"{colour}_hair": (f"{colour} hair", f"{colour} haired") for colour in VIVID},
    **{f"{colour}_lips": tuple(form.format(shade) for form in LIPS for shade in shades.split(", "))
       for colour, shades in SHADES.items()},
}  # fmt: skip
HAIR = "hair_colour", "hair_length", "hair_texture"  # groups of concepts: "long hair" is also said as "hair is long"
PREDICATES = ("hair", "hair is", "hair to", "hair into", "hair becomes", "hair turns", "hair be", "hair in")
AGES = {13: "child", 36: "young", 60: "middle aged", 1000: "old"}  # years below which a face is called so
AGE = re.compile(  # "70 years old"; "look about 70", but not "20 years younger"; "in his late 60s"
    r"""\b(?: (\d{1,3}) [\s-]* years? [\s-]* old \b
    | (?:looks?|looking|aged?|be|like) \s+ (?:(?:about|around|a)\s+)? (\d{1,3}) \b (?! [\s-]* years? \b)
    | (?:his|her|their|the) \s+ (?:(?:early|mid|late)\s+)? (\d0) '?s \b )""",
    re.VERBOSE,
)
OF_HAIR = frozenset(["long", "longer", "short", "shorter", "wavy", "curly", "straight"])
BETWEEN, OTHERS = 3, frozenset(["and", "or", "but", "with", "beard", "moustache", "mustache"])  # words from it to hair
NEGATORS = frozenset(["no", "not", "without", "remove", "never", "lose", "lacking", "minus", "less"])
DEGREES = {"slightly": 0.6, "slight": 0.6, "somewhat": 0.7, "bit": 0.6, "little": 0.6, "light": 0.8, "very": 1.25,
           "much": 1.25, "really": 1.2, "extremely": 1.4, "heavily": 1.25, "less": 0.6}  # fmt: skip
_SILENT = frozenset(["a", "an", "the", "any", "his", "her", "their", "its", "of", "with", "more"])
_LASTING = NEGATORS | DEGREES.keys() | _SILENT  # what was denied or graded before them still is after


def read_text(text: str) -> dict[str, float]:
    """Attributes with signed strengths, the strongest reading of each; empty where no phrase is known.

    What is denied yields to what is said: "old, but without wrinkles" is old.
    """
    said, denied = {}, {}
    negated, degree = False, 1.0
    for item in _phrases(text):
        for name, strength in EFFECTS_OF.get(item, {}).items():
            found, value = (denied, -strength * degree) if negated else (said, strength * degree)
            found[name] = value if abs(value) >= abs(found.get(name, 0)) else found[name]
        if item not in _LASTING:
            negated, degree = False, 1.0
        negated, degree = negated or item in NEGATORS, DEGREES.get(item, degree)
    return denied | said


def unread(text: str) -> set[str]:
    """The words of a text that are no part of a known phrase."""
    return {item for item in _phrases(text) if item not in EFFECTS_OF}


def colours(text: str) -> dict[str, str]:
    """The colours that a text names first, by attribute: "Dyed_Hair" of ``VIVID``, "Wearing_Lipstick" of ``PAINTS``."""
    said = [COLOURED[item] for item in _phrases(text) if item in COLOURED]
    return dict(reversed(said))


def read_change(target: str, source: str, known: Collection[str] | None = None) -> dict[str, float]:
    """What ``target`` asks for beyond what ``source`` says is there; of the attributes ``known``, or of all."""
    there, asked = read_text(source), read_text(target)
    new = {name: strength for name, strength in asked.items() if there.get(name) != strength}
    return new if known is None else {name: strength for name, strength in new.items() if name in known}


def _with_ages(text: str) -> str:
    """A text with ages in years as words: "a 70-year-old woman" as "a old woman"."""

    def word(found: re.Match[str]) -> str:
        years = int(next(group for group in found.groups() if group))
        return " " + next(word for most, word in AGES.items() if years < most) + " "

    return AGE.sub(word, text.lower())


def _phrases(text: str) -> Iterator[str]:
    """The names of the concepts said, in order, and the words between them."""
    table, longest = _table()
    words, at = _told_apart(words_of(_with_ages(text))), 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            if (concept := table.get(tuple(words[at : at + length]))) is not None:
                yield concept
                at += length
                break
        else:
            yield words[at]
            at += 1


def _told_apart(words: list[str]) -> list[str]:
    """Each adjective of hair's length or texture with hair of its own: "long red hair" as "long hair red hair"."""
    told = []
    for at, word in enumerate(words):
        told.append(word)
        after = words[at + 1 : at + 2 + BETWEEN]
        if word in OF_HAIR and "hair" in after[1:] and not OTHERS & set(after[: after.index("hair")]):
            told.append("hair")
    return told


@cache
def _table() -> tuple[dict[Phrase, str], int]:
    """Concept of every phrase, and the length of the longest phrase."""
    table: dict[Phrase, str] = {}
    for concept in CONCEPTS:
        for wording in (*concept.having, *concept.doing, *concept.adjective, *concept.noun, *concept.command):
            for phrase in _spellings(wording):
                table.setdefault(phrase, concept.name)
    for concept, wordings in ALSO.items():
        table.update({tuple(words_of(wording)): concept for wording in wordings})
    of_hair = {concept.name for concept in CONCEPTS if concept.group in HAIR} - {"bald", "not_bald"}
    of_hair |= {f"{colour}_hair" for colour in VIVID}
    for phrase, name in list(table.items()):
        if len(phrase) > 1 and phrase[-1] == "hair" and name in of_hair:
            for form in PREDICATES:
                table.setdefault((*form.split(), *phrase[:-1]), name)
    table.pop(("hair",))  # of somebody who is not bald; beside a word that is not known it says nothing
    return table, max(map(len, table))


def _spellings(wording: str) -> Iterator[Phrase]:
    """A wording with each pronoun in its places, with and without a leading article."""
    for she, their, them in PRONOUNS if "{" in wording else PRONOUNS[:1]:
        words = tuple(words_of(wording.format(she=she, their=their, them=them)))
        yield words
        if words and words[0] in ("a", "an", "the") and len(words) > 1:
            yield words[1:]
