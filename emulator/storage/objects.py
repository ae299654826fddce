"""The bytes behind storage items, at signed URLs; they are fetched without an account."""

import struct
import zlib
from typing import Any
from urllib.parse import unquote

from starlette.responses import Response

from emulator.errors import ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.storage.links import check_signature
from emulator.storage.models import Item

routes = Routes()


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
    key = unquote(call.params["key"])
    check_signature(key, call.query.get("signature", ""))
    upload = call.platform.uploads.of_key(key)
    if upload is None or upload.content is None:
        raise ResourceNotFoundError(f"The emulator has no bytes for {key}")
    return Response(upload.content, media_type="application/octet-stream")


@routes.get("{item}/{name}")
def get_object(call: Call) -> Any:
    """The bytes of an item; an image that came without any is plain grey and of the right size."""
    item = call.platform.storage.item(call.params["item"])
    check_signature(item.uuid, call.query.get("signature", ""))
    return Response(_bytes_of(item), media_type=item.mime_type)


def _bytes_of(item: Item) -> bytes:
    if item.content is not None:
        return item.content
    if item.type == "image" and item.width and item.height:
        return _grey_png(item.width, item.height)
    raise ResourceNotFoundError(f"The emulator has no bytes for {item.name}")


def _grey_png(width: int, height: int) -> bytes:
    """A PNG of one grey, `width` x `height` pixels, eight bits a pixel."""
    rows = (b"\x00" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
