"""Bytes of stored pictures, through signed URLs. Every method gives its number of requests."""

from collections.abc import Mapping, Sequence

import requests
from encord.http.bundle import Bundle

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.folders import DescribedItem
from benchmark_qa.encord_api.retries import batches

LARGEST_PICTURE = 200 * 1024 * 1024
"""Bytes; a larger file is not read."""
ITEMS_PER_REQUEST = 100
"""Items per request for signed URLs. URLs expire, so only those that are used soon are requested."""
_TIMEOUT = (10, 60)
_CHUNK = 256 * 1024


class StoredPictures:
    """Stored pictures of one account. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client

    def signed_urls(self, uuids: Sequence[str]) -> Mapping[str, str | None]:
        """Temporary URLs of the bytes of up to `ITEMS_PER_REQUEST` items, by uuid. 1 request."""
        items = retries.call(lambda: self._client.get_storage_items(list(uuids), sign_url=True))
        return {str(item.uuid): item.get_signed_url() for item in items}

    def described(self, uuids: Sequence[str]) -> list[DescribedItem]:
        """Stored items with their client metadata. 1 request per `ITEMS_PER_REQUEST`."""
        return [
            DescribedItem(str(item.uuid), item.item_type.value, item.name, item.client_metadata or {}, item.file_size)
            for batch in batches(uuids, ITEMS_PER_REQUEST)
            for item in retries.call(lambda batch=batch: self._client.get_storage_items(list(batch)))  # type: ignore[misc]
        ]

    def read(self, url: str) -> bytes:
        """The bytes at a signed URL. 1 request, to the storage.

        Raises:
            EncordUnavailable: the storage does not answer, or asks to retry later.
            RequestRejected: it refuses, or the file is too large. The message never contains the URL, a secret.
        """
        return retries.call(lambda: _read(url))


class ItemVectors:
    """Vectors in the client metadata of stored items. Thread-safe."""

    def __init__(self, encord: Encord) -> None:
        self._client = encord.sdk_client

    def size_of(self, key: str) -> int | None:
        """Size of the embedding under a key of the metadata schema; None: there is no such key. 1 request.

        Raises:
            RequestRejected: the key is of another type, or has been deleted.
        """
        schema = retries.call(self._client.metadata_schema)
        if not schema.has_key(key):
            return None
        if schema.is_key_deleted(key) or schema.get_key_type(key) != "embedding":
            raise RequestRejected(f"the key {key!r} of the metadata schema is no embedding: choose another key")
        return int(schema.get_embedding_size(key))

    def write(self, key: str, vectors: Mapping[str, Sequence[float]]) -> int:
        """Write the vectors of up to `ITEMS_PER_REQUEST` items; returns how many differed. 1 or 2 requests.

        The present metadata is read and merged, so other keys stay.
        """
        return retries.call(lambda: self._write(key, vectors))

    def _write(self, key: str, vectors: Mapping[str, Sequence[float]]) -> int:
        written = 0
        items = self._client.get_storage_items(list(vectors))
        with Bundle() as bundle:
            for item in items:
                known = item.client_metadata or {}
                wanted = list(vectors[str(item.uuid)])
                if known.get(key) != wanted:
                    item.update(client_metadata={**known, key: wanted}, bundle=bundle)
                    written += 1
        return written


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
