"""Words that are misspelt: what may be meant, and the negations that surely are."""

from __future__ import annotations

import difflib

from dvaedit.editing.denial import LACKING, REMOVING, SAYING
from dvaedit.editing.phrases import vocabulary
from dvaedit.models.wording import CONTENT_WORDS, FILLER_WORDS

NEAR = 0.8  # likeness of words from which one is taken for another misspelt
LONG = 6  # letters of a word that is known again with one more, one less or another
REAL = frozenset(["remote"])  # near a negation, and none
NEGATING = SAYING | REMOVING | LACKING | {"keep", "leave"}


def nearest(word: str) -> str:
    """The word of the table that is spelt nearly as ``word``; empty if there is none, or if it is one itself."""
    known = sorted(each for each in vocabulary() if each[0] == word[0])
    if word in known:
        return ""
    swapped = [each for each in known if len(word) > 2 and sorted(each) == sorted(word)]
    return next(iter(swapped or difflib.get_close_matches(word, known, 1, NEAR)), "")


def corrected(word: str) -> str:
    """The negation that a word is by mistake, for what is denied must not be asked for; or the word itself."""
    if word in vocabulary() | NEGATING | CONTENT_WORDS | FILLER_WORDS | REAL:
        return word
    return next((each for each in sorted(NEGATING) if _is_slip(word, each)), word)


def _is_slip(word: str, meant: str) -> bool:
    """Whether two neighbours are swapped; in a long word, also whether one letter is more, less or another."""
    inflected = word.startswith(meant) or word[:-1] == meant[:-1]
    if inflected or word[0] != meant[0] or abs(len(word) - len(meant)) > 1 or len(word) < 3:
        return False
    at = next((n for n, pair in enumerate(zip(word, meant, strict=False)) if pair[0] != pair[1]), len(meant))
    if len(word) == len(meant) and word[at + 1 : at + 2] + word[at : at + 1] == meant[at : at + 2]:
        return word[at + 2 :] == meant[at + 2 :]
    rests = (word[at:], meant[at + 1 :]), (word[at + 1 :], meant[at:]), (word[at + 1 :], meant[at + 1 :])
    return len(meant) >= LONG and not meant.endswith("ing") and any(one == other for one, other in rests)
