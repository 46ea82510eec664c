"""A text in words of the phrase table: ages as words, things taken off as denied, hair with each of its colours."""

from __future__ import annotations

import re
from functools import cache

from dvaedit.editing.denial import SMILES, THINGS
from dvaedit.editing.phrases import BEARDS, DYEABLE, EMOJI, MARKS, PAUSE, TINTS, phrase_table, split, vocabulary
from dvaedit.models.wording import words_of

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
OWN = r"(?:(?:the|his|her|their|that|this)\s+)?"
TAKEN = rf"{OWN}(?:{'|'.join(sorted({'facial hair', *THINGS, *SMILES} - {'facial'}))})s?"
LEAST = 3  # letters of a plural without its s
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
    rf"(?<!\ba )\b({TAKEN}(?: (?:and|or) {TAKEN})*)\s+(?:(?:is|are|be)\s+)?(?:(?:taken|shaved|wiped)\s+)?"
    r"(?:off|removed|gone|shaved|hidden)\b": r"without \1.",
    rf"\b{OWN}((?:[a-z]+ )?hair)\s+(?:(?:is|be)\s+)?(?:removed|shaved|gone(?! \w))\b": r"no \1.",
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


def _with_ages(text: str) -> str:
    """A text in lower case with ages in years as words: "a 70-year-old woman" as "a old woman"."""

    def figures(found: re.Match[str]) -> str:
        return str(sum(NUMBERS[group] for group in found.groups() if group))

    def word(found: re.Match[str]) -> str:
        years = int(next(group for group in found.groups() if group))
        words = next(word for most, word in AGES.items() if years < most)
        return f" {found[0] if found[3] else ''} {words} "  # "a man, 60" is a man still

    return AGE.sub(word, NUMBER.sub(figures, text))


def reworded(text: str) -> list[str]:
    """A text's words, and the marks between them, as the table has them."""
    return _told_apart(_regrouped(_words_and_marks(text)))


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
    known = vocabulary()
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
    colours_of = [
        phrase[0] for phrase, name in phrase_table()[0].items() if phrase[1:] == ("hair",) and name in DYEABLE
    ]
    colour, tint = "|".join({*colours_of, *BEARDS}), "|".join(split(TINTS))
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
