"""The Python API on a short real clip with a tiny random model: outputs, refusals, and nothing left behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import dvaedit
from dvaedit import api, job
from dvaedit.checkpoints import store
from dvaedit.cli import main
from dvaedit.errors import NoFaceError, StorageError, UsageError, VideoError, WeightsError
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.writer import write_rgb_video
from tests.stages.conftest import clip, tiny_model, two_people  # noqa: F401


@pytest.fixture
def options(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    return dvaedit.Options(steps=3, cache_dir=tmp_path / "cache")


@pytest.fixture
def video(clip, tmp_path):  # noqa: F811
    return Path(shutil.copy(clip, tmp_path / "in.mp4"))


def sound(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "cache")


def test_edit_writes_a_whole_video_beside_the_input(video, options, tmp_path):
    result = dvaedit.edit(video, attributes=["Blond_Hair", "Male=-0.5"], compare=tmp_path / "both.mp4", options=options)
    assert result.output == tmp_path / "in.Blond_Hair+Male-0.5.mp4"
    assert files(tmp_path) == ["both.mp4", *(result.output.name + end for end in ("", ".dvaedit.json")), "in.mp4"]
    times = [frame.pts * frame.time_base for frame in read_frames(video)]
    assert [frame.pts * frame.time_base for frame in read_frames(result.output)] == times
    assert result.frames == result.edited_frames == len(times) == 8
    assert sound(result.output) == sound(video)
    both = probe(result.compare)
    assert (both.width, both.height) == (2 * probe(video).width, probe(video).height)
    assert result.region == "head"
    assert result.cosine < 0.999


def test_existing_output_is_kept_unless_allowed(video, options, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists"):
        dvaedit.edit(video, attributes="Male", output=target, options=options)
    assert target.read_bytes() == b"mine"
    dvaedit.edit(video, attributes="Male", output=target, overwrite=True, options=options)
    assert probe(target).frames == 8


@pytest.mark.parametrize("other", ["in.mp4", "both.mp4"])
def test_outputs_must_differ_from_input_and_each_other(video, options, tmp_path, other):
    output = tmp_path / other
    with pytest.raises(UsageError, match="another output"):
        dvaedit.edit(
            video, attributes="Male", output=output, compare=tmp_path / "both.mp4", overwrite=True, options=options
        )


def test_reconstruct_and_invert_measure_the_same_round_trip(video, options, tmp_path):
    rebuilt = dvaedit.reconstruct(video, options=options)
    assert rebuilt.output == tmp_path / "in.reconstructed.mp4"
    assert probe(rebuilt.output).frames == rebuilt.frames == 8
    inverted = dvaedit.invert(video, options=options)
    assert inverted.quality == rebuilt.quality
    assert inverted.size > 8 * 3 * 32 * 32 * 2
    assert inverted.x_T.is_dir()
    assert inverted.quality.psnr > 60  # the solver is exact: what is lost is rounding to half precision
    assert inverted.quality.mse < 1e-6


def test_progress_names_every_stage(video, options):
    seen = []
    options = dvaedit.Options(steps=3, cache_dir=options.cache_dir, progress=lambda *call: seen.append(call))
    dvaedit.edit(video, attributes="Male", options=options)
    stages = list(dict.fromkeys(label for label, _, _ in seen))
    expected = {"decode", "people", "align", "encode", "invert", "parse", "edit", "sample", "paste", "export"}
    assert set(stages) == expected
    assert all(done <= total for _, done, total in seen)


def broken(kind, video, tmp_path):
    path = tmp_path / f"{kind}.mp4"
    if kind == "text":
        path.write_text("not a video")
    elif kind == "truncated":
        data = video.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
    elif kind == "faceless":
        write_rgb_video(path, (np.full((96, 96, 3), 40 * n, np.uint8) for n in range(4)))
    elif kind == "audio":
        with av.open(str(path), "w") as out:
            stream = out.add_stream("aac", rate=48000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
            frame.rate = 48000
            for packet in [*stream.encode(frame), *stream.encode()]:
                out.mux(packet)
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "error"),
    [("missing", VideoError), ("text", VideoError), ("audio", VideoError), ("folder", VideoError),
     ("truncated", VideoError), ("faceless", NoFaceError)],
)  # fmt: skip
def test_bad_video_is_refused_and_leaves_nothing(kind, error, video, options, tmp_path):
    path = broken(kind, video, tmp_path)
    before = files(tmp_path)
    with pytest.raises(error) as raised:
        dvaedit.edit(path, attributes="Male", options=options)
    assert raised.value.message
    assert raised.value.hint
    assert files(tmp_path) == before


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "change",
    [{"attributes": "Blonde_Hair"}, {"attributes": "Male=x"}, {}, {"attributes": "Male", "region": "knee"},
     {"attributes": "Male", "codec": "betamax"}, {"attributes": "Male", "crf": 99},
     {"attributes": "Male", "output": "out.xyz"}, {"attributes": ["Male", "male=-1"]},
     {"attributes": ["Male=6", "Male=6"]},
     *[{"attributes": "Male", "strength": strength} for strength in (NAN, INF, -INF, 1000.0)],
     *[{"text": "blond hair", "strength": strength} for strength in (NAN, INF, -INF, 1000.0)],
     {"attributes": "Male=5", "strength": 3}, {"attributes": "Male=0", "strength": NAN},
     {"attributes": dvaedit.AttributeEdit("Male", NAN)}, {"attributes": dvaedit.AttributeEdit("Male", 99.0)},
     {"text": ""}, {"text": ["blond hair", " ... "]}, {"text": "a man", "attributes": "Male=-1"},
     {"text": ["a man", "a woman"]}, {"text": dvaedit.TextEdit("a man", strength=-1), "attributes": "Male"},
     {"text": dvaedit.TextEdit("blond hair", strength=INF)}, {"text": dvaedit.TextEdit("blond hair", strength=-99.0)}],
)  # fmt: skip
def test_bad_request_is_refused_before_any_work(change, video, options, tmp_path):
    if "output" in change:
        change = change | {"output": tmp_path / change["output"]}
    with pytest.raises(UsageError) as raised:
        dvaedit.edit(video, options=options, **change)
    assert raised.value.hint
    assert files(tmp_path) == ["in.mp4"]
    assert not options.cache_dir.exists()


@pytest.mark.parametrize(
    ("asked", "edits"),
    [
        (["male"], {"Male": 1}), (["MALE=0.5", "blond_hair"], {"Male": 0.5, "Blond_Hair": 1}),
        (["Male", "Male=0.5"], {"Male": 1.5}), (["Male", "male=-2"], {"Male": -1}),
        (["Male=0", "Blond_Hair=-1"], {"Male": 0, "Blond_Hair": -1}),
        ([dvaedit.AttributeEdit("male", 2), "Male"], {"Male": 3}),
    ],
)  # fmt: skip
def test_attributes_are_asked_for_once_each_by_the_models_names(video, options, asked, edits):
    plan = api.prepare_edit(video, attributes=asked, options=options)
    assert {edit.name: edit.strength for edit in plan.job.settings.attributes} == edits
    assert len(plan.job.settings.attributes) == len(edits)
    assert plan.request["attributes"] == [{"name": name, "strength": value} for name, value in edits.items()]


def test_the_case_of_a_name_does_not_change_what_runs(video, options):
    plans = [api.prepare_edit(video, attributes=name, options=options) for name in ("Blond_Hair", "blond_hair")]
    assert plans[0].stages() == plans[1].stages()


def test_a_plan_says_what_its_texts_are_read_as(video, options):
    asked = ["a blond man with a smile", "zorblax"]
    plan = api.prepare_edit(video, text=asked, attributes="Male=0.5", options=options)
    assert plan.mix == {asked[0]: {"Blond_Hair": 1, "Male": 1}, asked[1]: {}}  # of what the model has
    assert plan.unknown_words == ("zorblax",)
    assert api.prepare_edit(video, attributes="Male", options=options).mix == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-t", ""), "error: the text '' says nothing\nhint: "),
        (("-t", "a man", "-a", "Male=-1"), "error: Male=-1 and 'a man' contradict each other in Male\nhint: "),
        (("-a", "Male", "-a", "male=-1"), "error: Male=1 and Male=-1 cancel each other out\nhint: "),
        (("-a", "Male", "--strength", "nan"), "error: strength nan of Male is out of range\nhint: "),
        (("-a", "Male", "--strength", "1000"), "error: strength 1000 of Male is out of range\nhint: "),
        (("-t", "blond hair", "--strength", "inf"), "error: strength inf of 'blond hair' is out of range\nhint: "),
    ],
)
def test_bad_strengths_are_usage_errors_of_the_command_line(video, options, capsys, monkeypatch, arguments, said):
    monkeypatch.delenv("DVAEDIT_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["edit", str(video), *arguments, "--cache-dir", str(options.cache_dir)]) == 2
    assert capsys.readouterr().err.startswith(said)


def test_unwritable_output_is_refused_before_any_work(video, options, tmp_path):
    with pytest.raises((StorageError, VideoError)):
        dvaedit.edit(video, attributes="Male", output=tmp_path / "in.mp4" / "x.mp4", options=options)
    assert not options.cache_dir.exists()


def test_damaged_cache_entry_is_made_again(video, options):
    first = dvaedit.invert(video, options=options)
    shard = next(first.x_T.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-7])
    again = dvaedit.invert(video, options=options)
    assert again.quality == first.quality
    assert again.x_T == first.x_T


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    for name in ("compact.json", "compact-classifier.json", "compact-classifier.safetensors"):
        shutil.copy(store.PACKAGE.parent / "weights" / name, tmp_path)
    weights = tmp_path / "compact-classifier.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    monkeypatch.setenv("DVAEDIT_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"compact-classifier\.safetensors"):
        dvaedit.load_model("compact")


def changed_columns(source, result):
    """Per frame, whether the left face and the right one differ by more than the encoder's noise."""
    found = []
    for before, after in zip(read_frames(source), read_frames(result), strict=True):
        difference = np.abs(before.rgb().astype(int) - after.rgb()).max(axis=(0, 2))
        found.append((bool((difference[:290] > 40).any()), bool((difference[320:] > 40).any())))
    return found


def test_faces_lists_everyone_with_a_sheet(two_people, options, tmp_path):  # noqa: F811
    found = dvaedit.faces(two_people, sheet=tmp_path / "sheet.png", options=options)
    assert [(person.number, person.frames) for person in found.people] == [(1, 12), (2, 10)]
    assert found.people[0].size > 1.15 * found.people[1].size
    assert found.people[1].parts == (
        (0.0, pytest.approx(4 / 24, abs=1e-4)), (pytest.approx(7 / 24, abs=1e-4), pytest.approx(11 / 24, abs=1e-4))
    )  # fmt: skip
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 154, 796, 3)
    assert sheet[22:150, 4:132].std() > 20
    with pytest.raises(UsageError, match="exists"):
        dvaedit.faces(two_people, sheet=tmp_path / "sheet.png", options=options)


@pytest.mark.parametrize(("face", "which"), [("largest", (True, False)), (2, (False, True)), ("all", (True, True))])
def test_only_the_chosen_faces_change(two_people, options, tmp_path, face, which):  # noqa: F811
    result = dvaedit.edit(
        two_people, attributes="Blond_Hair=4", face=face, region="square", paste="replace", output=tmp_path / "o.mp4",
        crf=4, options=options,
    )  # fmt: skip
    changed = changed_columns(two_people, result.output)
    assert changed[2] == which
    assert [person.person for person in result.people] == ([1, 2] if face == "all" else [2 if face == 2 else 1])
    if face == 2:
        assert result.people[0].bridged == 2 and result.edited_frames == 12


def test_a_range_edits_only_that_part(two_people, options, tmp_path):  # noqa: F811
    result = dvaedit.edit(
        two_people, attributes="Male=4", region="square", paste="replace", output=tmp_path / "o.mp4", crf=4,
        range="0.15-0.4", options=options,
    )  # fmt: skip
    changed = changed_columns(two_people, result.output)
    assert result.frames == 12 and result.edited_frames == 6
    assert [left for left, _ in changed] == [4 <= number <= 9 for number in range(12)] or changed[6][0]
    assert not any(left for left, _ in changed[:4] + changed[10:])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"face": 3}, "no face 3"), ({"range": "50-60"}, "no frame lies"), ({"min_face": 400.0}, "too small")],
)
def test_nobody_to_edit_says_why(two_people, options, change, message):  # noqa: F811
    with pytest.raises(NoFaceError, match=message) as raised:
        dvaedit.edit(
            two_people, attributes="Male", output=options.cache_dir.parent / "o.mp4", options=options, **change
        )
    assert raised.value.hint
    assert not (options.cache_dir.parent / "o.mp4").exists()


def test_a_dry_run_of_all_faces_computes_nothing(two_people, options, tmp_path):  # noqa: F811
    plan = api.prepare_edit(two_people, attributes="Male", face="all", output=tmp_path / "o.mp4", options=options)
    assert [stage.label for stage in plan.stages() if stage.stage == "align"] == ["align"]
    assert not options.cache_dir.exists()
    dvaedit.faces(two_people, sheet=tmp_path / "s.png", options=options)
    assert [stage.label for stage in plan.stages() if stage.stage == "align"] == ["align", "align-2"]


def test_recipes_have_the_steps_the_command_line_says():
    from dvaedit.cli import options as cli

    assert {recipe.value for recipe in cli.Recipe} == set(job.RECIPES)
    assert {name: cli.steps_of(cli.Recipe(name), None) for name in job.RECIPES} == job.RECIPES


def test_paper_recipe_edits_reconstructs_and_inverts(video, options, tmp_path):
    paper = replace(options, recipe="paper", steps=5)
    result = dvaedit.edit(video, attributes="Male=0.3", options=paper)
    assert result.edited_frames == 8
    assert sound(result.output) == sound(video)
    rebuilt = dvaedit.reconstruct(video, options=paper)
    assert dvaedit.invert(video, options=paper).quality == rebuilt.quality
    assert probe(rebuilt.output).frames == 8


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"region": "hair"}, "its own mask"),
        ({"paste": "replace"}, "its own mask"),
        ({"iterations": 5}, "text search"),
        ({"options": {"steps": 60}}, "no stride"),
        ({"options": {"recipe": "other"}}, "unknown recipe"),
    ],
)
def test_what_the_paper_recipe_has_not_is_refused(video, options, values, said):
    changed = replace(options, **{"recipe": "paper", "steps": 5, **values.pop("options", {})})
    with pytest.raises(UsageError, match=said):
        dvaedit.edit(video, attributes="Male", options=changed, **values)


@pytest.mark.parametrize(
    ("asked", "adapts"),
    [
        ({"attributes": "Male"}, True), ({"attributes": "Male=-1"}, True), ({"attributes": "Male=0.5"}, False),
        ({"attributes": "Male", "strength": 1}, False), ({"attributes": ["Male", "Blond_Hair=2"]}, False),
        ({"attributes": ["Male", "male"]}, False), ({"attributes": ["Male=0.5", "male=0.5"]}, True),
    ],
)  # fmt: skip
def test_strength_is_found_where_none_is_given(video, options, asked, adapts):
    plan = api.prepare_edit(video, options=options, **asked)
    assert plan.job.settings.adapt is adapts and plan.request["adapt"] is adapts


def test_the_strength_that_was_found_is_said(video, options, tmp_path):
    result = dvaedit.edit(video, attributes="Male", output=tmp_path / "out.mp4", options=options)
    assert [person.strength for person in result.people] == [1.0]  # of a classifier whose reliability is not known
