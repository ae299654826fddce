"""The bytes behind storage items, at signed URLs; they are fetched without an account."""

import struct
import zlib
from typing import Any

from starlette.responses import Response

from emulator.errors import ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.media.sequence import MIME_TYPE, film
from emulator.storage.links import check_signature
from emulator.storage.models import Item, Storage

routes = Routes()

MOST_GREY_FRAMES = 10_000
SEQUENCE_FPS = 1


@routes.get("metadata/{item}")
def get_metadata(call: Call) -> Any:
    """The client metadata of an item."""
    item = call.platform.storage.item(call.params["item"])
    check_signature(item.uuid, call.query.get("signature", ""))
    return item.client_metadata


@routes.put("uploads/{upload}")
def put_object(call: Call) -> Any:
    """Takes the bytes of an upload."""
    uuid = call.params["upload"]
    check_signature(f"upload {uuid}", call.query.get("signature", ""))
    call.platform.uploads.upload(uuid).content = call.sent
    return Response()


@routes.get("keys/{key}")
def get_upload(call: Call) -> Any:
    """The bytes that were uploaded under an object key."""
    key = call.params["key"]
    check_signature(key, call.query.get("signature", ""))
    upload = call.platform.uploads.of_key(key)
    if upload is None or upload.content is None:
        raise ResourceNotFoundError(f"The emulator has no bytes for {key}")
    return Response(upload.content, media_type="application/octet-stream")


@routes.get("{item}/{name}")
def get_object(call: Call) -> Any:
    """The bytes of an item; a picture or a film that came without any is plain grey and of the right size."""
    item = call.platform.storage.item(call.params["item"])
    check_signature(item.uuid, call.query.get("signature", ""))
    content, mime_type = _bytes_of(item, call.platform.storage)
    return Response(content, media_type=mime_type)


def _bytes_of(item: Item, storage: Storage) -> tuple[bytes, str]:
    content = item.content
    if content is None and item.type == "image" and item.width and item.height:
        content = _grey_png(item.width, item.height)
    if content is not None:
        return content, item.mime_type
    made = _film_of(item, storage)
    if made is None:
        raise ResourceNotFoundError(f"The emulator has no bytes for {item.name}")
    return made, MIME_TYPE


def _film_of(item: Item, storage: Storage) -> bytes | None:
    """The film of an image sequence, of its frames; that of a video without bytes, grey."""
    parts = storage.children(item)
    first = parts[0] if parts else item
    if not first.width or not first.height:
        return None
    size = first.width, first.height
    if item.type == "video" and item.frames is not None and item.frames <= MOST_GREY_FRAMES:
        return film([_grey_png(*size)] * item.frames, "image/png", size, item.fps or 1)
    if item.type != "image_sequence":
        return None
    frames = [_bytes_of(part, storage) for part in parts]
    mime_types = {mime_type for _, mime_type in frames}
    if len(mime_types) != 1:
        return None
    return film([content for content, _ in frames], mime_types.pop(), size, SEQUENCE_FPS)


def _grey_png(width: int, height: int) -> bytes:
    """A PNG of one grey, `width` x `height` pixels, eight bits a pixel."""
    rows = (b"\x00" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
