"""Is this request from Encord? Checked on the bytes as received, before anything else is looked at."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from encord_agents.core.constants import WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER
from encord_agents.core.webhooks import WebhookVerificationError, verify_signature
from fastapi import HTTPException, Request
from pydantic import SecretStr

MAX_BODY_BYTES = 256 * 1024
"""Far more than any request of Encord's; what is longer is not read to its end."""

_UNIX_SECONDS = re.compile(r"\d{1,12}\Z")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedEndpoint:
    """The signing secrets of one endpoint: one, or two while the secret is rotated.

    Without any secret nothing verifies.
    """

    secrets: Sequence[SecretStr]
    tolerance_seconds: int

    def verify(self, request: Request, body: bytes) -> None:
        """Check the body, as received, against every secret, in constant time each.

        Raises:
            HTTPException: 401.
        """
        signature = request.headers.get(WEBHOOK_SIGNATURE_HEADER)
        timestamp = request.headers.get(WEBHOOK_TIMESTAMP_HEADER)
        if signature is None:
            _log_unknown_schemes(request)
        if timestamp is not None and not _UNIX_SECONDS.match(timestamp):
            raise HTTPException(401, "the signature's timestamp is not in unix seconds")
        failure: WebhookVerificationError | None = None
        for secret in self.secrets:
            try:
                verify_signature(
                    body,
                    secret=secret.get_secret_value(),
                    signature=signature,
                    timestamp=timestamp,
                    tolerance_seconds=self.tolerance_seconds,
                )
            except WebhookVerificationError as error:
                failure = error
            else:
                return
        raise HTTPException(401, "the request's signature does not verify") from failure


def is_signed(request: Request) -> bool:
    """Whether the request claims to be signed; if so, the signature must hold."""
    prefix = WEBHOOK_SIGNATURE_HEADER.lower()
    return any(name.startswith(prefix) for name in request.headers) or WEBHOOK_TIMESTAMP_HEADER in request.headers


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The raw body, read no further than the limit.

    Raises:
        HTTPException: 413.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise HTTPException(413, f"the body is longer than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _log_unknown_schemes(request: Request) -> None:
    prefix = WEBHOOK_SIGNATURE_HEADER.lower()
    newer = sorted(name for name in request.headers if name.startswith(prefix) and name != prefix)
    if newer:
        _log.error("request signed with %s, which this version cannot read: upgrade", ", ".join(newer)[:200])
