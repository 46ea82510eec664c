"""What a model knows of expressions, sex and age that is moved and shaded in the frame, not sampled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dvaedit.errors import WeightsError
from dvaedit.face.lipstick import BARE, PAINTS, RED, ROSE
from dvaedit.face.morph import NOWHERE, Morph

SMILING, LONG_HAIRED, UNSMILING = "Smiling+", "Male-", "Smiling-"
WITH_TEETH = SMILING, "Mouth_Slightly_Open+"
PAINTED, UNPAINTED, MADE_UP = "Wearing_Lipstick+", "Wearing_Lipstick-", "Heavy_Makeup+"
FOLD, DEEPEST = 15.0, 6.0  # Lab lightness that shades darken as they are, and by which they do more, at most
WOMANLY = 0.7  # how thick lipstick is, at most, of those who are made women
MADE_UP_EYES = 0.5  # share of what the network shades there of those who are made women
YOUTH, FRESH = {"Young+", "Child+"}, 0.35  # share of what it darkens of the young: no hollow cheeks
BEARD = "No_Beard-"
WHISKERS = {"Mustache+", "5_o_Clock_Shadow+", BEARD}
HIDES = 2.0  # times the density of beards: how much of the skin they hide
POINTS = 68


@dataclass(frozen=True)
class Morphs:
    """Changes by attribute and sign, as "Smiling+": ``shapes``, (68, 2), and ``textures``, (S, S, 3), see
    :class:`Morph`; ``smooths``, (S, S), where there are any; ``covers``: (S, S) in [0, 1], the
    density of the hair that grows with them, where any does; ``locks``: of long hair, see
    :class:`dvaedit.face.locks.Locks`; ``coat``: (S, S) in [0, 1], where lipstick lies."""

    reference: np.ndarray
    shapes: dict[str, np.ndarray]
    textures: dict[str, np.ndarray]
    smooths: dict[str, np.ndarray]
    covers: dict[str, np.ndarray]
    teeth: np.ndarray
    locks: np.ndarray | None = None
    coat: np.ndarray | None = None

    @classmethod
    def of(cls, tensors: Mapping[str, np.ndarray]) -> Morphs:
        """From the arrays of the file, by name: "reference", "teeth", "shape/KEY", "texture/KEY" and so on."""

        def named(kind: str) -> dict[str, np.ndarray]:
            return {name.split("/", 1)[1]: value for name, value in tensors.items() if name.startswith(f"{kind}/")}

        shapes, textures = named("shape"), named("texture")
        flats = [*named("smooth").values(), *named("cover").values()]
        complete = {"reference", "teeth"} <= set(tensors) and shapes.keys() == textures.keys()
        if UNSMILING not in shapes and SMILING in shapes:
            shapes[UNSMILING], textures[UNSMILING] = -shapes[SMILING], -textures[SMILING]
        locks, coat = tensors.get("locks"), tensors.get("coat")
        if coat is not None and textures:
            flats.append(coat)
            for key in (PAINTED, UNPAINTED):
                shapes[key], textures[key] = (np.zeros_like(next(iter(of.values()))) for of in (shapes, textures))
        complete &= locks is None or (locks.ndim == 3 and locks.shape[2] == 4)
        if not complete or not _fit(tensors["reference"], tensors["teeth"], shapes, textures, flats):
            raise WeightsError("these are no morphs", "Restore the file from the release it came with.")
        return cls(
            tensors["reference"], shapes, textures, named("smooth"), named("cover"), tensors["teeth"], locks, coat
        )

    def knows(self, kind: str) -> bool:
        """Whether it knows what a kind of thing looks like that is put on: of ``KNOWN`` effects."""
        return self.covers.keys() >= WHISKERS if kind == "whiskers" else self.locks is not None

    def known(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """Of some changes, those that are morphs."""
        return {name: value for name, value in strengths.items() if _key(name, value) in self.shapes}

    def combined(self, strengths: Mapping[str, float], lips: str | None = None, bearded: bool = False) -> Morph:
        """All the changes as one; ``strengths``: of those that are :meth:`known`; lips: the colour of lipstick, of
        ``PAINTS``, red if None; bearded: whether a beard, which is no wrinkle, covers the skin."""
        amounts = {_key(name, value): abs(value) for name, value in strengths.items()}
        teeth = self.teeth if not amounts.keys().isdisjoint(WITH_TEETH) else np.zeros((0, 0, 3), np.float32)
        shape, texture = (
            _sum(of[key] * amount for key, amount in amounts.items()) for of in (self.shapes, self.textures)
        )
        texture[..., 0] = _shallow(texture[..., 0])
        smooth = [self.smooths[key] * amount for key, amount in amounts.items() if key in self.smooths]
        smooth = np.clip(_sum(smooth), 0, 1) if smooth else NOWHERE
        if bearded and smooth.any() and BEARD in self.covers:
            smooth = smooth * (1 - np.clip(HIDES * self.covers[BEARD], 0, 1))
        eyes = MADE_UP_EYES if LONG_HAIRED in amounts else 0.0
        darkens = 1.0 if amounts.keys().isdisjoint(YOUTH) else FRESH
        closes = amounts.get(UNSMILING, 0.0)
        morph = Morph(self.reference, shape, texture, smooth, teeth, closes=closes, eyes=eyes, darkens=darkens)
        # the last of these that is asked for
        paints = {
            LONG_HAIRED: (PAINTS[ROSE], WOMANLY), UNPAINTED: (BARE, 1.0), MADE_UP: (PAINTS[lips or RED], np.inf),
            PAINTED: (PAINTS[lips or RED], np.inf),
        }  # fmt: skip
        for key in [key for key in paints if key in amounts and self.coat is not None]:
            paint, most = paints[key]
            morph = replace(morph, coat=min(amounts[key], most) * self.coat, paint=np.array(paint))
        return morph

    def hangs(self, strengths: Mapping[str, float]) -> bool:
        """Whether long hair comes with the changes."""
        return self.locks is not None and any(_key(*change) == LONG_HAIRED for change in strengths.items())

    def cover(self, strengths: Mapping[str, float]) -> np.ndarray | None:
        """The density of the hair that grows on the face with the changes, (S, S) in [0, 1]; None without."""
        amounts = {_key(name, value): abs(value) for name, value in strengths.items()}
        grown = [self.covers[key] * amount for key, amount in amounts.items() if key in self.covers]
        return np.clip(np.max(grown, axis=0), 0, 1) if grown else None


def _fit(
    reference: np.ndarray, teeth: np.ndarray, shapes: dict[str, np.ndarray], textures: dict[str, np.ndarray],
    flats: Sequence[np.ndarray],
) -> bool:  # fmt: skip
    """Whether the arrays have the shapes that they should have."""
    sizes = {texture.shape for texture in textures.values()}
    square = all(len(size) == 3 and size[0] == size[1] and size[2] == 3 for size in sizes)
    flat = all(one.ndim == 2 and one.shape[0] == one.shape[1] for one in flats)
    points = all(shape.shape == (POINTS, 2) for shape in (reference, *shapes.values()))
    return points and len(sizes) < 2 and square and flat and teeth.ndim == 3 and teeth.shape[2] == 3


def _key(name: str, strength: float) -> str:
    return f"{name}{'+' if strength > 0 else '-'}"


def _shallow(light: np.ndarray) -> np.ndarray:
    """Changes of lightness, (S, S), of which the deepest go on more slowly: they are folds, wide because a mean is."""
    return np.maximum(light, -FOLD) - DEEPEST * np.tanh(np.clip(-FOLD - light, 0, None) / DEEPEST)


def _sum(arrays: Iterable[np.ndarray]) -> np.ndarray:
    return np.sum(list(arrays), axis=0).astype(np.float32)
