"""Injected faults, as the SDK meets them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3.util.connection
from encord import EncordUserClient
from encord.exceptions import (
    EncordException,
    PayloadTooLargeError,
    RateLimitExceededError,
    RequestException,
    UnknownException,
)
from encord.http.constants import RequestsSettings

from emulator.testing import running
from emulator.tls import make_certificate
from emulator.world import World

from .conftest import BENCHMARK_DATA, KEYS, OPERATOR, PROJECT, Site, Start, make_world

GET_PROJECT = "GET projects/{project}"
PROCEED = "POST projects/{project}/workflow/stages/{stage}/actions"


@pytest.fixture
def site(start: Start) -> Site:
    return start()


def impatient(site: Site) -> EncordUserClient:
    settings = RequestsSettings(max_retries=0, connection_retries=0, read_timeout=2)
    key = KEYS[OPERATOR].private
    return EncordUserClient.create_with_ssh_private_key(key, domain=site.url, requests_settings=settings)


def test_too_many_requests_carry_the_time_to_wait(site: Site) -> None:
    site.control("POST", "faults", {"operation": GET_PROJECT, "kind": "status", "status": 429, "retry_after": 7})
    with pytest.raises(RateLimitExceededError) as caught:
        impatient(site).get_project(PROJECT)
    assert caught.value.retry_after == 7
    assert impatient(site).get_project(PROJECT).title == "Project"


@pytest.mark.parametrize(("status", "error"), [(500, UnknownException), (413, PayloadTooLargeError)])
def test_statuses_become_the_sdks_exceptions(site: Site, status: int, error: type[Exception]) -> None:
    site.control("POST", "faults", {"operation": GET_PROJECT, "kind": "status", "status": status})
    with pytest.raises(error):
        impatient(site).get_project(PROJECT)


@pytest.mark.parametrize("kind", ["drop", "truncated"])
def test_broken_answers_are_request_exceptions(site: Site, kind: str) -> None:
    site.control("POST", "faults", {"operation": GET_PROJECT, "kind": kind, "times": 2})
    with pytest.raises(RequestException):
        impatient(site).get_project(PROJECT)


def test_the_sdk_tries_again_after_a_server_error(site: Site) -> None:
    project = site.project()
    site.control("POST", "faults", {"operation": "legacy labelrowmetadata.GET", "kind": "status", "status": 500})
    assert len(project.list_label_rows_v2()) == 6


@pytest.mark.parametrize("kind", ["latency", "slow_body"])
def test_slow_answers_are_slow_but_whole(site: Site, kind: str) -> None:
    site.control("POST", "faults", {"operation": GET_PROJECT, "kind": kind, "seconds": 0.3})
    started = time.perf_counter()
    assert site.project().title == "Project"
    assert time.perf_counter() - started >= 0.3


def test_an_action_that_was_done_but_not_answered_is_refused_the_second_time(site: Site) -> None:
    (task,) = (
        impatient(site).get_project(PROJECT).workflow.get_stage(name="Routing").get_tasks(data_hash=BENCHMARK_DATA[0])
    )
    site.control("POST", "faults", {"operation": PROCEED, "kind": "status", "status": 500, "after_effect": True})
    with pytest.raises(UnknownException):
        task.proceed(pathway_name="No")
    assert site.where()[BENCHMARK_DATA[0]] == "Annotate"


def test_only_the_named_caller_and_only_after_the_skipped_requests(site: Site) -> None:
    fault = {"operation": "*", "caller": OPERATOR, "kind": "status", "status": 400, "skip": 2, "times": 1}
    site.control("POST", "faults", fault)
    assert site.project("rita@example.com").title == "Project"
    project = site.project()
    with pytest.raises(EncordException):
        project.list_label_rows_v2()
    assert site.control("GET", "faults") == {"faults": []}


def test_https_with_a_certificate_of_its_own(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    with running(World.model_validate(make_world()), certificate) as emulator:
        assert emulator.url.startswith("https://")
        client = EncordUserClient.create_with_ssh_private_key(
            KEYS[OPERATOR].private,
            domain=emulator.url,
            requests_settings=RequestsSettings(max_retries=0, connection_retries=0),
        )
        with pytest.raises(RequestException):
            client.get_project(PROJECT)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
        assert client.get_project(PROJECT).title == "Project"


def test_a_program_that_passes_no_domain_meets_an_emulator_with_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1", ["api.encord.com"])
    with running(World.model_validate(make_world()), certificate) as emulator:
        # What a line in /etc/hosts and port 443 do outside of tests.
        port = int(emulator.url.rsplit(":", 1)[1])
        connect = urllib3.util.connection.create_connection
        monkeypatch.setattr(
            urllib3.util.connection,
            "create_connection",
            lambda address, *rest, **more: connect(
                ("127.0.0.1", port) if address == ("api.encord.com", 443) else address, *rest, **more
            ),
        )
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
        client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private)
        assert client.get_project(PROJECT).title == "Project"


def test_a_name_needs_a_place_for_its_certificate() -> None:
    command = [sys.executable, "-m", "emulator", "serve", "--tls-name", "api.encord.com"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "--tls DIRECTORY" in ran.stderr
