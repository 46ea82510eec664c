"""Fetch a card's file from its mirrors: resumed, retried, verified, and renamed into place only when it is whole."""

from __future__ import annotations

import http.client
import logging
import random
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from dvaedit import __version__
from dvaedit.checkpoints.cards import Card
from dvaedit.errors import StorageError, UsageError, WeightsError
from dvaedit.files import make_folder, sha256_file, storage_errors, sync_file, sync_folder
from dvaedit.offline import refuse
from dvaedit.pipeline.lock import locked

Progress = Callable[[int, int], None]
"""Called with (bytes there, bytes in all)."""

CHUNK = 1 << 16
WORTH = 1 << 20  # bytes gained that earn a mirror its full number of attempts again
SLOWEST = 100.0  # bytes per second below which a connection counts as stalled
LONGEST_WAIT = 60.0  # seconds between two attempts, whatever the server asks for
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long to put up with a bad mirror.

    ``timeout``: seconds without enough bytes until a connection counts as stalled; ``attempts``: in a row without
    progress, per mirror; ``backoff``: seconds before the second attempt, doubled before each further one.
    """

    timeout: float = 30.0
    attempts: int = 5
    backoff: float = 1.0
    sleep: Callable[[float], None] = time.sleep


class _TransientError(Exception):
    """This attempt failed, the next one may not. ``wait``: seconds the server asks for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _MirrorError(Exception):
    """This mirror is of no use."""


def fetch(
    card: Card,
    folder: Path,
    *,
    mirrors: Sequence[str] = (),
    patience: Patience = Patience(),
    progress: Progress = lambda done, total: None,
) -> Path:
    """Download the card's file into ``folder``; what an earlier attempt left there is continued.

    ``mirrors`` are asked before those of the card; one that ends in "/" is a folder that has the file. What is
    received counts only if its SHA-256 is the card's, so a mirror need not be trusted.
    Raises WeightsError (no mirror gives the file, or offline mode), StorageError (disk) and UsageError (addresses).
    """
    addresses = _addresses(card, mirrors)
    refuse(f"downloading {card.file}")
    target = folder / card.file
    make_folder(target.parent)
    partial = target.with_name(f".{target.name}.{card.sha256[:12]}.part")
    lock = partial.with_suffix(".lock")
    with locked(lock, f"the download of {card.file}"):
        if _is_whole(target, card):  # the process we have waited for has fetched it
            return target
        _check_space(partial, card)
        _from_mirrors(addresses, partial, card, patience, progress)
        with storage_errors("write", target):
            sync_file(partial)
            partial.replace(target)
            sync_folder(target.parent)
        lock.unlink(missing_ok=True)  # whoever waits for it finds the file whole
    return target


def _from_mirrors(addresses: list[str], partial: Path, card: Card, patience: Patience, progress: Progress) -> None:
    failures = []
    for address in addresses:
        try:
            _from_mirror(address, partial, card, patience, progress)
            return
        except _MirrorError as error:
            failures.append(f"{urlsplit(address).netloc}: {error}")
            logger.info("%s", failures[-1])
    hint = "Run the command again to resume, or name another address with --mirror."
    raise WeightsError(f"cannot download {card.file} of {card.name}: {'; '.join(failures)}", hint)


def _from_mirror(address: str, partial: Path, card: Card, patience: Patience, progress: Progress) -> None:
    """Fill ``partial`` from one address until it is the card's file. Raises _MirrorError."""
    failed, best, restarted = 0, _size(partial), False
    while True:
        start = _size(partial)
        try:
            if start < card.size:
                _attempt(address, partial, card, patience, progress)
            if _is_whole(partial, card):
                return
            partial.unlink()
            if start == 0 or restarted:
                raise _MirrorError("serves another file: its SHA-256 is not the card's")
            logger.info("the pieces of %s do not fit together: starting it anew", card.file)
            restarted, failed, best = True, 0, 0
        except _TransientError as error:
            gained, best = _size(partial) - best, max(best, _size(partial))
            failed = 1 if gained >= WORTH else failed + 1
            if failed >= patience.attempts:
                raise _MirrorError(f"{error} (attempt {failed} of {patience.attempts})") from error
            wait = min(LONGEST_WAIT, max(error.wait, patience.backoff * 2 ** (failed - 1) * random.uniform(0.8, 1.2)))
            logger.info("%s: %s; next attempt in %.0f s", urlsplit(address).netloc, error, wait)
            patience.sleep(wait)


def _attempt(address: str, partial: Path, card: Card, patience: Patience, progress: Progress) -> None:
    """One request for what is missing. Returns once ``partial`` has the card's size; its content is not checked."""
    start = _size(partial)
    try:
        with _open(address, start, patience.timeout) as response:
            begin = _begin(response, start)
            with storage_errors("write", partial):
                file = partial.open("r+b" if partial.exists() else "wb")
            with file:
                _receive(response, file, begin, start, card, patience.timeout, progress)
    except (OSError, http.client.HTTPException) as error:
        raise _failure(error, partial, card) from error
    if _size(partial) < card.size:
        raise _TransientError(f"broke off after {_size(partial)} of {card.size} bytes")


def _open(address: str, start: int, timeout: float) -> http.client.HTTPResponse:
    # A compressed answer would have other bytes, and other offsets.
    headers = {"User-Agent": f"dvaedit/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout)


def _begin(response: http.client.HTTPResponse, start: int) -> int:
    """Offset in the file of the first byte of the answer: a server may ignore Range, or answer another one."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise _MirrorError("sends the file compressed")
    if response.headers.get_content_type() == "text/html":
        raise _MirrorError("answers with a web page instead of the file")
    if response.status != 206:
        return 0
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    if unit.lower() != "bytes" or not first.isdigit() or int(first) > start:
        raise _MirrorError("answers a request for a range with another range")
    return int(first)


def _receive(
    response: http.client.HTTPResponse, file: BinaryIO, at: int, start: int, card: Card, timeout: float,
    progress: Progress,
) -> None:  # fmt: skip
    """Append what lies beyond ``start`` to ``file``. Never more than the card's size: a longer file is a wrong one."""
    since, window = time.monotonic(), 0
    file.seek(start)
    while at < card.size:
        data = response.read1(min(CHUNK, card.size - at))
        if not data:
            return
        fresh = data[max(0, start - at) :]
        with storage_errors("write", Path(file.name)):
            file.write(fresh)
        at, window = at + len(data), window + len(data)
        if fresh:
            progress(at, card.size)
        if (spent := time.monotonic() - since) > timeout:
            if window < SLOWEST * spent:
                raise _TransientError(f"stalled at {at} of {card.size} bytes")
            since, window = time.monotonic(), 0


def _failure(error: OSError | http.client.HTTPException, partial: Path, card: Card) -> Exception:
    """What a failed request means: another attempt, or another mirror."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code == 416:
            return _MirrorError(f"its file has no more than {_size(partial)} bytes, the card's has {card.size}")
        reason = f"HTTP {error.code} {error.reason}".strip().splitlines()[0]
        return _TransientError(reason, _retry_after(error)) if error.code in TRY_AGAIN else _MirrorError(reason)
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _MirrorError(f"its certificate is not valid: {cause.verify_message}")
    if isinstance(cause, TimeoutError):
        return _TransientError(f"stalled at {_size(partial)} of {card.size} bytes")
    return _TransientError(str(cause) or type(cause).__name__)


def _retry_after(error: urllib.error.HTTPError) -> float:
    value = error.headers.get("Retry-After", "") if error.headers else ""
    return float(value) if value.isdigit() else 0.0


def _addresses(card: Card, mirrors: Sequence[str]) -> list[str]:
    found = [f"{mirror}{Path(card.file).name}" if mirror.endswith("/") else mirror for mirror in mirrors]
    found += card.mirrors
    for address in found:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
            raise UsageError(f"{address!r} is not an address of a download", "It must begin with https:// or http://.")
    if not found:
        hint = "Name an address with --mirror; `dvaedit weights show` says where the weights are from."
        raise WeightsError(f"the card of {card.name} names no mirror to download {card.file} from", hint)
    return list(dict.fromkeys(found))


def _check_space(partial: Path, card: Card) -> None:
    needed = card.size - _size(partial)
    with storage_errors("write", partial):
        free = shutil.disk_usage(partial.parent).free
    if free < needed:
        hint = "Free some space, or choose another folder with --folder; what is there already is kept."
        raise StorageError(f"{partial.parent} has {free} bytes free, {card.file} needs {needed}", hint)


def _is_whole(path: Path, card: Card) -> bool:
    with storage_errors("read", path):
        return _size(path) == card.size and sha256_file(path) == card.sha256


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
