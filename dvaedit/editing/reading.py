"""What a text asks for, in attributes: read with the phrase table of the compact image-text model.

"give her blonde hair and glasses" is Blond_Hair and Eyeglasses; "without a beard or a hat" is No_Beard and
Wearing_Hat=-1; "a slightly older man" is Young=-0.6 and Male. The longest phrases win. What the table does not know is
left to large text models.

:func:`dvaedit.editing.rewording.reworded` says the same in words of the table; :func:`_items` finds its phrases and
:class:`dvaedit.editing.denial.Denial` which of them are denied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dvaedit.editing.denial import ARTICLES, KEEPING, NEGATORS, PARTICIPLES, SPARING, VERBS, Denial, bag
from dvaedit.editing.phrases import (
    COLOURED,
    DYEABLE,
    EFFECTS_OF,
    EMOJI,
    MARKS,
    PAUSE,
    Item,
    is_concept,
    phrase_table,
)
from dvaedit.editing.rewording import reworded
from dvaedit.editing.spelling import nearest as nearest

DEGREES = {"slightly": 0.6, "slight": 0.6, "somewhat": 0.7, "bit": 0.6, "little": 0.6, "light": 0.8, "very": 1.25,
           "much": 1.25, "really": 1.2, "extremely": 1.4, "heavily": 1.25, "less": 0.6, "fewer": 0.6}  # fmt: skip
# Words beside phrases that nobody need be warned about.
PLAIN = bag("does do did should would could will can was were paint paints painted pastel cherry mid late early year "
            "years yr off out up away")  # fmt: skip
UNDERSTOOD = NEGATORS | DEGREES.keys() | SPARING | VERBS | PARTICIPLES | PLAIN
_SILENT = bag("a an the any his her their its of with more")
_LASTING = NEGATORS | DEGREES.keys() | _SILENT | set(MARKS)  # what was graded before them still is after


def says_something(text: str) -> bool:
    """Whether there is a letter, a figure or an emoji that is known."""
    return any(sign.isalnum() or sign in EMOJI for sign in text)


def read_text(text: str) -> dict[str, float]:
    """Attributes with signed strengths, the strongest reading of each; empty where no phrase is known.

    What is denied yields to what is said: "old, but without wrinkles" is old.
    """
    said, denied, claims = {}, {}, list(_claims(text))
    painted = any(degree > 0 < EFFECTS_OF.get(concept, {}).get("Wearing_Lipstick", 0) for concept, degree in claims)
    beards = [degree for concept, degree in claims if degree >= 0 > EFFECTS_OF.get(concept, {}).get("No_Beard", 0)]
    for concept, degree in claims:
        found, effects = denied if degree < 0 else said, EFFECTS_OF.get(concept, {})
        if concept == "no_moustache" and beards:  # beside a beard that stays; one that is asked for comes as it is
            effects = {} if any(beards) else {"Mustache": -1}
        if concept == "no_makeup" and painted:
            effects = {"Heavy_Makeup": -1}
        for name, strength in effects.items():
            value = strength * degree
            found[name] = value if abs(value) >= abs(found.get(name, 0)) else found[name]
    return {name: value for name, value in (denied | said).items() if value}


def unread(text: str) -> set[str]:
    """The words of a text that are no part of a known phrase, nor known to be of no importance."""
    names = {name for name, _ in _items(text)}
    return {name for name in names if name not in EFFECTS_OF and name not in MARKS} - UNDERSTOOD


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


def _claims(text: str) -> Iterator[tuple[str, float]]:
    """The concepts said, in order, with their degrees: negative where they are denied, 0 where they are to stay."""
    denial, degree, items = Denial(), 1.0, list(_items(text))
    for at, (name, words) in enumerate(items):
        if is_concept(name):
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


def _items(text: str) -> Iterator[Item]:
    """The phrases of a text, in order, and the words and marks between them."""
    table, words, at = phrase_table()[0], reworded(text), 0
    while at < len(words):
        length = _longest(words, at)
        phrase = tuple(words[at : at + length])
        yield table.get(phrase, phrase[0]), phrase
        at += length


def _longest(words: Sequence[str], at: int) -> int:
    """How many words the phrase has that begins at one of them; an article is left out of a longer one."""
    table, most = phrase_table()
    lengths = range(min(most, len(words) - at), 0, -1)
    length = next((n for n in lengths if tuple(words[at : at + n]) in table), 1)
    return 1 if words[at] in ARTICLES and length > 1 and _longest(words, at + 1) >= length else length
