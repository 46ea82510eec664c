"""What a stage is: a frozen description of some work, a version, and the work itself in resumable shards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

from dvaedit.pipeline.artifact import Artifact
from dvaedit.pipeline.keys import config_of
from dvaedit.pipeline.writer import ArtifactWriter

StageProgress = Callable[[int, int], None]
"""Called with (frames done, frames in all)."""


def unkeyed(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that changes how, not what, a stage computes (batch size, device, path): not in its key."""
    return dataclasses.field(default=default, metadata={"key": False}, repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Base of all stages. Subclasses are frozen dataclasses; their fields are the configuration.

    ``name`` is the folder of the stage in the cache; ``version`` is raised whenever the stage's numbers change.
    Every field belongs to the cache key, except those made with :func:`unkeyed`.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    def weights(self) -> dict[str, str]:
        """Digests of the weights used, by part; part of the key."""
        return {}

    def config(self) -> dict[str, Any]:
        """The fields that belong to the key, as plain values."""
        return config_of(self)

    def run(self, inputs: dict[str, Artifact], out: ArtifactWriter, progress: StageProgress) -> None:
        """Compute what ``out.missing(...)`` still lacks and write it. May be stopped at any point and run again."""
        raise NotImplementedError
