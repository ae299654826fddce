"""Accounts on the wire."""

from typing import Any

from emulator.http.calls import Call
from emulator.http.routes import Routes

routes = Routes()


@routes.get("user/bearer-token")
def bearer_token(call: Call) -> Any:
    """A token that stands for the caller."""
    return {"token": call.platform.users.issue_token(call.user)}
