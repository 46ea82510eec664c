"""attributes, weights and cache: tables, JSON, exit codes. And what the shell completes."""

import json
import time

import pytest

from dvaedit.cli import completion, text
from dvaedit.files import sha256_bytes
from dvaedit.pipeline.store import Cache


def test_attributes(weights, run):
    lines = {line.split()[0]: line.split()[1:] for line in run("attributes").stdout.splitlines()}
    assert lines["Blond_Hair"] == ["0.910", "0.960", "40", "-1", "to", "+1.5", "-", "hair"]
    assert lines["Bald"] == ["-", "-", "-", "-", "-", "head"]
    rows = json.loads(run("attributes", "--json").stdout)
    assert [row["name"] for row in rows] == ["Blond_Hair", "Bald", "Young"]
    assert rows[0]["auc"] == 0.96 and rows[1]["auc"] is None


def test_attributes_of_an_unknown_model(weights, run_main):
    assert run_main("attributes", "--model", "huge")[0] == 5


def test_weights_list(weights, run):
    lines = {line.split()[0]: line for line in run("weights", "list").stdout.splitlines()}
    assert "here" in lines["codes"] and "MISSING" in lines["gone"] and "codes" in lines["compact"]
    assert {card["name"]: bool(card["path"]) for card in json.loads(run("weights", "list", "--json").stdout)} == {
        "codes": True, "compact": False, "gone": False,
    }  # fmt: skip


def test_weights_show(weights, run, run_main):
    shown = run("weights", "show", "codes").stdout
    assert "licence: MIT\n" in shown and "  - faces; few\n" in shown
    assert "  attributes: Blond_Hair, Bald, Young\n" in shown
    assert run_main("weights", "show", "nothing")[0] == 5


def test_weights_verify(weights, run_main):
    assert run_main("weights", "verify", "compact")[:2] == (0, "1 of 1 files are as their cards say\n")
    code, out, err = run_main("weights", "verify")
    assert (code, out) == (5, "")
    assert "ok   codes" in err and "BAD  gone" in err and "gone.safetensors" in err
    (weights / "codes.safetensors").write_bytes(b"something else altogether")
    code, out, err = run_main("weights", "verify")
    assert code == 5 and "2 of 2 files are bad" in err


@pytest.fixture
def cache(tmp_path):
    """A cache with two entries of one file each; the first was last used ten days ago."""
    store = Cache(tmp_path / "cache")
    for number, stage in enumerate(("decode", "invert")):
        key = sha256_bytes(stage.encode())
        writer = store.begin(stage, 1, key, {}, "clip.mp4")
        with writer.new_file("data") as path:
            path.write_bytes(b"x" * 1000)
        entry = store.commit(stage, key, writer)
        if not number:
            _age(entry.path, 10 * 86400)
    return store


def _age(folder, seconds):
    import os

    then = time.time() - seconds
    for path in folder.iterdir():
        os.utime(path, (then, then))


def test_cache_ls(cache, run):
    out = run("cache", "ls", "--cache-dir", str(cache.root)).stdout
    first, second, total = out.splitlines()[1:]
    assert first.split()[:2] == ["clip.mp4", "decode"] and "10 d ago" in first
    assert second.split()[1] == "invert" and "complete" in second
    assert total.startswith("2 entries, ") and total.endswith(str(cache.root))
    data = json.loads(run("cache", "ls", "--json", "--cache-dir", str(cache.root)).stdout)
    assert data["bytes"] == sum(entry["size"] for entry in data["entries"]) > 2000


def test_an_empty_cache(tmp_path, run):
    result = run("cache", "ls", "--cache-dir", str(tmp_path / "none"))
    assert "0 entries, 0 B" in result.stdout and not (tmp_path / "none").exists()


def test_cache_verify(cache, run_main):
    where = ("--cache-dir", str(cache.root))
    assert run_main("cache", "verify", *where)[:2] == (0, "2 of 2 entries are whole\n")
    (next((cache.root / "invert").iterdir()) / "data").write_bytes(b"y" * 1000)
    code, out, err = run_main("cache", "verify", *where)
    assert (code, out) == (6, "")
    assert "error: 1 of 2 cache entries were damaged" in err and "BAD  invert" in err


def test_cache_gc(cache, run, run_main):
    where = ("--cache-dir", str(cache.root))
    assert run_main("cache", "gc", *where)[0] == 2
    assert run("cache", "gc", "--max-age", "30d", *where).stdout == "removed 0 entries, 0 B\n"
    assert run("cache", "gc", "--max-age", "1w", *where).stdout.startswith("removed 1 entries, ")
    assert [entry.stage for entry in cache.entries()] == ["invert"]
    assert run("cache", "gc", "--max-size", "0", *where).stdout.startswith("removed 1 entries, ")


def test_cache_clear_asks(cache, run, run_main, monkeypatch):
    where = ("--cache-dir", str(cache.root))
    code, out, err = run_main("cache", "clear", *where)  # nobody is at the keyboard of a test
    assert (code, out, len(cache.entries())) == (2, "", 2) and "--yes" in err
    monkeypatch.setattr("dvaedit.cli.cache._confirmed", lambda question: "2 entries" not in question)
    assert run("cache", "clear", *where).stdout == "nothing was removed\n"
    assert run("cache", "clear", "--yes", *where).stdout.startswith("removed 2 entries, ")
    assert cache.entries() == []


class Context:
    params: dict = {}  # noqa: RUF012


def test_completion_of_attributes(weights, monkeypatch):
    assert completion.attributes(Context(), "B") == ["Blond_Hair", "Bald"]
    assert completion.attributes(Context(), "bl") == ["blond_Hair"]  # a shell takes only what begins as typed
    assert completion.attributes(Context(), "X") == []
    assert completion.models("c") == ["compact"]
    assert completion.weights("") == ["codes", "compact", "gone"]
    (weights / "codes.json").write_text("{")
    assert completion.attributes(Context(), "B") == [] == completion.models("c")


def test_the_shell_gets_the_completions(weights, run, monkeypatch):
    monkeypatch.setenv("_DVAEDIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "dvaedit edit in.mp4 --attribute Y")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert run().stdout.split() == ["Young"]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (3e12, "3.0 TB")]
)
def test_sizes(count, said):
    assert text.size(count) == said


@pytest.mark.parametrize(("seconds", "said"), [(3.24, "3.2 s"), (247, "4:07"), (3723, "1:02:03")])
def test_durations(seconds, said):
    assert text.duration(seconds) == said


def test_quantities():
    assert (text.parse_size("10GB"), text.parse_size("1.5 MiB"), text.parse_size("7")) == (10**10, 1_572_864, 7)
    assert (text.parse_age("30d"), text.parse_age("12h"), text.parse_age("90s")) == (2_592_000, 43_200, 90)


def test_weights_pull(weights, run_main, monkeypatch):
    from dvaedit.checkpoints import download

    def fetch(card, folder, *, mirrors, patience, progress):
        progress(4, 18)
        progress(18, 18)
        (folder / card.file).write_bytes(b"not really tensors")
        return folder / card.file

    monkeypatch.setattr(download, "fetch", fetch)
    code, out, err = run_main("weights", "pull", "codes", "gone", "--folder", str(weights))
    assert (code, out) == (0, f"{weights / 'codes.safetensors'}\n{weights / 'gone.safetensors'}\n")
    assert "codes is here already" in err
    assert run_main("weights", "verify")[0] == 0


def test_a_damaged_file_is_replaced_where_it_is(weights, run_main, monkeypatch):
    from dvaedit.checkpoints import download

    places = []
    monkeypatch.setattr(download, "fetch", lambda card, folder, **_: places.append(folder) or folder / card.file)
    (weights / "codes.safetensors").write_bytes(b"damaged")
    assert run_main("weights", "pull", "compact")[0] == 0
    assert places == [weights]


def test_weights_pull_without_a_mirror_or_a_network(weights, run_main, monkeypatch):
    code, out, err = run_main("weights", "pull", "gone")
    assert (code, out) == (5, "") and "names no mirror" in err
    monkeypatch.setenv("DVAEDIT_OFFLINE", "")  # so that what --offline sets is taken back
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "")
    code, out, err = run_main("weights", "pull", "gone", "--mirror", "https://example.org/", "--offline")
    assert (code, out) == (5, "") and "offline: downloading gone.safetensors" in err
    assert run_main("weights", "pull", "codes", "gone", "--mirror", "https://example.org/x")[0] == 2
