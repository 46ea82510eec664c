"""edit, invert, reconstruct: what reaches the API, and what is said of the result."""

import ast
import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import dvaedit
from dvaedit.cli import edit, faces, invert, options, reconstruct
from dvaedit.cli.text import counted
from dvaedit.pipeline.run import StagePlan
from dvaedit.provenance import Marking, Signing
from tests.cli import conftest
from tests.cli.conftest import FakeApi

EDIT = ("edit", "in.mp4", "--text", "blond hair")


def test_options_reach_the_api(api, run):
    result = run(
        "edit", "in.mp4", "-t", "a", "-t", "b", "-a", "Bald=0.5", "--strength", "2", "--region", "hair", "-o", "o.mkv",
        "--compare", "c.mp4", "--source-text", "s", "--paste", "replace", "--crf", "20", "--codec", "hevc",
        "--clip", "x", "--steps", "7", "--device", "cpu", "--dtype", "float32", "--seed", "3", "--cache-dir", "k",
        "--overwrite", "--model", "m",
        "--visible-mark", "--c2pa-cert", "c.pem", "--c2pa-key", "k.pem", "--face", "all",
        "--range", "1-2", "--min-face", "30",
        "--max-cache", "2GB", "--preset", "slow", "--pix-fmt", "yuv420p", "--lossless", "--deinterlace", "--rate", "24",
    )  # fmt: skip
    assert result.exit_code == 0
    name, args, values = api.calls[0]
    options = vars(values.pop("options"))
    assert (name, args) == ("prepare_edit", (Path("in.mp4"),))
    assert values == {
        "text": ["a", "b"], "attributes": ["Bald=0.5"], "strength": 2.0, "region": "hair", "output": Path("o.mkv"),
        "compare": Path("c.mp4"), "source_text": "s", "paste": "replace", "crf": 20, "codec": "hevc", "clip": "x",
        "overwrite": True, "face": "all", "range": "1-2", "min_face": 30.0,
        "preset": "slow", "pix_fmt": "yuv420p", "lossless": True,
        "marking": Marking(False, True, Signing(Path("c.pem"), Path("k.pem"))),
    }  # fmt: skip
    assert callable(options.pop("progress"))
    assert options == {
        "steps": 7, "device": "cpu", "dtype": "float32", "seed": 3, "cache_dir": Path("k"), "model": "m",
        "deinterlace": True, "rate": 24.0, "max_cache": 2_000_000_000,
        "recipe": "own",
    }  # fmt: skip


def test_what_is_not_given_is_left_to_the_api(api, run):
    run(*EDIT)
    assert not {"crf", "codec", "clip", "preset", "pix_fmt", "range", "iterations"} & set(api.calls[0][2])


def _defaults() -> dict:
    """The defaults of ``dvaedit.api.edit`` and ``Options``, read off their source: importing it would load torch."""
    package = Path(dvaedit.__file__).parent
    trees = {
        name: ast.parse((package / name).read_text())
        for name in (
            "api.py",
            "job.py",
            "stages/graph.py",
            "stages/choose.py",
            "face/quality.py",
            "checkpoints/load.py",
        )
    }
    constants = {"LARGEST": "largest", "DEFAULT_RATE": 25.0} | {
        node.targets[0].id: node.value.value
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    bodies = [*trees["api.py"].body, *trees["job.py"].body]
    top = {node.name: node for node in bodies if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    arguments = top["edit"].args
    pairs = [(arg.arg, value) for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    pairs += [(node.target.id, node.value) for node in top["Options"].body if isinstance(node, ast.AnnAssign)]
    known = {name: constants.get(value.id) if isinstance(value, ast.Name) else value for name, value in pairs}
    return {name: getattr(value, "value", value) for name, value in known.items()}


def test_defaults_are_those_of_the_api():
    theirs, compared = _defaults(), set()
    for function in (edit.edit, faces.faces, invert.invert, reconstruct.reconstruct):
        for name, parameter in inspect.signature(function).parameters.items():
            ours = getattr(parameter.default, "value", parameter.default)
            if name in theirs and ours not in (None, inspect.Parameter.empty):
                assert ours == theirs[name], name
                compared.add(name)
    assert compared == {
        "source_text", "region", "paste", "overwrite", "model", "recipe", "device", "dtype", "seed",
        "face", "min_face", "lossless", "deinterlace", "rate",
    }  # fmt: skip


def test_nothing_to_edit_is_a_usage_error_before_anything_is_loaded(api, run_main):
    code, out, err = run_main("edit", "in.mp4")
    assert (code, out, api.calls) == (2, "", [])
    assert err.startswith("error: nothing to edit\nhint: ")


def test_stdout_is_the_path_alone(api, run):
    result = run(*EDIT)
    assert result.stdout == "out.mp4\n"
    assert "edited 10 of 12 frames (hair) in 2.0 s" in result.stderr
    assert '"blond hair" was read as: Blond_Hair +1.00' in result.stderr
    assert "face 2: strength 1.5, what this video needs" in result.stderr
    assert run(*EDIT, "--quiet").stdout == "out.mp4\n"


def test_colours_that_a_text_names_are_said(api, run):
    text = "pink hair and dark red lips"
    api.mix = {text: {"Dyed_Hair": 1.0, "Wearing_Lipstick": 1.0, "Young": 1.0}}
    said = "Dyed_Hair +1.00 (pink), Wearing_Lipstick +1.00 (burgundy), Young +1.00"
    assert f'"{text}" was read as: {said}' in run(*EDIT).stderr


def test_what_a_text_is_read_as_is_said_before_the_work(api, run):
    api.error_of_run = ValueError("it has run")
    said = run(*EDIT)
    assert isinstance(said.exception, ValueError)
    assert said.stderr.splitlines()[0] == '"blond hair" was read as: Blond_Hair +1.00'


def test_a_reading_is_said_once_unless_the_text_model_finds_another(api, run):
    assert run(*EDIT).stderr.count("was read as") == 1
    api.seen = {"blond hair": {"Gray_Hair": 0.5}}
    said = [line for line in run(*EDIT).stderr.splitlines() if "was read as" in line]
    assert said == [f'"blond hair" was read as: {mix}' for mix in ("Blond_Hair +1.00", "Gray_Hair +0.50")]


def test_json_is_all_there_is_on_stdout(api, run):
    api.words, api.chatty = ("zorblax",), True
    data = json.loads(run(*EDIT, "--json").stdout)
    assert data["video"] == "in.mp4" and data["output"] == "out.mp4" and data["compare"] is None
    assert (data["frames"], data["edited_frames"], data["cosine"], data["total_seconds"]) == (12, 10, 0.93, 2.0)
    assert data["mix"] == {"blond hair": {"Blond_Hair": 1.0}} and data["seconds"] == {"invert": 1.5, "sample": 0.5}
    assert data["unknown_words"] == ["zorblax"] and len(data["warnings"]) == 1


@pytest.mark.parametrize(("words", "said"), [(("zorblax",), 'word "zorblax"'), (("a", "b"), 'words "a", "b"')])
def test_unknown_words_are_warned_about(api, run, words, said):
    api.words = words
    assert f"warning: the text model does not know the {said}; `dvaedit attributes` lists" in run(*EDIT).stderr


def test_a_misspelt_word_is_answered_with_the_one_that_may_be_meant(api, run):
    api.words = ("blnd", "zorblax")
    assert 'the words "blnd" (did you mean "blond"?), "zorblax"; ' in run(*EDIT).stderr


@pytest.mark.parametrize("command", [EDIT, ("invert", "in.mp4"), ("reconstruct", "in.mp4")], ids=lambda args: args[0])
def test_a_face_is_named_once(api, run_main, command):
    code, out, err = run_main(*command, "--face", "1", "--face", "2")
    assert (code, out, api.calls) == (2, "", [])
    assert err == "error: --face is given more than once\nhint: Name one person; `edit` takes --face all too.\n"
    assert run_main(*command, "--face", "2")[0] == 0


def test_an_address_is_shown_as_typed(api, run_main):
    code, out, err = run_main("edit", "https://example.com/in.mp4", "-a", "Male")
    assert (code, out, api.calls) == (3, "", [])
    assert err == (
        "error: https://example.com/in.mp4 is an address, not a file\nhint: Download it first, then name the file.\n"
    )
    assert options.local(Path("C:/in.mp4")) == Path("C:/in.mp4")


@pytest.fixture
def video(monkeypatch):
    """What probe says of any path: 12 frames of 1000 x 1000 pixels."""
    monkeypatch.setattr(FakeApi, "info", SimpleNamespace(frames=12, width=1000, height=1000))


def test_dry_run_says_what_would_run_and_runs_nothing(api, run, video):
    result = run(*EDIT, "--dry-run")
    assert (result.exit_code, api.ran) == (0, False)
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "cached" in lines["decode"] and "not needed" in lines["parse"]
    assert "resumes at frame 4" in lines["invert"] and "would run" in lines["sample"]
    numbers = [lines[name].split("run ")[-1].split("frame 4")[-1].split()[0] for name in ("invert", "sample", "export")]
    assert numbers == ["6", "10", "12"]
    assert lines["total"].split()[-1] in ("kB", "MB")
    assert '"blond hair" was read as: Blond_Hair +1.00' in result.stderr


def test_dry_run_warns_of_a_full_disk(api, run, video):
    from dvaedit.errors import StorageError

    api.full = StorageError("the output needs about 9 MB, and here has 1 MB free", "Name another with -o.")
    result = run(*EDIT, "--dry-run")
    assert (result.exit_code, api.ran) == (0, False)
    assert "warning: the output needs about 9 MB" in result.stderr and "total" in result.stdout


def test_dry_run_as_json(api, run, video):
    from dvaedit.stages.estimate import COSTS

    api.mix = {"pink hair": {"Dyed_Hair": 1.0}}
    data = json.loads(run(*EDIT, "--dry-run", "--json", "--steps", "5").stdout)
    assert (data["mix"], data["colours"]) == (api.mix, {"pink hair": {"Dyed_Hair": "pink"}})
    stages = {stage["label"]: stage for stage in data["stages"]}
    assert stages["invert"]["frames"] == 6
    assert stages["invert"]["seconds"] == pytest.approx(6 * 5 * COSTS["invert"].step_seconds)
    assert stages["export"]["bytes"] == 12 * 1_000_000 * COSTS["export"].pixel_bytes
    assert data["seconds"] == pytest.approx(sum(stage["seconds"] for stage in stages.values()))
    assert stages["decode"]["seconds"] == stages["parse"]["seconds"] == 0


def test_dry_run_of_a_short_video_and_two_people(api, run, monkeypatch):
    stages = {"few": "pick", "drawn": "sample"}
    plan = [
        StagePlan(f"{name}{place}", stages.get(name, name), "0" * 64, "absent", 0, None, True)
        for place in ("", "-2")
        for name in ("few", "invert", "sample", "drawn", "paste")
    ]
    monkeypatch.setattr(conftest, "PLAN", plan)
    monkeypatch.setattr(FakeApi, "info", SimpleNamespace(frames=5, width=1000, height=1000))
    shown = {line.split()[0]: line for line in run(*EDIT, "--dry-run").stdout.splitlines()}
    assert "pick a few frames" in shown["few-2"] and "a few crops back" in shown["drawn-2"]
    assert "crops back, edited" in shown["sample-2"]

    def frames():
        said = json.loads(run(*EDIT, "--dry-run", "--json").stdout)["stages"]
        return [stage["frames"] for stage in said if stage["stage"] != "pick"]

    assert frames() == [5] * 8
    monkeypatch.setattr(FakeApi, "info", SimpleNamespace(frames=50, width=1000, height=1000))
    assert frames() == [16, 16, 16, 50] * 2


def test_texts_take_longer_than_attributes():
    from dvaedit.stages.estimate import COSTS, estimate

    plan = StagePlan("edit", "edit", "0" * 64, "absent", 0, None, True)
    none, two = (estimate(plan, 12, 1_000_000, 10, texts) for texts in (0, 2))
    assert (none.frames, none.bytes) == (0, 0)
    assert two.seconds - none.seconds == pytest.approx(2 * COSTS["edit"].text_seconds)


def test_invert(api, run):
    result = run("invert", "in.mp4")
    assert result.stdout == "noise\n"
    assert "10 frames, 98.3 kB of noise codes" in result.stderr and "26.50 dB" in result.stderr
    assert json.loads(run("invert", "in.mp4", "--json").stdout)["quality"]["mse"] is None  # infinity is no JSON


def test_reconstruct(api, run):
    result = run("reconstruct", "in.mp4", "-o", "again.mp4", "--overwrite")
    assert result.stdout == "again.mp4\n"
    for measure in ("PSNR", "SSIM", "LPIPS", "MSE", "total"):
        assert measure in result.stderr
    assert api.calls[0][2]["output"] == Path("again.mp4") and api.calls[0][2]["overwrite"] is True
    assert json.loads(run("reconstruct", "in.mp4", "--json").stdout)["quality"]["psnr"] == 26.5


def test_frames_left_alone_are_said(api, run):
    err = run(*EDIT).stderr
    assert (
        "face 2 is left as it is in 3 frames because the face is too small, 1 frames because it is turned away" in err
    )
    assert "face 2: 2 frames without a detection are bridged" in err


def test_faces(api, run):
    result = run("faces", "in.mp4", "-o", "people.png", "--min-face", "40", "--cache-dir", "k")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["face", "frames", "can", "be", "edited", "size", "quality", "seen"]
    assert lines[1].split()[:6] == ["1", "9", "8", "64", "px", "0.50"]
    assert lines[1].endswith("00:00:00.50 to 01:02:03.00, in 2 parts") and lines[-1] == "sheet.png"
    name, args, values = api.calls[0]
    assert (name, args, values["sheet"], values["min_face"]) == ("faces", (Path("in.mp4"),), Path("people.png"), 40.0)
    assert run("faces", "in.mp4", "-q").stdout == "sheet.png\n"
    assert "12 frames in 2 shots; pictures" in result.stderr
    assert json.loads(run("faces", "in.mp4", "--json").stdout)["people"][0]["parts"] == [[0.5, 1.0], [3722.0, 3723.0]]


def test_one_thing_is_no_plural():
    assert (counted(1, "shot"), counted(0, "shot"), counted(12, "frame")) == ("1 shot", "0 shots", "12 frames")


def test_paper_recipe_has_steps_of_its_own(api, run):
    run(*EDIT, "--recipe", "paper", "--iterations", "50")
    values = api.calls[0][2]
    assert (values["options"].recipe, values["options"].steps, values["iterations"]) == ("paper", None, 50)
    assert options.steps_of(options.Recipe.paper, None) == 100
    assert options.steps_of(options.Recipe.own, None) == options.DEFAULT_STEPS
    assert options.steps_of(options.Recipe.paper, 1000) == 1000
