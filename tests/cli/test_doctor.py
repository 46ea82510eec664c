"""doctor: every check runs whatever the others say, and the first failure gives the exit code."""

import json

import pytest

from dvaedit.cli import checks
from dvaedit.errors import StorageError


@pytest.fixture
def light(monkeypatch):
    """All checks but those of the cache and of Python stand still."""
    for name in ("versions", "ffmpeg", "weights", "codecs", "faces"):
        monkeypatch.setattr(checks, name, lambda: "fine")
    monkeypatch.setattr(checks, "devices", lambda device: f"{device} is fine")
    monkeypatch.setattr(checks, "run_model", lambda model, device: f"{model} runs")


def test_all_well(light, tmp_path, run):
    result = run("doctor", "--cache-dir", str(tmp_path / "cache"))
    assert (result.exit_code, result.stdout) == (0, "all 8 checks passed\n")
    assert "compact runs" in result.stderr and "auto is fine" in result.stderr and "0 entries" in result.stderr
    assert not (tmp_path / "cache").exists()


def test_failures(light, tmp_path, run, monkeypatch):
    def broken():
        raise StorageError("no space", "make some")

    def odd():
        raise ValueError("what?")

    monkeypatch.setattr(checks, "codecs", broken)
    monkeypatch.setattr(checks, "faces", odd)
    result = run("doctor", "--json", "--cache-dir", str(tmp_path))
    data = json.loads(result.stdout)
    assert (result.exit_code, data["ok"]) == (6, False)
    failed = {check["name"]: check["detail"] for check in data["checks"] if not check["ok"]}
    assert failed == {"codecs": "no space make some", "faces": "ValueError: what?"}


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "LEAST_SPACE", 10**18)
    with pytest.raises(StorageError, match="are free for the cache"):
        checks.cache(tmp_path)


def test_versions_name_the_packages():
    found = checks.versions()
    assert "dvaedit " in found and "torch " in found and "Python " in found


def test_codecs_make_a_round_trip():
    pytest.importorskip("dvaedit.video.writer")
    assert checks.codecs().startswith("encoded and decoded 4 frames of h264")


def test_the_face_detector_is_freed(monkeypatch):
    from dvaedit.face.mesh import FaceMesher

    closed, close = [], FaceMesher.close
    monkeypatch.setattr(FaceMesher, "close", lambda self: closed.append(close(self)))
    assert "finds 0 faces" in checks.faces() and len(closed) == 1
