"""The bytes of stored pictures, through signed URLs. Every method says how many requests it costs."""

from collections.abc import Mapping, Sequence

import requests

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected

LARGEST_PICTURE = 200 * 1024 * 1024
"""Bytes; what is larger is no picture to be compared"""
ITEMS_PER_REQUEST = 100
"""Signed URLs run out: no more are asked for at a time than are read soon"""
_TIMEOUT = (10, 60)
_CHUNK = 256 * 1024


class Pictures:
    """Stored pictures of one account. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client

    def signed_urls(self, uuids: Sequence[str]) -> Mapping[str, str | None]:
        """Where the bytes of up to `ITEMS_PER_REQUEST` items can be read for a while, by uuid. 1 request."""
        items = retries.call(lambda: self._client.get_storage_items(list(uuids), sign_url=True))
        return {str(item.uuid): item.get_signed_url() for item in items}

    def read(self, url: str) -> bytes:
        """The bytes behind a signed URL. 1 request, to wherever they lie.

        Raises:
            EncordUnavailable: the storage does not answer, or not now.
            RequestRejected: it refuses, or the file is too large. The message never holds the URL: it is a key.
        """
        return retries.call(lambda: _read(url))


def _read(url: str) -> bytes:
    again = retries.DEFAULT_RETRY_AFTER
    try:
        with requests.get(url, timeout=_TIMEOUT, stream=True) as response:
            if response.status_code == 429 or response.status_code >= 500:
                raise EncordUnavailable(f"storage: HTTP {response.status_code}", retry_after=again)
            if not response.ok:
                raise RequestRejected(f"the storage refuses it: HTTP {response.status_code}")
            content = bytearray()
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > LARGEST_PICTURE:
                    raise RequestRejected(f"larger than {LARGEST_PICTURE:,} bytes")
            return bytes(content)
    except requests.RequestException as error:
        raise EncordUnavailable(f"storage: {type(error).__name__}", retry_after=again) from None
