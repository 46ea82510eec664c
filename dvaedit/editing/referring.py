"""What "it" and "them" stand for: "he has a beard, remove it" tells how things are, then what is to become of them."""

from __future__ import annotations

import re

from dvaedit.editing.phrases import phrase_table
from dvaedit.editing.sayings import THING

NAMED = re.compile(rf"\b(?:{THING}|hair|lips)(?!\w)")
COLOURABLE = ("hair", "beard", "lips", "lipstick")
REMOVED = re.compile(  # what was named before is to go, or to stay
    r"\b(?:(?:remove|take|lose|drop|ditch|delete|erase|hide|shave|pull|cut|trim|keep|leave|eliminate"
    r"|want|get\s+rid\s+of|do\s+away\s+with)\s+(it|them)\b(?!\s+to\b)"
    r"|(?:give\s+(?:him|her|them)|add|grow)\s+(one|some)\b(?=\s*(?:$|[.,;!?]|and\b))"
    r"|make\s+(it|them)(?=\s+(?:disappear|vanish|go)\b)|(it|they)(?=\s+(?:must|has\s+to|have\s+to|needs?\s+to)\s+go\b))"
)
CHANGED = re.compile(  # what was named before is to be of another colour, or length
    r"\b(?:(?:make|turn|dye|tint|paint|colou?r|change|want|have)\s+((?:his|her|their|the)\s+hair|it|him|her|them)"
    r"|(it)\s+(?:should|must|is\s+to)\s+be)\s+(?:(?:to|into|be|an?|bit|little|slightly|much)\s+)*(\w+)"
)
SHAVEN = re.compile(r"\bshav(?:e|es|ing)\s+it(?:\s+all)?(?:\s+off)?\b")  # where nothing else was named
SUBJECT = r"(?:s?he|they|it|i|there|(?:the|this|that|his|her|their)\s+(?:\w+\s+){1,2}?)\s*"
TELLING = re.compile(  # a sentence of how things are, up to a command
    rf"(?:^|(?<=[.,;!?]))\s*(?:(?:and|but|so)\s+)?{SUBJECT}\b(?:is|are|has|have|had|got|was|wears?|looks?)\b"
    r"[^.,;!?]*?(?:[.,;!?]|\b(?:and|but|so)\b)\s*(?:(?:and|but|so|please|i|we|you|to|just|then|now|would|can|could)\s+)*$"
)
NAMING = re.compile(r"(?:^|(?<=[.,;!?]))\s*(?:(?:an?|the|his|her|their)\s+)?(?:\w+\s+){0,2}?\w+[.,;!?]\s*(?:and\s+)?$")


def resolved(text: str) -> str:
    """A text with the things that "it" and "them" stand for, without the sentence that told of them."""
    at = 0
    while found := REMOVED.search(text, at):
        before, after = text[: found.start()], text[found.start() : found.end()]
        told = TELLING.search(before) or NAMING.search(before)
        things = NAMED.findall(told[0] if told else before)
        pronoun = next(filter(None, found.groups()))
        if things:
            meant = " and the ".join(things if pronoun in ("them", "they") else things[-1:])
            before = before[: told.start()] + " " if told else before
            after = re.sub(rf"\b{pronoun}\b", f"the {meant}", after)
        text, at = before + after + text[found.end() :], len(before + after)
    return SHAVEN.sub("remove the beard", _recoloured(text))


def _recoloured(text: str) -> str:
    """A text where "it" that gets a colour is what was named before, without the sentence that told its colour."""
    table, at = phrase_table()[0], 0
    while found := CHANGED.search(text, at):
        before, after, word = text[: found.start()], found[0], found[3]
        ables = [thing for thing in COLOURABLE if {(thing, word), (word, thing)} & table.keys()]
        named = [thing for thing in NAMED.findall(before) if thing in ables]
        told = TELLING.search(before)
        if told and ables and any((each, thing) in table for thing in ables for each in re.findall(r"\w+", told[0])):
            before = before[: told.start()] + " "
        if named:
            after = re.sub(r"\b(?:it|them)\b" if named[-1] == "lips" else r"\bit\b", f"the {named[-1]}", after)
        text, at = before + after + text[found.end() :], len(before + after)
    return text
