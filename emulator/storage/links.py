"""Signed URLs of storage items: whoever has one may read the bytes, without any other authentication."""

import hashlib
import hmac
from secrets import token_bytes
from urllib.parse import quote

from emulator.errors import AuthorisationError
from emulator.storage.models import Item

_SECRET = token_bytes(32)


def signed_url(base_url: str, item: Item) -> str:
    """Where the bytes of an item are served."""
    return f"{base_url}/storage-objects/{item.uuid}/{quote(item.name, safe='')}?signature={_signature(item.uuid)}"


def check_signature(item_uuid: str, signature: str) -> None:
    """Refuses a signature that is not this item's."""
    if not hmac.compare_digest(signature, _signature(item_uuid)):
        raise AuthorisationError("The URL's signature is not valid")


def _signature(item_uuid: str) -> str:
    return hmac.new(_SECRET, item_uuid.encode(), hashlib.sha256).hexdigest()[:32]
