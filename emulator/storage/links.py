"""Signed URLs: whoever has one may read or write the bytes behind it, without any other authentication."""

import hashlib
import hmac
from collections.abc import Callable
from secrets import token_bytes
from urllib.parse import quote

from emulator.errors import AuthorisationError
from emulator.storage.models import Item

_SECRET = token_bytes(32)


def signed_url(base_url: str, item: Item) -> str:
    """Where the bytes of an item are served."""
    signature = _signature(item.uuid)
    return f"{base_url}/storage-objects/{item.uuid}/{quote(item.name, safe='')}?signature={signature}"


def file_links(base_url: str) -> Callable[[Item], str]:
    """Where the files of items lie: in a customer's bucket, or here."""
    return lambda item: item.url or signed_url(base_url, item)


def metadata_url(base_url: str, item: Item) -> str:
    """Where the client metadata of an item is served as JSON."""
    return _url(base_url, f"metadata/{item.uuid}", item.uuid)


def upload_url(base_url: str, upload_uuid: str) -> str:
    """Where the bytes of an upload are to be PUT."""
    return _url(base_url, f"uploads/{upload_uuid}", f"upload {upload_uuid}")


def object_url(base_url: str, object_key: str) -> str:
    """Where the bytes of an upload that is part of something else (a scene) are served."""
    return _url(base_url, f"keys/{quote(object_key, safe='')}", object_key)


def check_signature(signed: str, signature: str) -> None:
    """Refuses a signature that was not made for this."""
    if not hmac.compare_digest(signature.encode(), _signature(signed).encode()):
        raise AuthorisationError("The URL's signature is not valid")


def _url(base_url: str, path: str, signed: str) -> str:
    return f"{base_url}/storage-objects/{path}?signature={_signature(signed)}"


def _signature(signed: str) -> str:
    return hmac.new(_SECRET, signed.encode(), hashlib.sha256).hexdigest()[:32]
