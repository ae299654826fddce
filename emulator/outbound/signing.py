"""The signature of what the platform sends: HMAC-SHA256 over timestamp, a dot and the raw body."""

import hashlib
import hmac


def signed_headers(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The two headers of a signed request; `timestamp` in unix seconds."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Encord-Timestamp": str(timestamp), "X-Encord-Signature": digest}
