"""Which adjectives are whose: hair, a beard and lips have each of their own, and none of those they are to lose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from dvaedit.editing.denial import THINGS, TRAITS, bag
from dvaedit.editing.phrases import BEARDS, COLOURED, DYEABLE, SHADES, TINTS, phrase_table, split

OF_HAIR = frozenset(["long", "longer", "short", "shorter", "wavy", "curly", "straight"])
OWNING = "(?:(?:the|his|her|their) )?"
# Things that an adjective before them is of, and not the face: "blond eyebrows", "an old photo"; of smiles, lines.
OBJECTS = bag("eyebrow brow lash eyelash wig tooth teeth line beer ale wine tea eagle photo photograph picture film "
              "movie house home car camera shirt dress jacket coat suit clothes oil fashioned school friend dog cat "
              "town building book")  # fmt: skip
LOOKS = "long|short|full|bushy|thick|thin|big|huge|trimmed|curly"  # of beards
AGED = bag("old older aged young")
ADJECTIVES = frozenset().union(AGED, bag("ginger brunette curly wavy hairy smile"), *TRAITS)
BECOMING = (r"(?:turn\w*|go|goes|going|gone|went|look\w*|gets?|getting|got|grow\w*|become\w*|became|appear\w*|seem\w*"
            r"|dyed|painted|colou?red|tinted|bleached)")  # fmt: skip
DEGREE = (r"(?:an? )?(?:(?:little|tiny|bit|lot|slight|slightly|somewhat|much|way|very|really|even|quite|so|all|less"
          r"|completely|totally|more) )+")  # fmt: skip


def regrouped(words: list[str]) -> list[str]:
    """Words with hair, a beard or lips beside each of its colours."""
    text = " ".join(words)
    for pattern, other in _groups().items():
        text = pattern.sub(other, text)
    return text.split()


@cache
def hues(thing: str = "") -> frozenset[str]:
    """The colours of one word that hair, beards, and lips can be of, or one of these things."""
    of = {phrase[0]: name for phrase, name in phrase_table()[0].items() if phrase[1:] == ("hair",)}
    dyes = {colour for colour, name in of.items() if name in DYEABLE or name in COLOURED}
    shades = {"hair": dyes, "beard": _words(BEARDS) | {"ginger"}, "lips": _words(SHADES) - {"shiny", "glossy"}}
    return frozenset(shades[thing] if thing else set().union(*shades.values()))


def _words(rows: Mapping[str, str]) -> set[str]:
    return {shade for row in rows.values() for shade in split(row) if " " not in shade}


def _either(words: Iterable[str]) -> str:
    """The pattern of one of some words."""
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


@cache
def _groups() -> dict[re.Pattern[str], str]:
    """What :func:`regrouped` replaces, and by what."""
    table = phrase_table()[0]
    dyes = _either({p[0] for p, name in table.items() if p[1:] == ("hair",) and name in DYEABLE} | {*BEARDS})
    tint, kind = _either(split(TINTS)), _either(OF_HAIR)
    hue = rf"(?:(?:{tint}) )*{_either(hues())}"
    bearded, painted = _either(hues("beard")), _either(hues("lips"))
    after = _either({phrase[1] for phrase in table if phrase[0] == "hair" and len(phrase) == 2})
    changing = r"(?:turn|chang|mak|dy|colou?r|paint|transform)\w*(?: (?:the|his|her|their|this|a))?"
    end = r"(?= [,.]| (?:and|with|but|or|now|please)\b|$)"
    rules = {
        rf"\bbaby (?={hue}\b)": "",
        # "bald eagle"; of age, also of what is worn: "his old glasses"
        rf"\b(?:very )?{_either(ADJECTIVES)} (?={_either(OBJECTS)}(?:s|es)?\b)": "",
        rf"\b(?:very )?{_either(AGED)} (?={_either(THINGS)}\b)": "",
        # "a bright shade of green"; "hair went grey", "lips coloured a dark red"; "a bit lighter"
        rf"\ban? (?:({tint}) |\w+ )?(?:shade|tone|hue|tint)s? of (?={hue}\b)": r"\1 ",
        rf"\b(hair|beard|lips) (?:(?:that|which|is|are|be|has|have|had|was|were) )*{BECOMING}(?: (?:to|into|in))?"
        rf"(?: an?)? (?=(?:{DEGREE})?{hue}\b)": r"\1 ",
        rf"\b(hair|beard|lips)((?: is| are| be| to| into| in)?) an? (?={hue}{end})": r"\1\2 ",
        rf"\b({OWNING}hair(?: is| be| to)?) (?!very (?:dark|long|short)\b)({DEGREE})(?=(?:{after})\b)": r"\2\1 ",
        # "hair is not blonde but red", "not red hair, but black"; "pink instead of red lipstick"; "lipstick: red"
        rf"\b(hair|beard|lips) (?:is |are |be )?not ({hue})\b(?! \1)": r"not \2 \1",
        rf"\bnot ({hue}) (hair|beard)((?: ,)? but) ({hue}){end}": r"not \1 \2\3 \4 \2",
        rf"\bnot ({hue}) (lips|lipstick)((?: ,)? but) ({painted}){end}": r"not \1 \2\3 \4 \2",
        rf"\b({hue}) without ({hue}) (lipstick|lips|beard)\b": r"\1 \3",
        rf"\b(?:remove|replace|swap) {OWNING}{hue} (hair|beard) (?:with|for|by) (?:an? )?({hue}){end}": r"\2 \1",
        rf"\b(?:remove|replace|swap) {OWNING}{hue} (lips|lipstick) (?:with|for|by) (?:an? )?({painted}){end}": r"\2 \1",
        rf"\blipstick (?:is )?({painted}){end}": r"\1 lipstick",
        # "make her black hair blond", "change the red lipstick to pink"; "the blond hair becomes red"
        rf"\b({changing})(?: (?:{hue}|{kind}))+ (hair|beard|lips|lipstick)(?= (?:(?:to|into|in) )?(?:an? )?"
        rf"(?:{hue}|{kind}|{tint})\b)": r"\1 \2",
        rf"\b{hue} (hair|beard|lips) (?=(?:be|becomes?) {hue}{end})": r"\1 ",
        rf"\b(lipstick|lips) (?:to|into|in) ({painted}){end}": r"\2 \1",
        rf"\b({changing}) (?:brunette?|blonde?|redhead|ginger)(?: (?:wo)?man| girl| boy)? "
        rf"(?=(?:in )?(?:to|into) |(?:an? )?(?:brunette?|blonde?|redhead|ginger)\b)": r"\1 ",
        # "red curly hair", "black and curly hair", "black or brown hair"; "ginger hair and beard"
        rf"\b({dyes})(?=(?:(?: ,| and)* (?:{kind}))+ hair\b| or (?:(?:{dyes}|{kind}) )+hair\b)": r"\1 hair",
        rf"\b({dyes})(?=(?:(?: ,| and)* (?:{LOOKS}))+ beard\b)": r"\1 beard",
        rf"(?<!no )(?<!not )\b({bearded}) (hair|beard) and {OWNING}(?!\2)(hair|beard)\b(?! (?:is |be |to |are )?{hue})":
            r"\1 \2 and \1 \3",
        rf"\b(hair|beard) and {OWNING}(?!\1)(hair|beard) (?:(?:is|are|be|to|turn) )*({bearded})\b(?! hair| beard)":
            r"\3 \1 and \3 \2",
    }  # fmt: skip
    return {re.compile(pattern): other for pattern, other in rules.items()}
