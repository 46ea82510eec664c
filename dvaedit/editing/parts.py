"""Which part of an edit is made in which way: sampled, drawn on the face, moved and shaded, or dyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dvaedit.editing.effects import DYES, EFFECTS, KNOWN, adding, dyed, region_of
from dvaedit.models.morphs import Morphs

TURNING = ("Smiling", "Male", "Young", "Child")


@dataclass(frozen=True)
class Parts:
    """``morphed``: moved and shaded in the frame, see :class:`Morphs`; ``adding``: put on the face and drawn there, see
    :func:`dvaedit.editing.effects.adding`; ``rest``: as the network samples it. Beside them hair may be ``dyed``."""

    morphed: dict[str, float]
    adding: dict[str, float]
    rest: list[str]
    dyed: bool
    region: str

    @classmethod
    def of(cls, strengths: Mapping[str, float], morphs: Morphs | None) -> Parts:
        """Of changes, by attribute. What gives hair another colour too is morphed only where nothing is sampled."""
        morphed = morphs.known(strengths) if morphs else {}
        put_on = adding(strengths, [kind for kind in KNOWN if morphs is None or not morphs.knows(kind)])
        rest = _others(strengths, morphed, put_on)
        if rest:
            morphed = {name: value for name, value in morphed.items() if not EFFECTS[name].dyes}
            rest = _others(strengths, morphed, put_on)
        return cls(morphed, put_on, rest, dyed(list(strengths)), region_of(rest or list(strengths)))

    @classmethod
    def sampled(cls, strengths: Mapping[str, float]) -> Parts:
        """Of changes that are all left to the network, but for the colour of hair."""
        names = list(strengths)
        return cls({}, {}, [name for name in names if name not in DYES], dyed(names), region_of(names))

    @property
    def turned(self) -> dict[str, float]:
        """What is morphed that turns a face into another expression, sex or age, and is not just taken off."""
        turning = {name: value for name, value in self.morphed.items() if name in TURNING}
        return {name: value for name, value in turning.items() if name != "Smiling" or value > 0}

    @property
    def few(self) -> bool:
        """Whether a few sampled frames tell all there is to know."""
        return not self.rest and bool(self.morphed or self.adding or (self.dyed and self.region == "hair"))

    @property
    def split(self) -> bool:
        """Whether what is sampled and what is drawn need codes of their own."""
        return bool(self.rest and self.morphed) or bool(self.adding and (self.rest or self.morphed))

    @property
    def unsampled(self) -> list[str]:
        """What sampled frames do not show where there is a split; colours of hair are learnt from them."""
        return [*self.adding, *(name for name in self.morphed if not EFFECTS[name].dyes)]


def _others(strengths: Mapping[str, float], *made: Mapping[str, float]) -> list[str]:
    """The changes that are not made otherwise, and do more than give hair another colour."""
    return [name for name in strengths if name not in DYES and not any(name in each for each in made)]
