"""Captions of labelled faces in very many wordings, and which captions hold of which faces."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES

from dvaedit.models.wording import (
    COMMANDS,
    CONCEPTS,
    INDEX,
    JOINS,
    PHOTO_FRAMES,
    PRONOUNS,
    SENTENCES,
    SUBJECTS,
    Concept,
)

Row = Mapping[str, str]
_UNKNOWN = float("nan")
_NUMBER_OF_CLAIMS = ((1, 0.48), (2, 0.28), (3, 0.14), (4, 0.06), (0, 0.04))


@dataclass(frozen=True)
class Caption:
    """``text`` and the concepts it claims, indices into ``CONCEPTS``."""

    text: str
    claims: tuple[int, ...]


def _is(column: str, true: str, false: str) -> Callable[[Row], float]:
    """1 for the values ``true``, 0 for ``false`` (comma separated), NaN for any other."""
    yes, no = set(true.split(",")), set(false.split(","))
    return lambda row: 1.0 if row[column] in yes else 0.0 if row[column] in no else _UNKNOWN


def _sex(value: str, *, child: bool) -> Callable[[Row], float]:
    """The sex as presented of grown people, or of children; the labels of children's sex are the least certain."""

    def truth(row: Row) -> float:
        if child:
            return float(row["sex"] == value and row["age"] == "child")
        return _UNKNOWN if row["age"] == "child" else float(row["sex"] == value)

    return truth


def _shaven(row: Row) -> float:
    return {"none": 1.0, "beard": 0.0, "moustache": 0.0}.get(row["facial_hair"], _UNKNOWN)


_COLOURS = "black,brown,blond,red,gray,dyed"
TRUTH: dict[str, Callable[[Row], float]] = {
    "black_hair": _is("hair_colour", "black", "blond,red,gray,dyed,bald"),
    "brown_hair": _is("hair_colour", "brown", "blond,red,gray,dyed,bald"),
    "blond_hair": _is("hair_colour", "blond", "black,brown,red,gray,dyed,bald"),
    "red_hair": _is("hair_colour", "red", "black,brown,blond,gray,dyed,bald"),
    "gray_hair": _is("hair_colour", "gray", "black,brown,blond,red,dyed,bald"),
    "dyed_hair": _is("hair_colour", "dyed", "black,brown,blond,red,gray,bald"),
    "dark_hair": _is("hair_colour", "black,brown", "blond,gray,red,bald"),
    "not_blond": _is("hair_colour", "black,brown,red,gray", "blond"),
    "bald": _is("hair_colour", "bald", _COLOURS),
    "not_bald": _is("hair_colour", _COLOURS, "bald"),
    "long_hair": _is("hair_length", "long", "short"),
    "short_hair": _is("hair_length", "short", "long"),
    "wavy_hair": _is("hair_texture", "wavy", "straight"),
    "straight_hair": _is("hair_texture", "straight", "wavy"),
    "eyeglasses": _is("glasses", "eyeglasses", "none"),
    "sunglasses": _is("glasses", "sunglasses", "none,eyeglasses"),
    "no_glasses": _is("glasses", "none", "eyeglasses,sunglasses"),
    "no_sunglasses": _is("glasses", "none,eyeglasses", "sunglasses"),
    "beard": _is("facial_hair", "beard", "none,moustache"),
    "moustache": _is("facial_hair", "moustache", "none,stubble"),
    "stubble": _is("facial_hair", "stubble", "none,beard"),
    "no_beard": _shaven,
    "smiling": _is("smile", "broad,slight", "none"),
    "broad_smile": _is("smile", "broad", "none,slight"),
    "slight_smile": _is("smile", "slight", "none"),
    "not_smiling": _is("smile", "none", "broad"),
    "mouth_open": _is("mouth_open", "1", "0"),
    "mouth_closed": _is("mouth_open", "0", "1"),
    "male": _sex("m", child=False),
    "female": _sex("f", child=False),
    "boy": _sex("m", child=True),
    "girl": _sex("f", child=True),
    "child": _is("age", "child", "young,middle,old"),
    "young": _is("age", "young,child", "old"),
    "middle_aged": _is("age", "middle", "child,old"),
    "old": _is("age", "old", "child,young"),
    "adult": _is("age", "young,middle,old", "child"),
    "bangs": _is("bangs", "1", "0"),
    "no_bangs": _is("bangs", "0", "1"),
    "receding": _is("receding_hairline", "1", "0"),
    "hat": _is("headwear", "1", "0"),
    "no_hat": _is("headwear", "0", "1"),
    "makeup": _is("makeup", "1", "0"),
    "no_makeup": _is("makeup", "0", "1"),
    "rosy": _is("rosy_or_freckled", "1", "0"),
    "eyes_closed": _is("eyes_closed", "1", "0"),
    "eyes_open": _is("eyes_closed", "0", "1"),
    "side_view": _is("large_pose", "1", "0"),
    "front_view": _is("large_pose", "0", "1"),
}


def truth_matrix(rows: Sequence[Row]) -> np.ndarray:
    """(N, len(CONCEPTS)) float32: 1 where the concept holds, 0 where not, NaN where the labels do not say."""
    return np.array([[TRUTH[concept.name](row) for concept in CONCEPTS] for row in rows], dtype=np.float32)


def agreement(truth: np.ndarray, captions: Sequence[Caption]) -> np.ndarray:
    """(N, M) float32: 1 where every claim of the caption holds of the face, 0 where one is wrong, else NaN."""
    claims = np.zeros((len(captions), truth.shape[1]), dtype=np.float32)
    for row, caption in zip(claims, captions, strict=True):
        row[list(caption.claims)] = 1
    wrong = (truth == 0).astype(np.float32) @ claims.T > 0
    open_question = np.isnan(truth).astype(np.float32) @ claims.T > 0
    return np.where(wrong, 0, np.where(open_question, np.nan, 1)).astype(np.float32)


def rarity(truth: np.ndarray) -> np.ndarray:
    """(K,) draw weight of each concept: the root of its inverse frequency, so that rare ones are said more often."""
    return 1 / np.sqrt(np.maximum(np.nanmean(truth == 1, axis=0), 0.002))


def draw_claims(truth: np.ndarray, weights: np.ndarray, rng: random.Random) -> tuple[int, ...]:
    """Claims that hold of one face (``truth``: (K,)): none to four, at most one of a group."""
    numbers, shares = zip(*_NUMBER_OF_CLAIMS, strict=True)
    count = rng.choices(numbers, shares)[0]
    candidates = [index for index in range(len(truth)) if truth[index] == 1]
    claims: list[int] = []
    while candidates and len(claims) < count:
        claim = rng.choices(candidates, [weights[index] for index in candidates])[0]
        claims.append(claim)
        candidates = [index for index in candidates if CONCEPTS[index].group != CONCEPTS[claim].group]
    return tuple(claims)


def contradict(truth: np.ndarray, claims: tuple[int, ...], rng: random.Random) -> tuple[int, ...] | None:
    """``claims`` with one of them replaced by another of its group that is false of the face; None if there is none."""
    options = [
        (place, index)
        for place, claim in enumerate(claims)
        for index in range(len(truth))
        if truth[index] == 0 and CONCEPTS[index].group == CONCEPTS[claim].group
    ]
    if not options:
        return None
    place, index = rng.choice(options)
    return (*claims[:place], index, *claims[place + 1 :])


def compose(claims: tuple[int, ...], rng: random.Random) -> Caption:
    """One of the many ways to say ``claims``; the wording depends on the state of ``rng`` alone."""
    concepts = [CONCEPTS[index] for index in claims]
    rng.shuffle(concepts)
    kind = rng.random()
    if kind < 0.22 and (text := _phrases_only(concepts, rng)):
        return Caption(text, claims)
    if kind < 0.36 and (text := _sentence(concepts, rng)):
        return Caption(text, claims)
    if kind < 0.52 and (text := _request(concepts, rng)):
        return Caption(text, claims)
    return Caption(_frame(_noun_phrase(concepts, rng), rng), claims)


def compose_named(names: str | Sequence[str], rng: random.Random) -> Caption:
    """:func:`compose` for concepts given by name."""
    return compose(tuple(INDEX[name] for name in ([names] if isinstance(names, str) else names)), rng)


def _phrases_only(concepts: list[Concept], rng: random.Random) -> str:
    """ "blond hair and glasses", "smiling, bearded"."""
    parts = []
    for concept in concepts:
        own = concept.having * 2 + concept.doing + concept.adjective + concept.noun
        parts.append(rng.choice(own))
    return rng.choice(JOINS[:4]).join(parts)


def _sentence(concepts: list[Concept], rng: random.Random) -> str:
    """ "she has blond hair and is smiling"."""
    having = [rng.choice(concept.having) for concept in concepts if concept.having]
    others = [concept for concept in concepts if not concept.having]
    she = rng.choice(PRONOUNS)[0]
    if not concepts or any(not concept.doing for concept in others):
        return ""
    doing = [rng.choice(concept.doing) for concept in others]
    if having and not doing:
        frame = rng.choice(SENTENCES)
        return frame.replace("{she}", she).replace("{having}", rng.choice(JOINS[:2]).join(having))
    return " and ".join([f"{she} has {phrase}" for phrase in having] + [f"{she} is {phrase}" for phrase in doing])


def _request(concepts: list[Concept], rng: random.Random) -> str:
    """ "make her hair blond", "add a beard and put on glasses"."""
    she, her, them = rng.choice(PRONOUNS)
    parts = []
    for concept in concepts:
        forms = [
            command.replace("{having}", phrase) for phrase in concept.having for command in (rng.choice(COMMANDS),)
        ]
        forms += list(concept.command) * (1 + len(forms) // max(1, len(concept.command)))
        forms += [f"make {{them}} {word}" for word in concept.adjective]
        if not forms:
            return ""
        parts.append(rng.choice(forms).replace("{their}", her).replace("{them}", them).replace("{she}", she))
    return rng.choice((" and ", ", ", " and ")).join(parts)


def _noun_phrase(concepts: list[Concept], rng: random.Random) -> str:
    """ "a bearded man with glasses who is smiling"."""
    noun, adjectives, having, doing = "", [], [], []
    for concept in concepts:
        roles = [role for role in ("noun", "adjective", "having", "having", "doing") if getattr(concept, role)]
        if noun or (concept.noun and rng.random() < 0.6):
            roles = [role for role in roles if (role == "noun") != bool(noun)] or roles
        role = rng.choice(roles)
        wording = rng.choice(getattr(concept, role))
        if role == "noun" and not noun:
            noun = wording
        else:
            (adjectives if role in ("adjective", "noun") else having if role == "having" else doing).append(wording)
    phrase = " ".join([*adjectives, noun or rng.choice(SUBJECTS)])
    if having:
        phrase += rng.choice((" with ", " with ", " having ", " who has ", ", ")) + rng.choice(JOINS[:4]).join(having)
    if doing:
        phrase += rng.choice((" ", " who is ", ", ", " and ")) + " and ".join(doing)
    return phrase


def _frame(phrase: str, rng: random.Random) -> str:
    """A noun phrase as it is, with an article, or as the content of a picture."""
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(OPENAI_IMAGENET_TEMPLATES)(phrase)
    article = "an " if phrase[0] in "aeiou" else "a "
    phrase = rng.choice((article, article, article, "the ", "")) + phrase
    return rng.choice(PHOTO_FRAMES).format(phrase) if kind < 0.55 else phrase
