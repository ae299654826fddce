"""The signature of what the platform sends: HMAC-SHA256 over timestamp, a dot and the raw body."""

import hashlib
import hmac
from typing import Literal

Headers = Literal["current", "both", "next"]

_NAMES: dict[Headers, tuple[str, ...]] = {
    "current": ("X-Encord-Signature",),
    "both": ("X-Encord-Signature", "X-Encord-Signature-V2"),
    "next": ("X-Encord-Signature-V2",),
}


def signed_headers(secret: str, timestamp: int, body: bytes, headers: Headers = "current") -> dict[str, str]:
    """The headers of a signed request; `timestamp` in unix seconds.

    What a second signature would hold is not known: here it is the same digest behind a version.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    values = {"X-Encord-Signature": digest, "X-Encord-Signature-V2": f"v2={digest}"}
    return {"X-Encord-Timestamp": str(timestamp), **{name: values[name] for name in _NAMES[headers]}}
