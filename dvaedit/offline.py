"""Offline mode: with DVAEDIT_OFFLINE=1, or after ``--offline``, nothing in this process reaches the network."""

from __future__ import annotations

import os
import sys

from dvaedit.errors import WeightsError

VARIABLE = "DVAEDIT_OFFLINE"
HINT = f"Leave out --offline (or unset {VARIABLE}), or put the files where they belong by hand."
# What the hub's libraries read when they are first imported.
_THEIR_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})

_guarded = False


def is_offline() -> bool:
    """Whether the environment forbids the network."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def go_offline() -> None:
    """Forbid the network to this process and those it starts."""
    os.environ[VARIABLE] = "1"
    enforce()


def enforce() -> None:
    """Where offline mode is on, tell the libraries that download by themselves, and guard every socket of Python.

    The guard is what keeps the promise: whatever a library tries, a connection or a look-up of a name is refused
    with our own error before anything is sent. It looks at the variable each time, so it can be switched off again.
    """
    global _guarded
    if not is_offline():
        return
    for variable in _THEIR_VARIABLES:
        os.environ[variable] = "1"
    if (constants := sys.modules.get("huggingface_hub.constants")) is not None:
        constants.HF_HUB_OFFLINE = True
    if not _guarded:
        sys.addaudithook(_guard)
        _guarded = True


def refuse(what: str) -> None:
    """Raise WeightsError in offline mode; ``what`` completes "offline: ... would need the network"."""
    if is_offline():
        raise WeightsError(f"offline: {what} would need the network", HINT)


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NETWORK_EVENTS and is_offline() and not _is_local(event, arguments):
        raise WeightsError("offline: a connection to the network was refused", HINT)


def _is_local(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether the socket is one of the system's own (AF_UNIX): its address is a path, not a tuple."""
    return event in ("socket.connect", "socket.sendto") and isinstance(arguments[-1], (str, bytes))
