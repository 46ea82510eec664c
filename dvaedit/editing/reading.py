"""What a text asks for, in attributes: read with the phrase table of the compact image-text model.

"give her blonde hair and glasses" is Blond_Hair and Eyeglasses; "without a beard" is No_Beard; "a slightly older man"
is Young=-0.6 and Male. The longest phrases win. What the table does not know is left to CLIP.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from dvaedit.models.wording import CONCEPTS, PRONOUNS, words_of

Phrase = tuple[str, ...]

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
    "rosy": {"Rosy_Cheeks": 1}, "lipstick": {"Wearing_Lipstick": 1},
}  # fmt: skip
LIPS = ("lipstick", "red lipstick", "red lips", "painted lips", "wearing lipstick", "put on lipstick", "add lipstick")
OF_HAIR = frozenset(["long", "longer", "short", "shorter", "wavy", "curly", "straight"])
BETWEEN, OTHERS = 3, frozenset(["and", "or", "but", "with", "beard", "moustache", "mustache"])  # words from it to hair
NEGATORS = frozenset(["no", "not", "without", "remove", "never", "lose", "lacking", "minus"])
DEGREES = {"slightly": 0.6, "slight": 0.6, "somewhat": 0.7, "bit": 0.6, "little": 0.6, "light": 0.8, "very": 1.25,
           "much": 1.25, "really": 1.2, "extremely": 1.4, "heavily": 1.25}  # fmt: skip
_SILENT = frozenset(["a", "an", "the", "any", "his", "her", "their", "its", "of", "with", "more", "less"])


def read_text(text: str) -> dict[str, float]:
    """Attributes with signed strengths, the strongest reading of each; empty where no phrase is known."""
    found: dict[str, float] = {}
    negated, degree = False, 1.0
    for item in _phrases(words_of(text)):
        if item in EFFECTS_OF:
            for name, strength in EFFECTS_OF[item].items():
                value = (-strength if negated else strength) * degree
                found[name] = value if abs(value) >= abs(found.get(name, 0)) else found[name]
        if item in NEGATORS:
            negated = True
        elif item in DEGREES:
            degree = DEGREES[item]
        elif item not in _SILENT:
            negated, degree = False, 1.0
    return found


def read_change(target: str, source: str, known: Collection[str] | None = None) -> dict[str, float]:
    """What ``target`` asks for beyond what ``source`` says is there; of the attributes ``known``, or of all."""
    there, asked = read_text(source), read_text(target)
    new = {name: strength for name, strength in asked.items() if there.get(name) != strength}
    return new if known is None else {name: strength for name, strength in new.items() if name in known}


def _phrases(words: list[str]) -> Iterator[str]:
    """The names of the concepts said, in order, and the words between them."""
    table, longest = _table()
    words, at = _told_apart(words), 0
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
    table.update({tuple(words_of(wording)): "lipstick" for wording in LIPS})
    return table, max(map(len, table))


def _spellings(wording: str) -> Iterator[Phrase]:
    """A wording with each pronoun in its places, with and without a leading article."""
    for she, their, them in PRONOUNS if "{" in wording else PRONOUNS[:1]:
        words = tuple(words_of(wording.format(she=she, their=their, them=them)))
        yield words
        if words and words[0] in ("a", "an", "the") and len(words) > 1:
            yield words[1:]
