"""The guides' own commands, in order, from an empty account to an empty account: `make guides-test`.

AWS is moto's server and Terraform's real provider; docker and gcloud are programs that write down what they are asked.
Not in the default run: the provider gives a database over a minute to come and to go.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import boto3
import pytest
import requests

from tests.infra.guides import (
    Shell,
    Step,
    checkout,
    filled,
    plain_environment,
    recording_program,
    steps_of,
    variables_of,
)
from tests.infra.terraform import ROOT, aws, functions_answer, point_at, provider_mirror, unlike_before
from tests.integration.service.sandbox import Sandbox, Unit, platform
from tests.postgresql import create_database, or_skip, postgresql_server

pytestmark = pytest.mark.timeout(3600)
LAMBDA, CLOUD_RUN = ROOT / "docs" / "deploy-lambda.md", ROOT / "docs" / "deploy-cloud-run.md"
REGION = "eu-west-1"
DOMAIN = "https://api.us.encord.com"
SECRETS = {"ROUTE_SECRET": "encords-route-secret", "SCORE_SECRET": "encords-score-secret",
           "NOTIFICATION_SECRET": "encords-notification-secret"}  # fmt: skip
PASSWORD = "sixteenlettersormore"
INIT = "-input=false -backend-config=use_path_style=true -backend-config=skip_credentials_validation=true"
GCLOUD_FLAGS = {
    "config set project": set(),
    "services enable": set(),
    "auth configure-docker": {"quiet"},
    "run jobs execute": {"project", "region", "wait"},
    "secrets versions list": {"project"},
    "run services describe": {"project", "region", "format"},
    "logging read": {"project", "limit"},
}
"""What the guide asks of gcloud, and the flags that each command has"""


@pytest.fixture
def server() -> Iterator[str]:
    with or_skip(postgresql_server()) as address:
        yield address


@pytest.fixture
def sandbox(pedestrians: dict[str, Any]) -> Iterator[Sandbox]:
    """Encord, emulated: one task to route, one to score."""
    with platform([Unit(pedestrians["images"][0]), Unit(pedestrians["images"][1], stage="Score")]) as both:
        yield both


@pytest.fixture
def to_route(pedestrians: dict[str, Any]) -> str:
    return Unit(pedestrians["images"][0]).data_hash


@pytest.fixture
def to_score(pedestrians: dict[str, Any]) -> str:
    return Unit(pedestrians["images"][1]).data_hash


def told_of_what_is_not_run(page: Path) -> list[Step]:
    steps = steps_of(page)
    for step in steps:
        if step.reason is not None:
            print(f"not run: {page.name}, {step.heading}: {step.reason}")  # noqa: T201 - the list that is asked for
    return [step for step in steps if step.reason is None]


@pytest.mark.parametrize("page", [LAMBDA, CLOUD_RUN], ids=lambda page: page.stem)
def test_every_variable_is_explained_and_used(page: Path) -> None:
    explained, used = variables_of(page)
    assert explained == used


def test_the_steps_to_lambda_end_in_a_service_that_records_and_then_in_nothing(
    server: str, sandbox: Sandbox, to_route: str, to_score: str, tmp_path: Path
) -> None:
    mirror = provider_mirror()
    cli = shutil.which("aws")
    if cli is None:
        pytest.skip("SKIPPED: the AWS CLI is not installed")
    programs, folder = tmp_path / "programs", checkout(tmp_path / "project")
    programs.mkdir()
    docker = recording_program(programs, "docker", 'case "$1" in login) cat >/dev/null ;; esac')
    # Version 1 of the CLI asks a fixed address for queues, whatever AWS_ENDPOINT_URL says.
    (programs / "aws").write_text(f'#!/bin/sh\nexec "{cli}" --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
    (programs / "aws").chmod(0o755)
    config, key = tmp_path / "config.json", tmp_path / "key"
    config.write_text(sandbox.environment["BENCHMARK_QA_CONFIG"])
    key.write_text(sandbox.environment["ENCORD_SSH_KEY"])
    with aws() as cloud:
        for example in ("state", "network", "image-with-database"):
            point_at(folder / "infra" / "aws" / "examples" / example, cloud)
        functions_answer(
            cloud, {"schema": "1", "service_user": "benchmark_qa_b"}, {"schema": "1", "service_user": "benchmark_qa_a"}
        )
        values = {
            "REGION": REGION, "ENCORD_DOMAIN": DOMAIN, "STATE_BUCKET": "a-bucket-for-state", "ARCHITECTURE": "arm64",
            "TAG": "7",
            "KEY_FILE": str(key), "CONFIG_FILE": str(config), "DATABASE_PASSWORD": PASSWORD, **SECRETS,
        }  # fmt: skip
        shell = Shell(
            folder,
            plain_environment(
                programs, tmp_path, AWS_ENDPOINT_URL=cloud, AWS_ENDPOINT_URL_S3=cloud, AWS_ACCESS_KEY_ID="testing",
                AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION=REGION, AWS_EC2_METADATA_DISABLED="true",
                TF_IN_AUTOMATION="1", TF_INPUT="0", TF_CLI_ARGS_init=f"{INIT} -plugin-dir={mirror}",
                TF_CLI_ARGS="-no-color", CHECKPOINT_DISABLE="1",
            ),
        )  # fmt: skip
        try:
            steps = told_of_what_is_not_run(LAMBDA)
            taking_away = [step for step in steps if step.heading == "Taking it away"]
            assert len(taking_away) == 2
            before_encords = ""
            for step in steps:
                if step.heading.endswith("Encord's secrets") and not before_encords:
                    before_encords = shell.run('echo "$TF_VAR_route_secret"').strip()
                if "-detailed-exitcode" in step.commands:
                    assert_nothing_would_change(shell, filled(step.commands, values))
                elif step not in taking_away:
                    shell.run(filled(step.commands, values))
            assert_the_image_is_built_for_the_functions(docker, cloud)
            assert_the_state_is_in_the_bucket_without_secrets(cloud, key)
            assert len(before_encords) == 40
            assert_the_service_records(sandbox, server, cloud, to_route, to_score, refused=before_encords)
            for step in taking_away:
                shell.run(filled(step.commands, values))
        finally:
            shell.close()
        assert client("lambda", cloud).list_functions()["Functions"] == []
        assert client("rds", cloud).describe_db_instances()["DBInstances"] == []
        assert client("iam", cloud).list_roles()["Roles"] == []
        assert not [each for each in client("ec2", cloud).describe_vpcs()["Vpcs"] if not each["IsDefault"]]
        assert client("cloudwatch", cloud).describe_alarms()["MetricAlarms"] == []


def assert_nothing_would_change(shell: Shell, commands: str) -> None:
    """By the step's plan, less what the stand-in forgets (descriptions, parameters) and JSON's spaces."""
    printed = shell.run(
        f"{commands.replace(' -detailed-exitcode', ' -out=plan >/dev/null')}\nterraform show -json plan"
    )
    plan = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    unlike = unlike_before(plan)
    assert {name for different in unlike.values() for name in different} <= {"description", "parameter"}, unlike


def client(service: str, url: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def assert_the_image_is_built_for_the_functions(docker: Path, cloud: str) -> None:
    login, build = docker.read_text().splitlines()
    (function,) = (
        each
        for each in client("lambda", cloud).list_functions()["Functions"]
        if each["FunctionName"] == "benchmark-qa-http"
    )
    image = client("lambda", cloud).get_function(FunctionName="benchmark-qa-http")["Code"]["ImageUri"]
    assert login == f"login --username AWS --password-stdin {image.split('/')[0]}"
    assert build.startswith("buildx build ")
    assert f"--tag {image} --push" in build
    assert f"--platform linux/{function['Architectures'][0]}" in build
    assert "--provenance=false" in build


def assert_the_state_is_in_the_bucket_without_secrets(cloud: str, key: Path) -> None:
    storage = client("s3", cloud)
    state = storage.get_object(Bucket="a-bucket-for-state", Key="benchmark-qa.tfstate")["Body"].read().decode()
    assert "benchmark-qa-http" in state
    for secret in (*SECRETS.values(), PASSWORD, key.read_text().splitlines()[1]):
        assert secret not in state
    assert storage.get_bucket_versioning(Bucket="a-bucket-for-state")["Status"] == "Enabled"


def assert_the_service_records(
    sandbox: Sandbox, server: str, cloud: str, to_route: str, to_score: str, *, refused: str
) -> None:
    """With the functions' own environment, secrets and database users; Encord and the database have addresses here."""
    database = create_database(server, "benchmark_qa")
    environment = dict(sandbox.environment)
    function = client("lambda", cloud).get_function(FunctionName="benchmark-qa-http")["Configuration"]
    settings, migration = (secret_of(cloud, name) for name in ("settings", "migration"))
    for url in (settings["DATABASE_URL"], migration["DATABASE_URL"]):
        assert re.match(r"postgresql\+psycopg://benchmark_qa(_a)?:sixteenlettersormore@.+sslmode=verify-full", url)
    assert settings["DATABASE_URL"] == migration["SERVICE_DATABASE_URL"]
    assert urlsplit(settings["DATABASE_URL"]).username == "benchmark_qa_a"
    make_owner(database, urlsplit(migration["DATABASE_URL"]))
    environment |= {name: here(url, server) for name, url in migration.items()}
    environment["ENCORD_DOMAIN"] = sandbox.domain
    done = Sandbox(sandbox.domain, sandbox.service, environment, sandbox.directory).command("db", "upgrade")
    assert done.returncode == 0, done.stderr
    del environment["SERVICE_DATABASE_URL"]
    environment |= {**function["Environment"]["Variables"], **settings}
    assert environment["ENCORD_DOMAIN"] == DOMAIN
    environment |= {
        "DATABASE_URL": here(settings["DATABASE_URL"], server), "ENCORD_DOMAIN": sandbox.domain,
        "AWS_ENDPOINT_URL_SQS": cloud, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }  # fmt: skip
    environment.pop("SETTINGS_SECRET_ARN")
    deployed = Sandbox(sandbox.domain, sandbox.service, environment, sandbox.directory)
    with deployed.serving():
        ready = requests.get(f"{deployed.service}/readyz", timeout=30)
        assert ready.status_code == 200, ready.text
        assert deployed.post("/agents/route", to_route, secret=refused).status_code == 401
        answer = deployed.post("/agents/route", to_route, secret=SECRETS["ROUTE_SECRET"])
        assert answer.json() == {"decision": "Yes"}
        answer = deployed.post("/agents/score", to_score, secret=SECRETS["SCORE_SECRET"])
        assert (answer.status_code, answer.json()["decision"]) == (200, "Done")
    assert rows(database, "score_records") > 0


def make_owner(database: str, url: SplitResult) -> None:
    """RDS's master user: owns the database, makes users, is no superuser."""
    import psycopg

    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {url.username} LOGIN CREATEROLE PASSWORD '{url.password}'")
        connection.execute(f"ALTER DATABASE benchmark_qa OWNER TO {url.username}")


def here(url: str, server: str) -> str:
    """The URL with the address of the server on this machine, which has no certificate."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.username}:{parts.password}@{server}{parts.path}"


def rows(database: str, table: str) -> int:
    import psycopg

    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(count)


def secret_of(cloud: str, name: str) -> Mapping[str, str]:
    text = client("secretsmanager", cloud).get_secret_value(SecretId=f"benchmark-qa-{name}")["SecretString"]
    found: Mapping[str, str] = json.loads(text)
    return found


def test_the_steps_to_cloud_run_ask_for_what_terraform_makes(tmp_path: Path) -> None:
    programs, folder = tmp_path / "programs", checkout(tmp_path / "project")
    programs.mkdir()
    docker, gcloud = (recording_program(programs, name) for name in ("docker", "gcloud"))
    config = tmp_path / "config.json"
    config.write_text('{"production_project": "p", "benchmark_projects": ["b"]}')
    values = {
        "PROJECT": "a-project", "REGION": "europe-west1", "ENCORD_DOMAIN": DOMAIN, "STATE_BUCKET": "a-bucket",
        "TAG": "7",
        "KEY_FILE": "key", "CONFIG_FILE": str(config), "DATABASE_PASSWORD": PASSWORD, **SECRETS,
    }  # fmt: skip
    shell = Shell(folder, plain_environment(programs, tmp_path))
    try:
        for step in told_of_what_is_not_run(CLOUD_RUN):
            shell.run(filled(step.commands, values))
    finally:
        shell.close()
    for call in gcloud.read_text().splitlines():
        (command,) = (known for known in GCLOUD_FLAGS if call.startswith(known))
        assert set(re.findall(r"--([a-z-]+)", call)) <= GCLOUD_FLAGS[command], call
    example = folder / "infra" / "gcp" / "examples" / "with-database"
    (image,) = re.findall(r'^image\s*=\s*"(.+)"$', (example / "terraform.tfvars").read_text(), re.MULTILINE)
    (build,) = docker.read_text().splitlines()
    assert f"--tag {image} --push" in build
    assert "--platform linux/amd64" in build
    # The names that the commands use are those that Terraform makes of the default prefix.
    assert 'default     = "benchmark-qa"' in (folder / "infra" / "gcp" / "variables.tf").read_text()
    asked = gcloud.read_text()
    assert "run jobs execute benchmark-qa-migrate " in asked
    assert re.search(r'name\s*=\s*"\$\{var.name\}-migrate"', (folder / "infra" / "gcp" / "migration.tf").read_text())
    assert "secrets versions list benchmark-qa-route-secret " in asked
