"""Every command explains itself, fast, and says what is wrong with its arguments."""

import subprocess
import sys

import pytest

import dvaedit

COMMANDS = [
    [],
    ["edit"],
    ["invert"],
    ["reconstruct"],
    ["evaluate"],
    ["report"],
    ["sweep"],
    ["prepare"],
    ["attributes"],
    ["doctor"],
    *(["train", name] for name in ("autoencoder", "latent-stats", "classifier", "export")),
    *(["cache", name] for name in ("ls", "verify", "gc", "clear")),
    *(["weights", name] for name in ("list", "show", "verify", "pull")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_the_command_does(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"Usage: dvaedit {' '.join(command)}".strip() in result.stdout
    assert result.stderr == ""


def test_help_groups_options_and_gives_examples(run):
    text = run("edit", "--help").stdout
    for title in ("What to change", "Output", "Where and how to compute", "Reporting", "Examples"):
        assert title in text
    assert 'dvaedit edit in.mp4 --text "blond hair"' in text
    assert "NAME[=STRENGTH]" in text


def test_version(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"dvaedit {dvaedit.__version__}\n")


@pytest.mark.parametrize(
    "args",
    [
        ["edit"],
        ["edit", "in.mp4", "--text"],
        ["edit", "in.mp4", "--text", "x", "--region", "elbow"],
        ["edit", "in.mp4", "--text", "x", "--steps", "1"],
        ["edit", "in.mp4", "--text", "x", "--crf", "99"],
        ["edit", "in.mp4", "--text", "x", "--seed", "-1"],
        ["edit", "in.mp4", "--text", "x", "--no-such-option"],
        ["no-such-command"],
        ["weights", "show"],
        ["cache", "gc", "--max-age", "a while"],
        ["cache", "gc", "--max-size", "10 furlongs"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_end_with_2_and_nothing_on_stdout(run_main, args):
    code, out, err = run_main(*args)
    assert (code, out) == (2, "")
    assert err


def test_help_loads_no_heavy_package():
    code = (
        "import sys; from dvaedit.cli import main; main(['edit', '--help']); "
        "sys.exit(str(sorted({'torch', 'numpy', 'cv2', 'av', 'mediapipe', 'open_clip'} & set(sys.modules))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stderr.strip() == "[]"


def test_python_m_runs_the_command_line():
    result = subprocess.run([sys.executable, "-m", "dvaedit", "edit"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (2, "")
    assert "VIDEO" in result.stderr
