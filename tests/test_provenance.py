"""What an output says of itself, and that it can be told not to."""

from __future__ import annotations

import datetime
import hashlib
import importlib
import json

import av
import numpy as np
import pytest
from PIL import Image

import dvaedit
from dvaedit import api
from dvaedit.errors import UsageError
from dvaedit.provenance import SOURCE_TYPE, Marking, Signing, signature_problem
from dvaedit.video.badge import badge_patch
from dvaedit.video.reader import read_frames
from tests.stages.conftest import clip, tiny_model  # noqa: F401
from tests.video.conftest import run_ffmpeg


@pytest.fixture
def options(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "load_model", lambda name, runtime: tiny_model())
    return dvaedit.Options(steps=3, cache_dir=tmp_path / "cache")


def comment(path) -> str:
    with av.open(str(path)) as container:
        return {key.lower(): value for key, value in container.metadata.items()}.get("comment", "")


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_the_output_is_marked(clip, options, tmp_path, suffix):  # noqa: F811
    source = tmp_path / "in.mp4"
    run_ffmpeg("-i", clip, "-c", "copy", "-metadata", "comment=mine", source)
    output, both = tmp_path / f"out{suffix}", tmp_path / f"both{suffix}"
    result = dvaedit.edit(source, attributes="Male=2", output=output, compare=both, options=options)
    for path in (output, both):
        assert comment(path).startswith("mine; Face edited with dvaedit") and sha256(source) in comment(path)
    said = json.loads(result.sidecar.read_text())
    assert result.sidecar == tmp_path / f"out{suffix}.dvaedit.json"
    assert said["digital_source_type"] == SOURCE_TYPE
    assert said["source"] == {"name": "in.mp4", "sha256": sha256(source)}
    assert said["output"] == {"name": output.name, "sha256": sha256(output)}
    assert said["edit"]["attributes"] == [{"name": "Male", "strength": 2}] and said["edit"]["steps"] == 3
    assert said["models"]["sha256"]["autoencoder"] == "a" * 64
    assert set(said["stages"]["export"]) == {"version", "key"} and said["people"][0]["edited"] == 8
    assert said["tool"]["version"] == dvaedit.__version__ and "torch" in said["environment"]


def test_the_record_is_enough_to_make_it_again(clip, options, tmp_path):  # noqa: F811
    first = dvaedit.edit(clip, attributes="Male=2", output=tmp_path / "a.mp4", options=options)
    said = json.loads(first.sidecar.read_text())["edit"]
    attributes = [dvaedit.AttributeEdit(**item) for item in said["attributes"]]
    again = dvaedit.edit(
        clip, attributes=attributes, region=said["region"], paste=said["paste"], face=said["face"],
        range=said["range"], min_face=said["min_face"], output=tmp_path / "b.mp4",
        codec=said["encoding"]["codec"], crf=said["encoding"]["crf"],
        options=dvaedit.Options(steps=said["steps"], seed=said["seed"], cache_dir=tmp_path / "elsewhere"),
    )  # fmt: skip
    frames = [[f.native.to_ndarray() for f in read_frames(path)] for path in (first.output, again.output)]
    assert all(np.array_equal(a, b) for a, b in zip(*frames, strict=True))


def test_no_mark(clip, options, tmp_path):  # noqa: F811
    result = dvaedit.edit(
        clip, attributes="Male", output=tmp_path / "o.mp4", marking=Marking(off=True), options=options
    )
    assert result.sidecar is None and comment(result.output) == comment(clip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "o.mp4"]


def test_pictures_carry_it_in_their_exif(clip, options, tmp_path):  # noqa: F811
    path = tmp_path / "me.jpg"
    Image.fromarray(next(iter(read_frames(clip))).rgb()).save(path)
    result = dvaedit.edit(path, attributes="Male=3", region="square", paste="replace", options=options)
    with Image.open(result.output) as picture:
        assert picture.getexif()[0x0131].startswith("Face edited with dvaedit")
    assert json.loads(result.sidecar.read_text())["output"]["sha256"] == sha256(result.output)


def test_visible_mark_is_in_its_corner_and_nowhere_else(clip, options, tmp_path):  # noqa: F811
    plain = dvaedit.edit(clip, attributes="Male", strength=0, lossless=True, output=tmp_path / "a.mkv", options=options)
    marked = dvaedit.edit(
        clip, attributes="Male", strength=0, lossless=True, output=tmp_path / "b.mkv", options=options,
        marking=Marking(visible=True),
    )  # fmt: skip
    for a, b in zip(read_frames(plain.output), read_frames(marked.output), strict=True):
        (x0, y0, x1, y1), _ = badge_patch(a.rgb())
        assert (x1, y1) == (512, 512) and 60 < x1 - x0 < 200 and y1 - y0 < 50
        difference = np.abs(a.rgb().astype(int) - b.rgb())
        outside = difference.copy()
        outside[y0 - 2 :, x0 - 2 :] = 0
        assert not outside.any() and difference[y0:, x0:].max() > 80


@pytest.mark.parametrize("size", [(4, 4), (16, 9), (40, 400), (4320, 7680)])
def test_the_mark_fits_any_frame(size):
    (x0, y0, x1, y1), delta = badge_patch(np.full((*size, 3), 128, np.uint8))
    assert 0 <= x0 < x1 == size[1] and 0 <= y0 < y1 == size[0] and delta.shape == (y1 - y0, x1 - x0, 3)
    assert delta.min() >= -128 and delta.max() <= 127


def test_an_existing_record_is_not_replaced_unasked(clip, options, tmp_path):  # noqa: F811
    (tmp_path / "o.mp4.dvaedit.json").write_text("mine")
    with pytest.raises(UsageError, match=r"dvaedit\.json exists"):
        dvaedit.edit(clip, attributes="Male", output=tmp_path / "o.mp4", options=options)
    assert (tmp_path / "o.mp4.dvaedit.json").read_text() == "mine"


@pytest.fixture(scope="module")
def signer(tmp_path_factory) -> Signing:
    """A certificate of the kind C2PA asks for, from an authority of our own."""
    x509 = pytest.importorskip("cryptography.x509")
    pytest.importorskip("c2pa")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "leaf")}

    def title(name):
        parts = ((x509.NameOID.ORGANIZATION_NAME, "Tests"), (x509.NameOID.COMMON_NAME, name))
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

    def certificate(name):
        top, key = name == "root", keys[name].public_key()
        builder = x509.CertificateBuilder().subject_name(title(name)).issuer_name(title("root")).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
        builder = builder.not_valid_after(start + datetime.timedelta(days=30))
        usage = x509.KeyUsage(not top, False, False, False, False, top, top, False, False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["root"].public_key())
        for extension, critical in (
            (x509.BasicConstraints(top, None), True), (usage, True), (issuer, False),
            (x509.SubjectKeyIdentifier.from_public_key(key), False),
        ):  # fmt: skip
            builder = builder.add_extension(extension, critical)
        if not top:
            mail = x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION
            builder = builder.add_extension(x509.ExtendedKeyUsage([mail]), False)
        return builder.sign(keys["root"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder, form = tmp_path_factory.mktemp("signer"), serialization.PrivateFormat.PKCS8
    (folder / "chain.pem").write_bytes(certificate("leaf") + certificate("root"))
    secret = keys["leaf"].private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return Signing(folder / "chain.pem", folder / "key.pem")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_signed_by_c2pa_and_read_back(clip, options, tmp_path, signer, suffix):  # noqa: F811
    import c2pa

    output = tmp_path / f"o{suffix}"
    result = dvaedit.edit(clip, attributes="Male", output=output, marking=Marking(signing=signer), options=options)
    assert signature_problem(output) == ""
    report = json.loads(c2pa.Reader(output).json())
    manifest = report["manifests"][report["active_manifest"]]
    actions = next(a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))["data"]["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == SOURCE_TYPE
    assert manifest["ingredients"][0]["relationship"] == "parentOf"
    assert len(list(read_frames(output))) == 8
    assert json.loads(result.sidecar.read_text())["output"]["sha256"] == sha256(output)
    data = bytearray(output.read_bytes())
    data[-2000] ^= 1
    (tmp_path / f"forged{suffix}").write_bytes(data)
    assert "mismatch" in signature_problem(tmp_path / f"forged{suffix}")


def test_what_cannot_be_signed_is_refused(clip, options, tmp_path, signer, monkeypatch):  # noqa: F811
    def attempt(output, signing):
        marking = Marking(signing=signing)
        dvaedit.edit(clip, attributes="Male", output=tmp_path / output, marking=marking, options=options)

    with pytest.raises(UsageError, match="cannot sign"):
        attempt("o.mkv", signer)
    with pytest.raises(UsageError, match="does not exist"):
        attempt("o.mp4", Signing(tmp_path / "none.pem", signer.key))
    with pytest.raises(UsageError, match="no algorithm"):
        attempt("o.mp4", Signing(signer.certificate, signer.key, "rsa"))
    with pytest.raises(UsageError, match="cannot be signed"):
        attempt("o.mp4", Signing(signer.certificate, signer.certificate))
    monkeypatch.setattr(importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(UsageError, match="c2pa-python"):
        attempt("o.mp4", signer)
    assert not list(tmp_path.glob("o.*")) and not list(tmp_path.glob(".dvaedit-*"))


def test_contradictions_are_refused(clip, options, tmp_path):  # noqa: F811
    with pytest.raises(UsageError, match="exclude"):
        dvaedit.edit(
            clip, attributes="Male", output=tmp_path / "o.mp4", marking=Marking(off=True, visible=True), options=options
        )
