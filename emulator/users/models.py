"""Accounts, their keys and their bearer tokens."""

import base64
import binascii
from dataclasses import dataclass, field
from secrets import token_urlsafe

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from emulator.errors import AuthenticationError, InvalidArgumentsError, SshKeyNotFoundError, WorldError
from emulator.spec import new_uuid

RAW_KEY_BYTES = 32


@dataclass(slots=True, eq=False)
class User:
    """An account."""

    email: str
    name: str
    organisation_admin: bool = False
    hash: str = field(default_factory=new_uuid)
    key_ids: list[str] = field(default_factory=list)


class Users:
    """All accounts, found by e-mail, by key and by bearer token."""

    def __init__(self) -> None:
        self.by_email: dict[str, User] = {}
        self._by_key: dict[str, tuple[User, Ed25519PublicKey]] = {}
        self._by_token: dict[str, User] = {}

    def add(self, user: User, public_keys: list[str]) -> User:
        """Registers an account, or more keys of one that is there."""
        known = self.by_email.setdefault(user.email, user)
        for text in public_keys:
            raw = raw_public_key(text)
            known.key_ids.append(raw.hex())
            self._by_key[raw.hex()] = (known, Ed25519PublicKey.from_public_bytes(raw))
        return known

    def invite(self, email: str) -> User:
        """The account of somebody; who has none yet gets one without keys.

        Raises:
            InvalidArgumentsError: when that is no e-mail address.
        """
        if "@" not in email:
            raise InvalidArgumentsError(f"{email!r} is not an e-mail address")
        return self.by_email.get(email) or self.add(User(email, email.partition("@")[0]), [])

    def of_key(self, key_id: str) -> tuple[User, Ed25519PublicKey]:
        """The account and the key behind a key id (hex digits of the raw public key)."""
        try:
            return self._by_key[key_id.lower()]
        except KeyError:
            raise SshKeyNotFoundError("The provided SSH key was not found") from None

    def of_token(self, token: str) -> User:
        """The account behind a bearer token."""
        try:
            return self._by_token[token]
        except KeyError:
            raise AuthenticationError("The bearer token is not valid") from None

    def issue_token(self, user: User) -> str:
        """A new bearer token."""
        token = token_urlsafe(32)
        self._by_token[token] = user
        return token


def raw_public_key(text: str) -> bytes:
    """The 32 bytes of a key given as an OpenSSH line or as hex digits.

    Raises:
        WorldError: when it is neither, or not Ed25519.
    """
    try:
        if len(text) == 2 * RAW_KEY_BYTES:
            return bytes.fromhex(text)
        key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise WorldError("a public key is neither an OpenSSH line nor 64 hex digits") from None
    if not isinstance(key, Ed25519PublicKey):
        raise WorldError("only Ed25519 keys are accepted")
    return base64.b64decode(text.split()[1])[-RAW_KEY_BYTES:]
