"""Nothing leaves the machine in offline mode, whoever tries."""

import os
import socket
import sys
import urllib.request

import pytest

from dvaedit import offline
from dvaedit.errors import WeightsError


@pytest.fixture
def no_network(monkeypatch):
    for variable in (offline.VARIABLE, *offline._THEIR_VARIABLES):
        monkeypatch.setenv(variable, "")  # so that what go_offline sets is taken back
    offline.go_offline()
    yield
    if (constants := sys.modules.get("huggingface_hub.constants")) is not None:
        constants.HF_HUB_OFFLINE = False


@pytest.mark.parametrize("value", ["", "0"])
def test_off_by_default(monkeypatch, value):
    monkeypatch.setenv(offline.VARIABLE, value)
    offline.refuse("anything")
    assert not offline.is_offline()


def test_every_connection_is_refused(no_network):
    with pytest.raises(WeightsError, match="offline"):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    with pytest.raises(WeightsError, match="offline"):
        socket.getaddrinfo("example.org", 443)
    with pytest.raises(WeightsError, match="offline"):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)
    with pytest.raises(WeightsError, match="offline: a thing would need the network"):
        offline.refuse("a thing")


def test_sockets_of_the_system_itself_still_work(no_network):
    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"
    one.close()
    other.close()


def test_the_hub_is_told(no_network):
    import huggingface_hub.constants

    offline.enforce()
    assert os.environ["HF_HUB_OFFLINE"] == "1" and huggingface_hub.constants.HF_HUB_OFFLINE


def test_open_clip_does_not_download(no_network, monkeypatch, tmp_path):
    from dvaedit.models.clip import load_clip

    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RN50:openai", "ViT-B-16:openai", "hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K"):
        with pytest.raises(WeightsError, match="cannot get the weights") as caught:
            load_clip(name)
        assert "leave out --offline" in caught.value.hint
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_no_time_stamp_is_asked_for(no_network, tmp_path):
    from dvaedit.provenance import Marking, Signing

    signing = Signing(tmp_path / "c.pem", tmp_path / "k.pem", timestamps="http://example.org")
    with pytest.raises(WeightsError, match="a C2PA time stamp"):
        Marking(signing=signing).check(tmp_path / "out.mp4")
