"""Requests as they stand on the wire, signed by the SDK's own code but not read by it."""

import hashlib
import json
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from encord.http.v2.request_signer import sign_request


class RawClient:
    """Sends signed requests and gives the answers back unread."""

    def __init__(self, url: str, private_key: str) -> None:
        key = load_ssh_private_key(private_key.encode(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self._key = key
        self._key_id = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        self.url = url
        self._session = requests.Session()

    def v2(self, method: str, path: str, body: Any = None, query: str = "") -> requests.Response:
        """A v2 request; `path` below /v2/public/."""
        request = requests.Request(method, f"{self.url}/v2/public/{path}{query}", json=body).prepare()
        signed = sign_request(request, self._key_id, self._key)
        return self._session.send(signed, timeout=30)

    def legacy(
        self,
        query_type: str,
        method: str,
        *,
        uid: Any = None,
        payload: Any = None,
        resource: tuple[str, str] = ("", ""),
    ) -> requests.Response:
        """A legacy request; `resource` is type and hash, empty for account calls."""
        values = {"uid": uid, "payload": payload}
        body = json.dumps({"query_type": query_type, "query_method": method, "values": values}).encode()
        signature = self._key.sign(hashlib.sha256(body).digest()).hex()
        headers = {
            "Authorization": f"{self._key_id}:{signature}",
            "ResourceType": resource[0],
            "ResourceID": resource[1],
        }
        path = "/public" if resource[0] else "/public/user"
        return self._session.post(self.url + path, data=body, headers=headers, timeout=30)
