"""A corpus of damaged and lying videos, made from a few small good ones by a seed: the same files every time.

python -m tests.hostile.corpus FOLDER [SEED]
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.stages.conftest import EXAMPLE
from tests.video.conftest import run_ffmpeg

SMALL = ("-frames:v", "6", "-t", "0.24", "-vf", "scale=96:96,fps=25")
BASES: dict[str, tuple] = {
    "h264.mp4": ("-c:v", "libx264", "-c:a", "aac"),
    "moov_first.mp4": ("-c:v", "libx264", "-an", "-movflags", "+faststart"),
    "hevc.mov": ("-c:v", "libx265", "-x265-params", "log-level=error", "-an"),
    "h264.mkv": ("-c:v", "libx264", "-c:a", "aac"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-an"),
    "alpha.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-an"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-an"),
    "mpeg1.mpg": ("-c:v", "mpeg1video", "-an"),
    "h264.ts": ("-c:v", "libx264", "-an"),
    "pal.gif": ("-an",),
    "ffv1.mkv": ("-c:v", "ffv1", "-an"),
    "flash.flv": ("-c:v", "flv1", "-an"),
    "theora.nut": ("-c:v", "mpeg4", "-an"),
}
EACH = 26  # mutants of a base
EXTREMES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000, 0xFFFF)
FIELDS = (b"tkhd", b"mdhd", b"mvhd", b"stts", b"stsz", b"stco", b"stsc", b"elst", b"ctts", b"avc1", b"hvc1", b"stsd",
          b"moov", b"mdat", b"trak", b"strh", b"strf", b"avih", b"idx1", b"GIF8", b"\x2a\xd7\xb1", b"\x44\x89",
          b"\xb0\x82", b"\xba\x82", b"\x23\xe3\x83",
          b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x00\x00\x01\xb3")  # fmt: skip


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 4, 16, 64, 256))):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def flip_header(data: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 8))):
        spoilt[rng.randrange(min(len(spoilt), 400))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def lie(data: bytes, rng: random.Random) -> bytes:
    """Extreme numbers in a field of a header: sizes, counts, durations, rates."""
    places = [at for name in FIELDS if (at := data.find(name)) >= 0]
    at = rng.choice(places or [0]) + rng.choice((-4, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 80))
    at = max(0, min(at, len(data) - 4))
    return data[:at] + struct.pack(">I", rng.choice(EXTREMES)) + data[at + 4 :]


def zero_block(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.choice((16, 256, 4096))
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def random_block(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.choice((16, 256, 2048))
    return data[:at] + rng.randbytes(min(size, len(data) - at)) + data[at + size :]


def cut_out(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:a] + data[b:]


def double(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:b] + data[a:b] * rng.choice((1, 3)) + data[b:]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(truncate, flip_bits, flip_header, lie, lie, lie, zero_block, random_block, cut_out, double),
)


SPECIALS = "specials"
PARTS = (*BASES, SPECIALS)


def good_video(folder: Path, name: str) -> Path:
    """One of the good videos, made by ffmpeg."""
    path = folder / name
    if not path.exists():
        run_ffmpeg("-i", EXAMPLE, *SMALL, *BASES[name], path)
    return path


def mutants(folder: Path, part: str, seed: int = 0, each: int = EACH) -> Iterator[Path]:
    """Write ``each`` mutants of one base, or the special cases, into ``folder``. Yields them one by one."""
    good = folder / "good"
    good.mkdir(parents=True, exist_ok=True)
    if part == SPECIALS:
        yield from specials(folder, good)
        return
    base = good_video(good, part)
    data = base.read_bytes()
    for number in range(each):
        rng = random.Random(f"{seed}:{base.name}:{number}")
        mutation = MUTATIONS[number % len(MUTATIONS)]
        path = folder / f"{base.stem}.{number:02d}.{mutation.__name__}{base.suffix}"
        path.write_bytes(mutation(data, rng))
        yield path


def specials(folder: Path, good: Path) -> Iterator[Path]:
    """Videos that are odd rather than damaged."""
    for name, content in (("empty.mp4", b""), ("one_byte.mkv", b"\x1a"), ("text.mp4", b"hello\n" * 100)):
        path = folder / name
        path.write_bytes(content)
        yield path
    made = {
        "one_frame.mp4": ("-frames:v", "1"),
        "tiny.mp4": ("-frames:v", "3", "-vf", "scale=16:16"),
        "fast.mkv": ("-frames:v", "5", "-r", "1000"),
        "slow.mkv": ("-frames:v", "3", "-r", "1/100"),
        "metadata.mkv": ("-frames:v", "2", "-metadata", "title=../../../../tmp/evil; rm -rf $HOME `id`\n\"'"),
        "filename.mkv": ("-frames:v", "2", "-attach", Path(__file__), "-metadata:s:t", "mimetype=text/plain",
                         "-metadata:s:t", "filename=../../evil.txt"),
    }  # fmt: skip
    for name, options in made.items():
        path = folder / name
        run_ffmpeg("-i", EXAMPLE, "-an", *options, "-c:v", "libx264", path)
        yield path
    many = folder / "many_streams.mov"
    streams = [part for _ in range(300) for part in ("-map", "0:v:0")]
    run_ffmpeg("-i", good_video(good, "h264.mp4"), *streams, "-c", "copy", many)
    yield many
    no_frames = folder / "no_frames.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "color=size=64x64:duration=0.1", "-vf", "select=0", "-c:v", "ffv1", no_frames)
    yield no_frames
    playlist = folder / "list.m3u8"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{good_video(good, 'h264.ts')}\n#EXT-X-ENDLIST\n"
    )
    yield playlist
    concat = folder / "concat.txt"
    concat.write_text(f"ffconcat version 1.0\nfile {good_video(good, 'h264.mp4')}\n")
    yield concat


if __name__ == "__main__":
    target, seed = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    print(sum(1 for part in PARTS for _ in mutants(target, part, seed)), "files in", target)
