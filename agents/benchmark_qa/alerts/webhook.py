"""Outgoing webhooks, signed with HMAC-SHA256."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import requests

SIGNATURE_HEADER = "X-Benchmark-QA-Signature"
SECONDS = 10.0


class WebhookFailed(Exception):
    """The receiver did not accept the call; the message contains neither the URL nor the secret."""


@dataclass(frozen=True)
class SignedWebhook:
    """Posts JSON with the header `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` under the secret."""

    url: str
    secret: str = field(repr=False)

    def send(self, payload: Mapping[str, Any]) -> None:
        """Post once; redirects are not followed.

        Raises:
            WebhookFailed
        """
        body = orjson.dumps(payload)
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature(self.secret, body, int(time.time()))}
        try:
            answer = requests.post(self.url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise WebhookFailed(f"the alert webhook cannot be reached ({type(error).__name__})") from None
        if not 200 <= answer.status_code < 300:
            raise WebhookFailed(f"the alert webhook answered {answer.status_code}")


def signature(secret: str, body: bytes, at: int) -> str:
    """The header's value for a body that is sent at `at` (seconds since 1970)."""
    digest = hmac.new(secret.encode("utf-8"), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
