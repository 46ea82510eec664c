"""Faults on purpose: an audit hook that watches what a process does to files, and kills it or makes that fail."""

from __future__ import annotations

import errno
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Faults:
    """What happens at the changes of files under ``root``: each is counted and noted in ``seen``.

    kill_at: the number, from 0, of the change before which the process kills itself by SIGKILL. fail: errno that
    every change under ``where`` fails with.
    """

    root: Path | None = None
    kill_at: int | None = None
    fail: int | None = None
    where: str = ""
    seen: list[str] = field(default_factory=list)

    def reset(self, **values) -> None:
        """Begin anew; without values the hook does nothing."""
        self.__init__(**values)

    def __call__(self, event: str, args: tuple) -> None:
        if self.root is None:
            return
        if event == "open":
            path, _, flags = args
            if not isinstance(path, (str, bytes, os.PathLike)) or not (flags or 0) & _WRITES:
                return
        elif event in _CHANGES:
            path = args[0]
        else:
            return
        name = os.fsdecode(path)
        if not name.startswith(str(self.root)):
            return
        if self.kill_at is not None and len(self.seen) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen.append(name[len(str(self.root)) + 1 :])
        if self.fail is not None and self.seen[-1].startswith(self.where):
            raise OSError(self.fail, os.strerror(self.fail), name)


FAULTS = Faults()
_added = False


def watch() -> Faults:
    """The one hook of this process: it cannot be removed, only reset."""
    global _added
    if not _added:
        sys.addaudithook(FAULTS)
        _added = True
    FAULTS.reset()
    return FAULTS


FULL, READ_ONLY = errno.ENOSPC, errno.EROFS
