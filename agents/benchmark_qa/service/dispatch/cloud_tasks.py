"""Put jobs on Google Cloud Tasks, which delivers each to `POST /jobs` with a service account's token."""

from collections.abc import Sequence

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import tasks_v2
from google.protobuf.duration_pb2 import Duration

from benchmark_qa.tasks.jobs import DrainJob, QueueUnavailable

JOB_SECONDS = 900
"""Seconds that Cloud Tasks waits for an answer before it delivers the job again.

Must be longer than any job.
"""
REQUEST_SECONDS = 10.0


def connect() -> tasks_v2.CloudTasksClient:
    """A client of Cloud Tasks with the instance's own identity."""
    return tasks_v2.CloudTasksClient()


class CloudTasksQueue:
    """A queue of Cloud Tasks.

    Args:
        client: of Cloud Tasks.
        name: `projects/P/locations/L/queues/Q`.
        url: to which jobs are delivered; also the audience of the tokens.
        service_account: e-mail address of the account of the tokens.
    """

    def __init__(self, client: tasks_v2.CloudTasksClient, name: str, *, url: str, service_account: str) -> None:
        self._client = client
        self._name = name
        self._url = url
        self._token = tasks_v2.OidcToken(service_account_email=service_account, audience=url)

    def submit(self, job: DrainJob) -> None:
        """Put one job on the queue. 1 request.

        Raises:
            QueueUnavailable
        """
        request = tasks_v2.HttpRequest(
            url=self._url,
            http_method=tasks_v2.HttpMethod.POST,
            headers={"Content-Type": "application/json"},
            body=job.to_json().encode(),
            oidc_token=self._token,
        )
        task = tasks_v2.Task(http_request=request, dispatch_deadline=Duration(seconds=JOB_SECONDS))
        try:
            self._client.create_task(parent=self._name, task=task, timeout=REQUEST_SECONDS)
        except (GoogleAPICallError, RetryError) as error:
            raise QueueUnavailable(
                f"the queue of jobs is not available (Cloud Tasks: {type(error).__name__})"
            ) from error

    def submit_all(self, jobs: Sequence[DrainJob]) -> None:
        """Put jobs on the queue. 1 request each, because Cloud Tasks has no bundles.

        Raises:
            QueueUnavailable: some may be on the queue; all may be submitted again.
        """
        for job in jobs:
            self.submit(job)
