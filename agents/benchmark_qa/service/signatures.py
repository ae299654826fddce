"""Verify that a request is from Encord, on the bytes as received, before anything else is read."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from encord_agents.core.constants import WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER
from encord_agents.core.webhooks import WebhookVerificationError, verify_signature
from fastapi import HTTPException, Request
from pydantic import SecretStr

from benchmark_qa.config.settings import Settings
from benchmark_qa.service.errors import RefusalReason, Refusals

MAX_BODY_BYTES = 256 * 1024
"""Far more than any request of Encord; a longer body is not read to its end."""

ANY_AGE = 10**13
"""Seconds: more than any timestamp can differ from now."""

_UNIX_SECONDS = re.compile(r"\d{1,12}\Z")


@dataclass(frozen=True)
class SignedEndpoint:
    """The signing secrets of one endpoint: one, or two while the secret is rotated.

    Without any secret no request verifies.
    """

    name: str
    """The endpoint's path, as declared."""
    secrets: Sequence[SecretStr]
    tolerance_seconds: int
    refusals: Refusals = field(default_factory=Refusals)
    others: Sequence[SecretStr] = ()
    """Secrets of the other endpoints, to distinguish swapped secrets from forged requests."""

    def verify(self, request: Request, body: bytes) -> None:
        """Check the body, as received, against every secret, each in constant time.

        Raises:
            HTTPException: 401.
        """
        signature = request.headers.get(WEBHOOK_SIGNATURE_HEADER)
        timestamp = request.headers.get(WEBHOOK_TIMESTAMP_HEADER)
        if not signature:
            self._note_unknown_schemes(request)
        if timestamp is not None and not _UNIX_SECONDS.match(timestamp):
            self.refusals.note(self.name, "malformed timestamp")
            raise HTTPException(401, "the signature's timestamp is not in unix seconds")
        if any(_verifies(body, each, signature, timestamp, self.tolerance_seconds) for each in self.secrets):
            return
        self.refusals.note(self.name, *self._why(body, signature, timestamp))
        raise HTTPException(401, "the request's signature does not verify")

    def _why(self, body: bytes, signature: str | None, timestamp: str | None) -> tuple[RefusalReason, str]:
        """The reason why nothing verified, for the operator's log only."""
        if not signature:
            return "no signature", ""
        if not timestamp:
            return "no timestamp", ""
        if not self.secrets:
            return "no secret configured", ""
        age = round(time.time() - int(timestamp))
        if any(_verifies(body, each, signature, timestamp, None) for each in self.secrets):
            return ("stale", f"by {age} s") if age > 0 else ("from the future", f"by {-age} s")
        if any(_verifies(body, each, signature, timestamp, None) for each in self.others):
            return "of another endpoint's secret", ""
        return "wrong signature", f"and {age} s old" if abs(age) > self.tolerance_seconds else ""

    def _note_unknown_schemes(self, request: Request) -> None:
        prefix = WEBHOOK_SIGNATURE_HEADER.lower()
        newer = sorted(name for name in request.headers if name.startswith(prefix) and name != prefix)
        if newer:
            self.refusals.note(self.name, "newer signature scheme", f"{', '.join(newer)[:200]}: upgrade")


def _verifies(
    body: bytes, secret: SecretStr, signature: str | None, timestamp: str | None, tolerance_seconds: int | None
) -> bool:
    """Whether the signature was made with the secret. A tolerance of None accepts any age."""
    try:
        verify_signature(
            body,
            secret=secret.get_secret_value(),
            signature=signature,
            timestamp=timestamp,
            tolerance_seconds=ANY_AGE if tolerance_seconds is None else tolerance_seconds,
        )
    except WebhookVerificationError:
        return False
    return True


def is_signed(request: Request) -> bool:
    """Whether the request claims to be signed; if so, the signature must verify."""
    prefix = WEBHOOK_SIGNATURE_HEADER.lower()
    return any(name.startswith(prefix) for name in request.headers) or WEBHOOK_TIMESTAMP_HEADER in request.headers


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The raw body, read no further than the limit.

    Raises:
        HTTPException: 413.
        ClientDisconnect: the caller has disconnected.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise HTTPException(413, f"the body is longer than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def signed_endpoint(settings: Settings, name: str, variable: str, refusals: Refusals) -> SignedEndpoint:
    """The endpoint of this path, with the secrets of the variable."""
    secrets = settings.signing_secrets()
    return SignedEndpoint(
        name=name,
        secrets=secrets[variable],
        tolerance_seconds=settings.signature_tolerance_seconds,
        refusals=refusals,
        others=[each for other, values in secrets.items() if other != variable for each in values],
    )
