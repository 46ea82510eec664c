"""Kill an edit at many points, resume each, and compare with an edit that nobody has disturbed.

Arguments: video, folder, part, parts: of the changes of files in each stage, evenly spread, the part's. Each attempt
is a fork of this process: networks are loaded once. Encoded is as ProRes: what x264 makes of the same frames depends on
what its memory held before (MALLOC_PERTURB_=1 shows it), and differed in one of thirty runs.
Prints one JSON line: changes of files in all, stages in which a kill fell, and what differed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

from dvaedit import api
from dvaedit.files import sha256_file
from dvaedit.provenance import Marking
from tests.faults import FAULTS, watch
from tests.slow.steady import steady
from tests.stages.conftest import tiny_model

OUTPUT = "out.mov"


def edit(video: Path, folder: Path) -> None:
    options = api.Options(steps=3, cache_dir=folder / "cache")
    api.edit(
        video,
        attributes=("Blond_Hair=2", "Male=2"),
        output=folder / OUTPUT,
        codec="prores",
        overwrite=True,
        options=options,
        marking=Marking(off=True),
    )


def forked(video: Path, folder: Path, kill_at: int | None) -> int:
    """Run one edit in a fork; the signal it died of, or 0. Its changes of files are left in ``folder``.seen."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            FAULTS.reset(root=folder, kill_at=kill_at)
            edit(video, folder)
            seen, _ = FAULTS.seen, FAULTS.reset()
            folder.with_suffix(".seen").write_text("\n".join(seen))
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("an edit failed without being killed")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def digests(folder: Path) -> dict[str, str]:
    """Of every file of complete entries (by stage, key and name) and of the output; manifests hold the rest."""
    files = [
        path for path in (folder / "cache").rglob("*") if path.is_file() and path.name not in ("used", "journal.jsonl")
    ]
    kept = [path for path in files if ".locks" not in path.parts]
    return {str(path.relative_to(folder)): sha256_file(path) for path in [*kept, folder / OUTPUT]}


def stage_of(name: str) -> str:
    """The stage that a change of a file belongs to, or "output"."""
    return name.split("/")[1] if name.startswith("cache/") else "output"


def points(seen: list[str], part: int, parts: int) -> list[int]:
    """One change of each stage: of ``parts`` evenly spread ones the one numbered ``part``, from 0."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(seen):
        places.setdefault(stage_of(name), []).append(place)
    return sorted({of[int((part + 0.5) * len(of) / parts)] for of in places.values()})


def main(video: Path, folder: Path, part: int, parts: int) -> None:
    watch()
    api.load_model = lambda name, runtime: tiny_model()
    steady(video)
    whole = folder / "whole"
    whole.mkdir()
    assert forked(video, whole, None) == 0
    expected, seen = digests(whole), whole.with_suffix(".seen").read_text().splitlines()
    stages, different, killed = set(), [], 0
    places = points(seen, part, parts)
    for place in places:
        attempt = folder / f"kill{place}"
        attempt.mkdir()
        killed += forked(video, attempt, place) == signal.SIGKILL
        stages.add(stage_of(seen[place]))
        if (attempt / OUTPUT).exists() and sha256_file(attempt / OUTPUT) != expected[OUTPUT]:
            different.append([place, "half an output"])
        assert forked(video, attempt, None) == 0
        found = digests(attempt)
        if found != expected:
            names = {n for n in found.keys() | expected.keys() if found.get(n) != expected.get(n)}
            different.append([place, seen[place], sorted(names)[:5]])
        leftovers = [path.name for path in attempt.iterdir() if path.name not in ("cache", OUTPUT)]
        if any(not name.startswith(".dvaedit-") for name in leftovers):
            different.append([place, "leftovers", leftovers])
        shutil.rmtree(attempt)
    result = {
        "changes": len(seen),
        "points": len(places),
        "killed": killed,
        "stages": sorted(stages),
        "different": different,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
