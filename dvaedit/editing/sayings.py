"""What people say of things taken off, of what is to stay and of hair, and the same in words of the phrase table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dvaedit.editing.denial import SMILES, THINGS
from dvaedit.editing.phrases import EMOJI, PERSONS

OWN = r"(?:(?:the|his|her|their|that|this|those|these)\s+)?"
THING = rf"(?:{'|'.join(sorted({'facial hair', *THINGS, *SMILES} - {'facial'}))})s?"
TAKEN = rf"{OWN}{THING}"
# With what it is like: "any thick glasses".
SOME = rf"(?:(?:an?|the|his|her|their|that|this|those|these|any)\s+(?:[\w']+\s+){{0,2}}?)?{THING}\b"
BEING = r"(?:(?:is|are|be|was|were|being|been|has|have|had|got|gets?|must|should|can|will|needs?|to|all)\s+)*"
END = r"(?=\s*(?:$|[.,;:!?)]))"
GRAY = r"gr[ae]y(?:er)?"
# Verbs of taking away, of which stems take e, es, ed or ing; of doing something to what is there.
REMOVAL = (r"(?:(?:remov|loo?s|delet|eras|hid|shav|eliminat)(?:e|es|ed|ing)|lost|hidden|dropp(?:ed|ing)|drops?"
           r"|ditch(?:es|ed|ing)?|swap(?:s|ped|ping)?|replac(?:e|es|ed|ing))")  # fmt: skip
DOING = (r"(?:(?:touch|alter|modify|affect|edit|adjust|mess)(?:s|es|ed|ing)?(?:\s+with)?|chang(?:e|es|ed|ing)"
         r"|modif(?:ies|ied))")  # fmt: skip
THEM = r"(?=\s+(?:him|her|his|them|their|it|the)\b)"
STAYING = (r"(?:unchanged|untouched|unaltered|intact|alone|stay(?:s|ing)?|remain(?:s|ing)?|(?:the\s+)?same"
           r"|as\s+(?:(?:it|they)\s+)?(?:is|are)|as-is)")  # fmt: skip
BETWEEN = r"(?:(?:ever|even|to|please|you|dare|just|try|go|going|want|have|be|being|been|anyone|i)\s+)*"
BEARDED = r"(?:face|chin|cheeks?|jaw)\b"
GOING = r"(?:go|goes|going|gone|went|turns?|turned|turning|becomes?|became|get|gets|getting)"
WHO = rf"(?:s?he|they|him|her|them|{PERSONS})\s+(?:(?:is|are|has|have|had|was|be|should|to|let)\s+)*"
SPELT = {  # other spellings of words
    **{emoji: f" {words} " for emoji, words in EMOJI.items()},
    r"[\u2019\u02bc\u00b4`]": "'",
    r"\b(?:is|are|was|were|do|does|did|has|have|had|ca|wo|would|could|should|must|need|ai)n'?t\b": "not",
    r"\b(s?he|it|they|who|that|i|you|we)'(?:s|re|m|d|ll|ve)\b": r"\1 is",
    r"\bd?nt\b": "not", r"\bwith\s+out\b": "without",
    r"\btak(?:e|es|ing)\s*of\s+(?=(?:the|his|her|their)\b)": "take off ",
    r"\bmake[ -]up\b": "makeup", r"\blip[ -]stick": "lipstick", r"\blip-?gloss": "lip gloss", r"(?<=[a-z])-ish\b": "",
}  # fmt: skip
REWORDED = {  # what is said, and the same in words of the table and of the denial's sets, one after the other
    # Who is meant, and of whom something is, says nothing of what is asked.
    rf"\b(hair|beard|lips|lipstick|glasses|face|head|eyes|chin|mouth)\s+of\s+(?:the|this|that)\s+(?:\w+\s+)?{PERSONS}\b":
        r"\1",
    rf"\b(?:the|this|that|an?)\s+(?:[\w-]+\s+){{0,3}}?{PERSONS}(?:\s+(?:who|that|which|with|wearing|having|in)\b"
    r"[^.,;!?]*?)?\s+(?=(?:should|must|shall|ought|becomes?|gets?|(?:needs?|has)\s+to)\b)": "",
    r"\b(?:should|must|could|would|will|can|to)\s+be\b": "be",
    r"\b((?:[a-z]+\s+)?[a-z]+)\s+no\s+(?:more|longer)" + END: r"not \1",
    r"\bcannot\b|\bno longer\b|\banything but\b": "not",
    r"\b(?:get(?:s|ting)?\s+rid\s+of|(?:do(?:es|ing)?|did)\s+away\s+with)\b": "remove",
    rf"(^|[.,;!\n]\s*)(?!(?:no|not|without)\b)([a-z' -]+?)\s*(?:[?:]|\s-)\s*(?:no|none|nope)"
    rf"(?:\s+thank(?:s|\s+you))?{END}": r"\1not \2.",
    rf"\bcover(?:s|ing)?(?:\s+up)?(?=\s+{OWN}(?:{GRAY}s?|white|wrinkles|freckles)\b)": "remove",
    rf"\b(the|his|her|their)\s+{GRAY}s\b": r"\1 gray hair",
    r"\b(smil\w*|grin\w*|laugh\w*|frown\w*|scowl\w*|cry\w*)\s+(?:(?:an?\s+)?(?:little|bit|lot)\s+)?less\b": r"less \1",
    r"\b(?:touch|hint|tad|dash|sprinkling)\s+of\b": "slight",
    r"\b(?:gender|sex)[\s-]*swap(?:ped)?\b|\bswap(?:s|ped)?\s+(?:the\s+|his\s+|her\s+)?(?:gender|sex)\b": "change",
    r"\bas\s+(?!(?:well|soon|far|much|if|though)\b)(\w+)\s+as\s+(?:(?:the|his|her|their|an?|my)\s+)?\w+": r"\1",
    rf"\bhair\s+(?:on|to|covering)\s+{OWN}{BEARDED}": "facial hair",
    rf"\b({REMOVAL}\s+(?:\w+\s+){{0,2}})hair\s+(?:from|off)\s+{OWN}{BEARDED}": r"\1facial hair",
    r"\bat the same time\b": "", r"\b(hair|beard|lips|lipstick)\s+[-=\u2013]\s+(?=\w+\s*(?:$|[.,;]))": r"\1 ",
    rf"(\b{WHO}(?:{GOING}\s+)?|(?:^|[.,;]\s*){GOING}\s+)((?:all\s+|completely\s+)?){GRAY}"
    rf"(?={END}|\s+(?:and|but|with|please|too|now)\b)": r"\1\2gray hair",
    rf"\b(?:not|never|without)\s+{BETWEEN}[a-z]+\s+({SOME})\s+(?:off|away)\b": r"keep \1",
    # What is off, gone or to go; what is taken off.
    rf"(?<!\ba )\b({TAKEN}(?: (?:and|or) {TAKEN})*)\s+{BEING}(?:(?:taken|shaved|wiped|cut|come)\s+)?"
    rf"(?:off|removed|shaved|hidden|deleted|disappears?|vanish(?:es)?|gone(?!\s+(?:{GRAY}|white))|go(?:es)?(?:\s+away)?{END})(?!\w)":
        r"without \1.",
    rf"\b{OWN}((?:[a-z]+ )?hair)\s+(?:(?:is|be)\s+)?(?:removed|shaved|gone(?! \w))\b": r"no \1.",
    rf"\b(?!show)[a-z]+\s+(?:off|away)\s+(?={SOME})": "remove ",
    r"\b(?:cut|chop|trim)(?:s|ting|ped|ping|ming)?(?:\s+off)?\s+((?:the|his|her|their)\s+)?(?:long\s+)?hair\b":
        r"cut \1hair",
    r"\b(?:tak|shav|wip)(?:e|es|ing)\s+((?:(?!tak|shav|wip)[\w']+\s+){0,4}?)(?:off|away)\b": r"remove \1",
    r"\b(?:smooth|iron)(?:s|ing)?\s+(?:out|away)\b|\bleav(?:e|es|ing)\s+(?:out|off)\b": "remove",
    rf"\b{REMOVAL}\s+(?={SOME})": "remove ",
    r"\bde-(?=beard)": "no ",
    # What is to stay.
    rf"\b({SOME}|{OWN}(?:\w+\s+)?(?:hair|lips|smile))\s+{BEING}(?:{STAYING}|(?:not|never)\s+{BEING}(?:{REMOVAL}|{DOING}))\b":
        r"keep \1.",
    rf"\b(?:not|never|without)\s+{BETWEEN}(?:{REMOVAL}|{DOING}|age{THEM}|age?ing)\b": "keep",
    rf"\b(?:not|never|without)\s+{BETWEEN}(?:mak(?:e|ing)|turn(?:ing)?){THEM}": "spare",
    r"\bno\s+changes?\s+(?:to|in|of)\b": "keep",
    rf"\b(?:remove|shave)\s+(?:(?:his|her|their|all)\s+)?hair(?={END}|\s+(?:and|but|please)\b)": "without hair",
    rf"\b({THING})\s+free\b": r"no \1",
    r"\b([a-z]+)-free\b": r"no \1",
    r"\b(?:instead|free|devoid) of\b|\brather than\b|\bw/o\b|\bsans\b": "without",
    r"\bw/": "with ",
    r"\bfrom\s+(?:[\w'-]+\s+){1,3}?(?=(?:in)?to\b)": "",
    r"(?<!wild )\bhair\s+colou?r\b": "hair",
    r"(?<!brightly )\b-?colou?red(?=\s+(?:hair|beard|lips|lipstick)\b)": "",
    r"\b([a-z]{3,})haired\b": r"\1 haired",
    r"\b(wo|gentle)?men\b": r"\1man", r"\bladies\b": "lady", r"\bchildren\b": "child",
    r"[;!?\n\u2013\u2014]|\s-\s": ".",
}  # fmt: skip


def spelt(text: str) -> str:
    """A text in lower case with its words in full."""
    return _replaced(text.lower(), SPELT)


def plainly(text: str) -> str:
    """A text that is spelt so, reworded."""
    return _replaced(text, REWORDED)


def _replaced(text: str, rules: Mapping[str, str]) -> str:
    for pattern, other in rules.items():
        text = re.sub(pattern, other, text)
    return text
