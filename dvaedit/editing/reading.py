"""What a text asks for, in attributes: read with the phrase table of the compact image-text model.

"give her blonde hair and glasses" is Blond_Hair and Eyeglasses; "without a beard or a hat" is No_Beard and
Wearing_Hat=-1; "a slightly older man" is Young=-0.6 and Male. The longest phrases win. What the table does not know is
left to CLIP.

A text goes through :data:`REWORDED`, :func:`_with_ages`, :func:`_regrouped` and :func:`_told_apart`, which say the same
in words of the table; :func:`_items` finds its phrases and :class:`_Denial` which of them are denied.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache

from dvaedit.editing.effects import DYES
from dvaedit.face.dye import VIVID
from dvaedit.models.wording import CONCEPTS, INDEX, PRONOUNS, words_of

Phrase = tuple[str, ...]
Item = tuple[str, Phrase]  # the concept of a phrase and its words; or a word that is no part of one, twice

SHADES = {  # what colours of lipstick are called, of ``PAINTS``
    "red": "red, redder, bright red, deep red, cherry red, ruby, scarlet, crimson, bold, bright, glossy, shiny",
    "burgundy": "burgundy, dark red, dark, darker, wine, wine red, wine colored, maroon, berry, oxblood, bordeaux",
    "brown": "brown, chocolate, mocha, dark brown", "nude": "nude, beige, neutral, light, subtle",
    "pink": "pink, pinker, light pink, pale pink, soft pink, baby pink, pastel pink, rose, rosy, rose pink, pinkish",
    "fuchsia": "fuchsia, hot pink, bright pink, neon pink, deep pink, magenta",
    "coral": "coral, peach, salmon, apricot", "orange": "orange, bright orange, tangerine",
    "purple": "purple, plum, violet, mauve, lilac, lavender, dark purple",
    "blue": "blue, navy, dark blue, teal", "black": "black, goth, gothic, jet black",
}  # fmt: skip
LIPS = ("{} lipstick", "{} lips", "{} lip gloss", "{} lip color", "{} lippy", "{} lipped", "lips painted {}", "lips {}",
        "lips are {}", "lips be {}", "lips to {}", "lips in {}", "lipstick in {}", "lipstick is {}")  # fmt: skip
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


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


def _forms(forms: Iterable[str], words: str) -> tuple[str, ...]:
    return tuple(form.format(word) for form in forms for word in _split(words))


OF_HAIR_COLOUR = "{} hair", "{} haired"
TINTS = "bright, light, dark, deep, pale, neon, pastel, hot, baby, navy, mint"
# What people say beside the table's words, which the text model was trained on.
ALSO: dict[str, tuple[str, ...]] = {
    "lipstick": _split("lipstick, painted lips, wearing lipstick, put on lipstick, add lipstick, lip gloss, "
                       "lips painted, some lipstick, lippy"),
    "no_lipstick": _split("no lipstick, without lipstick, not wearing lipstick, remove the lipstick, "
                          "take off the lipstick, natural lips"),
    "smiling": _split("happier, cheery, glad, frown upside down"),
    "slight_smile": _split("a smirk, smirking"),
    "not_smiling": _split("sad, sadder, unhappy, angry, grumpy, gloomy, frowning, a frown, crying"),
    "young": _split("teenager, teen, adolescent, teenage, fewer wrinkles, twenties, thirties, rejuvenate, rejuvenated, "
                    "de age, de aged, deage, age {them} down"),
    "middle_aged": _split("forties, fifties"),
    "old": _split("sixties, seventies, eighties, nineties, wrinkle, sexagenarian, septuagenarian, octogenarian, "
                  "nonagenarian, centenarian"),
    "grandmother": _split("grandmother, grandma, granny"),
    "grandfather": _split("grandfather, grandpa, granddad"),
    "male": _split("lad, chap, dude, dad, father"), "female": _split("gal, mum, mom, mother"),
    "gray_hair": ("grayer", "greyer", "going gray", "going grey",
                  *_forms(OF_HAIR_COLOUR, "grayer, greyer, dark gray, dark grey, light gray, light grey")),
    "not_gray": _split("fewer gray hair, fewer grey hair"),
    "black_hair": _forms(OF_HAIR_COLOUR, "blacker"),
    "brown_hair": _forms(OF_HAIR_COLOUR, "browner, caramel, mocha, hazel, mousy, ash brown"),
    "blond_hair": ("blonder", *_forms(OF_HAIR_COLOUR, "platinum, bleached, dark blond, ash blond, ash blonde, "
                   "dirty blond, dirty blonde"), *_split("bleach {their} hair, bleach blond, bleach blonde")),
    "red_hair": ("red head", *_forms(OF_HAIR_COLOUR, "redder, burgundy, maroon, dark red, light red, bright red, "
                 "deep red, wine red, cherry red, cherry, rust")),
    "lighter_hair": _split("lighter hair, light hair, lighten {their} hair"),
    "dark_hair": _split("darken {their} hair"), "short_hair": _split("trim {their} hair, cut {their} hair"),
    "wavy_hair": _split("curly, wavy, curlier, wavier"),
    "not_bald": _split("more hair, with hair, has hair"),
    "bald": _split("shaved bald, baldie, baldy"),
    "no_beard": _split("shaved, freshly shaved, shaved clean, cleanshaven"),
    "no_moustache": _split("no moustache, no mustache, without a moustache, without a mustache, without moustache, "
                           "without mustache, remove the moustache"),
    "beard": ("hipster beard", "unshaved", *_forms(("curly {}", "wavy {}", "straight {}"), "beard, goatee, whiskers")),
    "moustache": ("moustachioed", *_forms(("curly {}", "wavy {}"), "moustache, mustache")),
    "stubble": _split("o'clock shadow, oclock shadow, o clock shadow"),  # figures are no words
    "eyeglasses": ("bifocals",), "sunglasses": ("sunnies", "aviators"), "makeup": ("smokey eyes", "smoky eyes"),
    "child": ("childlike",), "mouth_open": ("gasping",),
    "nothing": ("shades of", "wavy lips", "curly eyelashes"),  # of gray, not to see through; not of hair
    **{f"{colour}_hair": _forms(OF_HAIR_COLOUR, colour) + _forms((f"{{}} {colour} hair",), TINTS) for colour in VIVID},
    **{f"{colour}_lips": _forms(LIPS, shades) for colour, shades in SHADES.items()},
    **{f"{colour}_beard": _forms(OF_BEARDS, shades) for colour, shades in BEARDS.items()},
    "ginger_beard": _forms(OF_BEARDS, "ginger"),
}  # fmt: skip
HAIR = "hair_colour", "hair_length", "hair_texture"  # groups of concepts: "long hair" is also said as "hair is long"
DYEING, THEIR = ("make", "turn", "dye", "color", "colour"), ("her", "his", "their", "the")
PREDICATES = ("hair", "hair is", "hair to", "hair into", "hair becomes", "hair turns", "hair be", "hair in", "hair of",
              "dye it", "color it", "colour it",
              *(f"{do} {their} hair" for do in DYEING for their in THEIR))  # fmt: skip
EMOJI = {"\U0001f453": "glasses", "\U0001f576": "sunglasses", "\U0001f474": "old man", "\U0001f475": "old woman",
         "\U0001f9d4": "beard", "\U0001f484": "lipstick",
         **dict.fromkeys("\U0001f600\U0001f601\U0001f603\U0001f604\U0001f60a\U0001f642\u263a", "smile")}  # fmt: skip
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBERS = {word: number for number, word in enumerate(ONES + TEENS, 1)} | {w: 10 * n for n, w in enumerate(TENS, 2)}
NUMBER = re.compile(  # "seventy", "thirty-five", and less where it is of years
    rf"\b(?:({'|'.join(TENS)})(?:[\s-]({'|'.join(ONES)})\b)?|({'|'.join(ONES + TEENS)})(?=[\s-]+ye?a?rs?\b))"
)
AGES = {13: "child", 36: "young", 60: "middle aged", 1000: "old"}  # years below which a face is called so
AGE = re.compile(  # "70 years old"; "look about 70", "make him 50", but not "20 years younger"; "in his late 60s"; "70"
    r"""\b(?: (\d{1,3}) [\s-]* y(?:ea)?(?:rs?)? \.? [\s-]* (?:o\b|old\b|of\s+age\b)
    | (?:looks?|looking|aged?|be|like) \s+ (?:(?:about|around|a)\s+)? (\d{1,3}) \b (?! \s*% | [\s-]* years? \b)
    | (?:(?:make|turn)s?\s+(?:him|her|them|it)|s?he\s+is|they\s+are|(?:wo)?man|person|lady|guy)
      ,? \s+ (?:(?:about|around)\s+)? (\d{2,3}) (?= \s* (?:$|[.,:)]|(?:and|with|but|or|please)\b) )
    | (?:his|her|their|the) \s+ (?:(?:early|mid|late)\s+)? (\d0) '?s \b
    | (\d0) [\s-]* (?:something|ish) \b )
    | ^ \s* (\d{2,3}) \s* $""",
    re.VERBOSE,
)
OF_HAIR = frozenset(["long", "longer", "short", "shorter", "wavy", "curly", "straight"])
BETWEEN = 3  # words from it to hair, and none of these
OTHERS = frozenset(["and", "or", "but", "with", "beard", "moustache", "mustache", "."])
DEGREES = {"slightly": 0.6, "slight": 0.6, "somewhat": 0.7, "bit": 0.6, "little": 0.6, "light": 0.8, "very": 1.25,
           "much": 1.25, "really": 1.2, "extremely": 1.4, "heavily": 1.25, "less": 0.6, "fewer": 0.6}  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# How phrases of things begin or end that "and" joins to one that is denied: hair, for one, only has another colour.
THINGS = _set("glasses eyeglasses sunglasses spectacles specs bifocals shades sunnies aviators eyewear beard goatee "
              "whiskers facial moustache mustache tache stubble shadow hat cap beanie headscarf hood helmet headdress "
              "headgear headwear turban bangs fringe makeup lipstick lippy eyeliner eyeshadow mascara cosmetics "
              "freckles wrinkles")  # fmt: skip
SMILES = _set("smile grin laugh")
TAKEN = "|".join(sorted({"facial hair", *THINGS, *SMILES} - {"facial"}))
REWORDED = {  # what is said, and the same in words of the table and of the sets below
    **{emoji: f" {words} " for emoji, words in EMOJI.items()},
    r"[\u2019\u02bc\u00b4`]": "'",
    r"\b(?:is|are|was|were|do|does|did|has|have|had|ca|wo|would|could|should|must|need|ai)n'?t\b": "not",
    r"\b(s?he|it|they|who|that|i|you|we)'(?:s|re|m|d|ll|ve)\b": r"\1 is",
    r"\b(?:should|must|could|would|will|can|to)\s+be\b": "be",
    r"\bcannot\b|\bno longer\b": "not",
    r"\bget(?:s|ting)? rid of\b": "remove",
    r"\b(?:tak|shav|wip)(?:e|es|ing)\s+((?:(?!tak|shav|wip)[\w']+\s+){0,4}?)(?:off|away)\b": r"remove \1",
    r"\b(?:smooth|iron)(?:s|ing)?\s+(?:out|away)\b|\bleav(?:e|es|ing)\s+(?:out|off)\b": "remove",
    rf"\b(?:(?:the|his|her|their|that|this)\s+)?({TAKEN})s?\s+(?:(?:is|are|be)\s+)?(?:(?:taken|shaved|wiped)\s+)?"
    r"(?:off|removed|gone|shaved|hidden)\b": r"no \1",
    r"\b(?:(?:the|his|her|their)\s+)?((?:[a-z]+ )?hair)\s+(?:(?:is|be)\s+)?(?:removed|shaved|gone(?! \w))\b": r"no \1",
    r"\bde-(?=beard)": "no ",
    r"\b(smil\w*|grin\w*|laugh\w*)\s+less\b": r"less \1",
    r"\b(?:instead|free|devoid) of\b|\brather than\b|\bw/o\b|\bsans\b": "without",
    r"\bw/": "with ",
    r"\bfrom\s+(?:[\w'-]+\s+){1,3}?(?=(?:in)?to\b)": "",
    r"(?<!wild )\bhair\s+colou?r\b": "hair",
    r"(?<!brightly )\bcolou?red(?=\s+hair\b)": "",
    r"\b([a-z]{3,})haired\b": r"\1 haired",
    r"\b(wo|gentle)?men\b": r"\1man", r"\bladies\b": "lady", r"\bchildren\b": "child",
    r"\bmake[ -]up\b": "makeup",
    r"\b([a-z]+)-free\b": r"no \1",
    r"[;!?\n\u2013\u2014]|\s-\s": ".",
}  # fmt: skip
PAUSE = ","
MARKS = PAUSE, "."
SAYING = _set("not never neither nor")  # negations of what is said; the others are of things that are there
REMOVING = _set("remove removes removing lose drop drops ditch delete erase hide hides hiding shave shaves stop "
                "stops replace swap")  # fmt: skip
LACKING = _set("without lacking lacks minus less fewer")
KEEPING = _set("keep keeps keeping leave leaves leaving retain preserve")  # of what they reach nothing is asked
NEGATORS = SAYING | REMOVING | LACKING | KEEPING | {"no"}
# What ends a negation at once; right after it ("without changing the beard"); where it has had its phrase.
ENDING = _set(". but yet though although however while except only just instead then plus")
SPARING = _set("change changing alter altering touch touching affect affecting forget")
VERBS = _set("make makes give gives add adds put puts let turn change keep apply grow cut trim get gets has have is "
             "are was wear wears show shows he she they i who whose which")  # fmt: skip
PARTICIPLES = _set("wearing having giving adding making growing showing looking")
ASIDE = _set("in on under over from by for as like into to")  # the next thing is no second one: "no hair under a hat"
TRAITS = _set("bald hairless old older elderly young younger youthful bearded unshaven moustached mustached blond "
              "blonde haired happy cheerful serious freckled wrinkled")  # fmt: skip
ARTICLES, DETERMINERS = _set("a an"), _set("the any this that his her their")
NEXT = "next"
# Words beside phrases that nobody need be warned about.
PLAIN = _set("does do did should would could will can was were paint paints painted pastel cherry mid late early year "
             "years yr off out up away")  # fmt: skip
UNDERSTOOD = NEGATORS | DEGREES.keys() | SPARING | VERBS | PARTICIPLES | PLAIN
NEAR = 0.8  # likeness of words from which one is taken for another misspelt
LEAST = 3  # letters of a plural without its s
DYEABLE = {name for name, effects in EFFECTS_OF.items() if effects and effects.keys() <= DYES} - {"dyed_hair"}
_SILENT = _set("a an the any his her their its of with more")
_LASTING = NEGATORS | DEGREES.keys() | _SILENT | set(MARKS)  # what was graded before them still is after


def says_something(text: str) -> bool:
    """Whether there is a letter, a figure or an emoji that is known."""
    return any(sign.isalnum() or sign in EMOJI for sign in text)


def read_text(text: str) -> dict[str, float]:
    """Attributes with signed strengths, the strongest reading of each; empty where no phrase is known.

    What is denied yields to what is said: "old, but without wrinkles" is old.
    """
    said, denied, claims = {}, {}, list(_claims(text))
    beards = [degree for concept, degree in claims if degree >= 0 > EFFECTS_OF.get(concept, {}).get("No_Beard", 0)]
    for concept, degree in claims:
        found, effects = denied if degree < 0 else said, EFFECTS_OF.get(concept, {})
        if concept == "no_moustache" and beards:  # beside a beard that stays; one that is asked for comes as it is
            effects = {} if any(beards) else {"Mustache": -1}
        for name, strength in effects.items():
            value = strength * degree
            found[name] = value if abs(value) >= abs(found.get(name, 0)) else found[name]
    return {name: value for name, value in (denied | said).items() if value}


def unread(text: str) -> set[str]:
    """The words of a text that are no part of a known phrase, nor known to be of no importance."""
    names = {name for name, _ in _items(text)}
    return {name for name in names if name not in EFFECTS_OF and name not in MARKS} - UNDERSTOOD


def nearest(word: str) -> str:
    """The word of the table that is spelt nearly as ``word``; empty if there is none, or if it is one itself."""
    known = sorted(each for each in _vocabulary() if each[0] == word[0])
    return "" if word in known else next(iter(difflib.get_close_matches(word, known, 1, NEAR)), "")


def colours(text: str) -> dict[str, str]:
    """The colours that a text asks for first, by attribute: "Dyed_Hair" of ``VIVID``, "Wearing_Lipstick" of
    ``PAINTS``, "No_Beard" of ``BEARDS``."""
    said = [COLOURED[concept] for concept, degree in _claims(text) if concept in COLOURED and degree > 0]
    return dict(reversed(said))


def read_change(target: str, source: str, known: Collection[str] | None = None) -> dict[str, float]:
    """What ``target`` asks for beyond what ``source`` says is there; of the attributes ``known``, or of all."""
    there, asked = read_text(source), read_text(target)
    new = {name: strength for name, strength in asked.items() if there.get(name) != strength}
    return new if known is None else {name: strength for name, strength in new.items() if name in known}


def _with_ages(text: str) -> str:
    """A text in lower case with ages in years as words: "a 70-year-old woman" as "a old woman"."""

    def figures(found: re.Match[str]) -> str:
        return str(sum(NUMBERS[group] for group in found.groups() if group))

    def word(found: re.Match[str]) -> str:
        years = int(next(group for group in found.groups() if group))
        words = next(word for most, word in AGES.items() if years < most)
        return f" {found[0] if found[3] else ''} {words} "  # "a man, 60" is a man still

    return AGE.sub(word, NUMBER.sub(figures, text))


def _claims(text: str) -> Iterator[tuple[str, float]]:
    """The concepts said, in order, with their degrees: negative where they are denied, 0 where they are to stay."""
    denial, degree, items = _Denial(), 1.0, list(_items(text))
    for at, (name, words) in enumerate(items):
        if _is_concept(name):
            denied = denial.takes(words)
            if denied or not _is_other_choice(items[: at + 1]):
                yield name, (0.0 if denial.word in KEEPING else -degree) if denied else degree
            degree = 1.0
        else:
            denial.hear(name, items[at + 1 :])
            degree = DEGREES.get(name, degree if name in _LASTING else 1.0)


def _is_other_choice(items: Sequence[Item]) -> bool:
    """Whether the last phrase is that of two colours of hair which is not taken: "black or brown hair". Not in a list:
    "no glasses, blond or red hair"."""
    names = [name for name, _ in items]
    return names[-2:-1] == ["or"] and {*names[-3::2]} <= DYEABLE and names[-4:-3] != [PAUSE]


class _Denial:
    """What a negation reaches: the phrase after it, and what is joined to that by "or", or by "and" if it can be.

    It ends at "but", "with", a verb, the end of a sentence, and a comma that is not of a list.
    """

    def __init__(self) -> None:
        self.word = ""  # the negation, or what keeps things; empty where nothing is denied
        self.link = ""  # what leads to the next phrase: NEXT right after the negation, "and", "or", "aside" or nothing
        self.before = ""  # the last word
        self.trait = False  # whether the last phrase was of one, and of no thing

    def hear(self, word: str, rest: Sequence[Item]) -> None:
        """Take in a word that is no part of a phrase; ``rest`` comes after it."""
        twice = self.before in SAYING and word not in SAYING
        if word in KEEPING and twice:
            self.link = NEXT  # "do not keep"
        elif word in NEGATORS:
            self.word, self.link = ("", "") if twice else (word, NEXT)  # "not without"
        elif self._ends_at(word):
            self.word = self.link = ""
        elif self.word and word in ("and", "or"):
            self.link = word
        elif self.word and word == PAUSE:
            self._pause(rest)
        elif self.word and not self.link and word in ASIDE:
            self.link = "aside"
        self.before = word

    def takes(self, words: Phrase) -> bool:
        """Whether a phrase is denied."""
        if words[0] in NEGATORS:  # it says itself that something is not there
            denied = self.before in SAYING
            self.word = "" if denied else words[0]
        else:
            denied = bool(self.word) and self._reaches(words)
            self.word = self.word if denied else ""
        self.link, self.before, self.trait = "", words[-1], not _is_thing(words)
        return denied

    def _reaches(self, words: Phrase) -> bool:
        if self.link == NEXT:
            return not self._ends_at(words[0])
        return self.link == "or" or (self.link != "aside" and self._joins(words, self.before, self.link == "and"))

    def _ends_at(self, word: str) -> bool:
        direct = self.before in NEGATORS
        if word in ENDING or (direct and word in SPARING) or (word == "with" and not direct):
            return True
        if self.link == NEXT:
            return word in VERBS and self.word not in SAYING
        if self.link == "or":
            return False
        return word in VERBS or word in PARTICIPLES or word == "more" or (word in ARTICLES and not self._is_wide())

    def _is_wide(self) -> bool:
        """Whether it reaches beyond an article: "without a hat and a beard", but not "no hat and a beard"."""
        return self.word in SAYING or self.word in LACKING

    def _joins(self, words: Phrase, before: str, listed: bool) -> bool:
        """Whether a second phrase can be denied too, beside a thing a thing, in a list beside a trait a trait.

        ``before``: the word before it. "No" reaches bare words alone: "no hat and thick glasses" are glasses.
        """
        if words[0] in VERBS | PARTICIPLES | ASIDE or (words[0] in ARTICLES and not self._is_wide()):
            return False
        if self.word == "no" and listed and (len(words) > 1 or before not in ("and", "")):
            return words[0] == "facial"
        if self.word in SAYING and self.trait:
            return listed and words[-1] in TRAITS and not words[0].endswith("ing")
        if words[-1] in SMILES:  # alone it is a verb: "take off the glasses and smile"
            return before in DETERMINERS
        return _is_thing(words)

    def _pause(self, rest: Sequence[Item]) -> None:
        """A comma ends it, but in a list: "without glasses, beard or hat"."""
        if rest and rest[0][0] in ("and", "or"):
            return
        self.link = "" if self.link == NEXT else "and" if self.word in REMOVING else self._listed(rest)
        self.word = self.word if self.link else ""

    def _listed(self, rest: Sequence[Item]) -> str:
        """The "or" or, if the negation is wide, "and" of the list that ``rest`` begins with; empty if it is none."""
        join, before = "", ""
        for name, words in rest:
            if name in ("and", "or", "nor"):
                join = "and" if name == "and" else "or"
            elif words[0] in NEGATORS or name in ENDING or name in VERBS or name in ("with", "more"):
                return ""
            elif _is_concept(name):
                joined = join == "or" or self._joins(words, before, True)
                if join or not joined:
                    return join if joined and (join == "or" or self._is_wide()) else ""
            before = words[-1]
        return ""


def _is_thing(words: Phrase) -> bool:
    return not THINGS.isdisjoint((words[0], words[-1]))


def _is_concept(name: str) -> bool:
    return name in EFFECTS_OF or name in INDEX


def _items(text: str) -> Iterator[Item]:
    """The phrases of a text, in order, and the words and marks between them."""
    table, longest = _table()
    words, at = _told_apart(_regrouped(_words_and_marks(text))), 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            if phrase in table or length == 1:
                yield table.get(phrase, phrase[0]), phrase
                at += length
                break


def _words_and_marks(text: str) -> list[str]:
    """The words of a text in lower case, reworded, with one of ``MARKS`` where it pauses or stops."""
    text = text.lower()
    for pattern, other in REWORDED.items():
        text = re.sub(pattern, other, text)
    parts = re.split("([,.])", _with_ages(text))
    words = [word for part in parts for word in ([part] if part in MARKS else words_of(part))]
    return [word[:-1] if _is_plural(word) else word for word in words]


def _is_plural(word: str) -> bool:
    """Whether a word is not known, but is without its s."""
    known = _vocabulary()
    return len(word) > LEAST and word.endswith("s") and word not in known and word[:-1] in known


def _regrouped(words: list[str]) -> list[str]:
    """Words with hair, or a beard, after each of its colours, and with none of those that it is to lose."""
    text = " ".join(words)
    for pattern, other in _groups().items():
        text = pattern.sub(other, text)
    return text.split()


def _told_apart(words: list[str]) -> list[str]:
    """Each adjective of hair's length or texture with hair of its own: "long red hair" as "long hair red hair"."""
    told = []
    for at, word in enumerate(words):
        told.append(word)
        if word in OF_HAIR and _comes_to_hair(words[at + 1 :]):
            told.append("hair")
    return told


def _comes_to_hair(words: list[str]) -> bool:
    """Whether hair follows, but not at once: the words between belong to it too."""
    after = [word for word in words if word != PAUSE][: 1 + BETWEEN]
    return "hair" in after[1:] and not OTHERS & set(after[: after.index("hair")])


@cache
def _groups() -> dict[re.Pattern[str], str]:
    """What :func:`_regrouped` replaces, and by what."""
    colours_of = [phrase[0] for phrase, name in _table()[0].items() if phrase[1:] == ("hair",) and name in DYEABLE]
    colour, tint = "|".join({*colours_of, *BEARDS}), "|".join(_split(TINTS))
    kind, looks = "|".join(OF_HAIR), "long|short|full|bushy|thick|thin|big|huge|trimmed|curly"
    changing = r"(?:turn|chang|mak|dy|colou?r|paint|transform)\w*(?: (?:the|his|her|their))?"
    return {
        # "make her black hair blond"
        re.compile(rf"\b({changing})(?: (?:{colour}|{kind}))+ (hair|beard)(?= (?:(?:to|into|in) )?(?:an? )?"
                   rf"(?:{colour}|{kind}|{tint})\b)"): r"\1 \2",
        # "red curly hair", "black and curly hair", "black or brown hair"
        re.compile(rf"\b({colour})(?=(?:(?: ,| and)* (?:{kind}))+ hair\b| or (?:(?:{colour}|{kind}) )+hair\b)"):
            r"\1 hair",
        re.compile(rf"\b({colour})(?=(?:(?: ,| and)* (?:{looks}))+ beard\b)"): r"\1 beard",
    }  # fmt: skip


@cache
def _vocabulary() -> frozenset[str]:
    """The words of all phrases."""
    return frozenset(word for phrase in _table()[0] for word in phrase)


@cache
def _table() -> tuple[dict[Phrase, str], int]:
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
