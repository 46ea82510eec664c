"""Which of a text's phrases are denied."""

from __future__ import annotations

from collections.abc import Sequence

from dvaedit.editing.phrases import PAUSE, Item, Phrase, is_concept


def bag(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


# How phrases of things begin or end that "and" joins to one that is denied: hair, for one, only has another colour.
THINGS = bag("glasses eyeglasses sunglasses spectacles specs bifocals shades sunnies aviators eyewear beard goatee "
             "whiskers facial moustache mustache tache stubble shadow hat cap beanie headscarf hood helmet headdress "
             "headgear headwear turban bangs fringe makeup lipstick lippy eyeliner eyeshadow mascara cosmetics "
             "freckles wrinkles")  # fmt: skip
SMILES = bag("smile grin laugh")
SAYING = bag("not never neither nor")  # negations of what is said; the others are of things that are there
REMOVING = bag("remove removes removing lose drop drops ditch delete erase hide hides hiding shave shaves stop "
               "stops stopped replace swap quit quits cease ceases ceased refrain refrains avoid eliminate "
               "eliminates")  # fmt: skip
LACKING = bag("without lacking lacks minus less fewer")
SPARE = "spare"  # not to make somebody so
KEEPING = bag("keep keeps keeping leave leaves leaving retain preserve same") | {SPARE}  # of these nothing is asked
NEGATORS = SAYING | REMOVING | LACKING | KEEPING | {"no"}
# What ends a negation at once; right after it ("do not forget the glasses"); where it has had its phrase.
ENDING = bag(". but yet though although however while except only just instead then plus")
SPARING = bag("forget")
VERBS = bag("make makes give gives add adds put puts let turn change keep apply grow cut trim get gets gain gains has "
            "have is are was wear wears show shows he she they i who whose which")  # fmt: skip
PARTICIPLES = bag("wearing having giving adding making growing showing looking")
ASIDE = bag("in on under over from by for as like into to")  # the next thing is no second one: "no hair under a hat"
BENEATH = bag("under behind into")  # the next thing is not to go: "hide her hair under a hat"
# How people look: what is said of one kind is denied with another of it, "not old and bald".
TRAITS = (bag("bald hairless old older elderly young younger youthful blond blonde haired freckled wrinkled"),
          bag("bearded unshaven moustached mustached"), bag("happy cheerful serious"))  # fmt: skip
ARTICLES, DETERMINERS = bag("a an"), bag("the any this that his her their")
NEXT = "next"


class Denial:
    """What a negation reaches: the phrase after it, and what is joined to that by "or", or by "and" if it can be.

    It ends at "but", "with", a verb, the end of a sentence, and a comma that is not of a list.
    """

    def __init__(self) -> None:
        self.word = ""  # the negation, or what keeps things; empty where nothing is denied
        self.link = ""  # what leads to the next phrase: NEXT right after the negation, "and", "or", "aside" or nothing
        self.before = ""  # the last word
        self.trait = ""  # the last word of the last phrase, if this was of no thing

    def hear(self, word: str, rest: Sequence[Item]) -> None:
        """Take in a word that is no part of a phrase; ``rest`` comes after it."""
        twice = self.before in SAYING and word not in SAYING
        if word in KEEPING and twice:
            self.link = NEXT  # "do not keep"
        elif word in NEGATORS:
            self.word, self.link = ("", "") if twice else (word, NEXT)  # "not without"
        elif self._ends_at(word) or (word in BENEATH and self.word in REMOVING and self.before not in NEGATORS):
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
        kept = self.word in KEEPING and self.link == NEXT
        if words[0] in NEGATORS and not kept:  # it says itself that something is not there
            denied = self.before in SAYING
            self.word = "" if denied else words[0]
        else:
            denied = bool(self.word) and self._reaches(words)
            self.word = self.word if denied else ""
        self.link, self.before, self.trait = "", words[-1], "" if _is_thing(words) else words[-1]
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
            return word in VERBS and self.word not in SAYING | {SPARE}
        if self.link == "or":
            return False
        return word in VERBS or word in PARTICIPLES or word == "more" or (word in ARTICLES and not self._is_wide())

    def _is_wide(self) -> bool:
        """Whether it reaches beyond an article: "without a hat and a beard", but not "no hat and a beard"."""
        return self.word in SAYING | LACKING | {SPARE}

    def _is_of_traits(self) -> bool:
        """Whether somebody is said not to look somehow."""
        return bool(self.trait) and self.word in SAYING | {SPARE}

    def _joins(self, words: Phrase, before: str, listed: bool) -> bool:
        """Whether a second phrase can be denied too, beside a thing a thing, in a list beside a trait a trait.

        ``before``: the word before it. "No" reaches bare words alone: "no hat and thick glasses" are glasses.
        """
        if words[0] in VERBS | PARTICIPLES | ASIDE or (words[0] in ARTICLES and not self._is_wide()):
            return False
        if self.word == "no" and listed and (len(words) > 1 or before not in ("and", "")):
            return words[0] == "facial"
        if self._is_of_traits():
            return listed and any({self.trait, words[-1]} <= kind for kind in TRAITS)
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
            elif is_concept(name):
                joined = join == "or" or self._joins(words, before, True)
                if join:
                    return join if joined and (join == "or" or (self._is_wide() and not self._is_of_traits())) else ""
                if not joined and not (self._is_of_traits() and any(words[-1] in kind for kind in TRAITS)):
                    return ""
            before = words[-1]
        return ""


def _is_thing(words: Phrase) -> bool:
    return not THINGS.isdisjoint((words[0], words[-1]))
