"""Fuzzers: whatever the text or the bytes, an answer or an error of ours."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvaedit.editing.attributes import AttributeEdit
from dvaedit.errors import DvaEditError
from dvaedit.face.presence import presence
from dvaedit.pipeline.artifact import MANIFEST, open_manifest
from dvaedit.pipeline.writer import JOURNAL, Journal
from dvaedit.stages.choose import Choice, parse_range
from dvaedit.video.files import check_writable
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from tests.video.conftest import encode

SEVERE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.text(max_size=30))
@SEVERE
def test_any_range(text):
    with contextlib.suppress(DvaEditError):
        start, end = parse_range(text)
        assert start >= 0 and (end is None or end > start)


@given(st.text(max_size=30))
@SEVERE
def test_any_choice(text):
    with contextlib.suppress(DvaEditError):
        choice = Choice.parse(text)
        assert choice.everyone or choice.photo is not None or choice.number >= 1


@given(st.text(max_size=40))
@SEVERE
def test_any_attribute(text):
    with contextlib.suppress(DvaEditError):
        assert np.isfinite(AttributeEdit.parse(text).strength)


@given(st.text(max_size=40))
@SEVERE
def test_any_output_name(tmp_path, text):
    with contextlib.suppress(DvaEditError):
        check_writable(tmp_path / text.replace("\0", ""))
    assert list(tmp_path.iterdir()) == []


@st.composite
def sightings(draw):
    total = draw(st.integers(1, 120))
    frames = sorted(draw(st.sets(st.integers(0, total - 1), min_size=1)))
    shots = sorted({0, *draw(st.sets(st.integers(1, max(1, total - 1)), max_size=5))})
    allowed = draw(st.lists(st.floats(0, 1), min_size=len(frames), max_size=len(frames)))
    start = draw(st.integers(0, total - 1))
    return frames, allowed, shots, total, draw(st.floats(1, 240)), (start, draw(st.integers(start + 1, total)))


@given(sightings())
@SEVERE
def test_presence_never_pops(case):
    """Strengths are within bounds, zero outside the span, and change slowly within a shot, whatever was seen."""
    frames, allowed, shots, total, rate, span = case
    shown = presence(np.array(frames), np.array(allowed), np.array(shots), total, rate, span)
    assert (np.diff(shown.frames) > 0).all() and set(frames) <= set(shown.frames.tolist())
    assert ((shown.weights >= 0) & (shown.weights <= 1)).all()
    strength = np.zeros(total + 2)
    strength[shown.frames + 1] = shown.weights
    inside = np.zeros(total, bool)
    inside[span[0] : span[1]] = True
    assert not strength[1:-1][~inside].any()
    slope = 1.5 / max(2, round(0.25 * rate)) + 1e-6
    jumps = set(np.flatnonzero(np.abs(np.diff(strength)) > slope).tolist())
    assert jumps <= set(shots) | {total}


@pytest.mark.slow
@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_a_video(tmp_path, data):
    good = tmp_path / "good.mp4"
    if not good.exists():
        encode(good)
    content = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "bad.mp4"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    with contextlib.suppress(DvaEditError):
        info = probe(path)
        for frame in read_frames(path, 0, 20):
            assert frame.rgb().shape == (info.height, info.width, 3)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
), max_leaves=10)  # fmt: skip


@given(JSON | st.binary(max_size=60))
@SEVERE
def test_any_manifest(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises((ValueError, OSError)):
        open_manifest(tmp_path)


@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), max_size=4))
@SEVERE
def test_any_journal(tmp_path, lines):
    """What is no entry of a journal counts as a torn line."""
    (tmp_path / JOURNAL).write_bytes(b"\n".join(lines))
    journal = Journal(tmp_path)
    assert journal.frames(tmp_path) == 0
