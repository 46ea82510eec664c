"""What each attribute does to a picture: the words for it and the part of the face it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """``present`` and ``absent`` describe a face with and without the attribute; ``region`` names where it shows.

    ``dyes``: hair takes on another colour and keeps its strands. ``adds``: what is put on the face at strengths of this
    ``sign``.
    """

    present: str
    absent: str
    region: str
    dyes: bool = False
    adds: str = ""
    sign: int = 1


EFFECTS: dict[str, Effect] = {
    "Black_Hair": Effect("face with black hair", "face", "hair", dyes=True),
    "Blond_Hair": Effect("face with blond hair", "face", "hair", dyes=True),
    "Brown_Hair": Effect("face with brown hair", "face", "hair", dyes=True),
    "Gray_Hair": Effect("face with gray hair", "face", "hair", dyes=True),
    "Red_Hair": Effect("face with red hair", "face", "hair", dyes=True),
    "Dyed_Hair": Effect("face with dyed hair", "face", "hair", dyes=True),
    "Bald": Effect("bald person", "face with hair", "head"),
    "Long_Hair": Effect("face with long hair", "face with short hair", "head", adds="locks"),
    "Wavy_Hair": Effect("face with wavy hair", "face with straight hair", "hair"),
    "Bangs": Effect("face with bangs", "face without bangs", "head"),
    "Receding_Hairline": Effect("face with a receding hairline", "face", "head"),
    "Eyeglasses": Effect("face with eyeglasses", "face without glasses", "eye_area", adds="glasses"),
    "Sunglasses": Effect("face with sunglasses", "face without glasses", "eye_area", adds="sunglasses"),
    "No_Beard": Effect("clean shaven face", "face with a beard", "lower_face", adds="whiskers", sign=-1),
    "5_o_Clock_Shadow": Effect("face with stubble", "clean shaven face", "lower_face", adds="whiskers"),
    "Mustache": Effect("face with a moustache", "clean shaven face", "lower_face", adds="whiskers"),
    "Smiling": Effect("smiling face", "face with a neutral expression", "face"),
    "Mouth_Slightly_Open": Effect("face with open mouth", "face with closed mouth", "lower_face"),
    "Male": Effect("face of a man", "face of a woman", "head"),
    "Young": Effect("young person", "old person", "head", dyes=True),
    "Child": Effect("child", "adult", "head"),
    "Wearing_Lipstick": Effect("face with lipstick", "face without makeup", "mouth"),
    "Heavy_Makeup": Effect("face with heavy makeup", "face without makeup", "face"),
    "Wearing_Hat": Effect("person wearing a hat", "face", "head"),
    "Rosy_Cheeks": Effect("face with rosy cheeks", "face", "face"),
}
WHOLE_HEAD = "head"
KNOWN = ("whiskers", "locks")  # what is put on as it is known beforehand
DYES = frozenset(name for name, effect in EFFECTS.items() if effect.dyes and effect.region == "hair")  # and no more


def region_of(attributes: list[str]) -> str:
    """The region that holds all the changes: the attributes' own if they share one, else the whole head.

    Dyes beside others do not count: hair is dyed on its own.
    """
    attributes = [name for name in attributes if name not in DYES] or attributes
    regions = {EFFECTS[name].region if name in EFFECTS else WHOLE_HEAD for name in attributes}
    return regions.pop() if len(regions) == 1 else WHOLE_HEAD


def dyed(attributes: list[str]) -> bool:
    """Whether hair takes on another colour and keeps its strands: not where another edit changes these."""
    colours = any(name in EFFECTS and EFFECTS[name].dyes for name in attributes)
    return colours and region_of([name for name in attributes if name not in DYES] or [""]) != "hair"


def turning(strengths: Mapping[str, float]) -> dict[str, float]:
    """The colour hair is to be of, and how far, in [0, 1]: see :meth:`dvaedit.face.dye.Dye.learn`.

    Who asks for a strength above 1 asks for more than is natural.
    """
    named = {name.removesuffix("_Hair").lower(): v for name, v in strengths.items() if name in DYES and v > 0}
    young = strengths.get("Young", 0.0)
    if not named and young:
        return {"gray" if young < 0 else "young": min(abs(young), 1.0)}
    return {name: min(v, max(2 - v, 0.0)) for name, v in named.items()} if len(named) == 1 else {}


def adding(strengths: Mapping[str, float], unknown: Sequence[str] = ()) -> dict[str, float]:
    """Of some changes, those that put something on the face, but for what nobody knows how to draw."""
    known = {name: value for name, value in strengths.items() if name in EFFECTS}
    known = {name: value for name, value in known.items() if EFFECTS[name].adds not in ("", *unknown)}
    return {name: value for name, value in known.items() if EFFECTS[name].sign * value > 0}


def added(strengths: Mapping[str, float]) -> list[str]:
    """What is put on the face, one pair of glasses at most."""
    found = {EFFECTS[name].adds for name in adding(strengths)}
    return sorted(found - {"glasses"} if "sunglasses" in found else found)
