"""Whether a file ends where its own tables say it should: found without decoding, so before any work is spent."""

from __future__ import annotations

from pathlib import Path

import av


def cut_off(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """Number of frames that are whole if the file is cut short, None if it is complete or its format cannot tell.

    mp4 and mov: every sample of the index lies in the file; mkv and webm: the segment does; avi: the first RIFF
    chunk does; gif: the trailer byte is there.
    """
    size = path.stat().st_size
    name = container.format.name
    if name.startswith("mov"):
        return _index_cut(stream, size)
    check = {"matroska,webm": _segment_cut, "avi": _riff_cut, "gif": _gif_cut}.get(name)
    return _count(path, stream) if check and check(path, size) else None


def _index_cut(stream: av.VideoStream, size: int) -> int | None:
    whole = sum(entry.pos + entry.size <= size for entry in stream.index_entries)
    return whole if whole < len(stream.index_entries) else None


def _segment_cut(path: Path, size: int) -> bool:
    """Whether the Matroska segment is longer than the file (RFC 8794, 9559); a live recording has no known size."""
    head = _head(path, 4096)
    place = head.find(b"\x18\x53\x80\x67") + 4
    if place < 4 or place >= len(head):
        return False
    length = 9 - head[place].bit_length()
    unknown = (1 << (7 * length)) - 1
    value = int.from_bytes(head[place : place + length], "big") & unknown
    return value != unknown and place + length + value > size


def _riff_cut(path: Path, size: int) -> bool:
    return int.from_bytes(_head(path, 8)[4:8], "little") + 8 > size


def _gif_cut(path: Path, size: int) -> bool:
    """A whole GIF ends with the trailer byte 0x3B, some writers pad it with zeros."""
    with path.open("rb") as file:
        file.seek(max(0, size - 64))
        return not file.read().rstrip(b"\0").endswith(b"\x3b")


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _count(path: Path, stream: av.VideoStream) -> int:
    """Packets of the stream that can be read: a count of frames good enough for a message."""
    with av.open(f"file:{path.absolute()}", metadata_errors="replace") as container:
        return sum(packet.size > 0 for packet in container.demux(container.streams[stream.index]))
