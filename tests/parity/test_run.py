"""Whole parts of a folder. The parts that need the U-Net at its real size are for `dvaedit weights parity` itself."""

import json

import numpy as np
import pytest
import torch

from dvaedit.cli import main
from dvaedit.errors import UsageError
from dvaedit.face.paper import decode_image, inverse_coefficients, paper_crop
from dvaedit.models.unet import UNet, UNetConfig
from dvaedit.parity.pseudo import weight
from dvaedit.parity.run import run
from dvaedit.parity.unet import place_of


def only(folder, part):
    return next(iter(run(folder, [part])))


def failed(part):
    return [row.array for row in part.rows if not row.ok]


def test_alignment_of_the_public_folder_passes(public):
    part = only(public, "align")
    assert len(part.rows) == 32
    assert failed(part) == []
    assert part.extra == []


@pytest.mark.parametrize(
    "name", ["c_raw", "quads", "inverse_coeffs", "crop1024_0_patch", "dataset256_6", "paste_patch"]
)
def test_one_altered_number_fails_by_name(altered, name):
    def change(arrays):
        values = arrays[name].reshape(-1)
        values[3] = values[3] + 1e-5 if arrays[name].dtype.kind == "f" else 255 - values[3]

    assert name in failed(only(altered("align", change), "align"))


def test_altered_digest_fails_with_the_same_pillow(altered):
    import PIL

    def change(arrays):
        arrays["versions"] = np.array(f"Pillow {PIL.__version__}; scipy 1")
        arrays["paste_sha256"] = np.array("0" * 64)

    assert failed(only(altered("align", change), "align")) == ["paste_sha256"]


def test_missing_array_fails_and_unknown_array_is_listed(altered):
    def change(arrays):
        del arrays["paste_stride2"]
        arrays["novel"] = np.zeros(3)

    part = only(altered("align", change), "align")
    assert failed(part) == ["paste_stride2"]
    assert part.extra == ["novel"]


def test_missing_input_fails_what_hangs_on_it(altered):
    part = only(altered("align", lambda arrays: arrays.pop("landmarks")), "align")
    assert {"landmarks", "quads", "paste_sha256"} <= set(failed(part))
    assert "landmarks is missing" in next(row.note for row in part.rows if row.array == "quads")


def test_missing_file_fails(public, tmp_path):
    (tmp_path / "manifest.json").symlink_to(public / "manifest.json")
    part = only(tmp_path, "align")
    assert not any(row.ok for row in part.rows)
    assert "landmarks" in failed(part)


def test_other_inputs_and_frame_numbers_pass(public, altered):
    """Landmarks moved and another frame: quads move along, and the crops are of the frame that has them."""

    def change(arrays):
        moved = arrays["landmarks"] + np.array([16, 8])
        frame = np.roll(decode_image(arrays["frame0_jpeg"].tobytes()), (8, 16), (0, 1))
        quads = arrays["quads"] + np.array([16.0, 8.0])
        keep = {k: v for k, v in arrays.items() if "_6" not in k and "_0" not in k and not k.startswith("frame")}
        arrays.clear()
        arrays.update(keep, landmarks=moved, quads=quads, crop_frames=np.array([2]), paste_frame=np.array(2))
        for name in ("c_raw", "c"):
            arrays[name] = arrays[name] + np.array([16.0, 8.0])
        arrays["inverse_coeffs"] = np.stack([inverse_coefficients(quad) for quad in quads])
        arrays["frame_size"] = np.array(frame.shape[1::-1])
        arrays["crop256_2"] = paper_crop(frame, quads[2], 256)

    part = only(altered("align", change), "align")
    geometry = {"c_raw", "x_raw", "y_raw", "c", "x", "y", "quads", "inverse_coeffs"}
    assert geometry.isdisjoint(failed(part))
    assert "frame2_jpeg" in failed(part)  # names follow crop_frames: position 2 has no frame here
    assert "frame0_jpeg" not in {row.array for row in part.rows}


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a fixture folder"):
        next(iter(run(tmp_path)))
    with pytest.raises(UsageError, match="no part 'unett'"):
        next(iter(run(tmp_path, ["unett"])))


def test_command_prints_numbers_and_ends_with_the_verdict(public, altered, capsys):
    assert main(["weights", "parity", str(public), "--only", "align"]) == 0
    out = capsys.readouterr()
    assert "32 of 32 comparisons passed" in out.out
    assert "inverse_coeffs" in out.out
    assert "not compared: weights, encoders, unet" in out.err
    folder = altered("align", lambda arrays: arrays["quads"].__setitem__((0, 0, 0), 0.0))
    assert main(["weights", "parity", str(folder), "--only", "align"]) == 5
    out = capsys.readouterr()
    assert "FAIL" in out.out
    assert "1 of 32 comparisons failed, the first: align.npz: quads" in out.err
    assert main(["weights", "parity", str(folder), "--only", "align", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_every_block_of_the_manifest_has_a_place(public):
    with torch.device("meta"):
        unet = UNet(UNetConfig())
    with np.load(public / "unet.npz") as stored:
        places = [place_of(unet, str(name)) for name in stored["block_names"]]
    assert len({(id(module), end) for module, end in places}) == len(places) == 51


def classifier_folder(public, folder, salt):
    """classifier.npz for another salt, by formulas of our own in numpy; what needs other networks is left out."""
    manifest = json.loads((public / "manifest.json").read_text())
    keys = manifest["classifier_checkpoint"]["keys"]
    tensors = {k: weight(salt, k, v["shape"]).double().numpy() for k, v in keys.items()}
    mean, std, w = tensors["conds_mean"], tensors["conds_std"], tensors["classifier.weight"]
    rng = np.random.default_rng(5)
    z = rng.normal(size=(1, 512)) / 512**0.5
    cases, scales = ["Bald", "Smiling"], np.array([0.4, -0.2])
    rows = w[[4, 31]]
    moved = np.concatenate([((z - mean) / std + s * 512**0.5 * r / np.linalg.norm(r)) * std + mean
                            for s, r in zip(scales, rows, strict=True)])  # fmt: skip
    plain = np.concatenate([z + s * 512**0.5 * r for s, r in zip(scales, rows, strict=True)])
    unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)  # noqa: E731
    with np.load(public / "classifier.npz") as stored:
        names, labels = stored["attribute_names"], stored["train_labels"]
    arrays = {
        "avg_id": z.astype(np.float32), "avg_id_norm": np.array(np.linalg.norm(z)), "attribute_names": names,
        "conds_mean": mean.astype(np.float32), "conds_std": std.astype(np.float32), "train_labels": labels,
        "case_attribute": np.array(cases), "case_scale": scales, "case_cls_id": np.array([4, 31]),
        "normalized_avg_id": (z - mean) / std, "edited_id_pre_l2_normalize": moved,
        "edited_id_pre_l2_no_normalize": plain, "edited_id_normalize": unit(moved),
        "edited_id_no_normalize": unit(plain),
    }  # fmt: skip
    np.savez(folder / "classifier.npz", **arrays)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "salt": salt}))
    (folder / "encoders.npz").symlink_to(public / "encoders.npz")
    return set(arrays) - {"case_attribute", "case_scale", "train_labels", "avg_id"}


@pytest.mark.slow
def test_another_salt_with_other_inputs_passes(public, tmp_path):
    compared = classifier_folder(public, tmp_path, "elsewhere")
    part = only(tmp_path, "classifier")
    assert {row.array for row in part.rows if row.ok} == compared
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "salt": "wrong"}))
    assert {"conds_mean", "conds_std", "edited_id_normalize"} <= set(failed(only(tmp_path, "classifier")))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["weights", "encoders", "classifier"])
def test_parts_without_the_unet_pass(public, part):
    assert failed(only(public, part)) == []
