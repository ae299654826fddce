"""Who signs a request: both of the SDK's signature schemes, and bearer tokens."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature

from emulator.errors import AuthenticationError
from emulator.users.models import User, Users

_KEY_ID = re.compile(r';keyid="([0-9a-fA-F]+)"')
_LABEL = "encord-sig="


def legacy_caller(users: Users, headers: Mapping[str, str], body: bytes) -> User:
    """The account whose key signed the SHA-256 of the body: `Authorization: <key hex>:<signature hex>`.

    Raises:
        SshKeyNotFoundError: the key belongs to nobody.
        AuthenticationError: there is no signature, or it does not fit the body.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        return users.of_token(authorization.removeprefix("Bearer "))
    key_id, separator, signature = authorization.partition(":")
    if not separator:
        raise AuthenticationError("The request is not signed")
    user, key = users.of_key(key_id)
    try:
        key.verify(bytes.fromhex(signature), hashlib.sha256(body).digest())
    except (InvalidSignature, ValueError):
        raise AuthenticationError("The signature does not match the request") from None
    return user


def v2_caller(users: Users, method: str, target: str, headers: Mapping[str, str], body: bytes) -> User:
    """The account whose key signed method, request target and digest of the body (HTTP message signatures).

    `target` is path and query exactly as they stood on the request line.

    Raises:
        SshKeyNotFoundError: the key belongs to nobody.
        AuthenticationError: there is no signature, the body is not the signed one, or the signature does not fit.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        return users.of_token(authorization.removeprefix("Bearer "))
    parameters = headers.get("signature-input", "").removeprefix(_LABEL)
    found = _KEY_ID.search(parameters)
    if found is None:
        raise AuthenticationError("The request is not signed")
    user, key = users.of_key(found.group(1))
    digest = headers.get("content-digest", "")
    if digest != f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:":
        raise AuthenticationError("The content digest does not match the body")
    base = (
        f'"@method": {method.upper()}\n"@request-target": {target}\n'
        f'"content-digest": {digest}\n"@signature-params": {parameters}'
    )
    try:
        signature = base64.b64decode(headers.get("signature", "").removeprefix(_LABEL).strip(":"), validate=True)
        key.verify(signature, base.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        raise AuthenticationError("The signature does not match the request") from None
    return user
