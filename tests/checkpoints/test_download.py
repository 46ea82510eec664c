"""Downloads from a server that does everything wrong."""

import hashlib
import logging
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from dvaedit.checkpoints import download
from dvaedit.checkpoints.cards import Card
from dvaedit.checkpoints.download import Patience, fetch
from dvaedit.errors import StorageError, UsageError, WeightsError

DATA = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
CARD = Card("tiny", "parser", "tiny.safetensors", hashlib.sha256(DATA).hexdigest(), len(DATA))


class Handler(BaseHTTPRequestHandler):
    """Each path is one way to behave. The server notes (path, Range) of every request."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        count = sum(path == self.path for path, _ in server.requests)
        getattr(self, "do_" + self.path.strip("/").split(".")[0].replace("-", "_"))(count)

    def _send(self, body, status=200, length=None, ranges=True, **headers):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match and ranges else 0
        if start >= len(body):
            self.send_error(416)
            return b""
        self.send_response(206 if match and ranges and status == 200 else status)
        if match and ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if length is None or length >= 0:
            self.send_header("Content-Length", str(len(body) - start if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        return body[start:]

    def _move(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_good(self, count):
        self.wfile.write(self._send(DATA))

    do_tiny = do_good

    def do_breaks_off(self, count):
        self.wfile.write(self._send(DATA)[:80_000])

    def do_always_breaks(self, count):
        self.wfile.write(self._send(DATA)[: 1000 if count == 1 else 0])

    def do_stalls(self, count):
        body = self._send(DATA)
        self.wfile.write(body[:100_000] if count < 3 else body)
        if count < 3:
            self.server.release.wait(5)

    def do_trickles(self, count):
        for byte in self._send(DATA)[:100]:
            self.wfile.write(bytes([byte]))
            if self.server.release.wait(0.05):
                return

    def do_no_range(self, count):
        body = self._send(DATA, ranges=False)
        self.wfile.write(body if count > 2 else body[: 120_000 * count])

    def do_claims_more(self, count):
        self.wfile.write(self._send(DATA, length=len(DATA) * 3))

    def do_claims_less(self, count):
        self.wfile.write(self._send(DATA, length=200_000, ranges=False))

    def do_no_length(self, count):
        self.wfile.write(self._send(DATA, length=-1))

    def do_wrong(self, count):
        self.wfile.write(self._send(OTHER))

    def do_short(self, count):
        self.wfile.write(self._send(DATA[:1000]))

    def do_endless(self, count):
        body = self._send(OTHER, length=10**12, ranges=False)
        while not self.server.release.is_set():
            self.wfile.write(body)

    def do_page(self, count):
        self.wfile.write(self._send(b"<html>Please log in</html>", Content_Type="text/html; charset=utf-8"))

    def do_packed(self, count):
        self.wfile.write(self._send(DATA, Content_Encoding="gzip"))

    def do_moved(self, count):
        self._move("/good")

    def do_circle(self, count):
        self._move("/circle")

    def do_local(self, count):
        self._move("file:///etc/hostname")

    def do_gone(self, count):
        self.send_error(404)

    def do_busy(self, count):
        self.wfile.write(self._send(DATA) if count > 2 else self._send(b"x", status=503, Retry_After="7"))

    def do_other_range(self, count):
        self.send_response(206)
        self.send_header("Content-Range", "bytes 299000-299999/300000")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("DVAEDIT_OFFLINE", raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # clients hang up on purpose here
    server.requests, server.release = [], threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def pull(server, tmp_path):
    """Fetch from paths of the server, without waiting between attempts: (path, waits)."""
    waits = []

    def run(*paths, folder=tmp_path, timeout=0.4, attempts=4, progress=lambda done, total: None):
        addresses = [f"http://127.0.0.1:{server.server_port}/{path}" for path in paths]
        patience = Patience(timeout, attempts, sleep=waits.append)
        return fetch(CARD, folder, mirrors=addresses, patience=patience, progress=progress)

    run.waits = waits
    return run


def partial(folder):
    return folder / f".{CARD.file}.{CARD.sha256[:12]}.part"


@pytest.mark.parametrize(
    "path", ["good", "breaks-off", "stalls", "no-range", "claims-more", "no-length", "moved", "busy"]
)
def test_the_file_arrives_whole(pull, tmp_path, path):
    assert pull(path) == tmp_path / CARD.file
    assert (tmp_path / CARD.file).read_bytes() == DATA
    assert [file.name for file in tmp_path.iterdir()] == [CARD.file]


def test_progress_rises_to_the_size(pull):
    seen = []
    pull("breaks-off", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (len(DATA), len(DATA))


def test_what_is_there_is_not_sent_again(pull, server):
    pull("breaks-off")
    assert [asked for _, asked in server.requests] == [None, "bytes=80000-", "bytes=160000-", "bytes=240000-"]


def test_a_later_run_resumes(pull, server, tmp_path):
    partial(tmp_path).write_bytes(DATA[:123_456])
    pull("good")
    assert server.requests == [("/good", "bytes=123456-")]


def test_a_whole_file_is_not_asked_for(pull, server, tmp_path):
    (tmp_path / CARD.file).write_bytes(DATA)
    assert pull("good").read_bytes() == DATA and server.requests == []


def test_range_survives_a_redirect(pull, server, tmp_path):
    partial(tmp_path).write_bytes(DATA[:1000])
    pull("moved")
    assert server.requests[-1] == ("/good", "bytes=1000-")


def test_waits_double_and_respect_the_server(pull):
    pull("busy")
    assert len(pull.waits) == 2 and all(7 <= wait <= 8 for wait in pull.waits)
    pull.waits.clear()
    with pytest.raises(WeightsError):
        pull("always-breaks", folder=partial(pull("good").parent).parent / "elsewhere")
    assert len(pull.waits) == 3 and all(0.8 * 2**k <= wait <= 1.2 * 2**k for k, wait in enumerate(pull.waits))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("wrong", "another file: its SHA-256"),
        ("endless", "another file: its SHA-256"),
        ("short", "no more than 1000 bytes"),
        ("claims-less", "broke off after 200000 of 300000"),
        ("page", "a web page instead"),
        ("packed", "compressed"),
        ("gone", "HTTP 404"),
        ("circle", "HTTP 302"),
        ("local", "HTTP 302"),
        ("always-breaks", r"broke off after 1000 of 300000 bytes \(attempt 4 of 4\)"),
        ("other-range", "another range"),
        ("trickles", "stalled at"),
    ],
)
def test_a_bad_mirror_is_named_and_leaves_nothing_in_place(pull, tmp_path, path, said):
    with pytest.raises(WeightsError, match=said) as caught:
        pull(path, attempts=2 if path == "trickles" else 4)
    assert caught.value.exit_code == 5 and "127.0.0.1" in caught.value.message
    assert not (tmp_path / CARD.file).exists()


def test_the_next_mirror_is_asked_and_resumes(pull, server, tmp_path):
    pull("gone", "always-breaks", "good")
    assert (tmp_path / CARD.file).read_bytes() == DATA
    assert server.requests[-1] == ("/good", "bytes=1000-")


def test_what_a_wrong_mirror_left_does_not_spoil_the_right_one(pull, server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    partial(tmp_path).write_bytes(OTHER[:1000])
    pull("good")
    assert (tmp_path / CARD.file).read_bytes() == DATA
    assert [asked for _, asked in server.requests] == ["bytes=1000-", None]
    assert "anew" in caplog.text


def test_nobody_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(WeightsError, match="refused"):
        fetch(CARD, tmp_path, mirrors=["http://127.0.0.1:9/x"], patience=Patience(1, 2, sleep=lambda _: None))


def test_offline_asks_nobody(pull, server, tmp_path, monkeypatch):
    monkeypatch.setenv("DVAEDIT_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"offline: downloading tiny\.safetensors"):
        pull("good")
    assert server.requests == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["ftp://example.org/x", "file:///etc/hostname", "example.org/x", "https:///x"])
def test_addresses_are_checked(tmp_path, address):
    with pytest.raises(UsageError, match="not an address"):
        fetch(CARD, tmp_path, mirrors=[address])


def test_a_card_without_mirrors(tmp_path):
    with pytest.raises(WeightsError, match="names no mirror"):
        fetch(CARD, tmp_path)


def test_a_full_disk_is_known_before_the_download(pull, server, tmp_path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000})())
    with pytest.raises(StorageError, match="has 1000 bytes free"):
        pull("good")
    assert server.requests == []


def test_two_processes_fetch_once(pull, server, tmp_path):
    threads = [threading.Thread(target=pull, args=("breaks-off",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (tmp_path / CARD.file).read_bytes() == DATA
    assert sum(asked is None for _, asked in server.requests) == 1


def test_a_stalled_connection_is_dropped_in_time(pull):
    started = time.monotonic()
    pull("stalls", timeout=0.2)
    assert time.monotonic() - started < 3
