"""Stages for the tests, and a process that runs them and dies where it is told to."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from dvaedit.pipeline.run import Node, Pipeline
from dvaedit.pipeline.stage import Stage, unkeyed
from dvaedit.pipeline.store import Cache

ROOT_KEY = "ab" * 32


@dataclasses.dataclass(frozen=True)
class Noise(Stage):
    """Random rows that depend on the frame alone, blobs of varying size, a whole array made from the shards."""

    name, version = "noise", 1
    frames: int = 30
    scale: float = 1.0
    shard: int = unkeyed(4)
    log: list = dataclasses.field(default_factory=list, metadata={"key": False})
    pause: float = unkeyed(0.0)

    def run(self, inputs, out, progress):
        for start, stop in out.missing(self.frames, self.shard):
            self.log.append((start, stop))
            time.sleep(self.pause)
            rows = np.stack([self.row(frame) for frame in range(start, stop)])
            out.write(start, stop, {"x": rows, "png": [row.tobytes()[: 1 + f % 7] for f, row in enumerate(rows)]})
            progress(out.done, self.frames)
        if not out.has("mean"):
            out.save({"mean": out.read("x").mean(0)}, group="mean")
        out.meta = {"frames": self.frames, "first": out.read("x", 0, 1)[0].tolist()}

    def row(self, frame: int) -> np.ndarray:
        return np.random.default_rng(frame).standard_normal((2, 3)).astype(np.float32) * np.float32(self.scale)


@dataclasses.dataclass(frozen=True)
class Shift(Stage):
    """Each row less the mean, and a text file."""

    name, version = "shift", 1
    log: list = dataclasses.field(default_factory=list, metadata={"key": False})

    def run(self, inputs, out, progress):
        noise = inputs["noise"]
        for start, stop in out.missing(noise.frames, 8):
            self.log.append((start, stop))
            out.write(start, stop, {"x": noise.read("x", start, stop) - noise.read("mean")})
        with out.new_file("note.txt") as path:
            path.write_text(f"{noise.frames} frames")


def pipeline(root, noise: Noise | None = None, shift: Shift | None = None, progress=None) -> Pipeline:
    noise = noise or Noise()
    nodes = [noise, Node(shift or Shift(), {"noise": noise})]
    return Pipeline(nodes, Cache(root), ROOT_KEY, video="clip.mp4", progress=progress)


def die_at_fsync(count: int) -> None:
    """Kill this process, as kill -9 does, instead of its ``count``-th fsync."""
    left = [count]

    def counted(handle):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = counted


def leave_orphan(lock: str) -> None:
    """Take a lock as a process with a child that has inherited it, and die."""
    import fcntl

    path = Path(lock)
    path.parent.mkdir(parents=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    path.with_suffix(".holder").write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
    child = subprocess.Popen(["sleep", "20"], pass_fds=[handle], stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit SIGINT ignored
    task, where = sys.argv[1:3]
    if task == "die":
        die_at_fsync(int(sys.argv[3]))
        pipeline(where).execute()
    elif task == "compute":
        stage = Noise(pause=0.15)
        pipeline(where, stage).execute()
        print(len(stage.log))
    elif task == "hang":
        pipeline(where, Noise(pause=0.3)).execute()
    elif task == "orphan":
        leave_orphan(where)
