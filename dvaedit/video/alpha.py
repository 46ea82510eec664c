"""Transparency that libav's decoders leave out of the frames: beside the packets, or in a layer of its own."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import av
import numpy as np

# of VP8 and VP9: in the BlockAdditional of Matroska and WebM, number 1 (RFC 9559, AlphaMode)
_BESIDE = {"yuv420p": "yuva420p", "yuv422p": "yuva422p", "yuv444p": "yuva444p"}
_H264_AUXILIARY, _HEVC_SEI, _ALPHA_SEI = 19, 39, 165  # ITU-T H.264 table 7-1, H.265 tables 7-1 and D.1


def has_alpha_beside(stream: av.VideoStream) -> bool:
    """Whether a VP8 or VP9 stream says that transparency, of a kind that can be decoded, lies beside its pictures."""
    return _says_alpha(stream) and stream.codec_context.pix_fmt in _BESIDE


class AlphaDecoder:
    """Decodes a stream whose transparency lies beside its packets: frames as libav gives them, plus an alpha plane.

    A frame without transparency of its own is opaque, as in a recording of a page that is so for a while.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        # Threads over slices keep no pictures back: a frame and its alpha plane come out as their packet goes in.
        stream.thread_type = "SLICE"
        self._alpha = av.CodecContext.create(stream.codec_context.codec.canonical_name, "r")
        self._alpha.thread_type = "SLICE"

    def decode(self, packet: av.Packet) -> list[av.VideoFrame]:
        """The frames that a packet completes. Raises av.error.FFmpegError as the packet's own decode does."""
        frames, coded = packet.decode(), _additional(packet)
        planes = [_luma(frame) for frame in self._alpha.decode(av.Packet(coded))] if coded is not None else []
        return [_joined(frame, planes[-1] if planes else None) for frame in frames]


def _joined(frame: av.VideoFrame, plane: np.ndarray | None) -> av.VideoFrame:
    """The frame with an alpha plane, opaque if there is none: the same samples, time and side data."""
    if frame.format.name not in _BESIDE or (plane is not None and plane.shape != (frame.height, frame.width)):
        raise _damaged("the transparency does not fit the picture")
    new = frame.reformat(format=_BESIDE[frame.format.name])
    _samples(new.planes[3])[:, : frame.width] = 255 if plane is None else plane
    return new


def hidden(stream: av.VideoStream, packet: av.Packet) -> str:
    """What the stream holds that is not decoded, in words; empty where nothing is known to be missing.

    packet: its first. H.264 auxiliary pictures, HEVC layers above the first, DNxHD alpha, and transparency
    beside VP9 pictures of more than 8 bits or of 4:4:0.
    """
    name, data = stream.codec_context.codec.canonical_name, bytes(packet)
    head = bytes(stream.codec_context.extradata or b"")
    if name == "h264":
        auxiliary = any(unit[0] & 31 == _H264_AUXILIARY for unit in _units(data, _prefix(head, 4)))
        return "transparency" if auxiliary else ""
    if name == "hevc":
        units = [*_parameter_sets(head), *_units(data, _prefix(head, 21))]
        if not any((unit[0] & 1) << 5 | unit[1] >> 3 for unit in units):
            return ""
        told = any(unit[0] >> 1 & 63 == _HEVC_SEI and _ALPHA_SEI in _sei_types(unit[2:]) for unit in units)
        return "transparency" if told else "second layer (a view, depth or transparency)"
    if name == "dnxhd":
        return "transparency" if len(data) > 7 and data[7] & 1 else ""
    return "transparency" if _says_alpha(stream) and not has_alpha_beside(stream) else ""


def _says_alpha(stream: av.VideoStream) -> bool:
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    return stream.codec_context.codec.canonical_name in ("vp8", "vp9") and tags.get("alpha_mode") == "1"


def _additional(packet: av.Packet) -> bytes | None:
    """The bytes coded beside a packet, without the number in front of them; None where there are none."""
    for item in packet.iter_sidedata():
        if item.data_type == "matroska_block_additional":
            raw = bytes(item)
            return raw[8:] if int.from_bytes(raw[:8], "big") == 1 and len(raw) > 8 else None
    return None


def _luma(frame: av.VideoFrame) -> np.ndarray:
    """The first plane, a copy: uint8 (H, W)."""
    if frame.format.components[0].bits != 8:
        raise _damaged("the transparency has more than 8 bits")
    return _samples(frame.planes[0])[:, : frame.width].copy()


def _samples(plane: av.video.plane.VideoPlane) -> np.ndarray:
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)


def _damaged(why: str) -> av.error.FFmpegError:
    return av.error.InvalidDataError(errno.EINVAL, why)


def _prefix(head: bytes, place: int) -> int:
    """Bytes of the length before each NAL unit, as avcC and hvcC say it; 0 for start codes (Annex B)."""
    return (head[place] & 3) + 1 if len(head) > place and head[0] == 1 else 0


def _units(data: bytes, prefix: int) -> Iterator[bytes]:
    """NAL units of two bytes or more."""
    if not prefix:
        yield from (unit for unit in data.split(b"\0\0\1")[1:] if len(unit) > 1)
        return
    place = 0
    while place + prefix < len(data):
        size = int.from_bytes(data[place : place + prefix], "big")
        if len(unit := data[place + prefix : place + prefix + size]) > 1:
            yield unit
        place += prefix + size


def _parameter_sets(head: bytes) -> Iterator[bytes]:
    """NAL units of an hvcC record (ISO/IEC 14496-15, 8.3.3.1), or of extradata with start codes."""
    if not head or head[0] != 1:
        yield from _units(head, 0)
        return
    place = 23
    for _ in range(head[22] if len(head) > 22 else 0):
        count, place = int.from_bytes(head[place + 1 : place + 3], "big"), place + 3
        for _ in range(count):
            size = int.from_bytes(head[place : place + 2], "big")
            if len(unit := head[place + 2 : place + 2 + size]) > 1:
                yield unit
            place += 2 + size


def _sei_types(payload: bytes) -> set[int]:
    """Kinds of the messages in an SEI unit, whose headers are runs of 255 and a last byte (H.265, 7.3.5)."""
    kinds, place = set(), 0
    while place + 2 < len(payload):
        numbers = []
        for _ in range(2):
            number = 0
            while place < len(payload) and payload[place] == 255:
                number, place = number + 255, place + 1
            numbers.append(number + (payload[place] if place < len(payload) else 0))
            place += 1
        kinds.add(numbers[0])
        place += numbers[1]
    return kinds
