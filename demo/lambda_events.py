"""HTTP requests as a Lambda function URL hands them to the function, and the function's answers as HTTP again."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class Answer:
    """What goes back to the caller."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def function_url_event(method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A request as an event of payload version 2.0.

    Args:
        method: of the request.
        target: path with query.
        headers: several of one name already joined by commas.
        body: as received; what is not of a text type travels as base64.
    """
    path, _, query = target.partition("?")
    names = {name.lower(): value for name, value in headers.items()}
    is_text = names.get("content-type", "").startswith(_TEXT_TYPES)
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": names,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "local.lambda-url.local.on.aws",
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": names.get("user-agent", ""),
            },
            "requestId": str(uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": not is_text,
    }
    if body:
        event["body"] = body.decode() if is_text else base64.b64encode(body).decode()
    return event


def http_answer(result: Any) -> Answer:
    """The function's result; 502 for anything but an answer, as AWS does when a function fails."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer(502, {"content-type": "text/plain"}, b"Internal Server Error")
    body = result.get("body") or ""
    return Answer(
        int(result["statusCode"]),
        {name: str(value) for name, value in (result.get("headers") or {}).items()},
        base64.b64decode(body) if result.get("isBase64Encoded") else body.encode(),
    )
