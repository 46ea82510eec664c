"""evaluate, report and sweep on a short real clip: a tiny random model edits, the real instruments measure."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import dvaedit
from dvaedit import api, comparing
from dvaedit.cli.evaluate import as_json
from dvaedit.cli.session import plain_json
from dvaedit.errors import NoFaceError, UsageError, VideoError
from dvaedit.evaluation.summary import Metrics
from dvaedit.stages import graph
from dvaedit.video.planes import copy_frame
from dvaedit.video.probe import probe
from dvaedit.video.reader import read_frames
from dvaedit.video.siting import chroma_location
from dvaedit.video.writer import VideoWriter, write_rgb_video, write_video
from tests.stages.conftest import clip, tiny_model  # noqa: F401


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip):  # noqa: F811
    """The clip, an edit of it by dvaedit, and foreign ones: flickering, half as large, on another clock, cut short."""
    folder = tmp_path_factory.mktemp("comparing")
    shutil.copy(clip, folder / "in.mp4")
    patch = pytest.MonkeyPatch()
    patch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    dvaedit.edit(folder / "in.mp4", attributes=["Blond_Hair=0.2"], output=folder / "ours.mp4", options=options(folder))
    patch.undo()
    frames = [frame.rgb() for frame in read_frames(folder / "in.mp4")]
    foreign(folder / "blinking.mp4", [lit(rgb, 14 * (n % 2)) for n, rgb in enumerate(frames)])
    foreign(folder / "small.mp4", [cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA) for rgb in frames])
    foreign(folder / "cut.mp4", frames[:5])
    foreign(folder / "wide.mp4", [rgb[100:400] for rgb in frames])
    foreign(folder / "faceless.mp4", [np.full_like(rgb, 90) for rgb in frames])
    return folder


def options(folder, **values):
    return dvaedit.Options(steps=3, cache_dir=folder / "cache", device="cpu", **values)


def lit(rgb, levels):
    return np.clip(rgb.astype(int) + levels, 0, 255).astype(np.uint8)


def foreign(path, frames):
    write_rgb_video(path, frames, rate=probe(path.with_name("in.mp4")).rate, crf=10)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(comparing, "load_model", lambda name, runtime: tiny_model())


@pytest.fixture(scope="module")
def evaluation(folder):
    patch = pytest.MonkeyPatch()
    patch.setattr(comparing, "load_model", lambda name, runtime: tiny_model())
    seen = []
    edits = [folder / name for name in ("ours.mp4", "in.mp4", "blinking.mp4", "small.mp4", "cut.mp4")]
    found = dvaedit.evaluate(
        folder / "in.mp4", edits, options=options(folder, progress=lambda *report: seen.append(report))
    )
    patch.undo()
    assert {"measure", "faces of ours.mp4"} <= {label for label, _, _ in seen}
    assert all(done <= total for _, done, total in seen)
    return {edit.path.name: edit for edit in found.edits} | {"all": found}


def test_an_edit_of_ours_is_recognised_with_its_mask_and_settings(evaluation):
    ours = evaluation["ours.mp4"]
    assert ours.run["edits"] == {"Blond_Hair": 0.2} and ours.run["region"] == "hair"
    assert ours.run["settings"]["sample"]["steps"] == 3
    assert ours.run["weights"]["autoencoder"] == "a" * 64
    assert ours.mask.startswith("the run's own mask (hair)")
    assert [target.name for target in ours.judgement.targets] == ["Blond_Hair"]
    assert ours.metrics.outside_psnr > 40  # only encoding
    assert ours.metrics.psnr < 60 and ours.metrics.mse > 0
    assert ours.frames.face_in_both == ours.frames.with_face == ours.frames.original == 8


def test_the_original_itself_is_perfect(evaluation):
    same = evaluation["in.mp4"].metrics
    # Landmarks of the original go through the crop's units and back: not quite to the bit.
    for value in (same.tl_id, same.tg_id, same.identity, same.ssim, same.ms_ssim):
        assert value == pytest.approx(1, abs=1e-4)
    assert same.flicker == same.flicker_own == 1
    assert same.sharpness == 1
    assert (
        same.nme == pytest.approx(0, abs=1e-4)
        and same.mse == same.outside_max == 0
        and same.lpips == pytest.approx(0, abs=1e-6)
    )
    assert same.psnr == same.outside_psnr == np.inf


def test_a_foreign_edit_is_measured_without_a_run(evaluation):
    blinking = evaluation["blinking.mp4"]
    assert blinking.run is None and "head" in blinking.mask
    assert blinking.metrics.flicker > 3 and blinking.metrics.flicker_own > 3
    assert blinking.metrics.identity > 0.9
    assert blinking.metrics.outside_max >= 14
    assert any("--target" in note for note in blinking.notes)
    assert blinking.judgement.targets == ()


def test_other_sizes_and_lengths_are_brought_together_and_said(evaluation):
    small, cut = evaluation["small.mp4"], evaluation["cut.mp4"]
    assert small.metrics.sharpness < 0.7 and small.metrics.nme < 0.05
    assert any("256 x 256" in note for note in small.notes)
    assert (cut.frames.edited, cut.frames.paired, cut.frames.face_in_both) == (5, 5, 5)
    assert cut.metrics.identity > 0.98
    assert cut.series["identity"][5:] == [None] * 3


def test_json_holds_every_frame_and_no_infinity(evaluation):
    data = json.loads(plain_json(as_json(evaluation["all"])))
    assert [edit["path"].split("/")[-1] for edit in data["edits"]][:2] == ["ours.mp4", "in.mp4"]
    assert len(data["edits"][0]["series"]["judge:Smiling"]) == len(data["times"]) == 8
    assert data["edits"][1]["metrics"]["psnr"] is None
    assert data["source"]["mouth"][0] > 0
    assert "subject" not in data


def test_targets_and_region_can_be_named(tiny, folder):
    found = dvaedit.evaluate(
        folder / "in.mp4", folder / "ours.mp4", region="nose", targets=["Smiling", "Young=-1"], options=options(folder)
    ).edits[0]
    assert [(target.name, target.wanted) for target in found.judgement.targets] == [("Smiling", True), ("Young", False)]
    assert found.judgement.targets[0].success is None  # she smiles already
    assert "region nose" in found.mask
    assert found.metrics.outside_max > 20  # the hair, which was edited, is outside now


@pytest.mark.parametrize(
    ("edit", "change", "error", "words"),
    [
        ("wide.mp4", {}, UsageError, "shape"),
        ("missing.mp4", {}, VideoError, "missing"),
        ("in.mp4", {"region": "elbow"}, UsageError, "unknown region"),
        ("in.mp4", {"targets": "Wings"}, UsageError, "judge does not know"),
        ("in.mp4", {"targets": "Bald=0"}, UsageError, "asks for nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused(tiny, folder, edit, change, error, words):
    with pytest.raises(error, match=words) as raised:
        dvaedit.evaluate(folder / "in.mp4", folder / edit, options=options(folder), **change)
    assert raised.value.hint


def test_an_original_without_a_face_is_refused_but_an_edit_without_one_is_measured(tiny, folder, caplog):
    with pytest.raises(NoFaceError):
        dvaedit.evaluate(folder / "faceless.mp4", folder / "in.mp4", options=options(folder))
    with caplog.at_level("WARNING", "dvaedit"):
        lost = dvaedit.evaluate(folder / "in.mp4", folder / "faceless.mp4", options=options(folder)).edits[0]
    assert "faceless.mp4: no frame shows the face" in caplog.text
    told = {name for name in Metrics.__dataclass_fields__ if getattr(lost.metrics, name) is not None}
    assert told == {"outside_psnr", "outside_max"} and lost.judgement is None
    assert lost.frames.face_in_both == 0
    assert any("in 0 of the 8 frames" in note for note in lost.notes)


def test_frames_without_the_face_in_the_edit_count_only_outside_the_mask(tiny, folder):
    frames = [frame.rgb() for frame in read_frames(folder / "in.mp4")]
    foreign(folder / "gap.mp4", [np.full_like(rgb, 90) if n == 3 else rgb for n, rgb in enumerate(frames)])
    gap = dvaedit.evaluate(folder / "in.mp4", folder / "gap.mp4", options=options(folder)).edits[0]
    assert gap.frames.face_in_both == 7 and gap.metrics.psnr > 30 and gap.metrics.outside_psnr < 30
    for name in ("psnr", "sharpness", "judge:Smiling", "identity"):
        assert [n for n, value in enumerate(gap.series[name]) if value is None] == [3], name
    assert [n for n, value in enumerate(gap.series["flicker"]) if value is None] == [0, 3, 4]
    assert gap.metrics.flicker == pytest.approx(1, abs=0.1)


def test_a_frozen_video_is_not_equal_for_its_first_frame(tiny, folder):
    first = next(read_frames(folder / "in.mp4"))
    first = first.native
    frames = ((copy_frame(first), frame.pts) for frame in read_frames(folder / "in.mp4"))
    write_video(folder / "frozen.mkv", probe(folder / "in.mp4"), frames, codec="ffv1")
    frozen = dvaedit.evaluate(folder / "in.mp4", folder / "frozen.mkv", options=options(folder)).edits[0]
    assert frozen.series["mse"][0] == 0 and frozen.series["psnr"][0] is None
    assert frozen.metrics.psnr == pytest.approx(-10 * np.log10(frozen.metrics.mse)) and frozen.metrics.psnr < 60


def test_equal_samples_are_equal_whatever_the_files_tell_of_them(tiny, folder):
    """An mp4 holds ffv1 but not where its chroma lies."""
    info = probe(folder / "in.mp4")
    with VideoWriter(folder / "untold.mp4", info, "ffv1", lossless=True) as writer:
        for frame in read_frames(folder / "in.mp4"):
            writer.write(frame.native, frame.pts)
    told, untold = folder / "in.mp4", folder / "untold.mp4"
    assert (chroma_location(told), chroma_location(untold)) == ("left", "")
    for original, edit in ((told, untold), (untold, told)):
        same = dvaedit.evaluate(original, edit, options=options(folder)).edits[0].metrics
        assert (same.outside_max, same.mse) == (0, 0), edit


def test_edits_may_be_pictures_as_originals_may(tiny, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    chosen = options(folder)
    rgb = next(read_frames(folder / "in.mp4")).rgb()
    Image.fromarray(rgb).save(tmp_path / "o.png")
    dvaedit.edit(tmp_path / "o.png", attributes="Blond_Hair=0.2", output=tmp_path / "e.png", options=chosen)
    Image.fromarray(rgb).save(tmp_path / "e.jpg", quality=95)
    found = dvaedit.report(tmp_path / "o.png", [tmp_path / "e.png", tmp_path / "e.jpg"], options=chosen).evaluation
    ours, copy = found.edits
    assert ours.mask.startswith("the run's own mask (hair)") and ours.run["edits"] == {"Blond_Hair": 0.2}
    assert ours.metrics.outside_max == 0 and ours.metrics.identity > 0.9 and ours.path == tmp_path / "e.png"
    assert copy.metrics.psnr > 30 and copy.run is None
    moving = [frame.rgb() for frame in read_frames(folder / "in.mp4", 0, 4)]
    for name in ("o.gif", "m.webp"):
        first, *others = [Image.fromarray(one) for one in moving]
        first.save(tmp_path / name, save_all=True, append_images=others, duration=40)
    assert dvaedit.evaluate(tmp_path / "o.gif", tmp_path / "m.webp", options=chosen).edits[0].frames.face_in_both == 4


def test_without_the_cache_the_file_beside_an_edit_tells_what_was_asked_for(tiny, folder, tmp_path):
    for name in ("in.mp4", "ours.mp4", "ours.mp4.dvaedit.json"):
        shutil.copy(folder / name, tmp_path)
    chosen = dvaedit.Options(steps=3, cache_dir=tmp_path / "cache", device="cpu")
    ours = dvaedit.evaluate(tmp_path / "in.mp4", tmp_path / "ours.mp4", options=chosen).edits[0]
    assert ours.run["edits"] == {"Blond_Hair": 0.2} and ours.run["region"] is None
    assert ours.run["origin"] == "read in ours.mp4.dvaedit.json"
    assert ours.run["settings"]["request"]["steps"] == 3
    assert "head" in ours.mask and ours.judgement.targets[0].name == "Blond_Hair"
    shutil.copy(tmp_path / "in.mp4", tmp_path / "ours.mp4")  # another file than the one it speaks of
    assert dvaedit.evaluate(tmp_path / "in.mp4", tmp_path / "ours.mp4", options=chosen).edits[0].run is None


def test_an_edit_by_the_papers_recipe_is_recognised_too(tiny, folder, monkeypatch):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    made = dvaedit.Options(steps=5, cache_dir=folder / "cache", device="cpu", recipe="paper")
    dvaedit.edit(folder / "in.mp4", attributes="Male=0.3", output=folder / "paper.mp4", options=made)
    (folder / "paper.mp4.dvaedit.json").unlink()
    found = dvaedit.evaluate(folder / "in.mp4", folder / "paper.mp4", options=options(folder)).edits[0]
    assert found.run["origin"] == "found in the cache by its pictures" and found.run["edits"] == {"Male": 0.3}
    assert found.run["settings"]["paper-sample"]["steps"] == 5 and found.run["weights"]["autoencoder"] == "a" * 64
    assert found.mask.startswith("the run's own mask (square)") and found.run["region"] == "square"
    assert found.metrics.outside_psnr > 40


def test_report_is_one_page_without_a_network(tiny, folder):
    hostile = folder / "<b>ours&.mp4"
    shutil.copy(folder / "ours.mp4", hostile)
    result = dvaedit.report(folder / "in.mp4", [hostile, folder / "blinking.mp4"], options=options(folder))
    assert result.output == folder / "<b>ours&.report.html"
    page = result.output.read_text("utf-8")
    assert result.size == len(page.encode())
    assert "<b>ours&.mp4" not in page and "&lt;b&gt;ours&amp;.mp4" in page
    assert page.count("data:video/mp4;base64,") == 2
    assert page.count("data:image/jpeg;base64,") == 2 * 3 * 6
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']*)|url\(([^)]*)\)|https?://[^\s"'<]+""", page)
    assert outside == []
    assert "Blond_Hair +0.2" in page and '"steps": 3' in page.replace("&#34;", '"')
    with pytest.raises(UsageError, match="exists"):
        dvaedit.report(folder / "in.mp4", [hostile], options=options(folder))


def test_report_refuses_a_page_that_is_none(tiny, folder, tmp_path):
    with pytest.raises(UsageError, match="not named as HTML") as raised:
        dvaedit.report(folder / "in.mp4", folder / "ours.mp4", output=tmp_path / "rep.txt", options=options(folder))
    assert raised.value.hint and list(tmp_path.iterdir()) == []


def test_report_refuses_to_overwrite_an_input(tiny, folder):
    with pytest.raises(UsageError, match="inputs"):
        dvaedit.report(folder / "in.mp4", folder / "ours.mp4", output=folder / "in.mp4", overwrite=True)
    assert probe(folder / "in.mp4").frames == 8


def picture(path):
    return cv2.imread(str(path))[:, :, ::-1]


def test_sweep_draws_the_source_and_every_strength(tiny, folder, tmp_path):
    result = dvaedit.sweep(
        folder / "in.mp4", attributes="Blond_Hair", strengths=[0, 0.2, 0.4], frames=2, tile=96,
        output=tmp_path / "sheet.png", options=options(folder),
    )  # fmt: skip
    assert [tile.label for tile in result.tiles] == ["Blond Hair 0", "Blond Hair 0.2", "Blond Hair 0.4"]
    assert result.tiles[0].cosine > result.tiles[1].cosine > result.tiles[2].cosine
    assert all(0 <= tile.judge <= 1 for tile in result.tiles)
    sheet = picture(result.output)
    assert b"Face edited with dvaedit" in result.output.read_bytes()
    height, width = 96 + 22 + 6, 2 * 96 + 6
    assert sheet.shape == (2 * height + 6, 2 * width + 6, 3)
    cells = [sheet[y + 28 : y + height, x + 6 : x + width] for y in (0, height) for x in (0, width)]
    np.testing.assert_array_equal(cells[0], cells[1])  # strength 0 changes nothing, to the bit
    changes = [np.abs(cells[0].astype(int) - cell).mean() for cell in cells[2:]]
    assert 0 < changes[0] < changes[1]


def test_sweep_adds_up_an_attribute_that_is_repeated_and_tries_each_on_its_own(tiny, folder, tmp_path):
    chosen = options(folder)
    made = dvaedit.sweep(
        folder / "in.mp4", attributes=["male=0.1", "Male=0.1"], strengths=[1], frames=1, tile=64,
        output=tmp_path / "sum.png", options=chosen,
    )  # fmt: skip
    assert [tile.label for tile in made.tiles] == ["Male 0.2"]
    made = dvaedit.sweep(
        folder / "in.mp4", each=["male", "Male=-1"], frames=1, tile=64, output=tmp_path / "each.png", options=chosen
    )
    assert [tile.label for tile in made.tiles] == ["Male 1", "Male -1"]


def test_sweep_inverts_only_the_frames_it_shows_and_only_once(tiny, folder, tmp_path):
    seen = {}
    chosen = options(folder, progress=lambda label, done, total: seen.setdefault(label, []).append(total))
    dvaedit.sweep(
        folder / "in.mp4", each="all", frames=2, tile=64, output=tmp_path / "all.png", options=chosen,
    )  # fmt: skip
    assert max(seen["invert"]) == 2 and max(seen["sample:Male 1"]) == 2
    assert {label for label in seen if label.startswith("sample")} == {
        "sample:Blond Hair 1", "sample:Eyeglasses 1", "sample:Male 1"
    }  # fmt: skip


def test_sweep_video_keeps_times_and_shares_the_cache_with_edit(tiny, folder, tmp_path):
    seen = []
    result = dvaedit.sweep(
        folder / "in.mp4", attributes="Blond_Hair=0.2", strengths=[1, 2], tile=64, view="frame",
        output=tmp_path / "grid.mp4", options=options(folder, progress=lambda *report: seen.append(report)),
    )  # fmt: skip
    made = [label for label, done, total in seen if done < total]
    assert not any(label.startswith(("invert", "sample:Blond Hair 0.2")) for label in made)  # `edit` has made them
    frames = list(read_frames(result.output))
    times = [frame.pts * frame.time_base for frame in read_frames(folder / "in.mp4")]
    assert [frame.pts * frame.time_base for frame in frames] == times
    assert probe(result.output).audio == probe(folder / "in.mp4").audio or len(probe(result.output).audio) == 1
    first = frames[0].rgb()
    assert first.shape[0] % 2 == first.shape[1] % 2 == 0


def test_sweep_video_takes_tiles_of_any_width(tiny, folder, tmp_path):
    made = dvaedit.sweep(
        folder / "in.mp4", attributes="Blond_Hair=0.2", strengths=[1], tile=65, output=tmp_path / "odd.mp4",
        options=options(folder),
    )  # fmt: skip
    info = probe(made.output)
    assert info.width % 2 == info.height % 2 == 0


def test_a_planned_sweep_says_what_its_texts_are_read_as_and_computes_nothing(tiny, folder, tmp_path):
    plan = comparing.prepare_sweep(
        folder / "in.mp4", text=["blond zorblax", "a man"], strengths=[1], output=tmp_path / "s.png",
        options=dvaedit.Options(cache_dir=tmp_path / "none", device="cpu"),
    )  # fmt: skip
    assert plan.mix == {"blond zorblax": {"Blond_Hair": 1}, "a man": {"Male": 1}}
    assert plan.unknown_words == ("zorblax",) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("each", [["Blond_Hair", "Male"], ["Male", "Blond_Hair"]], ids=["drawn first", "sampled first"])
def test_sweep_video_of_edits_that_need_few_frames_and_all(tiny, folder, tmp_path, monkeypatch, each):
    monkeypatch.setattr(graph, "COUNT", 3)
    seen = {}

    def note(label, done, total):
        seen.setdefault(label, set()).add(total)

    chosen = dvaedit.Options(steps=3, cache_dir=tmp_path / "cache", device="cpu", progress=note)
    result = dvaedit.sweep(folder / "in.mp4", each=each, tile=64, output=tmp_path / "grid.mp4", options=chosen)
    assert [tile.label for tile in result.tiles] == [f"{name.replace('_', ' ')} 1" for name in each]
    assert (seen["few:invert"], seen["invert"], probe(result.output).frames) == ({3}, {8}, 8)


@pytest.mark.parametrize(
    "change",
    [{}, {"attributes": "Male", "each": ["Male"]}, {"each": ["Wings"]}, {"attributes": "Male", "strengths": [99]},
     {"attributes": "Male=5", "strengths": [3]}, {"attributes": ["Male", "male=-1"]},
     {"attributes": dvaedit.AttributeEdit("Male", float("nan"))},
     {"attributes": "Male", "output": "out.txt"}, {"attributes": "Male", "tile": 63},
     {"attributes": "Male", "output": "out.gif"}, {"attributes": "Male", "output": "out.webm"},
     {"attributes": "Male", "view": "ear"}, {"attributes": "Male", "frames": 0},
     {"attributes": "Male", "strengths": [n / 10 for n in range(80)]},
     {"text": " . "}, {"text": "a man", "attributes": "Male=-1"}],
)  # fmt: skip
def test_bad_sweep_is_refused_before_any_work(tiny, folder, tmp_path, change):
    output = tmp_path / change.pop("output", "out.png")
    with pytest.raises(UsageError) as raised:
        dvaedit.sweep(folder / "in.mp4", output=output, options=dvaedit.Options(cache_dir=tmp_path / "none"), **change)
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_no_path_of_a_module_hides_a_function():
    assert callable(dvaedit.evaluate) and callable(dvaedit.report) and callable(dvaedit.sweep)
    assert not Path(dvaedit.__file__).with_name("report").exists()
