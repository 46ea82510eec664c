import json
from types import SimpleNamespace

import pytest

from dvaedit.evaluation.provenance import _read, find_run
from dvaedit.provenance import sidecar_path

PEOPLE = ("", *(f"-{number}" for number in range(2, 12)))


class FakeCache:
    """Entries by stage and key; ``add`` gives the key of a new one."""

    def __init__(self):
        self.entries = {}

    def add(self, stage, meta, **inputs):
        key = f"{stage} {len(self.entries)}"
        self.entries[stage, key] = SimpleNamespace(stage=stage, key=key, inputs=inputs, meta=meta)
        return key

    def open(self, stage, key, touch):
        return self.entries.get((stage, key))


def exported(cache, prefix, edit):
    """What a run over all of ``PEOPLE`` has left; inputs as in a manifest, sorted by name."""
    decode, inputs = cache.add("decode", {}), {}
    for number, place in enumerate(PEOPLE, start=1):
        align = cache.add(f"{prefix}align", {"person": number}, decode=decode)
        changed = {"edit": cache.add(f"{prefix}edit", edit)}
        sample = cache.add(f"{prefix}sample", {}, **changed)
        pasted = {} if prefix else changed
        inputs[f"align{place}"] = align
        inputs[f"paste{place}"] = cache.add(f"{prefix}paste", {"person": number}, sample=sample, **pasted)
    return SimpleNamespace(stage="export", inputs=dict(sorted(inputs.items())), meta={})


@pytest.mark.parametrize("prefix", ["", "paper-"], ids=["own", "paper"])
def test_all_people_of_a_run_are_known_in_their_order(prefix):
    cache = FakeCache()
    config = {"attributes": [{"name": "Male", "strength": 2.0}], "texts": [{"target": "gray hair", "strength": 1.0}]}
    edit = {"mix": {}, "region": "square", "cosine": 0.9, "config": config}
    run = _read(cache, exported(cache, prefix, edit), "found")
    assert [[one.meta["person"] for one in pair] for pair in run.people] == [[n, n] for n in range(1, 12)]
    assert set(run.settings) == {f"{prefix}{name}" for name in ("align", "edit", "sample", "paste")} | {"export"}
    assert [edit.name for edit in run.edits] == ["Male"] and run.texts == ("gray hair",)


def test_a_run_of_which_something_is_gone_is_not_known():
    cache = FakeCache()
    made = exported(cache, "", {"mix": {}, "region": "face", "cosine": 0.9})
    for entry in [entry for entry in cache.entries if entry[0] == "sample"]:
        del cache.entries[entry]
    assert _read(cache, made, "found") is None


def test_the_strength_that_each_run_found_is_known():
    cache = FakeCache()
    config = {"attributes": [{"name": "Male", "strength": -1.0}], "texts": [{"target": "gray hair", "strength": 1.0}]}
    mix = {"gray hair": {"Gray_Hair": 1.0, "Young": -0.2}}
    edit = {"mix": mix, "region": "hair", "cosine": 0.9, "config": config, "strength": 1.25}
    run = _read(cache, exported(cache, "", edit), "found")
    assert run.strengths == dict.fromkeys(range(1, 12), 1.25)
    assert run.used(1) == {"Male": -1.25, "Gray_Hair": 1.25}  # what a text hardly means is not asked for
    assert run.used(99) == {"Male": -1.0, "Gray_Hair": 1.0}


def test_the_file_beside_a_picture_names_its_run(tmp_path):
    cache = FakeCache()
    edit = {"mix": {}, "region": "hair", "cosine": 0.9, "strength": 1.25,
            "config": {"attributes": [{"name": "Male", "strength": 1.0}]}}  # fmt: skip
    cache.entries["export", "abc0"] = exported(cache, "", edit)
    picture = tmp_path / "o.png"
    said = {
        "output": {"sha256": "1"}, "source": {"sha256": "2"}, "stages": {"export": {"key": "abc0"}},
        "edit": {"attributes": [{"name": "Male", "strength": 1.0}], "text": []}, "models": {"sha256": {"a": "b"}},
        "people": [{"person": 1, "strength": 1.5}],
    }  # fmt: skip
    write = sidecar_path(picture).write_text
    write(json.dumps(said))
    run = find_run(cache, picture, "1", "2")
    assert run.origin == "found in the cache, named in o.png.dvaedit.json" and len(run.people) == 11
    assert find_run(cache, picture, "other", "2") is None
    for key in ("ffff", "../export/abc0"):
        write(json.dumps(said | {"stages": {"export": {"key": key}}}))
        run = find_run(cache, picture, "1", "2")
        assert (run.origin, run.people, run.used(1)) == ("read in o.png.dvaedit.json", (), {"Male": 1.5})
