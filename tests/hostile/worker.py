"""Edit every file of a list, each in a fork with limits on time and memory, and say how each ended.

Arguments: a file of paths, an output folder. Prints one JSON object a line: file, code (exit code, or minus a signal),
seconds, megabytes, and the end of stderr where it went wrong.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from dvaedit import api
from dvaedit.cli import main
from tests.slow.steady import steady
from tests.stages.conftest import EXAMPLE, tiny_model

SECONDS = 40  # of processor time, of the fork and what it starts
EXTRA_MEMORY = 2 << 30  # bytes of address space beyond what the networks have taken
FINE = (0, 2, 3, 4, 6)


def attempt(path: str, folder: Path) -> dict:
    """One edit in a fork."""
    began, errors = time.monotonic(), folder / "stderr"
    pid = os.fork()
    if pid == 0:
        with errors.open("w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        os.setpgid(0, 0)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (taken + EXTRA_MEMORY, taken + EXTRA_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = 99
        try:
            out, cache = folder / "out.mkv", folder / "cache"
            code = main(
                ["edit", "-a", "Male=0", "--steps", "3", "--preset", "ultrafast", "-o", str(out), "--cache-dir",
                 str(cache), "--overwrite", "--", path]
            )  # fmt: skip
        finally:
            os._exit(code)
    _, status, used = os.wait4(pid, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    text = errors.read_text(errors="replace")
    result = {"file": Path(path).name, "code": code, "seconds": round(time.monotonic() - began, 2)}
    result["megabytes"] = round(used.ru_maxrss / 1024)
    if code not in FINE or "Traceback" in text:
        result["stderr"] = text[-1500:]
    return result


def run(paths: list[str], folder: Path) -> None:
    api.load_model = lambda name, runtime: tiny_model()
    steady(EXAMPLE)
    for path in paths:
        print(json.dumps(attempt(path, folder)), flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]).read_text().split("\0"), Path(sys.argv[2]))
