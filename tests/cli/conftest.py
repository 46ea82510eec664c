"""A stand-in for dvaedit.api, so that the command line is tested without torch, models or videos."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import dvaedit
from dvaedit.cli import main
from dvaedit.cli.app import app
from dvaedit.pipeline.run import StagePlan


@dataclass(frozen=True)
class Quality:
    psnr: float = 26.5
    ssim: float = 0.81
    lpips: float = 0.12
    mse: float = float("inf")


@dataclass(frozen=True)
class Person:
    number: int = 1
    person: int = 2
    frames: int = 9
    editable: int = 8
    first: float = 0.5
    last: float = 3723.0
    parts: tuple = ((0.5, 1.0), (3722.0, 3723.0))
    size: float = 64.0
    quality: float = 0.5
    small: int = 3
    turned: int = 1
    bridged: int = 2
    strength: float = 1.5


@dataclass(frozen=True)
class FacesResult:
    people: tuple = (Person(),)
    frames: int = 12
    shots: int = 2
    sheet: Path = Path("sheet.png")
    seconds: dict = field(default_factory=lambda: {"decode": 1.5})


@dataclass(frozen=True)
class EditResult:
    output: Path = Path("out.mp4")
    compare: Path | None = None
    frames: int = 12
    edited_frames: int = 10
    cosine: float = 0.93
    region: str = "hair"
    mix: dict = field(default_factory=lambda: {"blond hair": {"Blond_Hair": 1.0}})
    unknown_words: tuple = ()
    seconds: dict = field(default_factory=lambda: {"invert": 1.5, "sample": 0.5})
    people: tuple = (Person(),)
    sidecar: Path | None = Path("out.mp4.dvaedit.json")


@dataclass(frozen=True)
class InvertResult:
    x_T: Path = Path("noise")
    size: int = 98304
    frames: int = 10
    quality: Quality = Quality()
    seconds: dict = field(default_factory=lambda: {"invert": 1.5})


@dataclass(frozen=True)
class ReconstructResult:
    output: Path = Path("again.mp4")
    frames: int = 10
    quality: Quality = Quality()
    seconds: dict = field(default_factory=lambda: {"invert": 1.5})


def stage(label: str, state: str, done: int = 0, total: int | None = None, needed: bool = True) -> StagePlan:
    return StagePlan(label, {"source": "sample"}.get(label, label), "0" * 64, state, done, total, needed)


PLAN = [
    stage("decode", "cached", 12, 12, needed=False),
    stage("align", "cached", 10, 10),
    stage("parse", "absent", needed=False),
    stage("invert", "partial", 4, 10),
    stage("sample", "absent"),
    stage("export", "absent"),
]


class FakeApi(ModuleType):
    """Notes every call. ``info``: of the video, for the plan; ``error``: raised instead of an answer; ``full``: raised
    by a plan's look at the disks; ``words``: those the text model does not know; ``mix``: what texts are read as,
    ``seen``: as the result has it, if that differs; ``error_of_run``: raised by a plan that runs.
    """

    info = None

    def __init__(self) -> None:
        super().__init__("dvaedit.api")
        self.calls: list[tuple[str, tuple, dict]] = []
        self.error: BaseException | None = None
        self.full: BaseException | None = None
        self.words: tuple[str, ...] = ()
        self.mix: dict[str, dict[str, float]] = {"blond hair": {"Blond_Hair": 1.0}}
        self.seen: dict[str, dict[str, float]] | None = None
        self.error_of_run: BaseException | None = None
        self.ran = False
        self.chatty = False

    def Options(self, **values):  # noqa: N802
        return SimpleNamespace(**values)

    def _answer(self, name, args, values, answer):
        self.calls.append((name, args, values))
        if self.chatty:
            print("a library that writes to stdout")
        if self.error is not None:
            raise self.error
        progress = values["options"].progress
        progress("invert", 4, 10)
        progress("invert", 10, 10)
        return answer

    def prepare_edit(self, *args, **values):
        def run():
            self.ran = True
            if self.error_of_run is not None:
                raise self.error_of_run
            return EditResult(mix=self.seen or self.mix, unknown_words=self.words)

        def check_disks():
            if self.full is not None:
                raise self.full

        plan = SimpleNamespace(
            video=args[0],
            output=Path("out.mp4"),
            compare=None,
            unknown_words=self.words,
            mix=self.mix,
            stages=lambda: PLAN,
            check_disks=check_disks,
            run=run,
            info=self.info,
        )
        return self._answer("prepare_edit", args, values, plan)

    def invert(self, *args, **values):
        return self._answer("invert", args, values, InvertResult())

    def faces(self, *args, **values):
        return self._answer("faces", args, values, FacesResult())

    def reconstruct(self, *args, **values):
        return self._answer("reconstruct", args, values, ReconstructResult())


@pytest.fixture
def api(monkeypatch) -> FakeApi:
    fake = FakeApi()
    monkeypatch.setitem(sys.modules, "dvaedit.api", fake)
    monkeypatch.setattr(dvaedit, "api", fake, raising=False)
    return fake


@pytest.fixture
def run(monkeypatch):
    """Invoke the app; exceptions of ours come out as they are."""
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()

    def invoke(*args: str) -> Result:
        return runner.invoke(app, list(args), prog_name="dvaedit")

    return invoke


@pytest.fixture
def run_main(monkeypatch, capsys):
    """Run :func:`main` in this process: (exit code, stdout, stderr)."""
    monkeypatch.delenv("DVAEDIT_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*args: str) -> tuple[int, str, str]:
        code = main(args)
        return code, *capsys.readouterr()

    return invoke


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """A weights folder with one model; its user's and packaged folders are out of sight."""
    import json

    from dvaedit.checkpoints import store

    folder = tmp_path / "weights"
    folder.mkdir()
    data = b"not really tensors"
    (folder / "codes.safetensors").write_bytes(data)
    part = {"file": "codes.safetensors", "sha256": store.sha256_bytes(data), "size": len(data)}
    metrics = {"Blond_Hair": {"balanced_accuracy": 0.91, "auc": 0.96, "positives": 40, "strength": [-1, 1.5]}}
    cards = [
        {"name": "codes", "kind": "classifier", "licence": "MIT", **part, "metrics": metrics,
         "config": {"attributes": ["Blond_Hair", "Bald", "Young"]},
         "training_data": [{"name": "faces", "note": "few"}]},
        {"name": "gone", "kind": "parser", "licence": "MIT", **part, "file": "gone.safetensors"},
        {"name": "compact", "kind": "model", "parts": {"classifier": "codes"}},
    ]  # fmt: skip
    for card in cards:
        (folder / f"{card['name']}.json").write_text(json.dumps(card))
    monkeypatch.setattr(store, "weights_folders", lambda: [folder])
    return folder
