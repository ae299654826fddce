"""MP4 and QuickTime: the boxes that say how long, how large and how many frames (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator

from emulator.media.facts import Facts, UnreadableMediaError


def video_facts(data: bytes) -> Facts:
    """Size, frames and duration of the first video track.

    Raises:
        UnreadableMediaError: when it is no MP4 or QuickTime file, or has no video track.
    """
    if data[4:8] != b"ftyp":
        raise UnreadableMediaError("not an MP4 or QuickTime video")
    mime_type = "video/quicktime" if data[8:12] == b"qt  " else "video/mp4"
    try:
        for track in _find(data, b"moov", b"trak"):
            if any(handler[8:12] == b"vide" for handler in _find(track, b"mdia", b"hdlr")):
                return _track_facts(track, mime_type)
    except (struct.error, IndexError, ZeroDivisionError):
        pass
    raise UnreadableMediaError("the file has no readable video track")


def _track_facts(track: bytes, mime_type: str) -> Facts:
    header = _only(track, b"tkhd")
    width, height = (side >> 16 for side in struct.unpack(">II", header[-8:]))
    timescale, ticks = _media_header(_only(track, b"mdia", b"mdhd"))
    frames = _sample_count(_only(track, b"mdia", b"minf", b"stbl", b"stts"))
    duration = ticks / timescale
    return Facts(mime_type, width, height, frames, frames / duration, duration)


def _media_header(box: bytes) -> tuple[int, int]:
    version = box[0]
    timescale, ticks = struct.unpack_from(">IQ" if version == 1 else ">II", box, 20 if version == 1 else 12)
    return timescale, ticks


def _sample_count(box: bytes) -> int:
    (entries,) = struct.unpack_from(">I", box, 4)
    return sum(struct.unpack_from(">I", box, 8 + 8 * entry)[0] for entry in range(entries))


def _only(data: bytes, *path: bytes) -> bytes:
    found = next(_find(data, *path), None)
    if found is None:
        raise UnreadableMediaError(f"the file has no {path[-1].decode()} box")
    return found


def _find(data: bytes, *path: bytes) -> Iterator[bytes]:
    kind, inner = path[0], path[1:]
    for found, content in _boxes(data):
        if found == kind:
            yield from _find(content, *inner) if inner else (content,)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        end = len(data) if size == 0 else at + size
        if end <= at + head - 1:
            return
        yield kind, data[at + head : end]
        at = end
