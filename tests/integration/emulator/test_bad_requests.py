"""Whatever is sent to whatever route: an error of the caller's is said to be one, and never a fault of the server."""

import re

import pytest
import requests

from emulator.http.resources import CONTROL_RESOURCES, RESOURCES

from .conftest import BENCHMARK, KEYS, OPERATOR, PROJECT, Site, Start
from .raw import RawClient

JUNK = (None, [], "x", 5, [1], [{}], {"taskUuids": 5}, {"priorities": "x"}, [{"action": 5}])
UIDS = (None, "x", ["x"], 5, {})
PAYLOADS = (None, "x", [5], {"labels": 5, "multi_request": True}, {"labels": [5], "multi_request": True})
SCOPES = {"user": ("", ""), "project": ("project", PROJECT), "dataset": ("dataset", BENCHMARK)}

V2 = [(method, path) for routes in RESOURCES for method, path, _ in routes.v2]
QUERIES = [(scope, query_type, method) for routes in RESOURCES for scope, query_type, method, _ in routes.queries]


@pytest.fixture
def raw(start: Start) -> RawClient:
    site: Site = start()
    return RawClient(site.url, KEYS[OPERATOR].private)


def test_no_v2_route_fails_on_nonsense(raw: RawClient) -> None:
    stage = raw.v2("GET", f"projects/{PROJECT}").json()["workflow"]["stages"][0]["uuid"]
    task = raw.v2("GET", f"projects/{PROJECT}/workflow/stages/{stage}/tasks").json()["results"][0]["uuid"]
    known = {"project": PROJECT, "stage": stage, "task": task}
    tried = [
        (method, re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], "nonsense"), path), body)
        for method, path in V2
        for body in (JUNK if method in ("POST", "PUT", "PATCH") else (None,))
    ]
    assert [request for request in tried if raw.v2(*request).status_code >= 500] == []


def test_no_legacy_query_fails_on_nonsense(raw: RawClient) -> None:
    failed = []
    for scope, query_type, method in QUERIES:
        for uid in UIDS:
            for payload in PAYLOADS:
                answer = raw.legacy(query_type, method, uid=uid, payload=payload, resource=SCOPES[scope])
                if answer.status_code >= 500:
                    failed.append((query_type, method, uid, payload))
    assert failed == []


def test_no_control_request_fails_on_nonsense(start: Start) -> None:
    site: Site = start()
    tried = [
        (method, f"{site.url}/_emulator/{path.replace('{project}', PROJECT)}?limit=x&timeout=x", body)
        for routes in CONTROL_RESOURCES
        for method, path, _ in routes.v2
        for body in JUNK
    ]
    failed = []
    for method, url, body in tried:
        if requests.request(method, url, json=body, timeout=30).status_code >= 500:
            failed.append((method, url, body))
    assert failed == []


@pytest.mark.parametrize("path", ["/public", "/public/user", "/v2/public/projects", "/nowhere", "/storage-objects/a/b"])
def test_what_is_not_signed_is_refused_whatever_it_says(raw: RawClient, path: str) -> None:
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe"):
        answer = requests.post(raw.url + path, data=body, timeout=5)
        status = answer.json()["status"] if path.startswith("/public") else answer.status_code
        assert 400 <= status < 500
