"""The film of an image sequence: its PNG or JPEG frames, as they are, in a QuickTime container.

Nothing is encoded: a QuickTime sample may be a whole PNG or JPEG file (sample entries `png ` and `jpeg`), and readers
that are built on FFmpeg, OpenCV among them, decode these.
"""

import struct
from collections.abc import Sequence

MIME_TYPE = "video/quicktime"

_TICKS_PER_FRAME = 1000
_ENTRIES = {"image/png": b"png ", "image/jpeg": b"jpeg"}
_MATRIX = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def film(frames: Sequence[bytes], mime_type: str, size: tuple[int, int], fps: float) -> bytes | None:
    """The film of frames of one size (width, height); None when frames of that type cannot stand in one."""
    entry = _ENTRIES.get(mime_type)
    if entry is None or not frames:
        return None
    width, height = size
    head = _box(b"ftyp", b"qt  " + struct.pack(">I", 0x200) + b"qt  ")
    data = _box(b"mdat", *frames)
    offsets = []
    at = len(head) + 8
    for frame in frames:
        offsets.append(at)
        at += len(frame)
    timescale, duration = round(fps * _TICKS_PER_FRAME), len(frames) * _TICKS_PER_FRAME
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _sample_entry(entry, width, height)),
        _full(b"stts", struct.pack(">III", 1, len(frames), _TICKS_PER_FRAME)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        _full(b"stsz", struct.pack(">II", 0, len(frames)), *(struct.pack(">I", len(frame)) for frame in frames)),
        _full(b"stco", struct.pack(">I", len(frames)), *(struct.pack(">I", offset) for offset in offsets)),
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, timescale, duration, 0, 0)),
        _full(b"hdlr", b"mhlr", b"vide", bytes(13)),
        _box(b"minf", _full(b"vmhd", bytes(8), flags=1), _data_here(), table),
    )
    return head + data + _movie(timescale, duration, _track(duration, width, height, media))


def _movie(timescale: int, duration: int, track: bytes) -> bytes:
    header = struct.pack(">IIIIIH10x", 0, 0, timescale, duration, 1 << 16, 1 << 8) + _MATRIX + bytes(24)
    return _box(b"moov", _full(b"mvhd", header, struct.pack(">I", 2)), track)


def _track(duration: int, width: int, height: int, media: bytes) -> bytes:
    header = struct.pack(">IIIIIQHHHH", 0, 0, 1, 0, duration, 0, 0, 0, 0, 0) + _MATRIX
    return _box(b"trak", _full(b"tkhd", header, struct.pack(">II", width << 16, height << 16), flags=7), media)


def _sample_entry(kind: bytes, width: int, height: int) -> bytes:
    """A video sample description: 72 dots per inch, one frame a sample, 24 bits of colour."""
    described = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 72 << 16, 72 << 16, 1, 24, -1)
    return _box(kind, described)


def _data_here() -> bytes:
    return _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))


def _full(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *content)


def _box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, content))) + kind + b"".join(content)
