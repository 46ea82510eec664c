"""The phrases that texts are read by: the text model's own, what people say beside them, and what each asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from dvaedit.editing.effects import DYES
from dvaedit.face.dye import VIVID
from dvaedit.models.wording import CONCEPTS, INDEX, PRONOUNS, SUBJECTS, words_of

Phrase = tuple[str, ...]
Item = tuple[str, Phrase]  # the concept of a phrase and its words; or a word that is no part of one, twice

SHADES = {  # what colours of lipstick are called, of ``PAINTS``
    "red": "red, redder, bright red, bold red, deep red, cherry red, ruby, scarlet, crimson, bold, bright, glossy, "
           "shiny",
    "rose": "rose, rosy, rose pink",
    "burgundy": "burgundy, dark red, dark, darker, wine, wine red, wine colored, maroon, berry, oxblood, bordeaux",
    "brown": "brown, chocolate, mocha, dark brown", "nude": "nude, beige, neutral, light, subtle",
    "pink": "pink, pinker, light pink, pale pink, soft pink, baby pink, pastel pink",
    "fuchsia": "fuchsia, hot pink, bright pink, neon pink, deep pink, magenta",
    "coral": "coral, peach, salmon, apricot", "orange": "orange, bright orange, tangerine",
    "purple": "purple, plum, violet, mauve, lilac, lavender, dark purple",
    "blue": "blue, navy, dark blue, teal", "black": "black, goth, gothic, jet black",
}  # fmt: skip
LIPS = ("{} lipstick", "{} lips", "{} lip", "{} lip gloss", "{} lip color", "{} lippy", "{} lipped", "lips painted {}",
        "lips {}", "lips are {}", "lips be {}", "lips to {}", "lips in {}", "lipstick in {}", "lipstick is {}",
        "lipstick to {}")  # fmt: skip
BEARDS = {  # what colours of beards are called
    "white": "white, snow white", "gray": "gray, grey, silver, graying, greying, salt and pepper",
    "red": "red, auburn, copper, reddish", "blond": "blond, blonde, golden, fair, yellow",
    "brown": "brown, chestnut, dark brown, light brown", "black": "black, dark, jet black",
}  # fmt: skip
OF_BEARDS = ("{} beard", "{} bearded", "{} goatee", "{} facial hair", "{} whiskers", "beard {}", "beard is {}",
             "beard be {}", "beard to {}", "beard into {}", "beard turns {}", "beard in {}", "beard of {}",
             "beard that is {}")  # fmt: skip
COLOURED = {  # concepts that name a colour: the attribute, and the colour, of ``VIVID``, ``PAINTS`` or ``BEARDS``
    **{f"{colour}_hair": ("Dyed_Hair", colour) for colour in VIVID},
    **{f"{colour}_lips": ("Wearing_Lipstick", colour) for colour in SHADES},
    **{f"{colour}_beard": ("No_Beard", colour) for colour in BEARDS},
    "ginger_beard": ("No_Beard", "red"),
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
    "lighter_hair": {"Blond_Hair": 0.6}, "not_gray": {"Gray_Hair": -1}, "grandmother": {"Young": -1, "Male": -1},
    "grandfather": {"Young": -1, "Male": 1}, "no_moustache": {"No_Beard": 1}, "nothing": {},
    **{concept: {name: -1 if name == "No_Beard" else 1} for concept, (name, _) in COLOURED.items()},
    "ginger_beard": {"No_Beard": -1, "Red_Hair": 1},  # whose name is of the head
}  # fmt: skip


def split(text: str) -> tuple[str, ...]:
    """What commas separate."""
    return tuple(text.split(", "))


def _forms(forms: Iterable[str], words: str) -> tuple[str, ...]:
    return tuple(form.format(word) for form in forms for word in split(words))


OF_HAIR_COLOUR = "{} hair", "{} haired"
DYED = {colour: colour for colour in VIVID} | {  # what the colours are called that hair is dyed
    "turquoise": "turquoise, aqua, cyan", "magenta": "magenta, fuchsia", "purple": "purple, plum", "blue": "blue, navy",
    "green": "green, emerald",
}  # fmt: skip
TINTS = "bright, light, dark, deep, pale, neon, pastel, hot, baby, navy, mint"
RELATIONS = "father, dad, mother, mum, mom, son, daughter"  # of the face, who are not in the picture
# What people say beside the table's words, which the text model was trained on.
ALSO: dict[str, tuple[str, ...]] = {
    "lipstick": split("lipstick, painted lips, wearing lipstick, put on lipstick, add lipstick, lip gloss, "
                       "lips painted, some lipstick, lippy"),
    "no_lipstick": split("no lipstick, without lipstick, not wearing lipstick, remove the lipstick, "
                          "take off the lipstick, natural lips"),
    "smiling": split("happier, cheery, glad, frown upside down, cheer {them} up, cheer up, giggle, giggling, chuckle, "
                     "chuckling"),
    "slight_smile": split("a smirk, smirking"),
    "not_smiling": split("sad, sadder, unhappy, angry, grumpy, gloomy, frowning, a frown, crying, "
                         "scowl, scowling, glum, miserable, deadpan"),
    "young": split("teenager, teen, adolescent, teenage, fewer wrinkles, twenties, thirties, rejuvenate, rejuvenated, "
                    "de age, de aged, deage, age {them} down"),
    "middle_aged": split("forties, fifties"),
    "old": split("sixties, seventies, eighties, nineties, wrinkle, wrinkly, sexagenarian, septuagenarian, "
                  "octogenarian, nonagenarian, centenarian"),
    "grandmother": split("grandmother, grandma, granny"),
    "grandfather": split("grandfather, grandpa, granddad"),
    "male": split("lad, chap, dude, dad, father"), "female": split("gal, mum, mom, mother"),
    "gray_hair": ("grayer", "greyer", "going gray", "going grey", "gray in {their} hair", "grey in {their} hair",
                  *_forms(OF_HAIR_COLOUR, "grayer, greyer, dark gray, dark grey, light gray, light grey")),
    "not_gray": split("fewer gray hair, fewer grey hair"),
    "black_hair": _forms(OF_HAIR_COLOUR, "blacker"),
    "brown_hair": _forms(OF_HAIR_COLOUR, "browner, caramel, mocha, hazel, mousy, ash brown"),
    "blond_hair": ("blonder", *_forms(OF_HAIR_COLOUR, "platinum, bleached, dark blond, ash blond, ash blonde, "
                   "dirty blond, dirty blonde"), *split("bleach {their} hair, bleach blond, bleach blonde")),
    "red_hair": ("red head", *_forms(OF_HAIR_COLOUR, "redder, burgundy, maroon, dark red, light red, bright red, "
                 "deep red, wine red, cherry red, cherry, rust, scarlet, crimson, mahogany")),
    "lighter_hair": split("lighter hair, light hair, lighten {their} hair"),
    "dark_hair": split("darken {their} hair"), "short_hair": split("trim {their} hair, cut {their} hair"),
    "wavy_hair": split("curly, wavy, curlier, wavier"),
    "not_bald": split("more hair, with hair, has hair"),
    "bald": split("shaved bald, baldie, baldy"),
    "no_beard": split("shaved, freshly shaved, shaved clean, cleanshaven, give {them} a shave, hairless face, "
                      "hairless chin, hairless cheeks, hairless jaw"),
    "no_moustache": split("no moustache, no mustache, without a moustache, without a mustache, without moustache, "
                           "without mustache, remove the moustache"),
    "beard": ("hipster beard", "unshaved", *_forms(("curly {}", "wavy {}", "straight {}"), "beard, goatee, whiskers")),
    "moustache": ("moustachioed", *_forms(("curly {}", "wavy {}"), "moustache, mustache")),
    "stubble": split("o'clock shadow, oclock shadow, o clock shadow"),  # figures are no words
    "eyeglasses": ("bifocals",), "sunglasses": ("sunnies", "aviators"), "makeup": ("smokey eyes", "smoky eyes"),
    "child": split("childlike, baby"), "mouth_open": ("gasping",),
    "nothing": (*split("shades of, wavy lips, curly eyelashes, white teeth"),
                *_forms(("my {}", "your {}", "his {}", "her {}", "their {}", "like {}"), RELATIONS)),
    **{f"{colour}_hair": _forms(OF_HAIR_COLOUR, shades) + _forms((f"{{}} {colour} hair",), TINTS)
       for colour, shades in DYED.items()},
    **{f"{colour}_lips": _forms(LIPS, shades) for colour, shades in SHADES.items()},
    **{f"{colour}_beard": _forms(OF_BEARDS, shades) for colour, shades in BEARDS.items()},
    "ginger_beard": _forms(OF_BEARDS, "ginger"),
}  # fmt: skip
HAIR = "hair_colour", "hair_length", "hair_texture"  # groups of concepts: "long hair" is also said as "hair is long"
DYEING, THEIR = ("make", "turn", "dye", "color", "colour"), ("her", "his", "their", "the")
PREDICATES = ("hair", "hair is", "hair to", "hair into", "hair becomes", "hair turns", "hair be", "hair in", "hair of",
              "dye it", "color it", "colour it",
              *(f"{do} {their} hair" for do in DYEING for their in THEIR))  # fmt: skip
PERSONS = "|".join(sorted({  # of whom a text can be, a pattern
    *(text for text in SUBJECTS if text not in ("face", "head", "portrait")),
    *(text for each in CONCEPTS if each.group in ("sex", "age") for text in each.noun if " " not in text),
}, key=len, reverse=True))  # fmt: skip
PERSONS = rf"\b(?:{PERSONS})\b"
EMOJI = {"\U0001f453": "glasses", "\U0001f576": "sunglasses", "\U0001f474": "old man", "\U0001f475": "old woman",
         "\U0001f9d4": "beard", "\U0001f484": "lipstick",
         **dict.fromkeys("\U0001f600\U0001f601\U0001f603\U0001f604\U0001f60a\U0001f642\u263a", "smile")}  # fmt: skip
PAUSE = ","
MARKS = PAUSE, "."
DYEABLE = {name for name, effects in EFFECTS_OF.items() if effects and effects.keys() <= DYES} - {"dyed_hair"}


def is_concept(name: str) -> bool:
    """Whether a concept is called so."""
    return name in EFFECTS_OF or name in INDEX


@cache
def vocabulary() -> frozenset[str]:
    """The words of all phrases."""
    return frozenset(word for phrase in phrase_table()[0] for word in phrase)


@cache
def phrase_table() -> tuple[dict[Phrase, str], int]:
    """Concept of every phrase, and the length of the longest phrase."""
    table: dict[Phrase, str] = {}
    for concept in CONCEPTS:
        for wording in (*concept.having, *concept.doing, *concept.adjective, *concept.noun, *concept.command):
            for phrase in _spellings(wording):
                table.setdefault(phrase, concept.name)
    for concept, wordings in ALSO.items():
        table.update({phrase: concept for wording in wordings for phrase in _spellings(wording)})
    of_hair = {concept.name for concept in CONCEPTS if concept.group in HAIR} - {"bald", "not_bald"}
    of_hair |= {"lighter_hair", *(f"{colour}_hair" for colour in VIVID)}
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
