"""Allow browser calls to the custom agents only from Encord's label editor."""

import re
from dataclasses import dataclass
from typing import Any

from encord_agents.core.constants import ENCORD_DOMAIN_REGEX
from fastapi import FastAPI, HTTPException, Request
from starlette.middleware.cors import CORSMiddleware

ALLOWED_HEADERS = ("X-Encord-Editor-Agent", "X-Encord-Agent", "X-Cloud-Trace-Context", "Content-Type")
PREFLIGHT_SECONDS = 3600


@dataclass(frozen=True)
class AllowedOrigins:
    """Encord's own origins, and a customer's domain if one is configured (matched completely)."""

    own_regex: str | None

    @property
    def regex(self) -> str:
        """One regular expression for all allowed origins."""
        encord = ENCORD_DOMAIN_REGEX.removeprefix("^").removesuffix("$")
        return f"(?:{encord})|(?:{self.own_regex})" if self.own_regex else encord

    def require(self, request: Request) -> None:
        """Refuse a call from a page that is not allowed.

        Raises:
            HTTPException: 403.
        """
        origin = request.headers.get("Origin")
        if origin is None or not re.fullmatch(self.regex, origin):
            raise HTTPException(403, "calls from this web page are not allowed")

    def install(self, app: FastAPI) -> None:
        """Answer preflight requests in the application, whatever proxy is in front of it."""
        options: dict[str, Any] = {
            "allow_origin_regex": self.regex,
            "allow_methods": ["POST"],
            "allow_headers": list(ALLOWED_HEADERS),
            "max_age": PREFLIGHT_SECONDS,
        }
        app.add_middleware(CORSMiddleware, **options)
