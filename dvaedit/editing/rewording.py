"""A text in words of the phrase table: ages as words, things taken off as denied, hair with each of its colours.

The text is spelt out and reworded as a whole, :mod:`dvaedit.editing.sayings`, with what "it" stands for,
:mod:`dvaedit.editing.referring`; then its words are put where the table has them, :mod:`dvaedit.editing.colouring`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dvaedit.editing.ages import with_ages
from dvaedit.editing.colouring import OF_HAIR, hues, regrouped
from dvaedit.editing.phrases import MARKS, PAUSE, vocabulary
from dvaedit.editing.referring import resolved
from dvaedit.editing.sayings import plainly, spelt
from dvaedit.editing.spelling import corrected
from dvaedit.models.wording import words_of

BETWEEN = 3  # words from it to hair, and none of these
OTHERS = frozenset(["and", "or", "but", "with", "beard", "moustache", "mustache", "."])
LEAST = 3  # letters of a plural without its s


@lru_cache(64)
def reworded(text: str) -> tuple[str, ...]:
    """A text's words, and the marks between them, as the table has them."""
    text = with_ages(_negating(spelt(text)))
    return tuple(_told_apart(regrouped(_words_and_marks(plainly(resolved(text))))))


def _negating(text: str) -> str:
    """A text where what negates is spelt right, and "non-smiling" is not smiling."""

    def denied(found: re.Match[str]) -> str:
        return f"not {found[1]}" if found[1] in vocabulary() else found[0]

    text = re.sub(r"[^\W\d_]+", lambda found: corrected(found[0]), text)
    return re.sub(r"\bnon[-\s]([a-z]+)", denied, text)


def _words_and_marks(text: str) -> list[str]:
    """The words of a text, with one of ``MARKS`` where it pauses or stops."""
    parts = re.split("([,.])", text)
    words = [word for part in parts for word in ([part] if part in MARKS else words_of(part))]
    return [_base(word) for word in words]


def _base(word: str) -> str:
    """A word that is not known without its s, and a colour without what says that it is not quite that."""
    known = vocabulary()
    if word in known:
        return word
    if len(word) > LEAST and word.endswith("s") and word[:-1] in known:
        return word[:-1]
    stem = word.removesuffix("ish") if word.endswith("ish") else ""
    return next((each for each in (stem, stem + "e", stem[:-1]) if each in hues()), word)


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
