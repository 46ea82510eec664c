"""evaluate, report, sweep: what reaches the API, and what is said of the result."""

import inspect
import json
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import dvaedit
from dvaedit.cli import evaluate, report, sweep
from dvaedit.errors import UsageError
from dvaedit.evaluation.judging import Verdict


@dataclass(frozen=True)
class Target:
    name: str = "Smiling"
    wanted: bool = True
    before: float = 0.1
    after: float = 0.85
    missing: int = 10
    success: float | None = 0.9

    title = Verdict.title


@dataclass(frozen=True)
class Judgement:
    before: dict = field(default_factory=lambda: {"Smiling": 0.1, "Male": 0.2})
    after: dict = field(default_factory=lambda: {"Smiling": 0.85, "Male": 0.6})
    targets: tuple = (Target(), Target("No_Beard", False, 0.9, 0.2, 10, None))
    side_effects: dict = field(default_factory=lambda: {"Male": 0.4})


@dataclass(frozen=True)
class Frames:
    original: int = 12
    with_face: int = 11
    face_in_both: int = 10


@dataclass(frozen=True)
class Metrics:
    tl_id: float | None = 0.9987
    outside_psnr: float | None = float("inf")
    nme: float | None = None

    def __getattr__(self, name):
        return 0.5


@dataclass(frozen=True)
class Edit:
    path: Path
    frames: Frames = Frames()
    metrics: Metrics = Metrics()
    judgement: Judgement | None = Judgement()
    mask: str = "made up"
    notes: tuple = ("a note",)
    subject: object = object()


@dataclass(frozen=True)
class Evaluation:
    path: Path
    edits: tuple
    times: tuple = (0.0, 0.1)
    subject: object = object()


class FakeComparing(ModuleType):
    """Notes every call."""

    def __init__(self) -> None:
        super().__init__("dvaedit.comparing")
        self.calls = []

    def check_file(self, output, inputs, overwrite):
        if Path(output).exists() and not overwrite:
            raise UsageError(f"{output} exists", hint="Choose another.")

    def evaluate(self, original, edited, **values):
        self.calls.append(("evaluate", (original, edited), values))
        print("a library that writes to stdout")
        logging.getLogger("dvaedit.evaluation").warning("no frame shows the face")
        values["options"].progress("measure", 1, 2)
        return Evaluation(original, tuple(Edit(path) for path in edited))

    def report(self, original, edited, **values):
        result = type("Result", (), {})()
        result.evaluation = self.evaluate(original, edited, **values)
        result.output, result.size = Path("page.html"), 1_234_567
        return result

    def prepare_sweep(self, *args, **values):
        self.calls.append(("sweep", args, values))
        result = type("Result", (), {})()
        result.output, result.seconds = Path("sheet.png"), 3.25
        result.tiles = ({"label": "Male 1", "judge": 0.5}, {"label": "Male 2", "judge": None})
        mix = {text: {"Young": -1.0} for text in values["text"]}
        return SimpleNamespace(mix=mix, unknown_words=("zorblax", "blnd")[: len(mix) * 2], run=lambda: result)


@pytest.fixture
def comparing(api, monkeypatch):
    fake = FakeComparing()
    monkeypatch.setitem(sys.modules, "dvaedit.comparing", fake)
    monkeypatch.setattr(dvaedit, "comparing", fake, raising=False)
    return fake


def test_evaluate_prints_a_table_with_a_column_per_edit(comparing, run):
    result = run("evaluate", "in.mp4", "a.mp4", "b.mp4", "--target", "Smiling", "--region", "hair", "--device", "cpu")
    assert result.exit_code == 0
    _, paths, values = comparing.calls[0]
    assert paths == (Path("in.mp4"), [Path("a.mp4"), Path("b.mp4")])
    assert (values["targets"], values["region"], values["options"].device) == (["Smiling"], "hair", "cpu")
    lines = {line.strip().split("  ")[0]: line for line in result.stdout.splitlines()}
    assert lines["measure"].split()[1:3] == ["a.mp4", "b.mp4"]
    assert lines["TL-ID"].split()[1:4] == ["0.9987", "0.9987", "1"]
    assert lines["outside PSNR"].split()[2:4] == ["equal", "equal"]
    assert lines["landmarks NME"].split()[2:4] == ["-", "-"]
    assert "90% of 10 frames" in lines["Smiling"] and "it was not there" in lines["No_Beard taken away"]
    assert "side effect" in lines["Male (not asked for)"]
    assert "a.mp4: mask made up" in result.stderr and "b.mp4: a note" in result.stderr
    assert "a library" not in result.stdout


def test_evaluate_writes_json_to_a_file_and_to_stdout(comparing, run, tmp_path):
    file = tmp_path / "scores.json"
    data = json.loads(run("evaluate", "in.mp4", "a.mp4", "--json", "-o", str(file)).stdout)
    assert data["edits"][0]["metrics"]["outside_psnr"] is None
    assert data["edits"][0]["path"] == "a.mp4" and data["warnings"] == ["no frame shows the face"]
    written = json.loads(file.read_text())
    assert written == data and written["dvaedit"] == dvaedit.__version__
    assert "subject" not in written and "subject" not in written["edits"][0]


def test_evaluate_keeps_an_existing_file(comparing, run_main, tmp_path):
    file = tmp_path / "scores.json"
    file.write_text("mine")
    assert run_main("evaluate", "in.mp4", "a.mp4", "-o", str(file))[0] == 2
    assert (file.read_text(), comparing.calls) == ("mine", [])
    assert run_main("evaluate", "in.mp4", "a.mp4", "-o", str(file), "--overwrite")[0] == 0
    assert json.loads(file.read_text())["path"] == "in.mp4"


def test_report_says_where_the_page_is(comparing, run):
    result = run("report", "in.mp4", "a.mp4", "-o", "page.html", "--overwrite")
    assert result.stdout == "page.html\n"
    assert "1.2 MB" in result.stderr
    assert comparing.calls[0][2]["output"] == Path("page.html") and comparing.calls[0][2]["overwrite"] is True
    data = json.loads(run("report", "in.mp4", "a.mp4", "--json").stdout)
    assert (data["output"], data["size"], len(data["edits"])) == ("page.html", 1_234_567, 1)


def test_sweep_reads_lists(comparing, run):
    result = run("sweep", "in.mp4", "--attributes", "Male, Young", "--strengths", "0.5,1", "--view", "frame")
    assert result.stdout == "sheet.png\n"
    assert "2 edits and the source in 3.2 s" in result.stderr
    values = comparing.calls[0][2]
    assert (values["each"], values["strengths"], values["view"]) == (["Male", "Young"], [0.5, 1.0], "frame")
    assert (values["attributes"], values["text"], values["frames"], values["tile"]) == ((), (), 3, 256)
    data = json.loads(run("sweep", "in.mp4", "-a", "Male", "-t", "old", "--strength", "2", "--json").stdout)
    assert [tile["judge"] for tile in data["tiles"]] == [0.5, None]
    values = comparing.calls[1][2]
    assert (values["attributes"], values["text"], values["strengths"]) == (["Male"], ["old"], [2.0])


def test_sweep_says_what_texts_are_read_as_and_which_words_are_not_known(comparing, run):
    said = run("sweep", "in.mp4", "-t", "old zorblax", "--strength", "2").stderr
    assert said.splitlines()[0] == '"old zorblax" was read as: Young -1.00'
    assert 'does not know the words "zorblax", "blnd" (did you mean "blond"?); ' in said


@pytest.mark.parametrize(
    "args",
    [["sweep", "in.mp4"], ["sweep", "in.mp4", "-a", "Male", "--strengths", ""],
     ["sweep", "in.mp4", "-a", "Male", "--strengths", " , "],
     ["sweep", "in.mp4", "-a", "Male", "--face", "1", "--face", "2"],
     ["evaluate", "in.mp4", "a.mp4", "--face", "1", "--face", "2"],
     ["sweep", "in.mp4", "-a", "Male", "--strengths", "much"],
     ["sweep", "in.mp4", "-a", "Male", "--frames", "0"], ["evaluate", "in.mp4"], ["report", "in.mp4"]],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_any_work(comparing, run_main, args):
    code, out, err = run_main(*args)
    assert (code, out, comparing.calls) == (2, "", [])
    assert err


def test_defaults_are_those_of_the_api():
    from dvaedit import comparing as real

    pairs = ((evaluate.evaluate, real.evaluate), (report.report, real.report), (sweep.sweep, real.sweep))
    for command, function in pairs:
        theirs = inspect.signature(function).parameters
        for name, parameter in inspect.signature(command).parameters.items():
            ours = getattr(parameter.default, "value", parameter.default)
            if name in theirs and ours not in (None, inspect.Parameter.empty):
                assert ours == theirs[name].default, name
