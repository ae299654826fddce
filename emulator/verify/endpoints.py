"""The table of endpoints that a run may use: reads, creates and writes, and where the ids stand."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from requests import PreparedRequest

from emulator.verify.journal import Kind

Where = tuple[Kind, str]
"""A kind and a place: `path.NAME`, `header`, `body.KEY.*.KEY` (`*` is every entry), `answer.KEY`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a request does. Something must stand at every place of `touched`, and all of it must be of the run.

    `makes` says what an answer adds to the run; `lists` what it adds when the project or folder asked is of the run.
    """

    effect: Literal["read", "create", "write"]
    touched: tuple[Where, ...] = ()
    makes: tuple[Where, ...] = ()
    lists: tuple[Where, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in parts: which endpoint, the variables of its path, its body and what its header names."""

    name: str
    endpoint: Endpoint | None
    path: dict[str, str]
    header: str
    body: Any

    def values(self, place: str, answer: Any = None) -> list[str]:
        """What stands at a place; nothing where there is no such place."""
        root, _, rest = place.partition(".")
        if root == "path":
            return [self.path[rest]] if rest in self.path else []
        if root == "header":
            return [self.header]
        return [str(one) for one in _at(self.body if root == "body" else answer, rest) if one is not None]


_PROJECT: Where = ("project", "path.project")
_FOLDER: Where = ("folder", "path.folder")
_OF_PROJECT: tuple[Where, ...] = (("project", "header"),)
_OF_DATASET: tuple[Where, ...] = (("dataset", "header"),)

# Reads touch nothing, but a list of what is in one of the run's own things tells what else is of the run.
V2: dict[str, Endpoint] = {
    "POST datasets": Endpoint("create", makes=(("dataset", "answer.datasetUuid"),), title="body.title"),
    "GET datasets/list": Endpoint("read"),
    "POST storage/folders": Endpoint("create", makes=(("folder", "answer.uuid"),), title="body.name"),
    "GET storage/folders": Endpoint("read"),
    "GET storage/folders/{folder}": Endpoint("read"),
    "DELETE storage/folders/{folder}": Endpoint("write", (_FOLDER,)),
    "GET storage/folders/{folder}/items": Endpoint("read", lists=(("item", "answer.results.*.uuid"),)),
    "POST storage/folders/{folder}/upload-signed-urls": Endpoint(
        "write", (_FOLDER,), makes=(("item", "answer.results.*.itemUuid"),)
    ),
    "POST storage/folders/{folder}/data-upload-jobs": Endpoint(
        "write", (_FOLDER, ("item", "body.dataItems.images.*.placeholderItemUuid"))
    ),
    "GET storage/folders/{folder}/data-upload-jobs/{job}": Endpoint("read"),
    "POST storage/folders/{folder}/items/delete": Endpoint("write", (_FOLDER, ("item", "body.childUuids.*"))),
    "GET storage/items/{item}": Endpoint("read"),
    "PATCH storage/folders/{folder}/items/{item}": Endpoint("write", (_FOLDER, ("item", "path.item"))),
    "POST ontologies": Endpoint("create", makes=(("ontology", "answer.ontologyUuid"),), title="body.title"),
    "GET ontologies": Endpoint("read"),
    "GET ontologies/{ontology}": Endpoint("read"),
    "GET projects": Endpoint("read"),
    "GET projects/{project}": Endpoint("read"),
    "PUT projects/{project}/status": Endpoint("write", (_PROJECT,)),
    "GET projects/{project}/users": Endpoint("read"),
    "GET projects/{project}/datasets": Endpoint("read"),
    "POST projects/{project}/priorities": Endpoint("write", (_PROJECT, ("data", "body.priorities.*.0"))),
    "GET projects/{project}/workflow/stages/{stage}/tasks": Endpoint(
        "read", lists=(("task", "answer.results.*.uuid"), ("task", "answer.results.*.subtasks.*.uuid"))
    ),
    "POST projects/{project}/workflow/stages/{stage}/actions": Endpoint(
        "write", (_PROJECT, ("task", "body.*.taskUuid"))
    ),
    "POST projects/{project}/workflow/stages/{stage}/move-tasks": Endpoint(
        "write", (_PROJECT, ("task", "body.taskUuids.*"))
    ),
    "GET projects/{project}/issues": Endpoint("read"),
    "POST projects/{project}/issues": Endpoint("write", (_PROJECT,)),
    "GET analytics/task-actions": Endpoint("read"),
}
LEGACY: dict[str, Endpoint] = {
    "dataset dataset.GET": Endpoint("read"),
    "dataset datarows.GET": Endpoint("read"),
    "dataset datasetlinkitems.POST": Endpoint(
        "write",
        (*_OF_DATASET, ("item", "body.payload.item_uuids.*")),
        makes=(("data", "answer.response.*.data_hash"),),
    ),
    "user project.POST": Endpoint(
        "create",
        (("dataset", "body.payload.dataset_hashes.*"), ("ontology", "body.payload.ontology_hash")),
        makes=(("project", "answer.response"),),
        title="body.payload.title",
    ),
    "project projectusers.POST": Endpoint("write", _OF_PROJECT),
    "project projectdataset.POST": Endpoint("write", (*_OF_PROJECT, ("dataset", "body.payload.dataset_hashes.*"))),
    "project projectdataset.DELETE": Endpoint("write", (*_OF_PROJECT, ("dataset", "body.uid.*"))),
    "project labelrowmetadata.GET": Endpoint(
        "read", lists=(("label", "answer.response.*.label_hash"), ("task", "answer.response.*.task_uuid"))
    ),
    "project labelrow.PUT": Endpoint(
        "write", (*_OF_PROJECT, ("data", "body.uid.*")), makes=(("label", "answer.response.*.label_hash"),)
    ),
    # Reading an existing row may set its status.
    "project labelrow.GET": Endpoint("write", (*_OF_PROJECT, ("label", "body.uid.*"))),
    "project labelrow.POST": Endpoint("write", (*_OF_PROJECT, ("label", "body.uid.*"))),
}


def asked(request: PreparedRequest) -> Asked:
    """A request in parts; without an endpoint when the table does not have it."""
    path = urlsplit(str(request.url)).path.strip("/")
    body = _json(request.body)
    if path in ("public", "public/user"):
        found = body if isinstance(body, dict) else {}
        scope = "user" if path.endswith("user") else str(request.headers.get("ResourceType", ""))
        name = f"{scope} {found.get('query_type')}.{found.get('query_method')}"
        header = str(request.headers.get("ResourceID", ""))
        return Asked(name, LEGACY.get(name), {}, header, found.get("values"))
    segments = path.removeprefix("v2/public/").split("/") if path.startswith("v2/public/") else []
    for name, endpoint in V2.items():
        method, _, template = name.partition(" ")
        variables = _matched(template.split("/"), segments)
        if method == request.method and variables is not None:
            return Asked(name, endpoint, variables, "", body)
    return Asked(f"{request.method} {path}", None, {}, "", body)


def _matched(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    pairs = list(zip(template, segments, strict=True))
    if any(part != segment for part, segment in pairs if not part.startswith("{")):
        return None
    return {part[1:-1]: segment for part, segment in pairs if part.startswith("{")}


def _at(value: Any, place: str) -> Iterator[Any]:
    """What stands at a place; a scalar where a list is looked for is a list of one."""
    key, _, rest = place.partition(".")
    if not key:
        yield value
    elif key == "*":
        for one in value if isinstance(value, list) else [value]:
            yield from _at(one, rest)
    elif key.isdigit() and isinstance(value, list) and int(key) < len(value):
        yield from _at(value[int(key)], rest)
    elif isinstance(value, dict) and key in value:
        yield from _at(value[key], rest)


def _json(body: Any) -> Any:
    try:
        return json.loads(body) if isinstance(body, str | bytes) else None
    except ValueError:
        return None
