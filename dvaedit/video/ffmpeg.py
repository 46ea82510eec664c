"""The ffmpeg binary: which one is used, and how it is run."""

from __future__ import annotations

import functools
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from dvaedit.errors import StorageError, VideoError

MINIMUM_VERSION = 6  # the first that sets the rotation of a copied stream (-display_rotation)
_DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
QUIET = ["-hide_banner", "-nostdin", "-loglevel", "error"]


@functools.lru_cache(maxsize=1)
def find_ffmpeg() -> Path:
    """Path of the ffmpeg to run: the one on PATH if it is version 6 or newer, else the one imageio-ffmpeg carries.

    Raises VideoError if there is neither.
    """
    on_path = shutil.which("ffmpeg")
    if on_path and _version(Path(on_path)) >= MINIMUM_VERSION:
        return Path(on_path)
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        hint = "Install ffmpeg 6 or newer, or reinstall the Python package imageio-ffmpeg, which carries one."
        raise VideoError("No usable ffmpeg was found.", hint) from error


def run(stream: Any, repeated: Sequence[str] = ()) -> None:
    """Run a graph made with ffmpeg-python. Raises VideoError with ffmpeg's last line, StorageError if the disk is full.

    Output files that exist are overwritten.
    repeated: output options that occur several times, such as -metadata: ffmpeg-python holds each option once.
    """
    command = ffmpeg.compile(stream, cmd=str(find_ffmpeg()), overwrite_output=True)
    place = command.index(stream.node.kwargs["filename"])
    command = [command[0], *QUIET, *command[1:place], *repeated, *command[place:]]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if result.returncode == 0:
        return
    lines = [line.strip() for line in result.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    over_limit = result.returncode == -getattr(signal, "SIGXFSZ", 0)  # the system's limit on the size of files
    if over_limit or any(text in line for line in lines for text in _DISK_FULL):
        raise StorageError("The disk is full: ffmpeg could not write the video.", "Free some space and run it again.")
    last = lines[-1] if lines else f"it ended with code {result.returncode}"
    raise VideoError(f"ffmpeg failed: {last}", "The output was not written; try another container, for example .mkv.")


def describe(path: Path) -> str:
    """What ffmpeg says of a file without decoding it: its log of level verbose."""
    command = [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-loglevel", "verbose", "-protocol_whitelist", "file"]
    command += ["-i", f"file:{path.absolute()}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return result.stderr.decode("utf-8", "replace")  # it ends with an error: there is no output


def _version(binary: Path) -> int:
    """Major version, 0 if it cannot be told; a build from ffmpeg's git tree counts as new."""
    try:
        result = subprocess.run([binary, "-version"], capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    text = result.stdout.decode("utf-8", "replace")
    if re.match(r"ffmpeg version N-\d+", text):
        return MINIMUM_VERSION
    match = re.match(r"ffmpeg version n?(\d+)", text)
    return int(match.group(1)) if match else 0
