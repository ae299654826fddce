"""The account on Encord: the only settings of commands that run before a deployment exists."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from benchmark_qa.config.explain import explain

HOW_TO_MAKE_A_KEY = "make a key with ssh-keygen -t ed25519 -N '' -f FILE, and add FILE.pub to the account in Encord"


class SettingsError(Exception):
    """The settings cannot be used. The message names every invalid key and contains no secret."""


class Account(BaseSettings):
    """Private key and domain of the account."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True)

    ssh_key: SecretStr | None = Field(default=None, validation_alias="ENCORD_SSH_KEY")
    ssh_key_file: Path | None = Field(default=None, validation_alias="ENCORD_SSH_KEY_FILE")
    domain: str = Field(
        default="https://api.encord.com", validation_alias="ENCORD_DOMAIN", pattern=r"^https?://[^/]+/?$"
    )

    @field_validator("domain")
    @classmethod
    def _is_encrypted(cls, value: str) -> str:
        return require_encrypted(value, "labels and the key's signature would cross the network readable")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.ssh_key is None) == (self.ssh_key_file is None):
            raise ValueError("set exactly one of ENCORD_SSH_KEY and ENCORD_SSH_KEY_FILE")
        return self

    def private_key(self) -> str:
        """The private key as text.

        Raises:
            SettingsError: the file cannot be read.
        """
        if self.ssh_key is not None:
            return self.ssh_key.get_secret_value()
        assert self.ssh_key_file is not None  # noqa: S101 - _one_key has seen to it
        try:
            return self.ssh_key_file.expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not a text file"
            raise SettingsError(f"ENCORD_SSH_KEY_FILE: {self.ssh_key_file}: {why}; {HOW_TO_MAKE_A_KEY}") from None


def require_encrypted(url: str, because: str) -> str:
    """Return the URL; refuse plain http except to this machine.

    Raises:
        ValueError: the message says what would happen.
    """
    address = urlsplit(url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        raise ValueError(f"must begin with https://: {because}")
    return url


def is_loopback(host: str) -> bool:
    """Whether the host, a name or an address, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def load_account() -> Account:
    """Read and check the environment.

    Raises:
        SettingsError: the message names each key that is missing or wrong.
    """
    try:
        return Account()
    except ValidationError as error:
        raise SettingsError(explain(error, Account)) from None
