"""PNG, JPEG, GIF, BMP and WebP headers."""

import struct
from collections.abc import Callable

from emulator.media.facts import Facts, UnreadableMediaError

# Start-of-frame markers: the ones that carry the size (not DHT C4, JPG C8, DAC CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def image_facts(data: bytes) -> Facts:
    """MIME type and size of an image.

    Raises:
        UnreadableMediaError: when it is none of the formats known here.
    """
    for magic, read in _FORMATS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError):
                break
    raise UnreadableMediaError("not a PNG, JPEG, GIF, BMP or WebP image")


def _png(data: bytes) -> Facts:
    width, height = struct.unpack_from(">II", data, 16)
    return Facts("image/png", width, height)


def _gif(data: bytes) -> Facts:
    width, height = struct.unpack_from("<HH", data, 6)
    return Facts("image/gif", width, height)


def _bmp(data: bytes) -> Facts:
    width, height = struct.unpack_from("<ii", data, 18)
    return Facts("image/bmp", width, abs(height))


def _jpeg(data: bytes) -> Facts:
    at = 2
    while True:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Facts("image/jpeg", width, height)
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _webp(data: bytes) -> Facts:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", data, 26))
    return Facts("image/webp", width, height)


_FORMATS: tuple[tuple[bytes, Callable[[bytes], Facts]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"RIFF", _webp),
)
