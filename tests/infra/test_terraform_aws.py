"""infra/aws by Terraform with AWS's real provider, against a stand-in for AWS."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from benchmark_qa.tasks.jobs import DrainJob
from tests.infra.terraform import (
    ROOT,
    Terraform,
    aws,
    copy_of,
    functions_answer,
    planned,
    point_at,
    provider_mirror,
    unlike_before,
)

# The provider looks at each queue for 25 seconds before it believes it; a busy machine needs more still.
pytestmark = pytest.mark.timeout(900)

REGION = "eu-west-1"
PRODUCTION, BENCHMARK = "7a000000-0000-4000-8000-000000000001", "7a000000-0000-4000-8000-000000000002"
ROUTING_STAGE = "7a000000-0000-4000-8000-0000000000a1"
SECRETS = {
    "ssh_key": "a-private-key-that-must-not-be-seen",
    "route_secret": "a-route-secret-that-must-not-be-seen",
    "score_secret": "a-score-secret-that-must-not-be-seen",
    "notification_secret": "a-notification-secret-that-must-not-be-seen",
}
PASSWORD = "apasswordthatmustnotbeseen"
CONFIG = {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK]}


@pytest.fixture(scope="module")
def mirror() -> Path:
    return provider_mirror()


@pytest.fixture(scope="module")
def cloud(mirror: Path) -> Iterator[str]:
    with aws() as url:
        yield url


@pytest.fixture(scope="module")
def by_zip(mirror: Path, cloud: str, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    folder = copy_of("aws", tmp_path_factory.mktemp("zip")) / "examples" / "zip"
    (folder / "benchmark-qa.json").write_text(json.dumps(CONFIG))
    with zipfile.ZipFile(folder / "service.zip", "w") as package:
        package.writestr("benchmark_qa/__init__.py", "")
    point_at(folder, cloud)
    drains = [{"project_hash": PRODUCTION, "stage_uuid": ROUTING_STAGE}]
    terraform = Terraform(
        folder,
        {**SECRETS, "zip": "service.zip", "scheduled_drains": drains,
         "database_url": "postgresql+psycopg://u:a-password-that-must-not-be-seen@db.example.com/scores"},
    )  # fmt: skip
    terraform.init(mirror)
    return terraform


@pytest.fixture(scope="module")
def plan(by_zip: Terraform) -> Any:
    return by_zip.plan()


def client(service: str, url: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def test_the_files_are_formatted() -> None:
    provider_mirror()
    Terraform(ROOT / "infra").run("fmt", "-check", "-recursive", "-diff")


def test_the_module_and_its_examples_are_valid(mirror: Path, tmp_path: Path) -> None:
    module = copy_of("aws", tmp_path)
    for folder in (module, *sorted((module / "examples").iterdir())):
        terraform = Terraform(folder)
        terraform.init(mirror)
        assert json.loads(terraform.run("validate", "-json"))["valid"]


def test_the_modules_own_tests_hold(mirror: Path, tmp_path: Path) -> None:
    terraform = Terraform(copy_of("aws", tmp_path))
    terraform.init(mirror)
    assert re.search(r"Success! (\d+) passed, 0 failed", terraform.run("test", "-no-color"))


def test_everybody_may_call_the_url_and_nobody_the_function_past_it(plan: Any, tmp_path: Path) -> None:
    (permission,) = planned(plan, "aws_lambda_permission")
    assert (permission["action"], permission["function_url_auth_type"]) == ("lambda:InvokeFunctionUrl", "NONE")
    (stack,) = planned(plan, "aws_cloudformation_stack")
    invoke = json.loads(stack["template_body"])["Resources"]["Permission"]["Properties"]
    assert (invoke["Action"], invoke["InvokedViaFunctionUrl"]) == ("lambda:InvokeFunction", True)
    (tmp_path / "stack.json").write_text(stack["template_body"])
    done = subprocess.run(
        [sys.executable, "-c", "from cfnlint.runner import main; main()", str(tmp_path / "stack.json")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 0), "CloudFormation knows every property"
    # Both are for the function behind the URL; the one behind the queue is nobody else's to call.
    assert {permission["function_name"], invoke["FunctionName"]} == {"benchmark-qa-http"}
    (url,) = planned(plan, "aws_lambda_function_url")
    assert url["cors"] == []


def test_the_queue_hides_a_job_for_longer_than_it_may_take(plan: Any) -> None:
    functions = {each["function_name"]: each for each in planned(plan, "aws_lambda_function")}
    queues = {each["name"]: each for each in planned(plan, "aws_sqs_queue")}
    hidden = queues["benchmark-qa-jobs"]["visibility_timeout_seconds"]
    assert hidden >= 6 * functions["benchmark-qa-jobs"]["timeout"]
    (mapping,) = planned(plan, "aws_lambda_event_source_mapping")
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"encord_domain": "api.encord.com"}, "encord_domain"),
        ({"zip": ""}, "package|zip|filebase64sha256"),
        ({"scheduled_drains": [{"project_hash": "p", "stage_uuid": "s", "schedule": "hourly"}]}, "scheduled_drains"),
    ],
)
def test_faulty_inputs_are_refused_by_name(by_zip: Terraform, faulty: dict[str, Any], message: str) -> None:
    variables = [f"-var={name}={v if isinstance(v, str) else json.dumps(v)}" for name, v in faulty.items()]
    complaint = by_zip.run("plan", "-input=false", "-no-color", *variables, fails=True)
    assert re.search(message, complaint)


def test_apply_again_changes_nothing_and_destroy_leaves_nothing(by_zip: Terraform, cloud: str) -> None:
    functions_answer(cloud, {"schema": "0007"})
    by_zip.run("apply", "-input=false", "-no-color", "-auto-approve")
    assert json.loads(by_zip.run("output", "-json", "schema")) == "0007"
    queue_url = client("sqs", cloud).get_queue_url(QueueName="benchmark-qa-jobs")["QueueUrl"]
    environment = client("lambda", cloud).get_function(FunctionName="benchmark-qa-http")
    assert environment["Configuration"]["Environment"]["Variables"]["JOBS_QUEUE"] == queue_url
    assert unlike_before(by_zip.plan()) == {}
    _assert_secrets_reach_secrets_manager_alone(by_zip, cloud)
    _assert_the_schedule_submits_a_job(cloud)
    urls = json.loads(by_zip.run("output", "-json", "urls"))
    assert urls["route"].endswith("/agents/route")
    assert "//agents" not in urls["route"]
    assert _filtered_events(cloud) == {"score_unrecorded", "task_held", "signature_refused"}
    _assert_a_new_secret_starts_every_instance_anew(by_zip, cloud)

    by_zip.run("destroy", "-input=false", "-no-color", "-auto-approve")
    assert client("lambda", cloud).list_functions()["Functions"] == []
    assert client("sqs", cloud).list_queues(QueueNamePrefix="benchmark-qa").get("QueueUrls", []) == []
    assert client("cloudwatch", cloud).describe_alarms()["MetricAlarms"] == []
    assert client("iam", cloud).list_roles()["Roles"] == []


@pytest.fixture(scope="module")
def with_database(mirror: Path, cloud: str, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    folder = copy_of("aws", tmp_path_factory.mktemp("database")) / "examples" / "image-with-database"
    (folder / "benchmark-qa.json").write_text(json.dumps(CONFIG))
    point_at(folder, cloud)
    network = client("ec2", cloud)
    terraform = Terraform(
        folder,
        {**SECRETS, "image_tag": "1",
         "vpc_id": network.describe_vpcs()["Vpcs"][0]["VpcId"],
         "subnet_ids": [each["SubnetId"] for each in network.describe_subnets()["Subnets"][:2]],
         "database_password": PASSWORD, "database": {"deletion_protection": False},
         "scheduled_commands": {"evaluate": "cron(0 3 * * ? *)", "route": "rate(1 day)"}},
    )  # fmt: skip
    terraform.init(mirror)
    return terraform


def test_the_database_is_private_and_its_password_is_in_no_plan(with_database: Terraform) -> None:
    plan = with_database.plan()
    (database,) = planned(plan, "aws_db_instance")
    assert (database["publicly_accessible"], database["storage_encrypted"]) == (False, True)
    commands = {
        each["function_name"]: each["image_config"][0]["command"] for each in planned(plan, "aws_lambda_function")
    }
    assert commands == {
        "benchmark-qa-http": ["benchmark_qa.service.aws_lambda.http"],
        "benchmark-qa-jobs": ["benchmark_qa.service.aws_lambda.jobs"],
        "benchmark-qa-migrate": ["benchmark_qa.service.aws_lambda.migrate"],
    }
    assert PASSWORD not in json.dumps(plan)


@pytest.mark.slow  # the provider gives a database over a minute to come, and another to go
def test_the_database_comes_and_goes_and_only_secrets_manager_knows_its_password(
    with_database: Terraform, cloud: str
) -> None:
    functions_answer(cloud, {"schema": "0007", "service_user": "benchmark_qa_b"})
    with_database.run("apply", "-input=false", "-no-color", "-auto-approve")
    (database,) = client("rds", cloud).describe_db_instances()["DBInstances"]
    assert (database["Engine"], database["PubliclyAccessible"], database["StorageEncrypted"]) == (
        "postgres", False, True,
    )  # fmt: skip
    assert _signs_in_as(cloud, "settings", "DATABASE_URL") == "benchmark_qa_b"
    assert _signs_in_as(cloud, "migration", "SERVICE_DATABASE_URL") == "benchmark_qa_b"
    assert _signs_in_as(cloud, "migration", "DATABASE_URL") == "benchmark_qa"
    written = b"".join(path.read_bytes() for path in with_database.folder.glob("*.tfstate*"))
    assert PASSWORD.encode() not in written
    # The stand-in forgets the descriptions of rules that name another group, and the parameters of a group.
    unlike = unlike_before(with_database.plan())
    assert {name for different in unlike.values() for name in different} <= {"description", "parameter"}

    # The other user has its password before the service is told to sign in as it.
    functions_answer(cloud, {"schema": "0007", "service_user": "benchmark_qa_a"})
    with_database.run("apply", "-input=false", "-no-color", "-auto-approve", "-var=secrets_version=2")
    assert _signs_in_as(cloud, "settings", "DATABASE_URL") == "benchmark_qa_a"

    with_database.run("destroy", "-input=false", "-no-color", "-auto-approve")
    assert client("rds", cloud).describe_db_instances()["DBInstances"] == []


def _signs_in_as(cloud: str, secret: str, name: str) -> str:
    """The user of a database's address in a secret; the rest of the address is looked at here."""
    text = client("secretsmanager", cloud).get_secret_value(SecretId=f"benchmark-qa-{secret}")["SecretString"]
    (database,) = client("rds", cloud).describe_db_instances()["DBInstances"]
    url = urlsplit(json.loads(text)[name])
    assert (url.scheme, url.password, url.hostname) == ("postgresql+psycopg", PASSWORD, database["Endpoint"]["Address"])
    assert parse_qs(url.query) == {
        "sslmode": ["verify-full"], "sslrootcert": ["/opt/benchmark-qa/certificates/rds.pem"],
    }  # fmt: skip
    return url.username or ""


def _filtered_events(cloud: str) -> set[str]:
    """The events that are counted in the log of each function, and have an alarm."""
    counted = {
        group: {
            each["filterPattern"].split('"')[1]
            for each in client("logs", cloud).describe_metric_filters(logGroupName=group)["metricFilters"]
        }
        for group in ("/aws/lambda/benchmark-qa-http", "/aws/lambda/benchmark-qa-jobs")
    }
    alarms = client("cloudwatch", cloud).describe_alarms()["MetricAlarms"]
    told = {each["MetricName"] for each in alarms if each["Namespace"] == "benchmark-qa"}
    assert counted["/aws/lambda/benchmark-qa-http"] == counted["/aws/lambda/benchmark-qa-jobs"] == told
    return told


def _assert_a_new_secret_starts_every_instance_anew(terraform: Terraform, cloud: str) -> None:
    """By a changed environment, which is how Lambda is told to."""

    def environment() -> dict[str, str]:
        found = client("lambda", cloud).get_function(FunctionName="benchmark-qa-http")
        return dict(found["Configuration"]["Environment"]["Variables"])

    before = environment()
    functions_answer(cloud, {"schema": "0007"})
    replaced = ["-var=secrets_version=2", "-var=route_secret=another-secret-that-must-not-be-seen"]
    terraform.run("apply", "-input=false", "-no-color", "-auto-approve", *replaced)
    secret = client("secretsmanager", cloud).get_secret_value(SecretId="benchmark-qa-settings")["SecretString"]
    assert json.loads(secret)["ROUTE_SECRET"] == "another-secret-that-must-not-be-seen"
    after = environment()
    assert {name for name in after if after[name] != before[name]} == {"SETTINGS_SECRET_VERSION"}


def _assert_secrets_reach_secrets_manager_alone(terraform: Terraform, cloud: str) -> None:
    secret = client("secretsmanager", cloud).get_secret_value(SecretId="benchmark-qa-settings")["SecretString"]
    assert json.loads(secret)["ENCORD_SSH_KEY"] == SECRETS["ssh_key"]
    written = b"".join(path.read_bytes() for path in terraform.folder.glob("*.tfstate*"))
    assert b"benchmark-qa-settings" in written
    assert b"must-not-be-seen" not in written
    shown = terraform.run("show", "-json", "plan")
    assert "must-not-be-seen" not in shown


def _assert_the_schedule_submits_a_job(cloud: str) -> None:
    schedule = client("scheduler", cloud).get_schedule(Name=f"benchmark-qa-drain-{ROUTING_STAGE}")
    assert DrainJob.from_json(schedule["Target"]["Input"]) == DrainJob(PRODUCTION, ROUTING_STAGE)
