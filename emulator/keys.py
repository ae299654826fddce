"""Ed25519 key pairs, as Encord's users have them."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both keys as OpenSSH writes them."""

    private: str
    public: str

    @classmethod
    def generate(cls) -> "KeyPair":
        """A new pair."""
        key = Ed25519PrivateKey.generate()
        return cls(
            key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
            key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        )
