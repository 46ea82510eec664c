"""The whole chain on a real clip: what it writes, what it re-uses, what survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.editing.text import TextEdit
from dvaedit.face.surround import REACH, TOP
from dvaedit.pipeline.run import Pipeline
from dvaedit.pipeline.store import Cache
from dvaedit.stages import graph
from dvaedit.stages.export import Overlay, edited_frames
from dvaedit.stages.extent import Extent
from dvaedit.stages.graph import Settings, edit_nodes
from dvaedit.stages.probes import Probes
from dvaedit.video.probe import file_digest, probe
from dvaedit.video.reader import read_frames

BLOND = Settings(attributes=(AttributeEdit("Blond_Hair", 2.0),), steps=3)


def pipeline(clip, model, cache_folder, settings=BLOND, progress=None):
    return Pipeline(edit_nodes(clip, model, None, settings), Cache(cache_folder), file_digest(clip), progress=progress)


def overlay(done):
    return Overlay([(done.artifact("paste"), done.artifact("align"))])


def planes(frame):
    return [np.frombuffer(plane, np.uint8).copy() for plane in frame.planes]


@pytest.fixture(scope="module")
def finished(clip, tmp_path_factory):
    from tests.stages.conftest import tiny_model

    done = pipeline(clip, tiny_model(), tmp_path_factory.mktemp("cache"))
    done.execute()
    return done


def test_every_frame_is_written_at_its_time(clip, finished):
    exported = finished.artifact("export")
    out = exported.file(exported.files[0].name)
    written = [(f.pts * f.time_base) for f in read_frames(out)]
    assert written == [f.pts * f.time_base for f in read_frames(clip)]


def test_outside_the_mask_frames_are_bit_identical(clip, finished):
    info = probe(clip)
    size, changed = (info.width, info.height), 0
    extent = Extent(finished.artifact("paste"), finished.artifact("align").read("quads"))
    edited = edited_frames(clip, overlay(finished), size)
    for position, ((after, _), frame) in enumerate(zip(edited, read_frames(clip), strict=True)):
        (x0, y0, x1, y1), mask = extent.at(position, size)
        inside = np.zeros((info.height, info.width), bool)
        inside[y0:y1, x0:x1] = mask > 0
        before_y, after_y = (p.to_ndarray()[: info.height] for p in (frame.native, after))
        assert np.array_equal(before_y[~inside], after_y[~inside])
        cells = inside.reshape(info.height // 2, 2, info.width // 2, 2).any(axis=(1, 3))
        for plane in (1, 2):
            before, now = (np.frombuffer(f.planes[plane], np.uint8) for f in (frame.native, after))
            rows = (f.reshape(info.height // 2, -1)[:, : info.width // 2] for f in (before, now))
            before, now = rows
            assert np.array_equal(before[~cells], now[~cells])
        changed += int((before_y != after_y).sum())
    assert changed > 1000


def test_hair_edit_changes_hair_only(finished):
    """The tiny parser calls the upper half hair: below it, beyond the feathered border, nothing is added."""
    pasted = finished.artifact("paste")
    assert pasted.meta["region"] == "hair"
    mask = cv2.imdecode(np.frombuffer(pasted.read_blobs("strands", 3, 4)[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    size = len(mask)
    rows = [round(size * (share + TOP) / REACH) for share in (0.3, 0.7)]
    assert mask[rows[0], size // 2] > 200
    assert not mask[rows[1], size // 4 : 3 * size // 4].any()


@pytest.mark.parametrize("names", [("Male", "Eyeglasses"), ("Blond_Hair", "Eyeglasses")], ids=["sampled", "drawn"])
def test_second_edit_runs_only_edit_sample_paste_and_export(clip, model, tmp_path, names):
    """Of the edits that need all frames' noise codes, and of those that need few."""
    first, second = (-1.0, -1.0) if names[0] == "Male" else (1.0, 1.0)
    once = Settings(attributes=(AttributeEdit(names[0], first),), steps=3)
    pipeline(clip, model, tmp_path, once).execute()
    again = pipeline(clip, model, tmp_path, Settings(attributes=(AttributeEdit(names[1], second),), steps=3))
    states = {entry.label: entry.state for entry in again.plan()}
    assert {label for label, state in states.items() if state != "cached"} == {"edit", "sample", "paste", "export"}
    again.execute()
    assert {entry.state for entry in again.plan()} == {"cached"}


def test_what_is_drawn_goes_by_a_few_sampled_frames(clip, model, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "COUNT", 3)
    run = pipeline(clip, model, tmp_path)
    run.execute()
    assert [run.artifact(name).frames for name in ("few", "invert", "sample", "paste")] == [3, 3, 3, 8]
    align, few = run.artifact("align"), run.artifact("few")
    inputs = {name: run.artifact(name) for name in ("align", "parse", "sample", "few")}
    probes = Probes(inputs)
    assert np.array_equal(align.read("frames")[probes.places], few.read("frames"))
    assert np.array_equal(probes.crops(), few.read("crops")) and probes.edited().shape == probes.crops().shape


@pytest.mark.parametrize(
    ("edits", "texts", "drawn"),
    [
        ([("Blond_Hair", 1)], [], True), ([("Eyeglasses", 1)], [], True), ([("Eyeglasses", -1)], [], False),
        ([("Blond_Hair", 1), ("Eyeglasses", 1)], [], True), ([("Blond_Hair", 1), ("Male", 1)], [], False),
        ([("Blond_Hair", 0)], [], False), ([], ["blond hair"], True), ([], ["a man"], False),
        ([], ["blond hair", "a zeppelin"], False), ([], [], False),
    ],
)  # fmt: skip
def test_which_edits_are_drawn(model, edits, texts, drawn):
    asked = Settings(tuple(AttributeEdit(*edit) for edit in edits), tuple(map(TextEdit, texts)))
    assert graph.is_drawn(model, asked) is drawn
    assert not graph.is_drawn(model, replace(asked, region="hair"))
    assert not graph.is_drawn(model, replace(asked, draw=False)) and not graph.is_drawn(
        model, replace(asked, paste="replace")
    )


def test_zero_strength_changes_nothing(clip, model, finished):
    none = Settings(attributes=(AttributeEdit("Male", 0.0),), steps=3)
    again = pipeline(clip, model, finished.cache.root, none)
    patches = overlay(again)
    info = probe(clip)
    for (after, _), frame in zip(
        edited_frames(clip, patches, (info.width, info.height)), read_frames(clip), strict=True
    ):
        assert all(np.array_equal(a, b) for a, b in zip(planes(after), planes(frame.native), strict=True))


WORKER = """
import sys
from pathlib import Path
from tests.stages.conftest import tiny_model
from tests.stages.test_chain import pipeline
print("ready", flush=True)
run = pipeline(Path(sys.argv[1]), tiny_model(), Path(sys.argv[2]), progress=lambda *_: print(*_, flush=True))
run.execute()
"""


SLOW = [
    pytest.param(s, marks=pytest.mark.slow) for s in ("decode", "align", "parse", "encode", "sample", "edit", "export")
]


@pytest.mark.parametrize("stage", ["invert", "paste", *SLOW])
def test_killed_in_any_stage_it_resumes_to_the_same_result(clip, model, finished, tmp_path, stage):
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, clip, tmp_path], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    for line in worker.stdout:
        if line.startswith(stage):
            worker.send_signal(signal.SIGKILL)
            break
    assert worker.wait(60) == -signal.SIGKILL
    resumed = pipeline(clip, model, tmp_path)
    resumed.execute()
    for label in finished.nodes:
        a, b = finished.artifact(label), resumed.artifact(label)
        assert [(f.name, f.sha256) for f in a.files] == [(f.name, f.sha256) for f in b.files], label
