"""Drains through queues that really queue: SQS by moto's server, Cloud Tasks by a gRPC server, each job twice."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import grpc
import pytest
import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from benchmark_qa.service.dispatch.cloud_tasks import CloudTasksQueue
from benchmark_qa.tasks.jobs import DrainJob, JobError
from demo.lambda_runtime import JOBS_HANDLER, Function, RuntimeEmulatorMissing, emulator_program, running_function
from emulator.testing import Running, running
from tests.infra.google import Signer, certificates, cloud_tasks
from tests.infra.terraform import aws
from tests.infra.test_lambda import stages_of
from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTING_STAGE,
    SCORING_STAGE,
    Sandbox,
    Unit,
    free_port,
    service_environment,
    service_process,
    world,
)

PRODUCTION_IMAGES = 230
"""With the benchmark's, three pages of the routing stage's queue"""
ACCOUNT = "jobs@example.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = pedestrians["images"][:30]
    return [Unit(image, stage="Routing" if number < 20 else "Score") for number, image in enumerate(images)]


@pytest.fixture(scope="module")
def inline_end_state(units: list[Unit]) -> dict[str, str]:
    """Where every task is after both stages were drained inside the request."""
    with platform_and_service(units, {}) as (platform, service):
        for stage in (ROUTING_STAGE, SCORING_STAGE):
            assert service.notify(stage).status_code == 200
        return stages_of(platform)


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with aws() as url:
        yield url


def platform_and_service(units: list[Unit], settings: Mapping[str, str]) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def both() -> Iterator[tuple[Running, Sandbox]]:
        port = int(settings.get("PORT") or free_port())
        url = f"http://127.0.0.1:{port}"
        with (
            tempfile.TemporaryDirectory() as folder,
            running(world(units, url, production_images=PRODUCTION_IMAGES)) as platform,
        ):
            environment = service_environment(platform.url, Path(folder), {}) | settings
            with service_process(environment, port):
                yield platform, Sandbox(platform.url, url, environment, Path(folder))

    return both()


def aws_settings(cloud: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SQS": cloud,
    }


def deliver_all(sqs: Any, queue_url: str, worker: Function, times: int) -> int:
    """What the event source mapping does, but every batch several times; returns how many messages there were."""
    messages = 0
    while batch := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", []):
        messages += len(batch)
        event = {
            "Records": [
                {"messageId": m["MessageId"], "body": m["Body"], "attributes": {}, "eventSource": "aws:sqs"}
                for m in batch
            ]
        }
        for _ in range(times):
            assert worker.invoke(event) == {"batchItemFailures": []}
        for message in batch:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_a_drain_through_sqs_ends_as_one_inside_the_request_does(
    units: list[Unit], inline_end_state: dict[str, str], cloud: str
) -> None:
    try:
        emulator_program()
    except RuntimeEmulatorMissing as error:
        pytest.skip(str(error))
    sqs = boto3.client(
        "sqs", endpoint_url=cloud, region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    queue_url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    settings = {"DISPATCH": "queue", "JOBS_QUEUE": queue_url, **aws_settings(cloud)}
    with platform_and_service(units, settings) as (platform, service):
        before = stages_of(platform)
        for stage in 2 * (ROUTING_STAGE, SCORING_STAGE):
            answer = service.notify(stage)
            assert (answer.status_code, answer.json()) == (200, {"message": "queued"})
        assert stages_of(platform) == before
        durable = {"DURABLE_DIRECTORY": str(service.directory)}
        log = (service.directory / "worker.log").open("wb")
        with log, running_function(JOBS_HANDLER, service.environment | durable, output=log) as worker:
            messages = deliver_all(sqs, queue_url, worker, times=2)
        # Four notifications, each delivered twice; three pages of routing tasks and one of scoring tasks, listed once.
        assert messages == 4 + 3 + 1
        assert stages_of(platform) == inline_end_state
        # Seven annotators of ten images, each counted once.
        assert service.report()["pooled"]["tasks"] == 70


def test_a_drain_through_cloud_tasks_ends_as_one_inside_the_request_does(
    units: list[Unit], inline_end_state: dict[str, str]
) -> None:
    signer, port = Signer(), free_port()
    jobs_url = f"http://127.0.0.1:{port}/jobs"
    with certificates(signer) as certificates_url, cloud_tasks(signer) as (tasks, address):
        settings = {
            "PORT": str(port),
            "DISPATCH": "queue",
            "JOBS_QUEUE": "projects/p/locations/l/queues/q",
            "JOBS_URL": jobs_url,
            "JOBS_SERVICE_ACCOUNT": ACCOUNT,
            "JOBS_CERTIFICATES_URL": certificates_url,
        }
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(address)))
        queue = CloudTasksQueue(client, settings["JOBS_QUEUE"], url=jobs_url, service_account=ACCOUNT)
        with platform_and_service(units, settings) as (platform, _):
            for stage in (ROUTING_STAGE, SCORING_STAGE):
                pages = _pages(platform, stage)
                queue.submit_all([DrainJob(PRODUCTION, stage, page) for page in pages])
            tasks.deliver_all(times=2)
            assert tasks.answers == [200] * 2 * tasks.created
            assert stages_of(platform) == inline_end_state


def _pages(platform: Running, stage: str) -> list[tuple[str, ...]]:
    tasks = requests.get(f"{platform.url}/_emulator/projects/{PRODUCTION}/tasks", timeout=10).json()["tasks"]
    waiting = [task["data_hash"] for task in tasks if task["stage"]["uuid"] == stage]
    return [tuple(waiting[start : start + 100]) for start in range(0, len(waiting), 100)]


@pytest.fixture(scope="module")
def endpoint(units: list[Unit]) -> Iterator[tuple[str, Signer]]:
    signer, port = Signer(), free_port()
    jobs_url = f"http://127.0.0.1:{port}/jobs"
    with certificates(signer) as certificates_url:
        settings = {
            "PORT": str(port),
            "JOBS_QUEUE": "projects/p/locations/l/queues/q",
            "JOBS_URL": jobs_url,
            "JOBS_SERVICE_ACCOUNT": ACCOUNT,
            "JOBS_CERTIFICATES_URL": certificates_url,
        }
        with platform_and_service(units[:1], settings):
            yield jobs_url, signer


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "somebody@example.com"},
        {"email_verified": False},
        {"aud": "https://another.example.com/jobs"},
        {"iss": "https://accounts.example.com"},
        {"exp": 1_700_000_000, "iat": 1_699_999_000},
    ],
)
def test_a_token_that_is_not_for_us_is_refused(endpoint: tuple[str, Signer], claims: dict[str, Any]) -> None:
    url, signer = endpoint
    token = signer.token(**{"aud": url, "email": ACCOUNT, **claims})
    assert post_job(url, token).status_code == 401


def test_a_token_signed_with_another_key_is_refused(endpoint: tuple[str, Signer]) -> None:
    url, signer = endpoint
    assert post_job(url, Signer().token(aud=url, email=ACCOUNT)).status_code == 401
    assert requests.post(url, data=DrainJob(PRODUCTION, ROUTING_STAGE, ()).to_json(), timeout=30).status_code == 401
    assert post_job(url, signer.token(aud=url, email=ACCOUNT)).status_code == 200


def test_a_message_that_no_retry_can_mend_is_dropped(endpoint: tuple[str, Signer]) -> None:
    url, signer = endpoint
    headers = {"Authorization": f"Bearer {signer.token(aud=url, email=ACCOUNT)}"}
    answer = requests.post(url, data=b'{"version": 99}', headers=headers, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"message": "dropped"})


def post_job(url: str, token: str) -> requests.Response:
    job = DrainJob(PRODUCTION, ROUTING_STAGE, ("5e0b3a44-0000-4000-8000-000000000001",))
    return requests.post(url, data=job.to_json(), headers={"Authorization": f"Bearer {token}"}, timeout=30)


@pytest.mark.parametrize("text", ["", "[]", '{"version":2,"kind":"drain"}', '{"version":1,"kind":"other"}', "\xff"])
def test_what_is_no_job_of_this_version_is_refused(text: str) -> None:
    with pytest.raises(JobError):
        DrainJob.from_json(text)


def test_a_job_survives_its_message_which_fits_any_queue() -> None:
    job = DrainJob(PRODUCTION, ROUTING_STAGE, tuple(f"{n:08d}-0000-4000-8000-000000000000" for n in range(100)))
    assert DrainJob.from_json(job.to_json()) == job
    assert len(job.to_json()) < 8 * 1024
