"""A certificate of the emulator's own, for clients that insist on HTTPS."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate and its key; clients trust the certificate file (`REQUESTS_CA_BUNDLE`)."""

    certificate: Path
    key: Path


def make_certificate(directory: Path, host: str, more: Sequence[str] = ()) -> Certificate:
    """Writes a self-signed certificate for `host`, localhost and `more` names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Encord emulator")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    names += [found for found in map(_general_name, dict.fromkeys([host, *more])) if found not in names]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = Certificate(directory / "emulator.crt", directory / "emulator.key")
    written.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    written.key.touch(mode=0o600)
    written.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return written


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
