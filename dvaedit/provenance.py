"""Saying that a video was edited: in its metadata, in a JSON file beside it, and signed by C2PA for who wants that."""

from __future__ import annotations

import importlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from dvaedit.errors import StorageError, UsageError
from dvaedit.files import write_durably
from dvaedit.offline import refuse
from dvaedit.video.probe import file_digest

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's word for a recording that a trained model has changed in parts."""
SIDECAR = ".dvaedit.json"
SIGNED = (".mp4", ".m4v", ".mov", ".avi", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff")
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
PACKAGES = ("torch", "numpy", "av", "opencv-python", "mediapipe")
_INSTALL = "Install it with: pip install 'dvaedit[c2pa]'"


@dataclass(frozen=True)
class Signing:
    """A certificate chain and its private key, PEM files; ``algorithm``: one of ALGORITHMS; ``timestamps``: URL of an
    authority that states the time, "" for none (nothing is sent anywhere then).
    """

    certificate: Path
    key: Path
    algorithm: str = "es256"
    timestamps: str = ""


@dataclass(frozen=True)
class Marking:
    """What is said of an edit. off: nothing at all; visible: also a small mark in a corner of every frame."""

    off: bool = False
    visible: bool = False
    signing: Signing | None = None

    def check(self, output: Path) -> None:
        """Raises UsageError for what cannot be done, before the work."""
        if self.off and self.visible:
            raise UsageError("--no-mark and --visible-mark exclude each other", "Leave one of them out.")
        if self.signing is None:
            return
        if output.suffix.lower() not in SIGNED:
            raise UsageError(f"C2PA cannot sign {output.name}", f"Name the output with one of {', '.join(SIGNED)}.")
        if self.signing.algorithm not in ALGORITHMS:
            raise UsageError(
                f"there is no algorithm {self.signing.algorithm}", f"Choose one of {', '.join(ALGORITHMS)}."
            )
        if self.signing.timestamps:
            refuse("a C2PA time stamp")  # its library is no Python: the guard of offline mode does not see it
        for path in (self.signing.certificate, self.signing.key):
            if not path.is_file():
                raise UsageError(f"{path} does not exist", "Give the PEM files of a certificate chain and of its key.")
        _c2pa()


MARKED = Marking()
"""In the metadata, and in a JSON file beside the output."""


@dataclass(frozen=True)
class Record:
    """All that is needed to make an output again. edit: the request; models: digest by part; stages: key by label."""

    source: Path
    source_digest: str
    edit: Mapping[str, Any]
    models: Mapping[str, Any]
    stages: Mapping[str, Any]
    people: list[dict[str, Any]] = field(default_factory=list)

    @property
    def comment(self) -> str:
        """One line for a file's metadata."""
        return f"Face edited with dvaedit {_version()} (AI); source SHA-256 {self.source_digest}"

    def sidecar(self, output: Path) -> dict[str, Any]:
        """The JSON beside ``output``."""
        return {
            "what": "A face in this file was edited by a trained model.",
            "digital_source_type": SOURCE_TYPE,
            "tool": {"name": "dvaedit", "version": _version()},
            "source": {"name": self.source.name, "sha256": self.source_digest},
            "output": {"name": output.name, "sha256": None if output.is_dir() else file_digest(output)},
            "edit": self.edit,
            "people": self.people,
            "models": self.models,
            "stages": self.stages,
            "environment": {
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
                **{name: metadata.version(name) for name in PACKAGES},
            },
        }


def sidecar_path(output: Path) -> Path:
    """Where the JSON of an output is: ``clip.mp4.dvaedit.json``."""
    return output.with_name(output.name + SIDECAR)


def write_sidecar(record: Record, output: Path) -> Path:
    """Write the JSON beside an output that is complete. Raises StorageError."""
    path = sidecar_path(output)
    text = json.dumps(record.sidecar(output), indent=2, sort_keys=False, allow_nan=False, default=str)
    write_durably(path, (text + "\n").encode("utf-8"))
    return path


def sign(unsigned: Path, signed: Path, record: Record, signing: Signing) -> None:
    """Write ``signed``: the file with a C2PA manifest that says what was done, read back once it is written.

    Raises UsageError where the certificate and key do not serve, StorageError where the result cannot be written.
    """
    c2pa = _c2pa()
    try:
        certificate, key = signing.certificate.read_bytes(), signing.key.read_bytes()
        info = c2pa.C2paSignerInfo(
            signing.algorithm.encode(), certificate, key, signing.timestamps.encode() if signing.timestamps else None
        )
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(_manifest(record)) as builder:
            if _can_be_parent(record.source):
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                with record.source.open("rb") as stream:
                    parent = {"title": record.source.name, "relationship": "parentOf"}
                    builder.add_ingredient(parent, record.source.suffix.lower().lstrip("."), stream)
            builder.sign_file(unsigned, signed, signer)
    except OSError as error:
        raise StorageError(
            f"cannot sign {signed.name}: {error.strerror or error}", "Check the disk and the files."
        ) from error
    except c2pa.C2paError as error:
        hint = "The certificate must be one for C2PA (a chain, extended key usage), and the key its own."
        raise UsageError(f"the output cannot be signed: {_first_line(error)}", hint) from error
    problem = signature_problem(signed)
    if problem:
        raise UsageError(f"the signed output does not read back: {problem}", "Check certificate, key and algorithm.")


def signature_problem(path: Path) -> str:
    """What is wrong with a file's C2PA manifest, "" if it is whole; whether the signer is trusted is not asked."""
    c2pa = _c2pa()
    try:
        with c2pa.Reader(path) as reader:
            report = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _first_line(error)
    codes = [item["code"] for item in report.get("validation_status", [])]
    bad = [code for code in codes if not code.startswith("signingCredential.untrusted")]
    return ", ".join(bad)


def _can_be_parent(source: Path) -> bool:
    """Whether the source itself can be named, with its digest, as what the output was made from."""
    return source.is_file() and source.suffix.lower() in SIGNED


def _manifest(record: Record) -> dict[str, Any]:
    edited = {
        "action": "c2pa.edited",
        "description": record.comment,
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": {"name": "dvaedit", "version": _version()},
        "parameters": {"edit": json.dumps(record.edit, default=str), "source_sha256": record.source_digest},
    }
    # The first action must be one that says where the file comes from; with a parent the library adds it itself.
    first = [] if _can_be_parent(record.source) else [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}]
    return {
        "claim_generator_info": [{"name": "dvaedit", "version": _version()}],
        "title": record.source.name,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [*first, edited]}}],
    }


def _c2pa():
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        raise UsageError("signing needs the package c2pa-python", _INSTALL) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _version() -> str:
    from dvaedit import __version__

    return __version__
