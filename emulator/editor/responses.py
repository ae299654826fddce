"""The label editor's page and what it loads: not signed, like the control interface, and meant for loopback."""

from importlib.resources import files
from typing import Any

from starlette.responses import Response

from emulator.editor.view import frame_number, frame_view
from emulator.errors import ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.labels.models import MAIN_BRANCH

routes = Routes()

_ASSETS = {"editor.js": "text/javascript", "editor.css": "text/css"}

# Agents live at other origins, and so may the pictures of a bucket.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:; media-src *; connect-src *; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@routes.get("{project}/{data}/{frame}")
def page(call: Call) -> Any:
    """The page; everything in it is loaded by its script."""
    _view(call)
    return _asset("editor.html", "text/html")


@routes.get("{project}/{data}/{frame}/view")
def view(call: Call) -> Any:
    """What the page shows."""
    return _view(call)


@routes.get("assets/{name}")
def asset(call: Call) -> Any:
    """The page's script and style."""
    name = call.params["name"]
    if name not in _ASSETS:
        raise ResourceNotFoundError(f"There is no {name}")
    return _asset(name, _ASSETS[name])


def _view(call: Call) -> dict[str, Any]:
    project = call.platform.projects.get(call.params["project"].lower())
    if project is None:
        raise ResourceNotFoundError(f"There is no project {call.params['project']}")
    frame = frame_number(call.params["frame"])
    branch = call.query.get("branch", MAIN_BRANCH)
    storage = call.platform.storage
    return frame_view(project, call.params["data"].lower(), frame, branch, storage=storage, base_url=call.base_url)


def _asset(name: str, media_type: str) -> Response:
    content = (files(__package__) / "assets" / name).read_bytes()
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
