"""What a text asks for, in attributes: read with the phrase table of the compact image-text model.

"give her blonde hair and glasses" is Blond_Hair and Eyeglasses; "without a beard or a hat" is No_Beard and
Wearing_Hat=-1; "a slightly older man" is Young=-0.6 and Male. The longest phrases win. What the table does not know is
left to CLIP.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from dvaedit.face.dye import VIVID
from dvaedit.models.wording import CONCEPTS, INDEX, PRONOUNS, words_of

Phrase = tuple[str, ...]
Item = tuple[str, Phrase]  # the concept of a phrase and its words; or a word that is no part of one, twice

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
    "grandfather": {"Young": -1, "Male": 1}, "nothing": {},
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
    "bald": ("shaved bald", "baldie", "baldy"),
    "no_beard": ("shaved", "freshly shaved", "shaved clean"),
    "beard": ("hipster beard", "unshaved"),
    "moustache": ("moustachioed",),
    "stubble": ("o'clock shadow", "oclock shadow", "o clock shadow"),  # figures are no words
    "eyeglasses": ("bifocals",), "makeup": ("smokey eyes", "smoky eyes"), "child": ("childlike",),
    "mouth_open": ("gasping",),
    "nothing": ("shades of",),  # of gray, not to see through
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
BETWEEN = 3  # words from it to hair, and none of these
OTHERS = frozenset(["and", "or", "but", "with", "beard", "moustache", "mustache", "."])
DEGREES = {"slightly": 0.6, "slight": 0.6, "somewhat": 0.7, "bit": 0.6, "little": 0.6, "light": 0.8, "very": 1.25,
           "much": 1.25, "really": 1.2, "extremely": 1.4, "heavily": 1.25, "less": 0.6, "fewer": 0.6}  # fmt: skip
REWORDED = {  # what is said, and the same in words of the table and of the sets below
    r"[\u2019\u02bc\u00b4`]": "'",
    r"\b(?:is|are|was|were|do|does|did|has|have|had|ca|wo|would|could|should|must|need|ai)n'?t\b": "not",
    r"\bcannot\b|\bno longer\b": "not",
    r"\bget(?:s|ting)? rid of\b": "remove",
    r"\b(?:tak|shav)(?:e|es|ing)\s+((?:(?!tak|shav)[\w']+\s+){0,4}?)off\b": r"remove \1",
    r"\b(?:instead|free|devoid) of\b|\brather than\b": "without",
    r"\bmake[ -]up\b": "makeup",
    r"\b([a-z]+)-free\b": r"no \1",
    r"[;!?\n\u2013\u2014]|\s-\s": ".",
}
PAUSE = ","
MARKS = PAUSE, "."


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SAYING = _set("not never neither nor")  # negations of what is said; the others are of things that are there
REMOVING = _set("remove removes removing lose drop drops ditch delete erase shave shaves stop "
                "stops replace swap")  # fmt: skip
LACKING = _set("without lacking lacks minus less fewer")
NEGATORS = SAYING | REMOVING | LACKING | {"no"}
# What ends a negation at once; right after it ("without changing the beard"); where it has had its phrase.
ENDING = _set(". but yet though although however while except only just instead then plus")
SPARING = _set("change changing alter altering touch touching affect affecting forget")
VERBS = _set("make makes give gives add adds put puts let turn change keep apply grow cut trim get gets has have is "
             "are was wear wears show shows he she they i who whose which")  # fmt: skip
PARTICIPLES = _set("wearing having giving adding making growing showing looking")
ASIDE = _set("in on under over from by for as like into to")  # the next thing is no second one: "no hair under a hat"
# How phrases of things begin or end that "and" joins to one that is denied: hair, for one, only has another colour.
THINGS = _set("glasses eyeglasses sunglasses spectacles specs bifocals shades eyewear beard goatee whiskers facial "
              "moustache mustache tache stubble shadow hat cap beanie headscarf hood helmet headdress headgear "
              "headwear turban bangs fringe makeup lipstick eyeliner eyeshadow mascara cosmetics freckles "
              "wrinkles")  # fmt: skip
SMILES = _set("smile grin laugh")
TRAITS = _set("bald hairless old older elderly young younger youthful bearded unshaven moustached mustached blond "
              "blonde haired happy cheerful serious freckled wrinkled")  # fmt: skip
ARTICLES, DETERMINERS = _set("a an"), _set("the any this that his her their")
NEXT = "next"
_SILENT = _set("a an the any his her their its of with more")
_LASTING = NEGATORS | DEGREES.keys() | _SILENT | set(MARKS)  # what was graded before them still is after


def read_text(text: str) -> dict[str, float]:
    """Attributes with signed strengths, the strongest reading of each; empty where no phrase is known.

    What is denied yields to what is said: "old, but without wrinkles" is old.
    """
    said, denied = {}, {}
    for concept, degree in _claims(text):
        found = denied if degree < 0 else said
        for name, strength in EFFECTS_OF.get(concept, {}).items():
            value = strength * degree
            found[name] = value if abs(value) >= abs(found.get(name, 0)) else found[name]
    return denied | said


def unread(text: str) -> set[str]:
    """The words of a text that are no part of a known phrase."""
    return {name for name, _ in _items(text) if name not in EFFECTS_OF and name not in MARKS}


def colours(text: str) -> dict[str, str]:
    """The colours that a text asks for first, by attribute: "Dyed_Hair" of ``VIVID``, "Wearing_Lipstick" of
    ``PAINTS``."""
    said = [COLOURED[concept] for concept, degree in _claims(text) if concept in COLOURED and degree > 0]
    return dict(reversed(said))


def read_change(target: str, source: str, known: Collection[str] | None = None) -> dict[str, float]:
    """What ``target`` asks for beyond what ``source`` says is there; of the attributes ``known``, or of all."""
    there, asked = read_text(source), read_text(target)
    new = {name: strength for name, strength in asked.items() if there.get(name) != strength}
    return new if known is None else {name: strength for name, strength in new.items() if name in known}


def _with_ages(text: str) -> str:
    """A text in lower case with ages in years as words: "a 70-year-old woman" as "a old woman"."""

    def word(found: re.Match[str]) -> str:
        years = int(next(group for group in found.groups() if group))
        return " " + next(word for most, word in AGES.items() if years < most) + " "

    return AGE.sub(word, text)


def _claims(text: str) -> Iterator[tuple[str, float]]:
    """The concepts said, in order, with their degrees, which are negative where they are denied."""
    denial, degree, items = _Denial(), 1.0, list(_items(text))
    for at, (name, words) in enumerate(items):
        if _is_concept(name):
            yield name, -degree if denial.takes(words) else degree
            degree = 1.0
        else:
            denial.hear(name, items[at + 1 :])
            degree = DEGREES.get(name, degree if name in _LASTING else 1.0)


class _Denial:
    """What a negation reaches: the phrase after it, and what is joined to that by "or", or by "and" if it can be.

    It ends at "but", "with", a verb, the end of a sentence, and a comma that is not of a list.
    """

    def __init__(self) -> None:
        self.word = ""  # the negation; empty where nothing is denied
        self.link = ""  # what leads to the next phrase: NEXT right after the negation, "and", "or", "aside" or nothing
        self.before = ""  # the last word
        self.trait = False  # whether the last phrase was of one, and of no thing

    def hear(self, word: str, rest: Sequence[Item]) -> None:
        """Take in a word that is no part of a phrase; ``rest`` comes after it."""
        twice = self.before in SAYING and word not in SAYING
        if word in NEGATORS:
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
    words, at = _told_apart(_words_and_marks(text)), 0
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
    return [word for part in parts for word in ([part] if part in MARKS else words_of(part))]


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
