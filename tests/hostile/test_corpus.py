"""Over three hundred damaged, lying and odd videos: a plain error or a result, in bounded time and memory.

Part by part: -k "vp9.webm" runs the mutants of one video. DVAEDIT_TEST_SEED chooses other damage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.corpus import BASES, EACH, PARTS, SPECIALS, mutants
from tests.hostile.worker import FINE

ROOT = Path(__file__).parents[2]
MOST_MEGABYTES = 3000  # networks and libraries take about 1000 of them


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_corpus_has_three_hundred_videos():
    assert EACH * len(BASES) >= 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", PARTS)
def test_no_traceback_no_hang_no_blow_up_no_stray_file(tmp_path, part):
    seed = int(os.environ.get("DVAEDIT_TEST_SEED", "0"))
    files = [str(path) for path in mutants(tmp_path / "corpus", part, seed)]
    assert len(files) == (EACH if part != SPECIALS else 13)
    out, listing = tmp_path / "out", tmp_path / "list"
    out.mkdir()
    listing.write_text("\0".join(files))
    before, temporary = everything(tmp_path / "corpus"), tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "tests.hostile.worker", listing, out]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}, capture_output=True,
        text=True, timeout=1700,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    codes = sorted(r["code"] for r in results)
    print(part, {code: codes.count(code) for code in set(codes)}, "slowest", max(r["seconds"] for r in results))
    assert len(results) == len(files)
    assert [r for r in results if r["code"] not in FINE or "stderr" in r] == []
    assert [r for r in results if r["megabytes"] > MOST_MEGABYTES] == []
    assert {r["code"] for r in results} >= {0, 3}
    assert everything(tmp_path / "corpus") == before
    assert {path.name.split(".")[0] for path in out.iterdir()} <= {"out", "cache", "stderr"}
    assert not Path("/tmp/evil").exists() and not list(tmp_path.rglob("evil*"))
