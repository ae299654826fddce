"""Settings that would lose work or scores on a host are refused when an instance starts there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmark_qa.config.account import SettingsError
from benchmark_qa.config.aws_secrets import load_secrets
from benchmark_qa.config.settings import load_settings
from tests.infra.terraform import aws

CONFIG = {
    "production_project": "7a000000-0000-4000-8000-000000000001",
    "benchmark_projects": ["7a000000-0000-4000-8000-000000000002"],
}
USUAL = {"BENCHMARK_QA_CONFIG": json.dumps(CONFIG), "ENCORD_SSH_KEY": "key"}
SQS, CLOUD_TASKS = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "projects/p/locations/l/queues/q"
LAMBDA, CLOUD_RUN = {"AWS_LAMBDA_FUNCTION_NAME": "f"}, {"K_SERVICE": "s"}


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("ENCORD_", "AWS_", "JOBS_", "BENCHMARK_QA", "K_")) or name in ("DATABASE_URL", "DISPATCH"):
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> Any:
    for name, value in {**USUAL, **settings}.items():
        monkeypatch.setenv(name, value)
    return load_settings(endpoints=False)


@pytest.mark.parametrize("host", [LAMBDA, CLOUD_RUN, {"CLOUD_RUN_JOB": "j"}])
@pytest.mark.parametrize("database", [{}, {"DATABASE_URL": "sqlite:////tmp/scores.sqlite"}])
def test_a_file_that_ends_with_the_instance_is_refused(
    monkeypatch: pytest.MonkeyPatch, host: dict[str, str], database: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: a SQLite file"):
        load(monkeypatch, host | database)


@pytest.mark.parametrize(
    "database",
    [
        {"DATABASE_URL": "none"},
        {"DATABASE_URL": "postgresql+psycopg://u@h/d"},
        {"DATABASE_URL": "sqlite:////mnt/scores/x.sqlite", "DURABLE_DIRECTORY": "/mnt/scores"},
    ],
)
def test_what_lasts_or_ends_on_purpose_is_accepted(monkeypatch: pytest.MonkeyPatch, database: dict[str, str]) -> None:
    settings = load(monkeypatch, LAMBDA | database)
    assert settings.scores_url.startswith(("postgresql+psycopg://", "sqlite:///"))


def test_a_file_beside_the_durable_directory_does_not_last(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        load(
            monkeypatch, LAMBDA | {"DATABASE_URL": "sqlite:////mnt/other/x.sqlite", "DURABLE_DIRECTORY": "/mnt/scores"}
        )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (LAMBDA | {"DATABASE_URL": "none", "DISPATCH": "background"}, "DISPATCH: 'background' is lost on Lambda"),
        ({"DISPATCH": "queue"}, "JOBS_QUEUE: missing"),
        ({"JOBS_QUEUE": "jobs"}, "JOBS_QUEUE: neither"),
        ({"JOBS_QUEUE": CLOUD_TASKS}, "JOBS_URL and JOBS_SERVICE_ACCOUNT"),
        ({"HOST_TIMEOUT_SECONDS": "30"}, "REQUEST_SECONDS: 150 is too long where the host ends requests after 30 s"),
    ],
)
def test_combinations_that_lose_work_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(monkeypatch, settings)


@pytest.mark.parametrize(
    ("settings", "hidden", "complaint"),
    [
        ({"DISPATCH": "queue", "JOBS_QUEUE": SQS}, "boto3", "JOBS_QUEUE: boto3 is not installed: add the extra 'sqs'"),
        (
            {"JOBS_QUEUE": CLOUD_TASKS, "JOBS_URL": "https://h/jobs", "JOBS_SERVICE_ACCOUNT": "a@b"},
            "google",
            "JOBS_QUEUE: google.cloud.tasks_v2 is not installed: add the extra 'cloud-tasks'",
        ),
        (
            {"DATABASE_URL": "postgresql+psycopg://u:hunter2@h/d"},
            "psycopg",
            "DATABASE_URL: psycopg is not installed: take postgresql+psycopg:// and the extra 'postgres'",
        ),
    ],
)
def test_a_library_that_is_not_installed_is_missed_at_the_start(
    settings: dict[str, str], hidden: str, complaint: str
) -> None:
    # A fresh interpreter in which the library cannot be found.
    program = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {hidden!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from benchmark_qa.cli import app
app(["serve"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | USUAL | {"ROUTE_SECRET": "route-secret-of-the-test"} | settings,
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()) == (2, ["the settings are not usable:", f"  {complaint}"])


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://u:hunter2@h/d", "neither sqlite:///FILE nor postgresql"),
        ("scores.sqlite", "neither sqlite:///FILE nor postgresql"),
        ("postgresql+asyncpg://u:hunter2@h/d", "driver is 'psycopg', not 'asyncpg'"),
        ("sqlite+aiosqlite:///x", "driver is 'pysqlite', not 'aiosqlite'"),
        ("postgresql+psycopg://u:hunter2@h:port/d", "host or port cannot be read"),
    ],
)
def test_what_is_no_database_is_refused_at_the_start_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, url: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as refusal:
        load(monkeypatch, {"DATABASE_URL": url})
    assert complaint in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_behind_api_gateway_a_shorter_time_budget_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, {"HOST_TIMEOUT_SECONDS": "30", "REQUEST_SECONDS": "28", "JOBS_QUEUE": SQS})
    assert (settings.request_seconds, settings.uses_cloud_tasks) == (28, False)


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with aws() as url:
        yield url


def stored(cloud: str, text: str) -> dict[str, str]:
    """The environment of an instance whose secret holds this text."""
    client = boto3.client(
        "secretsmanager", endpoint_url=cloud, region_name="eu-west-1",
        aws_access_key_id="testing", aws_secret_access_key="testing",
    )  # fmt: skip
    arn = client.create_secret(Name=f"settings-{len(client.list_secrets()['SecretList'])}", SecretString=text)["ARN"]
    return {
        "SETTINGS_SECRET_ARN": arn,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": cloud,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def test_settings_come_from_secrets_manager_and_the_environment_wins(cloud: str) -> None:
    environment = stored(cloud, json.dumps({"ROUTE_SECRET": "stored", "SCORE_SECRET": "stored, too"}))
    environment["SCORE_SECRET"] = "set here"
    load_secrets(environment)
    assert (environment["ROUTE_SECRET"], environment["SCORE_SECRET"]) == ("stored", "set here")


def test_a_secret_that_is_no_object_is_refused_and_not_shown(cloud: str) -> None:
    environment = stored(cloud, "must-not-be-seen")
    with pytest.raises(SettingsError) as refusal:
        load_secrets(environment)
    assert "must-not-be-seen" not in str(refusal.value)


def test_a_secret_that_does_not_exist_is_named(cloud: str) -> None:
    environment = stored(cloud, "{}")
    environment["SETTINGS_SECRET_ARN"] = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:another-AbCdEf"
    with pytest.raises(SettingsError, match="another-AbCdEf"):
        load_secrets(environment)


def test_the_container_says_which_setting_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmark_qa", "container"], env={"PATH": os.environ["PATH"], "PORT": "0"},
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "BENCHMARK_QA_CONFIG" in done.stderr
    assert "Traceback" not in done.stderr
