"""Ages in words of the phrase table: "a 70-year-old woman" is a old woman, who is to get ten years is to be older."""

from __future__ import annotations

import re

ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBERS = {word: number for number, word in enumerate(ONES + TEENS, 1)} | {w: 10 * n for n, w in enumerate(TENS, 2)}
NUMBER = re.compile(  # "seventy", "thirty-five", and less where it is of years
    rf"\b(?:({'|'.join(TENS)})(?:[\s-]({'|'.join(ONES)})\b)?|({'|'.join(ONES + TEENS)})(?=[\s-]+ye?a?rs?\b)"
    rf"|(?:(?<=aged )|(?<=age of ))({'|'.join(ONES + TEENS)})\b)"
)
AGES = {13: "child", 36: "young", 60: "middle aged", 1000: "old"}  # years below which a face is called so
AGE = re.compile(  # "70 years old"; "look about 70", "make him 50", but not "20 years younger"; "in his late 60s"; "70"
    r"""\b(?: (\d{1,3}) [\s-]* y(?:ea)?(?:rs?)? \.? [\s/-]* (?:o\b|old\b|of\s+age\b)
    | (?:looks?|looking|aged?|age\s+of|be|like) \s+ (?:(?:about|around|a)\s+)? (\d{1,3}) \b
      (?! \s*% | [\s-]* years? \b)
    | (?:(?:make|turn)s?\s+(?:him|her|them|it)|s?he\s+(?:is|was|turns)|they\s+(?:are|were)|(?:wo)?man|person|lady|guy)
      ,? \s+ (?:(?:about|around)\s+)? (\d{2,3}) (?= \s* (?:$|[.,:;!?)]|(?:and|with|but|or|please)\b) )
    | (?:his|her|their|the) \s+ (?:(?:early|mid|late)\s+)? (\d0) '?s \b
    | (\d0) [\s-]* (?:something|ish) \b )
    | ^ \s* (\d{2,3}) \s* $""",
    re.VERBOSE,
)
MANY = r"(?:\d+|a\s+few|several|some|many|a\s+couple\s+of)\s+(?:more\s+)?"
YEARS = rf"(?:{MANY}(?:year|decade)s?|a\s+decade)\b(?![\s-]*old)"
LESS = rf"\b(?:tak|shav|knock|remov|subtract|los|drop)\w*\s+(?:off\s+)?{YEARS}(?:\s+(?:off|away|from))*"
SHIFTS = {  # years that are added or taken away, and who is to lose them and more
    LESS + r"\s+and(?=\s+(?:the|his|her|their)\b)": " younger . remove ",
    rf"\badd(?:s|ing)?\s+{YEARS}(?:\s+(?:on)?to\b)?|\b(?:in|after)\s+{YEARS}(?:'?\s+time\b)?"
    rf"|\b{YEARS}\s+(?:later|on|hence|ahead|from\s+now)\b|\btwice\s+as\s+old\b": " older ",
    rf"{LESS}|\b{YEARS}\s+(?:ago|earlier)\b|\bhalf\s+as\s+old\b|\bhalf\s+(?:his|her|their)\s+age\b": " younger ",
}


def with_ages(text: str) -> str:
    """A text in lower case with ages in years as words."""

    def figures(found: re.Match[str]) -> str:
        return str(sum(NUMBERS[group] for group in found.groups() if group))

    def word(found: re.Match[str]) -> str:
        years = int(next(group for group in found.groups() if group))
        words = next(word for most, word in AGES.items() if years < most)
        return f" {found[0] if found[3] else ''} {words} "  # "a man, 60" is a man still

    text = NUMBER.sub(figures, text)
    for pattern, change in SHIFTS.items():
        text = re.sub(pattern, change, text)
    return AGE.sub(word, text)
