"""Running stages: each is computed at most once, only when something asks for it, and resumed where it stopped."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dvaedit.pipeline.keys import key_of
from dvaedit.pipeline.stage import Stage
from dvaedit.pipeline.store import Artifact, Cache

PipelineProgress = Callable[[str, int, int], None]
"""Called with (label of the node, frames done, frames in all); a finished node reports done == frames in all."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Node:
    """A stage in a pipeline: where its inputs come from (other stages of the pipeline, or their labels), its label.

    The label is the stage's name unless given; two nodes of one pipeline need two labels.
    """

    stage: Stage
    inputs: Mapping[str, Stage | str] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.stage.name


AnyNode = Node | Stage | tuple[Stage, Mapping[str, Stage | str]]


@dataclass(frozen=True)
class StagePlan:
    """What :func:`plan` says of a node. ``done`` of ``total`` frames are there; ``total`` is None if not known yet.

    ``needed``: whether it would be opened or computed; an absent node whose users are all cached is not.
    """

    label: str
    stage: str
    key: str
    state: Literal["cached", "partial", "absent"]
    done: int
    total: int | None
    needed: bool


class Pipeline:
    """Nodes in order, each after its inputs, over one video.

    ``root_key``: SHA-256 of the video file; ``video``: its name, shown in listings of the cache, not in keys.
    Raises ValueError for a node that is wired wrongly.
    """

    def __init__(
        self,
        nodes: Iterable[AnyNode],
        cache: Cache,
        root_key: str,
        *,
        video: str = "",
        progress: PipelineProgress | None = None,
    ) -> None:
        self.cache = cache
        self.root_key = root_key
        self.video = video
        self.nodes: dict[str, Node] = {}
        self.keys: dict[str, str] = {}
        self._progress = progress or _silent
        for node in nodes:
            self._add(_as_node(node))

    def _add(self, node: Node) -> None:
        stage = node.stage
        if not _NAME.fullmatch(stage.name):
            raise ValueError(f"a stage's name is made of a-z, 0-9, - and _, not {stage.name!r}")
        if node.name in self.nodes:
            raise ValueError(f"two nodes are called {node.name!r}: give one a label")
        inputs = {name: self.label(source) for name, source in node.inputs.items()}
        upstream = {name: self.keys[label] for name, label in inputs.items()}
        self.keys[node.name] = key_of(
            stage.name, stage.version, stage.config(), stage.weights(), upstream, self.root_key
        )
        self.nodes[node.name] = Node(stage, inputs, node.name)

    def label(self, node: Stage | str) -> str:
        """The label of a node, named by itself or by its stage (the very object, not an equal one)."""
        if isinstance(node, str):
            found = [node] if node in self.nodes else []
        else:
            found = [label for label, other in self.nodes.items() if other.stage is node]
        if len(found) != 1:
            why = "is in several nodes: use a label" if found else "is not among the nodes before"
            raise ValueError(f"{node!r} {why} ({', '.join(self.nodes) or 'none'})")
        return found[0]

    def artifact(self, node: Stage | str) -> Artifact:
        """What the node makes: opened if complete, else computed now, with whatever it needs for that."""
        label = self.label(node)
        name, key = self.nodes[label].stage.name, self.keys[label]
        found = self.cache.open(name, key)
        if found is None:
            with self.cache.lock(name, key):
                found = self.cache.open(name, key)  # the process we have waited for may have made it
                if found is None:
                    found = self._compute(label)
        self._progress(label, found.frames, found.frames)
        return found

    def _compute(self, label: str) -> Artifact:
        node, key = self.nodes[label], self.keys[label]
        inputs = {name: self.artifact(source) for name, source in node.inputs.items()}
        keys = {name: artifact.key for name, artifact in inputs.items()}
        out = self.cache.begin(node.stage.name, node.stage.version, key, keys, self.video)
        logger.debug("computing %s (%s), %d frames are there", label, key[:12], out.done)
        node.stage.run(inputs, out, lambda done, total: self._progress(label, done, total))
        out.meta = {"config": node.stage.config(), "weights": node.stage.weights(), **out.meta}  # for provenance
        return self.cache.commit(node.stage.name, key, out)

    def execute(self, targets: Iterable[Stage | str] | None = None) -> dict[str, Artifact]:
        """Run what the targets need, in order, and give their artifacts by label.

        Without ``targets``: the nodes no other node uses.
        """
        wanted = self._targets(targets)
        made = {entry.label: self.artifact(entry.label) for entry in self.plan(wanted) if entry.needed}
        return {label: made[label] for label in wanted}

    def plan(self, targets: Iterable[Stage | str] | None = None) -> list[StagePlan]:
        """What :meth:`execute` would do, per node in order; computes and changes nothing."""
        needed = set(self._targets(targets))
        plans = []
        for label, node in reversed(self.nodes.items()):
            found = self.cache.progress(node.stage.name, self.keys[label])
            if label in needed and found.state != "cached":
                needed.update(node.inputs.values())
            key = self.keys[label]
            plans.append(StagePlan(label, node.stage.name, key, found.state, found.done, found.total, label in needed))
        return plans[::-1]

    def _targets(self, targets: Iterable[Stage | str] | None) -> list[str]:
        if targets is not None:
            return [self.label(target) for target in targets]
        used = {label for node in self.nodes.values() for label in node.inputs.values()}
        return [label for label in self.nodes if label not in used]


def execute(
    nodes: Iterable[AnyNode] | Stage,
    cache: Cache,
    root_key: str,
    *,
    targets: Iterable[Stage | str] | None = None,
    video: str = "",
    progress: PipelineProgress | None = None,
) -> dict[str, Artifact]:
    """Run a pipeline (or one stage without inputs); see :class:`Pipeline` and :meth:`Pipeline.execute`."""
    nodes = [nodes] if isinstance(nodes, Stage) else nodes
    return Pipeline(nodes, cache, root_key, video=video, progress=progress).execute(targets)


def plan(
    nodes: Iterable[AnyNode] | Stage, cache: Cache, root_key: str, *, targets: Iterable[Stage | str] | None = None
) -> list[StagePlan]:
    """What :func:`execute` would do; computes and changes nothing."""
    nodes = [nodes] if isinstance(nodes, Stage) else nodes
    return Pipeline(nodes, cache, root_key).plan(targets)


def _as_node(node: AnyNode) -> Node:
    if isinstance(node, Node):
        return node
    return Node(node) if isinstance(node, Stage) else Node(*node)


def _silent(label: str, done: int, total: int) -> None:
    """No progress is wanted."""
